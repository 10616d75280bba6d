//! The program itself: its exit codes, its words, its signals.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The program without anything of this machine's environment, in a folder without a `.env`.
pub(crate) fn program(arguments: &[&str]) -> Command {
    // Another build of it, where figures are wanted of the program as it is shipped.
    let other = std::env::var_os("LLM_TEST_PROGRAM");
    let mut command = Command::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_llm-server").into()));
    command.env_clear().current_dir(env!("CARGO_TARGET_TMPDIR")).args(arguments);
    command.env("LLM_DATA_DIRECTORY", ":memory:");
    command
}

fn ended(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = program(arguments).output().expect("the program is built");
    (status.code(), String::from_utf8(stderr).expect("text"))
}

/// A running program whose log is read line by line.
pub(crate) struct Run {
    pub(crate) child: Child,
    log: BufReader<ChildStdout>,
}

impl Run {
    fn start(arguments: &[&str]) -> Self {
        Self::of(program(arguments))
    }

    pub(crate) fn of(mut program: Command) -> Self {
        let mut child = program.stdout(Stdio::piped()).spawn().expect("the program is built");
        let log = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, log }
    }

    /// The next line that says this.
    pub(crate) fn line(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).expect("text"), 0, "the log ended before `{message}`");
            let line: Value = serde_json::from_str(&line).expect("JSON lines, as the output is no terminal");
            let said = line.get("message").and_then(Value::as_str).unwrap_or_default();
            if said.starts_with(message) {
                return line;
            }
        }
    }

    /// Ends the program, and gives the rest of its log.
    pub(crate) fn rest(&mut self) -> String {
        self.signal(Signal::TERM);
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).expect("text");
        rest
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.child);
        kill_process(id, signal).expect("the program runs");
    }

    pub(crate) fn end(&mut self) -> Option<i32> {
        self.child.wait().expect("the program was started").code()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; an error means that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let (code, words) = ended(&["--no-such-flag"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("--no-such-flag"), "{words}");
}

#[test]
fn a_wrong_configuration_ends_with_1_and_its_reason() {
    for arguments in [&["--config", "nowhere.yaml"][..], &["check", "--config", "nowhere.yaml"]] {
        let (code, words) = ended(arguments);
        assert_eq!(code, Some(1));
        assert!(words.contains("nowhere.yaml"), "{words}");
    }
}

#[test]
fn a_port_in_use_ends_with_1_and_a_remedy() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = holder.local_addr().expect("bound").port().to_string();
    let (code, words) = ended(&["--port", &port]);
    assert_eq!(code, Some(1));
    assert!(words.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{words}");
    assert!(words.contains("choose another --port"), "{words}");
}

#[test]
fn a_gateway_is_asked_whether_it_lives() {
    let run = &mut Run::start(&["--port", "0"]);
    let address = run.line("listening").get("address").and_then(Value::as_str).map(str::to_owned);
    let address = address.expect("an address");
    let (_, port) = address.split_once(':').expect("a port");
    for arguments in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        let output = program(arguments).env("LLM_PORT", port).output().expect("the program is built");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("http://{address} answers\n"));
    }
    let (code, words) = ended(&["healthcheck", "--url", &format!("http://{address}/below")]);
    assert_eq!(code, Some(1));
    assert!(words.contains("/health/liveliness with status 404"), "{words}");
    run.signal(Signal::TERM);
    run.end();
    let (code, words) = ended(&["healthcheck", "--url", &format!("http://{address}")]);
    assert_eq!(code, Some(1));
    assert!(words.contains(&format!("no gateway answers at http://{address}")), "{words}");
    assert_eq!(ended(&["healthcheck", "--url", "https://x"]).0, Some(1));
}

#[test]
fn shells_get_what_they_need_to_complete_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let output = program(&["completions", shell]).output().expect("the program is built");
        let script = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success() && script.contains("healthcheck"), "{shell}: {script}");
    }
}

#[test]
fn a_log_line_has_the_members_that_the_documentation_lists() {
    let mut run = Run::start(&["--port", "0"]);
    let line = run.line("listening");
    let listed = include_str!("../../../../docs/logs.md");
    for member in ["timestamp", "level", "target", "message", "version", "address", "found", "models", "key"]
    {
        assert!(line.get(member).is_some(), "{line}");
        assert!(listed.contains(&format!("`{member}`")), "docs/logs.md does not name `{member}`");
    }
    let time = line["timestamp"].as_str().expect("a text");
    assert!(time.ends_with('Z') && time.len() == "2026-11-20T19:05:07.123Z".len(), "{time}");
    assert_eq!((&line["level"], &line["target"]), (&Value::from("INFO"), &Value::from("llm_server::banner")));
}

#[test]
fn the_program_says_where_it_listens_and_ends_when_asked() {
    let mut run = Run::start(&["--port", "0"]);
    let address = run.line("listening").get("address").and_then(Value::as_str).map(str::to_owned);
    let address = address.expect("an address");
    assert!(address.starts_with("127.0.0.1:"), "without a key only this machine can call: {address}");
    assert!(TcpStream::connect(&address).is_ok());

    run.signal(Signal::HUP);
    run.line("configuration read again");
    run.signal(Signal::TERM);
    run.line("draining");
    run.line("ended");
    assert_eq!(run.end(), Some(0));
}

#[test]
fn a_file_that_changes_is_read_again_and_a_wrong_one_changes_nothing() {
    let file =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("watch-{}.yaml", std::process::id()));
    let write = |model: &str| {
        let text = format!("model_list: [{{model_name: one, litellm_params: {{model: {model}}}}}]\n");
        std::fs::write(&file, text).expect("a folder for files");
    };
    write("mock/echo");
    let mut run = Run::start(&["--port", "0", "--config", file.to_str().expect("text")]);
    run.line("listening");
    write("no-such-vendor-at-all/echo");
    let wrong = run.line("the new configuration is wrong, the old one stays");
    assert!(wrong.to_string().contains("no-such-vendor-at-all"), "{wrong}");
    write("mock/flat");
    run.line("configuration read again");
    run.signal(Signal::TERM);
    run.line("ended");
    assert_eq!(run.end(), Some(0));
    std::fs::remove_file(file).expect("it was there");
}

#[test]
fn idle_deployments_are_asked_in_the_background() {
    let vendor = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = vendor.local_addr().expect("bound");
    let file =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("checks-{}.yaml", address.port()));
    let text = format!(
        "model_list:\n  - model_name: idle\n    litellm_params: {{model: openai/large, api_key: sk-x, api_base: \
         'http://{address}/v1'}}\n    model_info: {{health_check_model: openai/tiny}}\n\
         general_settings: {{background_health_checks: true}}\n"
    );
    std::fs::write(&file, text).expect("a folder for files");
    let mut run = Run::start(&["--port", "0", "--config", file.to_str().expect("text")]);
    run.line("listening");
    let (mut socket, _) = vendor.accept().expect("the check comes by itself");
    let mut asked = Vec::new();
    while !String::from_utf8_lossy(&asked).contains("tiny") {
        let mut piece = [0; 4096];
        let read = socket.read(&mut piece).expect("a request");
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&asked));
        asked.extend_from_slice(&piece[..read]);
    }
    let asked = String::from_utf8(asked).expect("text");
    assert!(asked.starts_with("POST /v1/chat/completions"), "{asked}");
    assert!(asked.contains("\"ping\""), "{asked}");
    run.signal(Signal::TERM);
    run.line("ended");
    assert_eq!(run.end(), Some(0), "a check under way holds nothing up");
    std::fs::remove_file(file).expect("it was there");
}

#[test]
fn the_schema_is_json() {
    let output = program(&["schema"]).output().expect("the program is built");
    assert!(serde_json::from_slice::<Value>(&output.stdout).expect("JSON").is_object());
}

#[test]
fn a_plan_is_printed_for_people_and_programs() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("explain.yaml");
    let text = "model_list:\n  - {model_name: smart, litellm_params: {model: mock/a, order: 1}}\n  \
                - {model_name: smart, litellm_params: {model: mock/b, order: 2}}\n  \
                - {model_name: cheap, litellm_params: {model: mock/c}}\n\
                router_settings: {fallbacks: [{smart: [cheap]}], groups: {smart: {hedge: {after: 2}}}}\n";
    std::fs::write(&file, text).expect("the folder can be written");
    let file = file.to_str().expect("a text");
    let output =
        program(&["explain", "-c", file, "--model", "smart", "--stream"]).output().expect("it is built");
    let told = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{told}");
    for part in [
        "a streamed answer of `smart`",
        "mock/a (mock/a), order 1, weight 0: may be picked",
        "no: deployments of a lower `order` come first",
        "hedged after 2 s",
        "then: group cheap",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let output = program(&["explain", "-c", file, "-m", "smart", "--json"]).output().expect("it is built");
    let plan: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(plan.pointer("/groups/1/name").and_then(Value::as_str), Some("cheap"));
    let (code, words) = ended(&["explain", "-c", file, "-m", "nosuch"]);
    assert_eq!(code, Some(1));
    assert!(words.contains("unknown model `nosuch`"), "{words}");
}

/// Where a program that runs listens.
fn address(run: &mut Run) -> String {
    let listening = run.line("listening");
    listening.get("address").and_then(Value::as_str).expect("an address").to_owned()
}

/// Sends a chat request and reads the whole answer.
fn ask(address: &str, model: &str) -> String {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hi"}}]}}"#);
    let mut socket = TcpStream::connect(address).expect("it listens");
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json";
    write!(socket, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("it reads");
    let mut answer = String::new();
    // A reset is an answer, too.
    let _ = socket.read_to_string(&mut answer);
    answer
}

#[test]
fn the_mock_is_a_vendor_for_other_programs() {
    let mut mock = Run::start(&["mock", "--port", "0"]);
    let address = address(&mut mock);
    assert!(ask(&address, "gpt-4o").contains("You said: Hi"));
    assert!(ask(&address, "error-429").starts_with("HTTP/1.1 429"));
    assert_eq!(ask(&address, "reset"), "");
}

#[test]
fn what_was_recorded_is_answered_when_the_vendor_is_gone() {
    let directory = std::env::temp_dir().join(format!("llm-server-recordings-{}", std::process::id()));
    let folder = directory.to_string_lossy().into_owned();
    let mut vendor = Run::start(&["mock", "--port", "0"]);
    let configuration = format!("{folder}.yaml");
    let deployment = format!(
        "model_list: [{{model_name: m, litellm_params: {{model: openai/gpt-4o, api_key: canary-key-771, api_base: \
         'http://{}/v1'}}}}]",
        address(&mut vendor)
    );
    std::fs::write(&configuration, deployment).expect("the folder for temporary files can be written");

    let mut recorder = Run::start(&["--config", &configuration, "--port", "0", "--record", &folder]);
    assert!(ask(&address(&mut recorder), "m").contains("You said: Hi"));
    recorder.signal(Signal::TERM);
    assert_eq!(recorder.end(), Some(0), "what is not written yet is written at the end");
    drop(vendor);
    let files: Vec<_> = std::fs::read_dir(&directory).expect("it was made").flatten().collect();
    let file = std::fs::read_to_string(files.first().expect("one recording").path()).expect("text");
    assert!(files.len() == 1 && file.contains("You said: Hi") && !file.contains("canary-key-771"), "{file}");

    let mut player = Run::start(&["--config", &configuration, "--port", "0", "--replay", &folder]);
    assert!(ask(&address(&mut player), "m").contains("You said: Hi"));
    std::fs::remove_dir_all(&directory).expect("it is ours");
    std::fs::remove_file(&configuration).expect("it is ours");
}
