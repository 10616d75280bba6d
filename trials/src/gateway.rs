//! The program under trial: started as its users start it, asked over HTTP, read from outside.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::{Answer, ask, request};
use crate::readings::Readings;

/// Who may do everything.
pub(crate) const MASTER: &str = "sk-master-of-the-trials";

/// A program in debug on a busy machine takes its time.
const STARTS: Duration = Duration::from_secs(30);

/// A running gateway. Dropping it kills it.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: PathBuf,
}

/// How a gateway is started.
#[derive(Clone, Copy, Default)]
pub(crate) struct Launch<'a> {
    /// Words of a shell before the program, such as `ulimit -n 64; exec`. Empty: no shell.
    pub(crate) shell: &'a str,
    /// Where it listens; `None`: at a free port.
    pub(crate) at: Option<SocketAddr>,
    /// More arguments.
    pub(crate) arguments: &'a [&'a str],
}

impl Launch<'_> {
    /// Starts a program with a configuration, and waits until it answers. The folder is for configuration, log and data.
    pub(crate) async fn start(self, program: &Path, folder: &Path, configuration: &str) -> Result<Gateway> {
        std::fs::create_dir_all(folder)?;
        let config = folder.join("config.yaml");
        std::fs::write(&config, configuration)?;
        let address = self.at.map_or_else(free, Ok)?;
        let log = File::options().append(true).create(true).open(folder.join("gateway.log"))?;
        let before = log.metadata()?.len();
        let mut command = self.command(program);
        command.arg("--config").arg(&config).args([
            "--port",
            &address.port().to_string(),
            "--host",
            "127.0.0.1",
        ]);
        command.args(self.arguments).env_clear().current_dir(folder);
        command.env("LLM_DATA_DIRECTORY", folder.join("data"));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let mut gateway = Gateway { child, address, folder: folder.to_owned() };
        gateway.wait_until_ready(before).await?;
        Ok(gateway)
    }

    fn command(self, program: &Path) -> Command {
        if self.shell.is_empty() {
            return Command::new(program);
        }
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("{} \"$0\" \"$@\"", self.shell)).arg(program);
        command
    }
}

/// A port that nobody listens at.
pub(crate) fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

impl Gateway {
    /// Waits until it says that it listens, and answers. Another one may answer at the same port.
    async fn wait_until_ready(&mut self, before: u64) -> Result<()> {
        let begun = Instant::now();
        let ready = request("GET", "/health/readiness", "", "");
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the gateway ended ({status}): {}", self.last_words());
            }
            let listens =
                self.log().get(usize::try_from(before)?..).is_some_and(|log| log.contains("\"listening\""));
            if listens && ask(self.address, &ready).await.is_ok_and(|answer| answer.status() == 200) {
                return Ok(());
            }
            ensure!(begun.elapsed() < STARTS, "the gateway is not ready: {}", self.last_words());
            sleep(Duration::from_millis(2)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("gateway.log")).unwrap_or_default()
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    /// Memory, descriptors and threads, now.
    pub(crate) fn readings(&self) -> Result<Readings> {
        Readings::of(self.child.id())
    }

    /// Asks on a connection of its own.
    pub(crate) async fn ask(&self, key: &str, path: &str, body: &str) -> Result<Answer> {
        ask(self.address, &request("POST", path, key, body)).await
    }

    /// Looks at a page as its administrator.
    pub(crate) async fn look(&self, path: &str) -> Result<Value> {
        let answer = ask(self.address, &request("GET", path, MASTER, "")).await?;
        ensure!(answer.status() == 200, "{path} says {}: {}", answer.status(), answer.text());
        answer.json()
    }

    /// Makes a key with these fields; its name is its alias, too.
    pub(crate) async fn key(&self, name: &str, fields: Value) -> Result<String> {
        let mut fields = fields;
        let key = format!("sk-trial-of-{name}");
        fields["key"] = json!(key);
        fields["key_alias"] = json!(name);
        let answer = self.ask(MASTER, "/key/generate", &fields.to_string()).await?;
        ensure!(answer.status() == 200, "no key: {}", answer.text());
        Ok(key)
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Whether it still runs.
    pub(crate) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end.
    pub(crate) async fn ended_within(&mut self, time: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if !self.lives() {
                return true;
            }
            sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// Kills it, without a word of warning.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.kill();
    }
}

/// A chat request.
pub(crate) fn chat(model: &str, stream: bool) -> String {
    let options = if stream { r#","stream":true,"stream_options":{"include_usage":true}"# } else { "" };
    format!(
        r#"{{"model":"{model}","max_tokens":600,"messages":[{{"role":"user","content":"What is a trial?"}}]{options}}}"#
    )
}

/// A deployment in a configuration: a model of this name at a vendor (`openai` or `anthropic`), which does what the name
/// says.
pub(crate) fn deployment(vendor: &str, model: &str, at: SocketAddr, more: &str) -> String {
    let base = if vendor == "anthropic" { format!("http://{at}") } else { format!("http://{at}/v1") };
    format!(
        "  - model_name: {model}\n    litellm_params: {{model: {vendor}/{model}, api_base: '{base}', api_key: sk-vendor, \
         input_cost_per_token: 0.000001, output_cost_per_token: 0.000002{more}}}\n"
    )
}
