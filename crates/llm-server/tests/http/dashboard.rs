//! The dashboard over the wire: its files, its sessions, and what other pages of a browser cannot do with them.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use llm_core::Secret;
use llm_governance::{Changed, Governance, GovernanceParts, MemoryStore};
use llm_management::{Changes, Management, ManagementParts, Settings};
use llm_server::{Dashboard, Options, Origins, Running, Server, listen};
use serde_json::{Value, json};

use crate::client::{Answer, Client, bare};
use crate::fixture::{gateway_of, limits};
use crate::vendor::Vendor;

const MASTER: &str = "sk-master";

struct Forgets(Arc<Governance>);

impl Changes for Forgets {
    fn changed(&self, what: Changed) {
        self.0.forget(&what);
    }
}

/// A server with a dashboard, whose keys are kept in memory.
fn server(master: Option<&str>, dashboard: Dashboard) -> Running {
    let key = || master.map(|key| Secret::new(key.to_owned()));
    let store = Arc::<MemoryStore>::default();
    let governance = Arc::new(Governance::new(GovernanceParts {
        master_key: key(),
        directory: Arc::clone(&store) as _,
        ..GovernanceParts::default()
    }));
    let management = Management::new(ManagementParts {
        store,
        changes: Arc::new(Forgets(Arc::clone(&governance))),
        settings: Settings::default(),
        reports: None,
        sealing: None,
        serving: None,
        alarms: None,
    });
    let options = Options {
        workers: NonZeroUsize::new(2),
        limits: limits(),
        origins: if master.is_some() { Origins::Any } else { Origins::Local },
        management: Some(Arc::new(management)),
        dashboard: Some(Dashboard { master_key: key(), ..dashboard }),
        ..Options::default()
    };
    let gateway = gateway_of(&Arc::<Vendor>::default(), governance);
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    Server::new(gateway, options).start(listener).expect("the server starts")
}

/// A browser with the dashboard open: it sends the header of its page, and the cookie that it was given.
struct Browser {
    client: Client,
    cookie: Option<String>,
}

impl Browser {
    async fn open(server: &Running) -> Self {
        Self { client: Client::connect(server.address()).await, cookie: None }
    }

    async fn ask(&mut self, method: &str, path: &str, body: &str, more: &str) -> Answer {
        let cookie = self.cookie.as_ref().map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: gateway\r\ncontent-length: {length}\r\n{cookie}{more}\r\n"
        );
        self.client.call(head + body).await
    }

    /// As the page asks.
    async fn page(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask(method, path, &body, "x-llm-session: 1\r\nsec-fetch-site: same-origin\r\n").await
    }

    async fn sign_in(&mut self, shown: &Value) -> Answer {
        let answer = self.page("POST", "/ui/session", shown).await;
        if let Some(cookie) = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()) {
            self.cookie = Some(cookie.to_owned());
        }
        answer
    }
}

fn read(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.body))
}

#[tokio::test]
async fn a_session_stands_for_the_key_until_it_is_ended() {
    let server = server(Some(MASTER), Dashboard::default());
    let mut browser = Browser::open(&server).await;
    let nobody = read(&browser.page("GET", "/ui/session", &Value::Null).await);
    assert_eq!((&nobody["caller"], &nobody["wants_key"]), (&Value::Null, &json!(true)));
    assert_eq!(browser.page("GET", "/ui/api/key/list", &Value::Null).await.status, 401);

    let answer = browser.sign_in(&json!({"key": MASTER})).await;
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/ui", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(MASTER) && !cookie.contains("Secure"), "{cookie}");
    assert_eq!(read(&answer)["caller"]["role"], "proxy_admin");

    let made = browser.page("POST", "/ui/api/key/generate", &json!({"key_alias": "one"})).await;
    assert_eq!((made.status, &read(&made)["key_alias"]), (200, &json!("one")), "{}", made.body);
    let asked = browser.page("POST", "/ui/api/v1/chat", &json!({"model": "any"})).await;
    assert_eq!(asked.status, 200, "model APIs, too: {}", asked.body);

    let taken = browser.cookie.clone();
    let out = browser.page("DELETE", "/ui/session", &Value::Null).await;
    assert!(out.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")), "{}", out.head);
    browser.cookie = taken;
    assert_eq!(browser.page("GET", "/ui/api/key/list", &Value::Null).await.status, 401, "ended for good");
}

#[tokio::test]
async fn a_session_is_worth_nothing_to_other_pages_and_elsewhere() {
    let server = server(Some(MASTER), Dashboard::default());
    let mut browser = Browser::open(&server).await;
    browser.sign_in(&json!({"key": MASTER})).await;
    let own = "x-llm-session: 1\r\n";
    for (more, status) in [
        (own.to_owned(), 200),
        (format!("{own}origin: http://gateway\r\n"), 200),
        (String::new(), 403),
        ("sec-fetch-site: same-origin\r\n".to_owned(), 403),
        (format!("{own}sec-fetch-site: cross-site\r\n"), 403),
        (format!("{own}sec-fetch-site: same-site\r\n"), 403),
        (format!("{own}origin: https://evil.example\r\n"), 403),
        (format!("{own}origin: null\r\n"), 403),
    ] {
        let answer = browser.ask("POST", "/ui/api/key/generate", "{}", &more).await;
        assert_eq!(answer.status, status, "{more}");
    }
    for path in ["/key/list", "/v1/models"] {
        assert_eq!(browser.ask("GET", path, "", own).await.status, 401, "{path} does not look at cookies");
    }
    // A page of another host could sign its own user in here.
    let foreign = browser.ask("POST", "/ui/session", &json!({"key": MASTER}).to_string(), "").await;
    assert_eq!(foreign.status, 403);
}

#[tokio::test]
async fn a_key_that_is_shown_counts_more_than_a_session() {
    let server = server(Some(MASTER), Dashboard::default());
    let mut browser = Browser::open(&server).await;
    browser.sign_in(&json!({"key": MASTER})).await;
    for name in ["authorization: Bearer", "x-api-key:", "x-litellm-api-key:"] {
        let wrong = browser.ask("GET", "/ui/api/key/list", "", &format!("{name} sk-wrong\r\n")).await;
        assert_eq!(wrong.status, 401, "{name}");
    }
    let right = format!("authorization: Bearer {MASTER}\r\n");
    assert_eq!(browser.ask("GET", "/ui/api/key/list", "", &right).await.status, 200);
}

#[tokio::test]
async fn whoever_signs_in_with_a_key_may_do_what_the_key_may() {
    let server = server(Some(MASTER), Dashboard::default());
    let mut admin = Browser::open(&server).await;
    admin.sign_in(&json!({"key": MASTER})).await;
    let user = json!({"user_id": "mia", "user_role": "internal_user"});
    let made = admin.page("POST", "/ui/api/user/new", &user).await;
    let key = read(&made)["key"].as_str().expect("a key").to_owned();

    let mut mia = Browser::open(&server).await;
    let answer = mia.sign_in(&json!({"key": key})).await;
    let caller = &read(&answer)["caller"];
    assert_eq!((&caller["role"], &caller["user_id"]), (&json!("internal_user"), &json!("mia")));
    assert!(!answer.head.contains(&key) && !answer.body.contains(&key));
    assert_eq!(mia.page("POST", "/ui/api/team/new", &json!({"team_alias": "x"})).await.status, 403);
    let own = read(&mia.page("GET", "/ui/api/key/list", &Value::Null).await);
    assert_eq!(own["total_count"], 1);

    let blocked = admin.page("POST", "/ui/api/key/block", &json!({"key": key})).await;
    assert_eq!(blocked.status, 200, "{}", blocked.body);
    assert_eq!(mia.page("GET", "/ui/api/key/list", &Value::Null).await.status, 401, "at once");
    assert_eq!(read(&mia.page("GET", "/ui/session", &Value::Null).await)["caller"], Value::Null);
}

#[tokio::test]
async fn guesses_are_refused_and_after_some_of_them_everything_is() {
    let server = server(Some(MASTER), Dashboard::default());
    let mut browser = Browser::open(&server).await;
    for shown in [json!({"key": "sk-wrong"}), json!({"username": "admin", "password": "wrong"}), json!({})] {
        let answer = browser.sign_in(&shown).await;
        assert!(matches!(answer.status, 400 | 401), "{}", answer.body);
        assert!(browser.cookie.is_none() && !answer.body.contains("sk-wrong"));
    }
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(browser.sign_in(&json!({"key": "sk-wrong"})).await.status);
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let right = browser.sign_in(&json!({"key": MASTER})).await;
    assert_eq!(
        (right.status, right.header("retry-after").is_some()),
        (429, true),
        "not even the right one now"
    );
}

#[tokio::test]
async fn an_administrator_may_have_a_name_and_a_password() {
    let password = Some(Secret::new("correct horse".to_owned()));
    let named = Dashboard { username: Some("ops".to_owned()), password, ..Dashboard::default() };
    let server = server(Some(MASTER), named);
    let mut browser = Browser::open(&server).await;
    for (name, password) in [("ops", MASTER), ("admin", "correct horse"), ("ops", "")] {
        let shown = json!({"username": name, "password": password});
        assert!(browser.sign_in(&shown).await.status >= 400, "{name}");
    }
    let answer = browser.sign_in(&json!({"username": "ops", "password": "correct horse"})).await;
    assert_eq!((answer.status, &read(&answer)["caller"]["role"]), (200, &json!("proxy_admin")));
    assert_eq!(browser.page("GET", "/ui/api/key/list", &Value::Null).await.status, 200);
}

#[tokio::test]
async fn behind_tls_the_cookie_is_secure() {
    let server = server(Some(MASTER), Dashboard::default());
    let mut browser = Browser::open(&server).await;
    let shown = json!({"key": MASTER}).to_string();
    let more = "x-llm-session: 1\r\nsec-fetch-site: same-origin\r\norigin: https://llm.example\r\n";
    let answer = browser.ask("POST", "/ui/session", &shown, more).await;
    assert!(
        answer.header("set-cookie").is_some_and(|cookie| cookie.ends_with("; Secure")),
        "{}",
        answer.head
    );
}

#[tokio::test]
async fn without_a_master_key_nobody_signs_in() {
    let server = server(None, Dashboard::default());
    let mut browser = Browser::open(&server).await;
    let who = read(&browser.page("GET", "/ui/session", &Value::Null).await);
    assert_eq!((&who["wants_key"], &who["caller"]["role"]), (&json!(false), &json!("proxy_admin")));
    assert_eq!(browser.sign_in(&json!({"key": "sk-any"})).await.status, 400);
    assert_eq!(browser.page("GET", "/ui/api/key/list", &Value::Null).await.status, 200);
    let foreign = "x-llm-session: 1\r\norigin: https://evil.example\r\n";
    assert_eq!(browser.ask("POST", "/ui/api/key/generate", "{}", foreign).await.status, 403);
}

#[tokio::test]
async fn files_are_kept_by_browsers_and_strict_about_what_they_load() {
    let server = server(Some(MASTER), Dashboard::default());
    let mut browser = Browser::open(&server).await;
    let home = browser.client.call(bare("GET", "/ui")).await;
    assert_eq!((home.status, home.header("location")), (308, Some("/ui/")));
    for path in ["/ui/", "/ui/keys", "/ui/logs/some-call"] {
        let page = browser.client.call(bare("GET", path)).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8")),
            "{path}"
        );
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-cache"));
        assert!(page.body.contains(r#"<base href="/ui/""#), "{}", page.body);
    }
    let script = browser.client.call(bare("GET", "/ui/app.js?v=1")).await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert!(script.header("cache-control").is_some_and(|keeps| keeps.contains("immutable")));
    let tag = script.header("etag").expect("a tag").to_owned();
    let head = format!("GET /ui/app.js?v=1 HTTP/1.1\r\nhost: gateway\r\nif-none-match: {tag}\r\n\r\n");
    browser.client.send(head).await;
    assert_eq!(browser.client.head().await.status, 304);
}

#[tokio::test]
async fn files_are_compressed_for_who_takes_that() {
    let server = server(Some(MASTER), Dashboard::default());
    let mut browser = Browser::open(&server).await;
    let plain = browser.client.call(bare("GET", "/ui/app.css")).await;
    let head = "HEAD /ui/app.css HTTP/1.1\r\nhost: gateway\r\naccept-encoding: br, gzip;q=0.8\r\n\r\n";
    let mut other = Client::connect(server.address()).await;
    other.send(head).await;
    let packed = other.head().await;
    assert_eq!(
        (packed.header("content-encoding"), packed.header("vary")),
        (Some("gzip"), Some("accept-encoding"))
    );
    let length: usize =
        packed.header("content-length").and_then(|length| length.parse().ok()).expect("a length");
    assert!(length * 2 < plain.body.len(), "{length} of {}", plain.body.len());
}

#[tokio::test]
async fn administrators_see_the_last_hours_and_how_the_router_is_set() {
    let server = server(Some(MASTER), Dashboard::default());
    let mut admin = Browser::open(&server).await;
    admin.sign_in(&json!({"key": MASTER})).await;
    admin.page("POST", "/ui/api/v1/chat", &json!({"model": "any"})).await;
    let recent = read(&admin.page("GET", "/ui/api/v1/activity/recent", &Value::Null).await);
    assert_eq!((&recent["in_flight"], &recent["interval_seconds"]), (&json!(0), &json!(15)));
    let last = recent["moments"].as_array().and_then(|all| all.last()).expect("the seconds since the start");
    assert_eq!((&last["requests"], &last["failures"]), (&json!(1), &json!(0)), "{recent}");
    let routing = read(&admin.page("GET", "/ui/api/router/settings", &Value::Null).await);
    assert_eq!(routing["current_values"]["routing_strategy"], "simple-shuffle");
    assert_eq!(routing["current_values"]["num_retries"], 2);
    let callbacks = read(&admin.page("GET", "/ui/api/get/config/callbacks", &Value::Null).await);
    assert_eq!(callbacks["callbacks"], json!([]));

    let id = |id: &str| json!({"model_info": {"id": id}});
    let path = "/ui/api/health/test_connection";
    assert_eq!(admin.page("POST", path, &id("nothing")).await.status, 404);
    assert_eq!(admin.page("POST", path, &json!({})).await.status, 400);
    let many = admin.page("POST", path, &id("one")).await;
    assert_eq!(
        (many.status, &read(&many)["status"]),
        (200, &json!("error")),
        "it stands for many: {}",
        many.body
    );

    let made = admin
        .page("POST", "/ui/api/user/new", &json!({"user_id": "mia", "user_role": "internal_user"}))
        .await;
    let mut mia = Browser::open(&server).await;
    mia.sign_in(&json!({"key": read(&made)["key"]})).await;
    for path in ["/ui/api/v1/activity/recent", "/ui/api/router/settings", "/ui/api/get/config/callbacks"] {
        assert!(matches!(mia.page("GET", path, &Value::Null).await.status, 401 | 403), "{path}");
    }
    let test = mia.page("POST", path, &id("one")).await;
    assert!(matches!(test.status, 401 | 403), "{}", test.body);
}
