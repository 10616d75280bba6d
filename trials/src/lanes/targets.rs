//! What is measured: the vendor itself, gateways with and without their features, and a plain proxy.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::Signal;
use tokio::time::sleep;

use super::measure::Load;
use super::{Lane, body};
use crate::chaos::stage::GOOD;
use crate::chaos::streams::{self, Outcome};
use crate::client::{ask, request};
use crate::gateway::{Gateway, Launch, MASTER, deployment, free};
use crate::readings::Readings;
use crate::soak::rich;
use crate::vendor::Vendor;
use crate::words::Words;

/// What a gateway does besides passing calls on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Features {
    /// Nothing: no key, no ledger.
    Off,
    /// A key with limits and a budget, and a row of each call.
    On,
    /// The same, and answers are kept.
    Kept,
    /// The same as `On`, and guards look at each prompt.
    Guarded,
    /// The same as `On` with a thousand deployments and ten thousand keys, which ask in turns.
    Many,
}

/// Deployments and keys of `Many`.
const DEPLOYMENTS: usize = 1_000;
const KEYS: usize = 10_000;

impl Features {
    pub(crate) const ALL: [Self; 5] = [Self::Off, Self::On, Self::Kept, Self::Guarded, Self::Many];

    fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "governed",
            Self::Kept => "kept answer",
            Self::Guarded => "guards",
            Self::Many => "many",
        }
    }

    fn keys(self, quick: bool) -> usize {
        match self {
            Self::Off => 0,
            Self::Many if quick => KEYS / 100,
            Self::Many => KEYS,
            _ => 1,
        }
    }

    fn sections(self) -> &'static str {
        match self {
            Self::Kept => "litellm_settings: {cache: true, cache_params: {type: local, ttl: 3600}}\n",
            Self::Guarded => {
                "guardrails:\n  - {guardrail_name: secrets, litellm_params: {guardrail: secrets, mode: pre_call, default_on: \
                 true}}\n  - {guardrail_name: pii, litellm_params: {guardrail: pii, mode: pre_call, default_on: true}}\n"
            }
            _ => "",
        }
    }
}

enum Kind {
    Direct,
    Gateway { gateway: Box<Gateway>, features: Features, start: Duration, idle: u64, busiest: Cell<u64> },
    Proxy { child: Child },
}

/// Something that answers.
pub(crate) struct Target {
    kind: Kind,
    address: SocketAddr,
    keys: Rc<[String]>,
}

/// What a gateway took.
pub(crate) struct Life {
    /// From its start to its first answer.
    pub(crate) start: Duration,
    /// Memory in KiB: before the first call, the most under load, and now.
    pub(crate) idle: u64,
    pub(crate) busiest: u64,
    pub(crate) now: u64,
}

impl Target {
    /// The vendor without anything between.
    pub(crate) fn direct(vendor: &Vendor) -> Self {
        Self { kind: Kind::Direct, address: vendor.address(), keys: Rc::default() }
    }

    /// The program in front of the vendor.
    pub(crate) async fn gateway(words: &Words, vendor: &Vendor, features: Features) -> Result<Self> {
        let configuration = configuration(vendor, features, "");
        let folder = words.folder.join(features.name());
        let begun = Instant::now();
        let gateway = Launch::default().start(&words.program, &folder, &configuration).await?;
        let start = begun.elapsed();
        sleep(Duration::from_millis(1_500)).await;
        let idle = gateway.readings()?.resident;
        let mut keys = Vec::new();
        for number in 0..features.keys(words.says("--quick")) {
            keys.push(gateway.key(&format!("bench-{number:05}"), rich()).await?);
        }
        let (address, busiest) = (gateway.address, Cell::new(idle));
        let kind = Kind::Gateway { gateway: Box::new(gateway), features, start, idle, busiest };
        Ok(Self { kind, address, keys: keys.into() })
    }

    /// nginx as a plain proxy, where it is installed.
    pub(crate) async fn proxy(folder: &Path, vendor: &Vendor) -> Result<Option<Self>> {
        let folder = folder.join("nginx");
        fs::create_dir_all(&folder)?;
        let port = free()?;
        let text = format!(
            "worker_processes auto; pid {0}/pid; error_log {0}/error.log; daemon off;\nevents {{ worker_connections 4096; }}\n\
             http {{ access_log off; client_max_body_size 100m; client_body_buffer_size 1m;\n\
             client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; \
             scgi_temp_path {0}/s;\nupstream vendor {{ server {1}; keepalive 64; }}\n\
             server {{ listen {2}; location / {{ proxy_pass http://vendor; proxy_http_version 1.1; \
             proxy_set_header connection \"\"; proxy_buffering off; proxy_request_buffering off; }} }} }}\n",
            folder.display(),
            vendor.address(),
            port
        );
        let config = folder.join("nginx.conf");
        fs::write(&config, text)?;
        let mut nginx = Command::new("nginx");
        nginx.arg("-c").arg(&config).arg("-p").arg(&folder).stderr(Stdio::null());
        let Ok(child) = nginx.spawn() else { return Ok(None) };
        let target = Self { kind: Kind::Proxy { child }, address: port, keys: Rc::default() };
        let begun = Instant::now();
        while ask(port, &request("GET", "/", "", "")).await.is_err()
            && begun.elapsed() < Duration::from_millis(500)
        {
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Some(target))
    }

    pub(crate) fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Direct => "direct",
            Kind::Gateway { features, .. } => features.name(),
            Kind::Proxy { .. } => "nginx",
        }
    }

    /// Whether it can do a lane: without a translator the vendor must speak the client's format; how many deployments and
    /// keys there are is the same to all lanes.
    pub(crate) fn does(&self, lane: Lane) -> bool {
        match &self.kind {
            Kind::Gateway { features: Features::Many, .. } => lane.is_plainest(),
            Kind::Gateway { .. } => true,
            _ => lane.plain,
        }
    }

    /// Whether rates within bounds are looked for: not of what only takes more of the same.
    pub(crate) fn is_swept(&self) -> bool {
        !matches!(
            &self.kind,
            Kind::Gateway { features: Features::Kept | Features::Guarded | Features::Many, .. }
        )
    }

    pub(crate) fn load(&self, lane: Lane, size: usize) -> Load {
        let key = self.keys.first().map_or("", String::as_str);
        let request = request("POST", lane.path, key, &body(lane, lane.model, size).unwrap_or_default());
        Load { address: self.address, request, keys: Rc::clone(&self.keys) }
    }

    /// Notes how much memory it takes now.
    pub(crate) fn note_memory(&self) -> Result<()> {
        if let Kind::Gateway { gateway, busiest, .. } = &self.kind {
            busiest.set(busiest.get().max(gateway.readings()?.resident));
        }
        Ok(())
    }

    /// CPU time so far in microseconds, of all its processes.
    pub(crate) fn cpu(&self) -> Result<u64> {
        match &self.kind {
            Kind::Direct => Ok(0),
            Kind::Gateway { gateway, .. } => Ok(gateway.readings()?.cpu),
            Kind::Proxy { child } => {
                let workers = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id()))?;
                let workers = workers.split_whitespace().filter_map(|id| id.parse().ok());
                workers.map(|id| Ok(Readings::of(id)?.cpu)).sum()
            }
        }
    }

    /// Asks a gateway to end; whether it did in time.
    pub(crate) async fn end(&mut self, time: Duration) -> Result<bool> {
        let Kind::Gateway { gateway, .. } = &mut self.kind else { return Ok(true) };
        gateway.signal(Signal::TERM)?;
        Ok(gateway.ended_within(time).await)
    }

    /// Start and memory of a gateway.
    pub(crate) fn life(&self) -> Result<Option<Life>> {
        let Kind::Gateway { gateway, start, idle, busiest, .. } = &self.kind else { return Ok(None) };
        let now = gateway.readings()?.resident;
        Ok(Some(Life { start: *start, idle: *idle, busiest: busiest.get().max(now), now }))
    }
}

/// A gateway of its own with so many streams at a time, governed.
pub(crate) async fn streams(words: &Words, vendor: &Vendor, count: usize) -> Result<Outcome> {
    let more = [GOOD, &streams::model(count)].map(|model| deployment("openai", model, vendor.address(), ""));
    let configuration = configuration(vendor, Features::On, &more.concat());
    let folder = words.folder.join("streams");
    let gateway = Launch::default().start(&words.program, &folder, &configuration).await?;
    let key = gateway.key("streams", rich()).await?;
    let outcome = streams::hold(&gateway, &key, count).await?;
    outcome.is_whole()?;
    Ok(outcome)
}

impl Drop for Kind {
    fn drop(&mut self) {
        if let Self::Proxy { child } = self {
            // Its workers end with it when it is asked, not when it is killed.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }
}

fn configuration(vendor: &Vendor, features: Features, more: &str) -> String {
    let models = super::LANES.iter().map(|lane| lane.model).collect::<BTreeSet<_>>();
    let deployments = |model: &str| {
        let dialect = if model.starts_with("mine") { "openai" } else { "anthropic" };
        let written = deployment(dialect, model, vendor.address(), "");
        let count = if features == Features::Many && model == "mine" { DEPLOYMENTS } else { 1 };
        // Deployments of one vendor differ by their keys.
        (0..count)
            .map(|number| written.replace("sk-vendor", &format!("sk-vendor-{number}")))
            .collect::<String>()
    };
    let models: String = models.into_iter().map(deployments).collect();
    let key = if features == Features::Off {
        String::new()
    } else {
        format!("general_settings: {{master_key: {MASTER}}}\n")
    };
    format!("model_list:\n{models}{more}{key}{}", features.sections())
}
