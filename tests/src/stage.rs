//! The real thing in one process: configuration text, gateway and server.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use llm_gateway::Gateway;
use llm_server::{Limits, Options, Running, Server, listen};
use serde_json::Value;

use crate::client::{Answer, Client, call};
use crate::request::{CLIENT_KEY, Request};
use crate::{logs, vendors};

/// A running gateway.
pub struct Stage {
    /// Where it listens.
    pub address: SocketAddr,
    /// The server; give it away to end it in an orderly way.
    pub server: Running,
}

impl Stage {
    /// Starts what a configuration describes, as the program does. A key is added, and short waits where the
    /// configuration says nothing.
    ///
    /// # Panics
    /// When the configuration is wrong.
    pub fn start(configuration: &str) -> Self {
        logs::capture();
        let text = format!("{configuration}\ngeneral_settings: {{master_key: {CLIENT_KEY}}}\n");
        Self::serve(&load(&text))
    }

    /// Starts a vendor for tests, as `llm-server mock` does.
    ///
    /// # Panics
    /// When it cannot be built.
    pub fn mock() -> Self {
        logs::capture();
        let options = llm_config::Options { mock_server: true, ..llm_config::Options::default() };
        Self::serve(&llm_config::load(&options).unwrap_or_else(|report| panic!("{report}")))
    }

    fn serve(loaded: &llm_config::Loaded) -> Self {
        let parts = llm_config::build(loaded).unwrap_or_else(|report| panic!("{report}"));
        let settings = &loaded.config.server;
        let limits = Limits {
            body: settings.max_request_bytes,
            head_time: settings.header_timeout,
            ..Limits::default()
        };
        let (workers, wire_faults) = (NonZeroUsize::new(2), loaded.config.mock_server);
        let options = Options { workers, limits, wire_faults, ..Options::default() };
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let server = Server::new(Arc::new(Gateway::new(parts)), options);
        let server = server.start(listener).expect("the server starts");
        Self { address: server.address(), server }
    }

    /// Starts a gateway of these deployments that tries nothing again.
    pub fn of(deployments: &[vendors::Deployment]) -> Self {
        Self::start(&vendors::configuration(deployments, "num_retries: 0"))
    }

    /// Its address as a base URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Opens a connection.
    pub async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Sends one request on a connection of its own.
    pub async fn call(&self, request: &Request) -> Answer {
        call(self.address, request).await
    }

    /// Sends JSON to a path.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(&Request::json(path, body)).await
    }

    /// Asks for a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(&Request::get(path)).await
    }
}

fn load(text: &str) -> llm_config::Loaded {
    let file = configuration_file();
    std::fs::write(&file, text).expect("the folder for temporary files can be written");
    // No variable and no `.env` of this machine has a say.
    let options = llm_config::Options {
        config: Some(file.clone()),
        directory: file.with_extension("nowhere"),
        ..llm_config::Options::default()
    };
    let loaded = llm_config::load(&options);
    std::fs::remove_file(&file).expect("the file was just written");
    loaded.unwrap_or_else(|report| panic!("{report}\n{text}"))
}

fn configuration_file() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("llm-end-to-end-{}-{number}.yaml", std::process::id()))
}
