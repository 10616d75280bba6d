//! A PostgreSQL of a test's own: a real server on a free port, in a folder of its own, ended with the test.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

/// Where the program is asked for, so that a machine that must have it does not pass without.
const REQUIRED: &str = "LLM_POSTGRES_REQUIRED";

/// The password of the account that tests use.
const PASSWORD: &str = "test-password";

/// The longest that a server may need to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What makes a server quick that nobody will miss.
const QUICK: [&str; 7] = [
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "shared_buffers=16MB",
    "max_connections=60",
    "autovacuum=off",
    "unix_socket_directories=",
];

/// A running PostgreSQL.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    account: Option<Account>,
    port: u16,
    folder: PathBuf,
    encrypted: bool,
    child: Option<Child>,
}

/// Who runs the server where root must not.
#[derive(Clone, Copy, Debug)]
struct Account {
    user: u32,
    group: u32,
}

impl PostgresServer {
    /// Starts one; `None`, with a line that says so, where PostgreSQL is not installed.
    ///
    /// # Panics
    /// When it is not installed and `LLM_POSTGRES_REQUIRED` is set, or does not start.
    #[expect(clippy::print_stderr, reason = "whoever runs the tests must see what was left out")]
    pub fn start(test: &str) -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let Some(programs) = programs() else {
            assert!(
                std::env::var_os(REQUIRED).is_none(),
                "postgresql is not installed, and {REQUIRED} is set"
            );
            eprintln!("SKIPPED {test}: postgresql is not installed");
            return None;
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("llm-postgres-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        let account = account();
        let mut server = Self { programs, account, port: free_port(), folder, encrypted: false, child: None };
        server.create();
        // Whoever was quicker may have taken the port that was free.
        while let Err(log) = server.run() {
            assert!(log.contains("in use"), "postgres ended: {log}");
            server.port = free_port();
        }
        Some(server)
    }

    /// One that the tests of a program share as long as one of them uses it; otherwise as [`Self::start`]. Each makes a
    /// database of its own there.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn shared(test: &str) -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock();
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start(test)?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// The address of one of its databases, which somebody else has made.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://gateway:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Its address, of a database that is empty at first.
    pub fn url(&self) -> String {
        self.url_with(PASSWORD)
    }

    /// Its address with another password, for tests of refusals.
    pub fn url_with(&self, password: &str) -> String {
        format!("postgres://gateway:{password}@127.0.0.1:{}/postgres", self.port)
    }

    /// Its port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as an administrator does: connections are closed, everything is written.
    ///
    /// # Panics
    /// When it cannot be ended.
    pub fn stop(&mut self) {
        self.end("-INT");
    }

    /// Ends it at once, as a crash does: it has to recover when it starts again.
    ///
    /// # Panics
    /// When it cannot be ended.
    pub fn kill(&mut self) {
        self.end("-QUIT");
    }

    /// Starts it again with what it holds, where it was.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&mut self) {
        if let Err(log) = self.run() {
            panic!("postgres ended: {log}");
        }
    }

    /// Halts it without ending it, as a machine that hangs does, or lets it go on. Needs `pgrep`.
    ///
    /// # Panics
    /// When it does not run.
    pub fn hang(&self, hangs: bool) {
        let server = self.child.as_ref().expect("it runs").id().to_string();
        let children = Command::new("pgrep").args(["-P", &server]).output().expect("there is a pgrep").stdout;
        let children = String::from_utf8(children).expect("numbers");
        let signal = if hangs { "-STOP" } else { "-CONT" };
        // First the one that makes others.
        let sent = Command::new("kill").args([signal, &server]).status();
        assert!(sent.expect("there is a kill").success());
        // One of them may have ended meanwhile.
        let _ =
            Command::new("kill").arg(signal).args(children.split_whitespace()).stderr(Stdio::null()).status();
    }

    /// Starts it; what it said when it ends at once.
    fn run(&mut self) -> Result<(), String> {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        for setting in QUICK {
            command.args(["-c", setting]);
        }
        if self.encrypted {
            command.args(["-c", "ssl=on"]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let child = self.child.insert(child.expect("postgres starts"));
        let said = BufReader::new(child.stderr.take().expect("it is piped"));
        let (tell, told) = sync_channel(1);
        // Read to its end, or the server would stop at a full pipe.
        std::thread::spawn(move || {
            let mut log = String::new();
            for line in said.lines().map_while(Result::ok) {
                let is_ready = line.contains("is ready to accept connections");
                log.push_str(&line);
                log.push('\n');
                if is_ready {
                    let _ = tell.try_send(Ok(()));
                }
            }
            let _ = tell.try_send(Err(log));
        });
        told.recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("postgres does not listen on port {} after {PATIENCE:?}", self.port))
    }

    /// Starts it again with TLS, under this certificate and key (both PEM).
    ///
    /// # Panics
    /// When it does not start.
    pub fn encrypt(&mut self, certificate: &Path, key: &Path) {
        self.stop();
        for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = self.data().join(name);
            std::fs::copy(from, &to).expect("the file can be copied");
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
            self.give(&to);
        }
        self.encrypted = true;
        self.resume();
    }

    fn create(&self) {
        let secret = self.folder.join("password");
        std::fs::write(&secret, PASSWORD).expect("the folder can be written");
        self.give(&self.folder);
        self.give(&secret);
        let mut command = self.command("initdb");
        command.args(["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "-U", "gateway"]);
        command.arg("--pwfile").arg(&secret).arg("-D").arg(self.data());
        let made = command.stdin(Stdio::null()).output().expect("initdb starts");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        // The server leaves the folder that the test runs in, which its account may not see.
        command.current_dir(&self.folder).env("LC_ALL", "C");
        if let Some(account) = self.account {
            command.gid(account.group).uid(account.user);
        }
        command
    }

    fn give(&self, path: &Path) {
        if let Some(account) = self.account {
            let given = std::os::unix::fs::chown(path, Some(account.user), Some(account.group));
            given.expect("root may give files away");
        }
    }

    fn end(&mut self, signal: &str) {
        if let Some(mut child) = self.child.take() {
            let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
            assert!(sent.expect("there is a kill").success());
            child.wait().expect("it ends");
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// The folder of the newest PostgreSQL: distributions keep `initdb` out of the path.
fn programs() -> Option<PathBuf> {
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let mut packaged: Vec<_> = packaged.map(|entry| entry.path().join("bin")).collect();
    let version = |path: &PathBuf| {
        let name = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        name.and_then(|name| name.parse::<u32>().ok()).unwrap_or(0)
    };
    packaged.sort_by_key(|path| std::cmp::Reverse(version(path)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = packaged.into_iter().chain(std::env::split_paths(&path));
    folders.find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// PostgreSQL refuses to run as root: then it runs as the account of its package, or as nobody.
fn account() -> Option<Account> {
    let number = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if number(&["-u"]) != Some(0) {
        return None;
    }
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| Some(Account { user: number(&["-u", name])?, group: number(&["-g", name])? }))
}
