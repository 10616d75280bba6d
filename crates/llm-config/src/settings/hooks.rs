//! Hooks outside of this program: addresses and programs.

use std::sync::Arc;
use std::time::Duration;

use llm_callbacks::{External, Process, Stage, Webhook};
use llm_core::Secret;
use llm_gateway::Hook;

use super::callbacks::{header_list, is_address};
use crate::node::Node;
use crate::report::{Place, Report};

/// How long a hook may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Questions that a program is asked at a time.
const AT_A_TIME: u64 = 16;

/// A hook outside of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookConfig {
    /// What all of them have.
    pub external: External,
    /// Who is asked.
    pub who: HookTarget,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookTarget {
    /// An address.
    Address {
        /// The address. Whoever knows it may be let in.
        url: Secret,
        /// Headers; their values may be credentials.
        headers: Vec<(String, Secret)>,
    },
    /// A program.
    Program {
        /// The program and its arguments.
        words: Vec<String>,
        /// Questions at a time.
        at_a_time: usize,
    },
}

/// Reads the hooks of a file, in their order.
pub(crate) fn hooks(root: &Node, report: &mut Report) -> Vec<HookConfig> {
    let list = root.get("hooks").map(Node::elements).unwrap_or_default();
    let mut hooks: Vec<HookConfig> = Vec::new();
    for (number, node) in list.iter().enumerate().filter(|(_, node)| !node.is_null()) {
        let Some(hook) = hook(node, number, report) else { continue };
        if hooks.iter().any(|known| known.external.name == hook.external.name) {
            report.error(&node.at, "two hooks have the same `name`").help("give each its own");
        }
        hooks.push(hook);
    }
    hooks
}

fn hook(node: &Node, number: usize, report: &mut Report) -> Option<HookConfig> {
    let name = node.get_text("name").map_or_else(|| format!("hook-{}", number + 1), str::to_owned);
    let external = External {
        name,
        stages: stages(node, report),
        timeout: node.get_seconds("timeout").filter(|time| !time.is_zero()).unwrap_or(TIMEOUT),
        fail_open: node.get_text("on_failure") == Some("continue"),
        streams: node.get_text("streams") != Some("skip"),
    };
    let words = node.get_texts("command");
    let who = match (node.get_text("url"), words.is_empty()) {
        (Some(url), true) if is_address(url) => {
            let headers = node.get("headers").map(header_list).transpose();
            let headers =
                headers.map_err(|(message, help)| report.error(&node.at, message).help(help)).ok()?;
            HookTarget::Address { url: Secret::new(url.to_owned()), headers: headers.unwrap_or_default() }
        }
        (Some(_), true) => {
            let problem = report.error(&node.at, "the `url` of a hook is no http or https address");
            problem.help("give the whole address, from `https://` on");
            return None;
        }
        (None, false) => {
            let at_a_time = node.get_whole("max_parallel").unwrap_or(AT_A_TIME).clamp(1, 4_096);
            HookTarget::Program { words, at_a_time: usize::try_from(at_a_time).unwrap_or(1) }
        }
        _ => {
            report.error(&node.at, "a hook has a `url` or a `command`").help("name one of the two");
            return None;
        }
    };
    Some(HookConfig { external, who })
}

fn stages(node: &Node, report: &mut Report) -> Vec<Stage> {
    let Some(named) = node.get("on") else { return vec![Stage::PreCall] };
    let mut stages = Vec::new();
    for stage in named.elements() {
        match stage.text().unwrap_or_default() {
            "pre_call" => stages.push(Stage::PreCall),
            "post_call" => stages.push(Stage::PostCall),
            _ => {
                let problem = report.error(&stage.at, "a hook is not asked then");
                problem.help("use `pre_call` and `post_call`");
            }
        }
    }
    stages
}

impl HookConfig {
    /// Makes the hook. Its program is started when it is asked for the first time.
    pub(crate) fn make(&self, report: &mut Report) -> Option<Arc<dyn Hook>> {
        let external = self.external.clone();
        match &self.who {
            HookTarget::Address { url, headers } => {
                Some(Arc::new(Webhook::new(external, url.expose().clone(), headers)))
            }
            HookTarget::Program { words, at_a_time } => {
                match Process::start(external, words.clone(), *at_a_time) {
                    Ok(process) => Some(Arc::new(process)),
                    Err(error) => {
                        let message =
                            format!("hook `{}`: no thread for it: {}", self.external.name, error.kind());
                        report.error(&Place::Default, message).help("let the process have more threads");
                        None
                    }
                }
            }
        }
    }
}
