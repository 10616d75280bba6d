//! Tokens of an identity provider and the built program: which are taken, and what their callers may.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::program::{Run, program};

const MASTER: &str = "sk-master-of-the-tests";

const MODELS: &str = "model_list: [{model_name: one, litellm_params: {model: mock/echo}}]\n";

/// An identity provider: it signs, and shows its key to whoever asks.
struct Provider {
    key: EcdsaKeyPair,
    /// `http://` and its address.
    url: String,
}

impl Provider {
    fn start() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let point = key.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "first", "use": "sig", "alg": "ES256", "x": x, "y": y});
        let keys = json!({ "keys": [jwk] }).to_string();
        let metadata = json!({"issuer": url, "jwks_uri": format!("{url}/keys")}).to_string();
        let moved = format!("302 Found\r\nlocation: {url}/keys");
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let mut path = String::new();
                BufReader::new(&socket).read_line(&mut path).expect("a request");
                let (status, body) = match path.split(' ').nth(1) {
                    Some("/keys") => ("200 OK", keys.as_str()),
                    Some("/.well-known/openid-configuration") => ("200 OK", metadata.as_str()),
                    Some("/moved") => (moved.as_str(), ""),
                    _ => ("404 Not Found", ""),
                };
                let length = body.len();
                // Whoever asked may be gone.
                let _ = write!(
                    &socket,
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                );
            }
        });
        Self { key, url }
    }

    /// A token for `alice` and the gateway, with some claims changed.
    fn token(&self, changed: &Value) -> String {
        sign(&self.key, &self.claims(changed))
    }

    fn claims(&self, changed: &Value) -> Value {
        let mut claims = json!({
            "iss": self.url, "aud": "gateway", "sub": "alice", "email": "alice@example.com", "exp": seconds(300),
        });
        let fields = changed.as_object().expect("claims").clone();
        claims.as_object_mut().expect("claims").extend(fields);
        claims
    }
}

fn sign(key: &EcdsaKeyPair, claims: &Value) -> String {
    let header = json!({"typ": "JWT", "alg": "ES256", "kid": "first"});
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signed");
    format!("{signed}.{}", encode(signature))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn seconds(from_now: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    i64::try_from(now).expect("before the end of time") + from_now
}

/// The built program with a folder of its own, which goes with it.
struct Node {
    run: Run,
    address: String,
    folder: PathBuf,
}

impl Node {
    fn start(name: &str, config: &str, variables: &[(&str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for files");
        let file = folder.join("config.yaml");
        std::fs::write(&file, format!("{MODELS}{config}")).expect("a folder for files");
        let mut program = program(&["--port", "0", "--config", file.to_str().expect("text")]);
        program.env("LLM_DATA_DIRECTORY", folder.join("data")).env("LLM_HOST", "127.0.0.1");
        program.env("LLM_MASTER_KEY", MASTER).envs(variables.iter().copied());
        let mut run = Run::of(program);
        let address = run.line("listening").get("address").and_then(Value::as_str).map(str::to_owned);
        Self { run, address: address.expect("an address"), folder }
    }

    fn ask(&self, head: &str, key: &str, body: &str) -> (u16, String) {
        let mut socket = TcpStream::connect(&self.address).expect("it listens");
        socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let length = body.len();
        let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let separator = if headers.is_empty() { "" } else { "\r\n" };
        write!(
            socket,
            "{line} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\nconnection: close\r\n{headers}\
             {separator}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .expect("it reads");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
    }

    fn chat(&self, key: &str) -> (u16, String) {
        let body = json!({"model": "one", "messages": [{"role": "user", "content": "Hi"}]});
        self.ask("POST /v1/chat/completions", key, &body.to_string())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; an error means that it has ended.
        let _ = self.run.child.kill();
        let _ = self.run.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A gateway that takes the provider's tokens, by the variables: its keys are at one of these paths.
fn node(name: &str, provider: &Provider, paths: [&str; 2]) -> Node {
    let config = "general_settings: {enable_jwt_auth: true, litellm_jwtauth: {user_id_jwt_field: sub, \
                  user_email_jwt_field: email, user_id_upsert: 'yes'}}";
    let keys = paths.map(|path| format!("{}{path}", provider.url)).join(", ");
    Node::start(
        name,
        config,
        &[("JWT_PUBLIC_KEY_URL", &keys), ("JWT_AUDIENCE", "other,gateway"), ("JWT_ISSUER", &provider.url)],
    )
}

#[test]
fn a_good_token_asks_a_model_and_its_user_is_kept() {
    let provider = Provider::start();
    let node = node("tokens-good", &provider, ["/nowhere", "/keys"]);
    let (status, body) = node.chat(&provider.token(&json!({})));
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("Hi"), "{body}");
    let (status, body) = node.ask("GET /user/info?user_id=alice", MASTER, "");
    assert!(status == 200 && body.contains("alice@example.com"), "{status} {body}");
    let (status, body) = node.ask("GET /user/info?user_id=bob", MASTER, "");
    assert_eq!(status, 404, "only who asked was made: {body}");
}

#[test]
fn whoever_is_made_by_a_token_has_the_defaults_of_new_users_and_a_reload_changes_what_tokens_say() {
    let provider = Provider::start();
    let config = |fields: &str| {
        format!(
            "general_settings: {{enable_jwt_auth: true, litellm_jwtauth: {{user_id_jwt_field: sub, user_id_upsert: \
             true, team_id_jwt_field: team, team_id_upsert: true{fields}}}}}\nlitellm_settings:\n  \
             default_internal_user_params: {{max_budget: 3, budget_duration: 30d, user_role: internal_user_viewer, \
             models: [one]}}\n  default_team_params: {{max_budget: 5}}\ngovernance: {{unpriced: free}}\n"
        )
    };
    let keys = format!("{}/keys", provider.url);
    let mut node = Node::start("tokens-defaults", &config(""), &[("JWT_PUBLIC_KEY_URL", &keys)]);
    assert_eq!(node.chat(&provider.token(&json!({}))).0, 200);
    let info = |node: &Node, path: &str| -> Value {
        serde_json::from_str(&node.ask(&format!("GET {path}"), MASTER, "").1).expect("JSON")
    };
    let user = info(&node, "/user/info?user_id=alice")["user_info"].clone();
    assert_eq!((&user["max_budget"], &user["budget_duration"]), (&json!(3.0), &json!("30d")), "{user}");
    assert_eq!((&user["user_role"], &user["models"]), (&json!("internal_user_viewer"), &json!(["one"])));
    assert_eq!(node.chat(&provider.token(&json!({"sub": "bob", "team": "red"}))).0, 200);
    assert_eq!(info(&node, "/team/info?team_id=red")["team_info"]["max_budget"], 5.0);

    let token = provider.token(&json!({"sub": "carol", "login": "dora"}));
    assert_eq!(node.chat(&token).0, 200);
    let config = config("").replace("user_id_jwt_field: sub", "user_id_jwt_field: login");
    std::fs::write(node.folder.join("config.yaml"), format!("{MODELS}{config}")).expect("written");
    node.run.signal(rustix::process::Signal::HUP);
    node.run.line("configuration read again");
    assert_eq!(node.chat(&token).0, 200);
    assert_eq!(
        info(&node, "/user/info?user_id=dora")["user_info"]["user_id"],
        "dora",
        "the same token is another user's"
    );
}

#[test]
fn a_bad_token_is_refused_with_the_reason() {
    let provider = Provider::start();
    let node = node("tokens-bad", &provider, ["/.well-known/openid-configuration", "/keys"]);
    let stranger = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let none =
        format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(provider.claims(&json!({})).to_string()));
    for (token, why) in [
        (provider.token(&json!({"exp": seconds(-120)})), "its time ended"),
        (provider.token(&json!({"exp": null})), "it never ends"),
        (provider.token(&json!({"aud": "somebody"})), "it is for somebody else"),
        (provider.token(&json!({"iss": "https://evil.example"})), "its issuer is not the one"),
        (sign(&stranger, &provider.claims(&json!({}))), "its signature is wrong"),
        (none, "`alg` is not one"),
    ] {
        let (status, body) = node.chat(&token);
        assert!(status == 401 && body.contains(why), "{why}: {status} {body}");
        assert!(!body.contains(&token), "{body}");
    }
    let (_, body) = node.ask("GET /user/info?user_id=alice", MASTER, "");
    assert!(!body.contains("alice@example.com"), "nobody is made for a token that is not good: {body}");
    assert_eq!(node.chat(&provider.token(&json!({}))).0, 200, "a good one still is");
}

#[test]
fn the_scope_of_administrators_makes_keys_and_users_do_not_administer() {
    let provider = Provider::start();
    let node = node("tokens-admin", &provider, ["/keys", "/keys"]);
    let admin = provider.token(&json!({"sub": "root", "scope": "openid litellm_proxy_admin"}));
    let (status, body) = node.ask("POST /key/generate", &admin, "{}");
    assert_eq!(status, 200, "{body}");
    let made: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(node.chat(made["key"].as_str().expect("a key")).0, 200);
    let (status, body) = node.ask("POST /user/new", &provider.token(&json!({})), r#"{"user_id":"eve"}"#);
    assert!(matches!(status, 401 | 403), "{status} {body}");
    let (status, body) = node.ask("POST /user/new", &admin, r#"{"user_id":"eve"}"#);
    assert_eq!(status, 200, "{body}");
}

#[test]
fn an_issuer_says_itself_where_its_keys_are() {
    let provider = Provider::start();
    let config = format!(
        "general_settings: {{enable_jwt_auth: true, litellm_jwtauth: {{user_id_jwt_field: sub, issuers: [{{issuer: \
         '{}', audience: gateway}}]}}}}",
        provider.url
    );
    let node = Node::start("tokens-issuer", &config, &[]);
    assert_eq!(node.chat(&provider.token(&json!({}))).0, 200);
    let (status, body) = node.chat(&provider.token(&json!({"iss": "https://evil.example"})));
    assert!(status == 401 && body.contains("not one that this gateway trusts"), "{status} {body}");
    let (_, body) = node.ask("GET /user/info?user_id=alice", MASTER, "");
    assert!(!body.contains("\"user_id\":\"alice\""), "without `user_id_upsert` nobody is made: {body}");
}

#[test]
fn keys_are_fetched_from_the_named_address_alone() {
    let provider = Provider::start();
    let config = "general_settings: {enable_jwt_auth: true, litellm_jwtauth: {user_id_jwt_field: sub}}";
    let moved = format!("{}/moved", provider.url);
    let node = Node::start("tokens-moved", config, &[("JWT_PUBLIC_KEY_URL", &moved)]);
    let (status, body) = node.chat(&provider.token(&json!({})));
    assert!(status == 503 && body.contains("cannot be fetched"), "{status} {body}");
}

#[test]
fn a_client_behind_a_trusted_proxy_has_the_address_that_the_proxy_says() {
    const OURS: &str = "POST /v1/chat/completions\r\nx-forwarded-for: 198.51.100.1, 203.0.113.7";
    const OTHERS: &str = "POST /v1/chat/completions\r\nx-forwarded-for: 203.0.113.7, 198.51.100.1";
    let body = json!({"model": "one", "messages": [{"role": "user", "content": "Hi"}]}).to_string();
    let allowed = "general_settings: {allowed_ips: [203.0.113.7]}";
    let node = Node::start("proxied", &format!("{allowed}\nserver: {{trusted_proxies: 1}}"), &[]);
    let (status, answer) = node.ask(OURS, MASTER, &body);
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = node.ask(OTHERS, MASTER, &body);
    assert_eq!(status, 403, "{answer}");
    let node = Node::start("not-proxied", allowed, &[]);
    let (status, answer) = node.ask(OURS, MASTER, &body);
    assert_eq!(status, 403, "without a proxy the header is the client's own word: {answer}");
}
