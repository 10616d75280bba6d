//! Every route and every role: who comes through, as a table beside this file.
//!
//! The routes are those of the document of the API, so a new one fails this test until its line has been looked at.
//! `PRIVILEGES_UPDATE=1 cargo test -p llm-server --test http privileges` writes the table.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::money::{MASTER, Node, folder};

const CONFIG: &str = "
model_list:
  - {model_name: one, litellm_params: {model: mock/echo}}
general_settings: {master_key: sk-master-of-the-tests}
litellm_settings: {cache: true, cache_params: {type: local}}
";

/// The columns, each with what its keys are made of.
const CALLERS: [(&str, &str); 9] = [
    ("proxy_admin", r#"{"user_id": "proxy_admin"}"#),
    ("proxy_admin_viewer", r#"{"user_id": "proxy_admin_viewer"}"#),
    ("internal_user", r#"{"user_id": "internal_user"}"#),
    ("internal_user_viewer", r#"{"user_id": "internal_user_viewer"}"#),
    ("an organisation's administrator", r#"{"user_id": "of_acme"}"#),
    ("a team's administrator", r#"{"user_id": "of_red"}"#),
    ("a team", r#"{"team_id": "red"}"#),
    ("nobody in particular", "{}"),
    ("a key for models alone", r#"{"user_id": "internal_user", "key_type": "llm_api"}"#),
];

const HEAD: &str = "\
# Who comes through at each route, with an empty body: y, or - where the answer is 401 or 403. Whoever has no key comes
# through at those that are marked `open`, and nowhere else. The columns are those of `CALLERS` in privileges.rs.
# Written by `PRIVILEGES_UPDATE=1 cargo test -p llm-server --test http privileges`.
";

/// A method with a path, and whether it is for anybody.
fn routes(node: &Node) -> Vec<(String, bool)> {
    let document = node.look("/openapi.json");
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
            routes.push((format!("{} {path}", method.to_ascii_uppercase()), is_open));
        }
    }
    routes.sort();
    routes
}

/// The status of an answer, of which no more is read than its head.
fn status(address: &str, route: &str, key: Option<&str>) -> u16 {
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let path = path.replace("{model}", "one").replace(['{', '}'], "");
    // Who does not ask for another protocol is told so before anything else.
    let connection = if path.ends_with("/realtime") {
        "upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=="
    } else {
        "close"
    };
    let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: gateway\r\n{key}connection: {connection}\r\ncontent-type: application/json\r\n\
         content-length: 2\r\n\r\n{{}}"
    );
    let mut socket = TcpStream::connect(address).expect("it listens");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a time");
    socket.write_all(request.as_bytes()).expect("it reads");
    let mut head = [0; 12];
    socket.read_exact(&mut head).unwrap_or_else(|error| panic!("{route}: {error}"));
    let status = std::str::from_utf8(&head[9..]).ok().and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("{route}: {head:?}"))
}

fn is_refused(status: u16) -> bool {
    matches!(status, 401 | 403)
}

/// People with the roles, a team and an organisation with administrators.
fn people(node: &Node) {
    let user = |name: &str, role: &str| {
        node.manage("/user/new", &json!({"user_id": name, "user_role": role, "auto_create_key": false}));
    };
    for (role, _) in &CALLERS[..4] {
        user(role, role);
    }
    user("of_acme", "internal_user");
    user("of_red", "internal_user");
    node.manage("/organization/new", &json!({"organization_id": "acme", "organization_alias": "Acme"}));
    let member = json!({"organization_id": "acme", "member": {"user_id": "of_acme", "role": "org_admin"}});
    node.manage("/organization/member_add", &member);
    let members = json!([{"user_id": "of_red", "role": "admin"}]);
    node.manage("/team/new", &json!({"team_id": "red", "members_with_roles": members}));
}

#[test]
fn who_comes_through_is_what_the_table_says() {
    let folder = folder("privileges");
    let node = Node::start_with(&folder, CONFIG);
    people(&node);
    let routes = routes(&node);
    assert!(routes.len() > 280, "{}", routes.len());
    let new_key = |(_, fields): &(&str, &str)| node.key(&serde_json::from_str(fields).expect("JSON"));
    let mut keys = CALLERS.each_ref().map(new_key);
    let mut table = HEAD.to_owned();
    for (route, is_open) in &routes {
        let stranger = status(&node.address, route, None);
        assert_eq!(is_refused(stranger), !is_open, "{route}: a stranger is answered {stranger}");
        let cell = |(caller, key): (&(&str, &str), &mut String)| {
            let status = status(&node.address, route, Some(key));
            assert!(status < 500 || matches!(status, 501 | 503), "{route} as {}: {status}", caller.0);
            if status < 300 && !route.starts_with("GET ") {
                // Some of the routes replace the key that asks.
                *key = new_key(caller);
            }
            if is_refused(status) { '-' } else { 'y' }
        };
        let cells: String = CALLERS.iter().zip(&mut keys).map(cell).collect();
        assert!(cells.starts_with('y'), "{route}: an administrator is refused");
        writeln!(table, "{cells} {}{route}", if *is_open { "open " } else { "" })
            .expect("a string takes all");
    }
    assert_eq!(status(&node.address, "GET /key/info", Some(MASTER)), 400, "it still stands");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
    compare(&table);
}

fn compare(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/privileges.txt");
    if std::env::var_os("PRIVILEGES_UPDATE").is_some() {
        std::fs::write(&path, table).expect("the table can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("the table is there");
    let (kept, table): (Vec<&str>, Vec<&str>) = (kept.lines().collect(), table.lines().collect());
    let gone: Vec<_> = kept.iter().filter(|line| !table.contains(line)).collect();
    let new: Vec<_> = table.iter().filter(|line| !kept.contains(line)).collect();
    assert!(gone.is_empty() && new.is_empty(), "not any more: {gone:#?}\nnow: {new:#?}");
}
