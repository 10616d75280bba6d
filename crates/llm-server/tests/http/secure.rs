//! TLS of the built program: towards clients, with a certificate that is renewed while it runs; towards vendors, as the
//! configuration says.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rustix::process::Signal;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::listener::Listener;
use crate::money::{MASTER, Node, chat, folder};
use crate::program::{Run, program};

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../llm-transport/tests/transport/certificates");

const ANSWER: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hello"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

fn file(name: &str) -> String {
    format!("{FILES}/{name}")
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file(name)).expect("a certificate")
}

/// A vendor behind TLS; `asking`: for a certificate of the authority of the tests.
fn vendor(asking: bool) -> u16 {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("usual versions");
    let builder = if asking {
        let mut roots = RootCertStore::empty();
        roots.add(certificate("authority.pem")).expect("an authority");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
    let config =
        builder.with_single_cert(vec![certificate("server.pem")], key).expect("they belong together");
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            thread::spawn(move || answer(socket, config));
        }
    });
    port
}

/// Answers one request; an error means that the other side did not want to go on.
fn answer(socket: TcpStream, config: Arc<ServerConfig>) -> Option<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(config).ok()?, socket);
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&read).contains("what does it cost") {
        let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
        read.extend_from_slice(&piece[..length]);
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        ANSWER.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(ANSWER.as_bytes())).ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

/// A file with a certificate and its key, to be shown to vendors.
fn certificate_in(folder: &Path) -> PathBuf {
    let own = folder.join("own.pem");
    let parts = [std::fs::read(file("client.pem")), std::fs::read(file("client.key"))];
    std::fs::write(&own, parts.map(|part| part.expect("a file")).concat()).expect("a folder");
    own
}

#[test]
fn vendors_are_reached_as_the_configuration_says() {
    let folder = folder("secure-vendors");
    std::fs::create_dir_all(&folder).expect("a folder");
    let own = certificate_in(&folder);
    let (open, asking) = (vendor(false), vendor(true));
    let proxy = Listener::start(|_| (200, ANSWER.to_owned()));
    let model = |name: &str, port: u16, more: &str| {
        format!(
            "  - model_name: {name}\n    litellm_params: {{model: openai/m, api_key: k, api_base: 'https://localhost:{port}/v1', {more}}}\n"
        )
    };
    let trusted = format!("ssl_verify: '{}'", file("authority.pem"));
    let models = [
        model("unknown", open, "weight: 1"),
        model("trusted", open, &trusted),
        model("unchecked", open, "ssl_verify: false"),
        model("any-version", open, &format!("{trusted}, http_version: auto")),
        model("stranger", asking, &trusted),
        model("shown", asking, &format!("{trusted}, ssl_certificate: '{}'", own.display())),
        format!(
            "  - model_name: proxied\n    litellm_params: {{model: openai/m, api_key: k, api_base: 'http://vendor.example/v1', proxy: '{}'}}\n",
            proxy.url
        ),
    ]
    .concat();
    let text = format!(
        "model_list:\n{models}general_settings: {{master_key: {MASTER}}}\nrouter_settings: {{num_retries: 0}}\n"
    );
    let node = Node::start_with(&folder, &text);
    let status = |node: &Node, name: &str| {
        let answer = node.post("/v1/chat/completions", MASTER, &chat(name)).expect("it answers");
        (answer.status == 200, answer.body)
    };
    for (name, works) in [
        ("unknown", false),
        ("trusted", true),
        ("unchecked", true),
        ("any-version", true),
        ("stranger", false),
        ("shown", true),
        ("proxied", true),
    ] {
        let (worked, body) = status(&node, name);
        assert_eq!(worked, works, "{name}: {body}");
    }
    let head = proxy.next().head;
    assert!(head.starts_with("POST http://vendor.example/v1/chat/completions "), "{head}");
    drop(node);

    // LiteLLM's own place for it, and its variable, which wins.
    let text =
        text.replace("router_settings:", &format!("litellm_settings: {{{trusted}}}\nrouter_settings:"));
    let node = Node::start_with(&folder, &text);
    assert!(status(&node, "unknown").0);
    drop(node);
    let node = Node::configured(&folder, &text, &[("SSL_VERIFY", "false")]);
    assert!(status(&node, "unknown").0);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

/// What is answered over TLS, and the certificate that was shown.
fn ask(address: &str, request: &str, trusting: bool) -> (String, CertificateDer<'static>) {
    let socket = TcpStream::connect(address).expect("it listens");
    let mut stream = if trusting {
        llm_server::over_tls(socket).expect("usual settings")
    } else {
        let mut roots = RootCertStore::empty();
        roots.add(certificate("authority.pem")).expect("an authority");
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("usual versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("usual settings");
        StreamOwned::new(client, socket)
    };
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    // Without a farewell the answer was all the same.
    let _ = stream.read_to_end(&mut answer);
    let shown = stream.conn.peer_certificates().and_then(|shown| shown.first()).expect("a certificate");
    (String::from_utf8(answer).expect("text"), shown.clone().into_owned())
}

fn start(folder: &Path) -> (Run, String) {
    let text = format!(
        "model_list: [{{model_name: echo, litellm_params: {{model: mock/echo}}}}]\ngeneral_settings: {{master_key: {MASTER}}}\n"
    );
    let paths = ["config.yaml", "chain.pem", "key.pem"].map(|name| folder.join(name));
    std::fs::write(&paths[0], text).expect("a folder");
    let [config, chain, key] = paths.each_ref().map(|path| path.to_str().expect("text"));
    let arguments =
        ["--port", "0", "--config", config, "--ssl_certfile_path", chain, "--ssl_keyfile_path", key];
    let mut run = program(&arguments);
    run.env("LLM_HOST", "127.0.0.1").arg("--no-watch");
    let mut run = Run::of(run);
    let address = run.line("listening").get("address").and_then(Value::as_str).map(str::to_owned);
    (run, address.expect("an address"))
}

#[test]
fn clients_speak_tls_to_a_certificate_that_is_renewed() {
    let folder = folder("secure-clients");
    std::fs::create_dir_all(&folder).expect("a folder");
    let shows = |name: &str| {
        std::fs::copy(file(&format!("{name}.pem")), folder.join("chain.pem")).expect("a file");
        std::fs::copy(file(&format!("{name}.key")), folder.join("key.pem")).expect("a file");
    };
    shows("server");
    let (mut run, address) = start(&folder);
    let body = chat("echo").to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {MASTER}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (answer, shown) = ask(&address, &request, false);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("You said: what does it"), "{answer}");
    assert_eq!(shown, certificate("server.pem"));
    let streamed = chat("echo").to_string().replacen('{', "{\"stream\":true,", 1);
    let request = request
        .replace(&body, &streamed)
        .replace(&format!("content-length: {}", body.len()), &format!("content-length: {}", streamed.len()));
    assert!(ask(&address, &request, false).0.contains("data: [DONE]"));

    // Who does not speak TLS gets nothing.
    let mut plain = TcpStream::connect(&address).expect("it listens");
    plain.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("it reads");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"));

    let (_, port) = address.split_once(':').expect("a port");
    let mut alive = program(&["healthcheck"]);
    let alive =
        alive.env("PORT", port).env("SSL_CERTFILE_PATH", "chain.pem").output().expect("the program is built");
    assert!(alive.status.success(), "{}", String::from_utf8_lossy(&alive.stderr));

    // A broken file keeps the one that there was; a good one is shown from then on.
    std::fs::write(folder.join("key.pem"), "no key").expect("a folder");
    run.signal(Signal::HUP);
    run.line("the new configuration is wrong");
    let head = "GET /health/liveliness HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert_eq!(ask(&address, head, true).1, certificate("server.pem"));
    shows("client");
    run.signal(Signal::HUP);
    run.line("configuration read again");
    assert_eq!(ask(&address, head, true).1, certificate("client.pem"));
    drop(run);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn half_a_certificate_is_a_mistake() {
    let told =
        program(&["--port", "0", "--ssl-certfile-path", "chain.pem"]).output().expect("the program is built");
    let words = String::from_utf8(told.stderr).expect("text");
    assert!(told.status.code() == Some(1) && words.contains("ssl_keyfile_path"), "{words}");
}
