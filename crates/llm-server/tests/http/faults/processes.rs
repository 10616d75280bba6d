//! The program as its users run it: a gateway with a configuration, in front of the vendor for tests.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use crate::client::{Answer, Client, bare};
use crate::program::program;

/// A process that serves until this is dropped.
pub(super) struct Process {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Process {
    /// A vendor whose models do what they are called, on the wire.
    pub(super) fn vendor() -> Self {
        Self::start(&["mock", "--port", "0"])
    }

    /// The same at an address that one had before.
    pub(super) fn vendor_at(address: SocketAddr) -> Self {
        Self::start(&["mock", "--port", &address.port().to_string()])
    }

    /// A gateway.
    pub(super) fn gateway(configuration: &str) -> Self {
        static FILES: AtomicUsize = AtomicUsize::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let name = format!("faults-{}-{number}.yaml", std::process::id());
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&file, configuration).expect("the folder for files can be written");
        let gateway = Self::start(&["--port", "0", "--config", file.to_str().expect("text")]);
        std::fs::remove_file(file).expect("it was there");
        gateway
    }

    fn start(arguments: &[&str]) -> Self {
        let mut child = program(arguments).stdout(Stdio::piped()).spawn().expect("the program is built");
        let mut log = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let address = log.find_map(|line| {
            let line: Value = serde_json::from_str(&line).ok()?;
            line.get("address")?.as_str()?.parse().ok()
        });
        // A log that nobody reads stops the program.
        thread::spawn(move || log.for_each(drop));
        Self { child, address: address.expect("it listens") }
    }

    pub(super) async fn call(&self, request: impl AsRef<[u8]>) -> Answer {
        Client::connect(self.address).await.call(request).await
    }

    /// What `/v1/providers/status` says of a deployment.
    pub(super) async fn status(&self, id: &str) -> Value {
        self.statuses().await.into_iter().find(|one| one["model_id"] == id).expect("it is listed")
    }

    pub(super) async fn statuses(&self) -> Vec<Value> {
        let page = self.call(bare("GET", "/v1/providers/status")).await.body;
        let page: Value = serde_json::from_str(&page).expect("JSON");
        page["providers"].as_array().cloned().expect("a list")
    }

    pub(super) async fn metrics(&self) -> Metrics {
        Metrics(self.call(bare("GET", "/metrics")).await.body)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A page of metrics.
pub(super) struct Metrics(String);

impl Metrics {
    /// The sum of a metric's samples with these labels.
    pub(super) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let samples =
            self.0.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.split_once("} "));
        let own = samples.filter(|(own, _)| labels.iter().all(|label| own.contains(label)));
        own.map(|(_, value)| value.parse::<f64>().expect("samples are numbers")).sum()
    }

    /// Attempts of a deployment that failed, of one class or (empty) of all.
    pub(super) fn failures(&self, id: &str, class: &str) -> f64 {
        let labels = [format!("model_id=\"{id}\""), format!("exception_class=\"{class}")];
        self.sum("litellm_deployment_failure_responses_total", &labels.each_ref().map(String::as_str))
    }

    /// What a deployment's answers cost.
    pub(super) fn spent(&self, id: &str) -> f64 {
        self.sum("litellm_spend_metric_total", &[&format!("model_id=\"{id}\"")])
    }
}

/// A deployment in a configuration; its id is what it is called, its prices are a millionth and two.
pub(super) struct Deployment<'a> {
    pub(super) group: &'a str,
    pub(super) id: &'a str,
    /// `openai` or `anthropic`.
    pub(super) vendor: &'a str,
    /// What the vendor's model does.
    pub(super) model: &'a str,
    pub(super) at: SocketAddr,
    /// More parameters.
    pub(super) more: &'a str,
}

impl Deployment<'_> {
    pub(super) fn line(&self) -> String {
        let Self { group, id, vendor, model, at, more } = self;
        format!(
            "  - {{model_name: {group}, model_info: {{id: {id}, supports_assistant_prefill: true}}, litellm_params: \
             {{model: {vendor}/{model}, api_base: 'http://{at}/v1', api_key: key-of-{id}, input_cost_per_token: \
             0.000001, output_cost_per_token: 0.000002, {more}}}}}\n"
        )
    }
}

/// A configuration of deployments and the router's settings.
pub(super) fn configuration(deployments: &[Deployment<'_>], router: &str) -> String {
    let lines: String = deployments.iter().map(Deployment::line).collect();
    format!("model_list:\n{lines}router_settings: {{{router}}}\n")
}
