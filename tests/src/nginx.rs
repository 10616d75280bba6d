//! nginx in front of a gateway: a real one, with a folder and ports of its own, ended with the test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Where the program is asked for, so that a machine that must have it does not pass without.
const REQUIRED: &str = "LLM_NGINX_REQUIRED";

/// The longest that it may need to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running nginx with one connection to the gateway, which all of its clients share.
pub struct Nginx {
    child: Child,
    folder: PathBuf,
    /// Where it reads a whole request before it passes it on.
    pub reads_first: SocketAddr,
    /// Where it passes on what comes as it comes.
    pub passes_at_once: SocketAddr,
}

impl Nginx {
    /// Starts one; `None`, with a line that says so, where nginx is not installed.
    ///
    /// # Panics
    /// When it is not installed and `LLM_NGINX_REQUIRED` is set, or does not start.
    #[expect(clippy::print_stderr, reason = "whoever runs the tests must see what was left out")]
    pub fn start(test: &str, gateway: SocketAddr) -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let known = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].map(PathBuf::from);
        let Some(program) = known.into_iter().find(|path| path.exists()) else {
            assert!(std::env::var_os(REQUIRED).is_none(), "nginx is not installed, and {REQUIRED} is set");
            eprintln!("SKIPPED {test}: nginx is not installed");
            return None;
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("llm-nginx-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        let [reads_first, passes_at_once] = [free(), free()];
        let configuration =
            configuration(&folder.display().to_string(), gateway, reads_first, passes_at_once);
        std::fs::write(folder.join("nginx.conf"), configuration).expect("the folder was just made");
        let mut command = Command::new(program);
        command.arg("-p").arg(&folder).arg("-e").arg(folder.join("error.log")).args(["-c", "nginx.conf"]);
        let child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx can be started");
        let mut nginx = Self { child, folder, reads_first, passes_at_once };
        nginx.wait_until_it_listens();
        Some(nginx)
    }

    fn wait_until_it_listens(&mut self) {
        let begun = Instant::now();
        while TcpStream::connect(self.passes_at_once).is_err() {
            let has_ended = self.child.try_wait().expect("it is our child").is_some();
            let is_late = begun.elapsed() > PATIENCE;
            assert!(!has_ended && !is_late, "nginx does not start: {}", self.log());
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// What it complained about.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound listener has an address")
}

fn configuration(folder: &str, gateway: SocketAddr, first: SocketAddr, at_once: SocketAddr) -> String {
    let place = |name: &str| format!("{name}_temp_path {folder}/{name};\n");
    let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(place).concat();
    let server = |at: SocketAddr, buffering: &str| {
        format!(
            "server {{ listen {at}; location / {{ proxy_pass http://gateway; proxy_http_version 1.1; \
             proxy_set_header connection \"\"; proxy_request_buffering {buffering}; }} }}\n"
        )
    };
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log info;\nevents {{ }}\nhttp {{\n\
         access_log off;\n{places}upstream gateway {{ server {gateway}; keepalive 1; }}\n{}{}}}\n",
        server(first, "on"),
        server(at_once, "off"),
    )
}
