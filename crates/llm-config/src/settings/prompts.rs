//! Prompts that requests name: our own form, and LiteLLM's with the text in the file.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use llm_core::Role;
use llm_core::request::Sampling;
use llm_gateway::{PromptTemplate, Template};

use crate::node::{self, Node};
use crate::report::{Place, Report};

/// Prompts by id and version.
pub(crate) type Templates = HashMap<String, BTreeMap<u64, PromptTemplate>>;

/// Beginnings of messages in a text.
const SPEAKERS: [(&str, Role); 4] = [
    ("system:", Role::System),
    ("developer:", Role::Developer),
    ("user:", Role::User),
    ("assistant:", Role::Assistant),
];

/// Reads the prompts of a file.
pub(crate) fn prompts(root: &Node, report: &mut Report) -> Templates {
    listed(root.get("prompts"), report)
}

/// Reads a list of prompts.
pub(crate) fn listed(list: Option<&Node>, report: &mut Report) -> Templates {
    let mut templates = Templates::new();
    let list = list.map(Node::elements).unwrap_or_default();
    for node in list.iter().filter(|node| !node.is_null()) {
        let params = node.get("litellm_params");
        let id = node.get_text("prompt_id").or_else(|| params?.get_text("prompt_id"));
        let Some(id) = id.filter(|id| !id.is_empty()) else {
            report.error(&node.at, "a prompt has no `prompt_id`").help("give it the name that requests use");
            continue;
        };
        let (id, of_id) = split_version(id);
        let version = node.get_whole("version").or(of_id).unwrap_or(1);
        let template = match params {
            Some(params) => of_litellm(params, id, report),
            None => of_messages(node, report),
        };
        let Some(template) = template else { continue };
        if templates.entry(id.to_owned()).or_default().insert(version, template).is_some() {
            let message = format!("the prompt `{id}` has version {version} twice");
            report.error(&node.at, message).help("give each its own `version`");
        }
    }
    templates
}

/// `greeting.v2` is version 2 of `greeting`.
fn split_version(id: &str) -> (&str, Option<u64>) {
    let split = id.rsplit_once(".v").and_then(|(id, version)| Some((id, version.parse().ok()?)));
    split.map_or((id, None), |(id, version)| (id, Some(version)))
}

fn of_messages(node: &Node, report: &mut Report) -> Option<PromptTemplate> {
    let list = node.get("messages").map(Node::elements).unwrap_or_default();
    if list.is_empty() {
        let problem = report.error(&node.at, "a prompt has no `messages`");
        problem.help("write `messages: [{role: system, content: …}]`");
        return None;
    }
    let mut messages = Vec::new();
    for message in list {
        let role = message.get_text("role").unwrap_or("user");
        let role = SPEAKERS.iter().find(|(name, _)| name.trim_end_matches(':') == role);
        let Some((_, role)) = role else {
            let problem = report.error(&message.at, "this is no role of a prompt's message");
            problem.help("use system, developer, user or assistant");
            continue;
        };
        let text = parsed(message.get_text("content").unwrap_or_default(), &message.at, report)?;
        messages.push((*role, text));
    }
    Some(PromptTemplate { messages, ..facts(node) })
}

/// What a prompt says beside its messages.
fn facts(node: &Node) -> PromptTemplate {
    let number = |key: &str| node.get_text(key)?.trim().parse().ok();
    let sampling =
        Sampling { temperature: number("temperature"), top_p: number("top_p"), ..Sampling::default() };
    PromptTemplate {
        messages: Vec::new(),
        model: node.get_text("model").map(str::to_owned),
        sampling,
        max_output_tokens: node.get_whole("max_tokens"),
    }
}

fn of_litellm(params: &Node, id: &str, report: &mut Report) -> Option<PromptTemplate> {
    let integration = params.get_text("prompt_integration").unwrap_or("dotprompt");
    if integration != "dotprompt" {
        let message = format!("prompts of `{integration}` are not fetched here: `{id}` is left out");
        let help = "write the prompt's text into this file (`prompt_integration: dotprompt`)";
        report.warning(&params.at, message).help(help);
        return None;
    }
    if let Some(content) = params.get_text("dotprompt_content") {
        return of_text(content, &params.at, report);
    }
    let data = params.get("prompt_data");
    let data = data.map(|data| data.get(id).unwrap_or(data));
    let Some(content) = data.and_then(|data| data.get_text("content")) else {
        let problem = report.error(&params.at, format!("the prompt `{id}` has no text"));
        problem.help("write it in `dotprompt_content`, or as `content` in `prompt_data`");
        return None;
    };
    let messages = spoken(content, &params.at, report)?;
    let known = data.and_then(|data| data.get("metadata")).map(facts).unwrap_or_default();
    Some(PromptTemplate { messages, ..known })
}

/// A `.prompt` file: facts between two lines of `---`, then the messages.
fn of_text(content: &str, at: &Place, report: &mut Report) -> Option<PromptTemplate> {
    let (head, body) = match content.trim_start().strip_prefix("---") {
        Some(rest) => rest.split_once("\n---").map_or(("", rest), |(head, body)| (head, body)),
        None => ("", content),
    };
    let messages = spoken(body, at, report)?;
    let known = match node::read(&Arc::from("dotprompt_content"), head.as_bytes()) {
        Ok(head) => facts(&head),
        Err(problem) => {
            report.error(at, format!("the facts of a prompt cannot be read: {}", problem.message));
            return None;
        }
    };
    Some(PromptTemplate { messages, ..known })
}

/// Messages out of a text whose lines say who speaks; one of the user's where none does.
fn spoken(text: &str, at: &Place, report: &mut Report) -> Option<Vec<(Role, Template)>> {
    let mut messages: Vec<(Role, String)> = Vec::new();
    for line in text.lines() {
        let begins = |speaker: &str| {
            line.get(..speaker.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(speaker))
        };
        match (SPEAKERS.iter().find(|(speaker, _)| begins(speaker)), messages.last_mut()) {
            (Some((speaker, role)), _) => {
                messages.push((*role, line.get(speaker.len()..).unwrap_or_default().to_owned()));
            }
            (None, Some((_, text))) => {
                text.push('\n');
                text.push_str(line);
            }
            (None, None) if line.trim().is_empty() => {}
            (None, None) => messages.push((Role::User, line.to_owned())),
        }
    }
    if messages.is_empty() {
        report.error(at, "a prompt is empty").help("write its text");
        return None;
    }
    messages.into_iter().map(|(role, text)| Some((role, parsed(text.trim(), at, report)?))).collect()
}

fn parsed(text: &str, at: &Place, report: &mut Report) -> Option<Template> {
    let template = Template::parse(text).map_err(|why| {
        report.error(at, format!("this is no template: {why}")).help("a variable is written `{{name}}`");
    });
    template.ok()
}
