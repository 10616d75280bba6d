//! What the program runs: its starts, common requests and its end under callgrind, with the program itself as the vendor.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::vendor;
use crate::workspace;

/// A program under callgrind takes some seconds to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a program under callgrind works on after it listens, or answered: it books calls, for example.
const REST: Duration = Duration::from_secs(4);

const CHAT: &str = r#"{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}"#;
const PRICED: &str =
    r#"{"model": "gpt-4o-mini", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}"#;
const MOCK: &str = r#"{"model": "mock/echo", "messages": [{"role": "user", "content": "hi"}]}"#;
const STREAM: &str =
    r#"{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": true}"#;

/// How many of them are the commonest.
const FIRST: usize = 3;

/// Common requests, the commonest first: a path and a body. Those without a body are `GET`.
const REQUESTS: [(&str, &str); 14] = [
    ("/v1/chat/completions", CHAT),
    ("/v1/chat/completions", PRICED),
    ("/v1/chat/completions", MOCK),
    ("/v1/chat/completions", STREAM),
    ("/v1/messages", CHAT),
    ("/v1/messages", STREAM),
    ("/v1/responses", r#"{"model": "m", "input": "hi"}"#),
    ("/v1/responses", r#"{"model": "m", "input": "hi", "stream": true}"#),
    ("/v1/embeddings", r#"{"model": "m", "input": "hi"}"#),
    ("/v1/chat/completions", r#"{"model": "none", "messages": []}"#),
    ("/v1/models", ""),
    ("/metrics", ""),
    ("/health/liveliness", ""),
    ("/health/readiness", ""),
];

/// Builds the program as it is shipped, with its symbols.
pub(super) fn build() -> Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["rustc", "--release", "--package", "llm-server", "--bin", "llm-server", "--"]);
    workspace::run(cargo.args(["-C", "strip=none"]))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace::root().join("target"), PathBuf::from);
    Ok(target.join("release/llm-server"))
}

/// Something about what a program runs, phase by phase.
#[derive(Default)]
pub(super) struct Phases<T> {
    /// A first start without configuration.
    pub bare_start: T,
    /// A first start with one.
    pub start: T,
    /// The commonest call of all, to a vendor and to the mock one.
    pub first_calls: T,
    /// The other common requests.
    pub requests: T,
    pub end: T,
}

impl<T> Phases<T> {
    pub(super) fn each(&mut self) -> [&mut T; 5] {
        [&mut self.bare_start, &mut self.start, &mut self.first_calls, &mut self.requests, &mut self.end]
    }
}

/// The profiles of a program, as callgrind writes them.
pub(super) fn phases(program: &Path) -> Result<Phases<String>> {
    let folder = workspace::root().join("target/layout");
    std::fs::create_dir_all(&folder).context("cannot make the folder of the profiles")?;
    let mock_port = free_port()?;
    let mut mock = Command::new(program);
    let mock = Running::start(mock.args(["mock", "--port", &mock_port.to_string()]), mock_port)?;
    let written = configuration(mock_port, vendor::start()?);
    std::fs::write(folder.join("config.yaml"), written).context("cannot write the configuration")?;
    let bare = profile(program, &folder, &[], &[]);
    let whole =
        profile(program, &folder, &["--config", "config.yaml"], &[&REQUESTS[..FIRST], &REQUESTS[FIRST..]]);
    mock.end()?;
    let [bare_start, _] = taken(bare?)?;
    let [start, first_calls, requests, end] = taken(whole?)?;
    Ok(Phases { bare_start, start, first_calls, requests, end })
}

fn taken<const N: usize>(profiles: Vec<String>) -> Result<[String; N]> {
    profiles.try_into().map_err(|found: Vec<_>| anyhow!("{N} profiles were due, there are {}", found.len()))
}

/// As many models as make tables grow, some of them with a price. The mock program answers all but one of them.
fn configuration(mock: u16, vendor: u16) -> String {
    let model = |(name, port): (&str, u16)| {
        format!(
            "  - model_name: {name}\n    litellm_params:\n      model: openai/{name}\n      \
             api_base: http://127.0.0.1:{port}/v1\n      api_key: sk-vendor\n"
        )
    };
    let known = [("gpt-4o-mini", vendor), ("m", mock), ("gpt-4o", mock), ("o3", mock)];
    let others = ["m-1", "m-2", "m-3", "m-4", "m-5", "m-6", "m-7", "m-8"].map(|name| (name, mock));
    let models: String = known.into_iter().chain(others).map(model).collect();
    format!(
        "model_list:\n{models}  - model_name: mock/echo\n    litellm_params:\n      model: mock/echo\n\
         general_settings:\n  master_key: sk-client\n"
    )
}

/// A profile of the start, one of each phase of requests, and one of the end.
fn profile(program: &Path, folder: &Path, flags: &[&str], phases: &[&[(&str, &str)]]) -> Result<Vec<String>> {
    let port = free_port()?;
    let file = folder.join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--tool=callgrind", "--compress-strings=no", "--demangle=no"]);
    valgrind.arg(format!("--callgrind-out-file={}", file.display())).arg(program);
    valgrind.args(flags).args(["--port", &port.to_string()]).current_dir(folder);
    // A first start, which makes its database: what runs then is most of what runs at a later one.
    let data = folder.join("data");
    let _ = std::fs::remove_dir_all(&data);
    valgrind.env("XDG_DATA_HOME", &data);
    let gateway = Running::start(&mut valgrind, port)?;
    let mut profiles = vec![gateway.settled(&file, 1)?];
    for (number, requests) in (2..).zip(phases) {
        requests.iter().try_for_each(|(path, body)| ask(port, path, body))?;
        profiles.push(gateway.settled(&file, number)?);
    }
    gateway.end()?;
    profiles.push(workspace::read(&file)?);
    Ok(profiles)
}

/// Asks, and reads the answer to its end. What it says does not matter, that there is one does.
fn ask(port: u16, path: &str, body: &str) -> Result<()> {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-client\r\nconnection: close\r\n\
         user-agent: OpenAI/Python 2.8.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all((head + body).as_bytes())?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).with_context(|| format!("no whole answer from {path}"))?;
    ensure!(answer.starts_with(b"HTTP/1.1 "), "{path} gave no answer");
    Ok(())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A program that we started; it ends with us.
struct Running(Child);

impl Running {
    /// Starts it and waits until it listens.
    #[expect(clippy::disallowed_methods, reason = "a port that opens is no event that one could wait for")]
    fn start(command: &mut Command, port: u16) -> Result<Self> {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        let name = quiet.get_program().display().to_string();
        let mut running = Self(quiet.spawn().with_context(|| format!("cannot start {name}"))?);
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = running.0.try_wait()? {
                bail!("{name} ended: {status}");
            }
            ensure!(began.elapsed() < PATIENCE, "{name} does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(running)
    }

    /// Waits until what it was asked is done with, and takes the profile of what ran since the last one.
    #[expect(clippy::disallowed_methods, reason = "that a program is at rest is no event")]
    fn settled(&self, file: &Path, number: usize) -> Result<String> {
        thread::sleep(REST);
        let process = self.0.id().to_string();
        workspace::capture(Command::new("callgrind_control").args(["--dump", &process]))?;
        workspace::read(&file.with_extension(format!("out.{number}")))
    }

    /// Asks it to end, and waits for that.
    fn end(mut self) -> Result<()> {
        Command::new("kill").arg(self.0.id().to_string()).status().context("cannot run kill")?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
