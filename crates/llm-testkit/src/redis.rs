//! A Redis of a test's own: a real server on a free port, in a folder of its own, ended with the test.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where the program is asked for, so that a machine that must have it does not pass without.
const REQUIRED: &str = "LLM_REDIS_REQUIRED";

/// A running Redis.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    folder: PathBuf,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one; `None`, with a line that says so, where `redis-server` is not installed.
    ///
    /// # Panics
    /// When it is not installed and `LLM_REDIS_REQUIRED` is set, or does not start.
    #[expect(clippy::print_stderr, reason = "whoever runs the tests must see what was left out")]
    pub fn start(test: &str) -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert!(
                std::env::var_os(REQUIRED).is_none(),
                "redis-server is not installed, and {REQUIRED} is set"
            );
            eprintln!("SKIPPED {test}: redis-server is not installed");
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("llm-redis-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut server = Self { port, folder, child: None };
        server.resume();
        Some(server)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Its port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once, as a crash does.
    ///
    /// # Panics
    /// When it cannot be ended.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it can be ended");
            child.wait().expect("it ends");
        }
    }

    /// Starts it again, empty, where it was.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "no", "--dir"]).arg(&self.folder);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let child = self.child.insert(child.expect("redis-server starts"));
        let said = BufReader::new(child.stdout.take().expect("it is piped"));
        let is_ready =
            |line: std::io::Result<String>| line.is_ok_and(|line| line.contains("Ready to accept"));
        assert!(said.lines().any(is_ready), "redis-server does not listen on port {}", self.port);
    }

    /// Halts it without ending it, as a machine that hangs does, or lets it go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn hang(&self, hangs: bool) {
        let child = self.child.as_ref().expect("it runs");
        let signal = if hangs { "-STOP" } else { "-CONT" };
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("there is a kill").success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
