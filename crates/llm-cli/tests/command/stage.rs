//! A gateway with mock models that listens, and the program that asks it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use llm_config::{Options as Reading, Services};
use llm_gateway::Gateway;
use llm_server::{Options, Running, Server, listen};
use serde_json::Value;

/// The key of the gateway's administrator.
pub(crate) const KEY: &str = "sk-master-key-of-tests";

/// What the gateway serves: models with prices, one that fails, one that another one stands in for, one for embeddings.
pub(crate) const MODELS: &str = "
model_list:
  - model_name: smart
    litellm_params: {model: mock/echo, input_cost_per_token: 0.000002, output_cost_per_token: 0.00001}
    model_info: {max_input_tokens: 128000, max_output_tokens: 4096}
  - model_name: fast
    litellm_params: {model: mock/long-20, input_cost_per_token: 0.000001, output_cost_per_token: 0.000002}
  - model_name: broken
    litellm_params: {model: mock/error-500}
  - model_name: rescued
    litellm_params: {model: mock/error-500}
  - model_name: slow
    litellm_params: {model: mock/long-400-pace-20ms}
  - model_name: vectors
    litellm_params: {model: mock/echo}
    model_info: {mode: embedding}
router_settings: {num_retries: 0, fallbacks: [{rescued: [fast]}]}
";

/// What the mock says to a text.
pub(crate) fn echo(text: &str) -> String {
    format!("This is the gateway's built-in mock; no model answered. You said: {text}")
}

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new, empty one.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("llm-command-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder for temporary files can be written");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        path
    }

    /// What a file in it holds.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of a test that failed does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A gateway that listens.
pub(crate) struct Stage {
    address: SocketAddr,
    pub(crate) folder: Folder,
    _server: Running,
    _services: Option<Services>,
    _runtime: tokio::runtime::Runtime,
}

impl Stage {
    /// One with the usual models, a master key, and a store of its own.
    pub(crate) fn start() -> Self {
        Self::serving(MODELS)
    }

    /// One with other models.
    pub(crate) fn serving(models: &str) -> Self {
        let folder = Folder::new();
        let data = folder.path().join("data");
        let text = format!(
            "{models}general_settings: {{master_key: {KEY}}}\nserver: {{data_directory: {}}}\n",
            data.display()
        );
        let config = folder.file("served.yaml", &text);
        let reading =
            Reading { config: Some(config), directory: folder.path().to_owned(), ..Reading::default() };
        Self::of(folder, &reading)
    }

    /// A vendor for tests.
    pub(crate) fn mock() -> Self {
        Self::of(Folder::new(), &Reading { mock_server: true, ..Reading::default() })
    }

    fn of(folder: Folder, reading: &Reading) -> Self {
        let loaded = llm_config::load(reading).unwrap_or_else(|report| panic!("{report}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let services = (!reading.mock_server)
            .then(|| runtime.block_on(Services::open(&loaded)).unwrap_or_else(|error| panic!("{error}")));
        let mut builder = services.as_ref().map_or_else(llm_config::Builder::default, Services::builder);
        let parts = builder.build(&loaded).unwrap_or_else(|report| panic!("{report}"));
        if let Some(models) = services.as_ref().and_then(|services| services.models.as_ref()) {
            models.serves(Arc::new(loaded));
        }
        let management = services.as_ref().map(|services| Arc::clone(&services.management));
        let options = Options {
            management,
            wire_faults: reading.mock_server,
            workers: std::num::NonZeroUsize::new(1),
            ..Options::default()
        };
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let server = Server::new(Arc::new(Gateway::new(parts)), options).start(listener).expect("it starts");
        Self { address: server.address(), folder, _server: server, _services: services, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The program, asking this gateway as its administrator.
    pub(crate) fn llm(&self, arguments: &[&str]) -> Ran {
        self.piped(arguments, "")
    }

    /// The same with something piped in.
    pub(crate) fn piped(&self, arguments: &[&str], input: &str) -> Ran {
        let url = self.url();
        run(self.folder.path(), arguments, &[("LLM_URL", &url), ("LLM_KEY", KEY)], input)
    }

    /// The JSON that a command prints when all is well.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        self.llm(&arguments).good().json()
    }
}

/// What became of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl Ran {
    /// It must have ended well.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Lines of JSON.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(line).collect()
    }
}

/// The program with a clean environment: nothing of this machine has a say.
pub(crate) fn program(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm"));
    command.args(arguments).current_dir(folder).env_clear();
    command.env("HOME", folder).env("LLM_DATA_DIRECTORY", ":memory:").env("COLUMNS", "100");
    command.envs(variables.iter().copied());
    command
}

/// Runs the program to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Ran {
    let mut command = program(folder, arguments, variables);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program is built");
    // One that reads nothing may be gone by now.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it was started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
    Ran { out: text(stdout), err: text(stderr), code: status.code().unwrap_or(-1) }
}
