//! Prompts that the operator keeps: templates that requests name, and instructions that models and teams always get.

mod instruction;
mod template;

use std::collections::{BTreeMap, HashMap};

use llm_core::provider::Inbound;
use llm_core::request::Sampling;
use llm_core::{ChatRequest, Error, ErrorKind, Message, Part, Result, Role};
use llm_governance::{Principal, Scope};
use serde_json::{Map, Value};

use crate::gateway::State;
use crate::hooks::rewritten;
use crate::options::CallOptions;
use crate::settlement::Settlement;
pub use instruction::{Instruction, Position};
pub use template::Template;

/// Prompts that the operator keeps.
#[derive(Clone, Debug, Default)]
pub struct Prompts {
    /// Templates by id, and by version.
    pub templates: HashMap<String, BTreeMap<u64, PromptTemplate>>,
    /// What a model's calls are always told, by its public name or pattern.
    pub instructions: HashMap<String, Instruction>,
}

/// One version of a prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PromptTemplate {
    /// Its messages; they stand before those of the request.
    pub messages: Vec<(Role, Template)>,
    /// The model of requests that name none.
    pub model: Option<String>,
    /// Sampling for what requests leave open.
    pub sampling: Sampling,
    /// The output limit of requests that say none.
    pub max_output_tokens: Option<u64>,
}

impl Prompts {
    /// The request with the prompt that it names in its messages.
    ///
    /// # Errors
    /// When there is no such prompt, or one of its variables is missing.
    pub(crate) fn fill(&self, inbound: Box<Inbound>) -> Result<Box<Inbound>> {
        let Some(id) = inbound.option::<String>("prompt_id")?.filter(|id| !id.is_empty()) else {
            return Ok(inbound);
        };
        if !inbound.asked.operation.is_chat() {
            let what = "`prompt_id` is for chats: leave it out of other requests";
            return Err(Error::invalid(what).with_param("prompt_id"));
        }
        let template = self.find(&id, inbound.option("prompt_version")?)?;
        let filled = template.filled(&id, inbound.option("prompt_variables")?.unwrap_or_default())?;
        let message = |(role, text)| Message::new(role, vec![Part::text(text)]);
        let mut messages: Vec<Message> = filled.into_iter().map(message).collect();
        let mut request = inbound.decoded()?.clone();
        messages.append(&mut request.messages);
        request.messages = messages;
        template.complete(&mut request);
        rewritten(&inbound, &request)
    }

    fn find(&self, id: &str, version: Option<Value>) -> Result<&PromptTemplate> {
        let shown: String = id.chars().take(64).collect();
        let unknown = |what: String, param| Error::new(ErrorKind::InvalidRequest, what).with_param(param);
        let versions = self.templates.get(id);
        let versions =
            versions.ok_or_else(|| unknown(format!("there is no prompt `{shown}`"), "prompt_id"))?;
        let Some(wanted) = version.filter(|version| !version.is_null()) else {
            let newest = versions.values().next_back();
            return newest.ok_or_else(|| unknown(format!("the prompt `{shown}` is empty"), "prompt_id"));
        };
        let number = wanted.as_u64().or_else(|| wanted.as_str()?.trim_start_matches('v').parse().ok());
        number.and_then(|number| versions.get(&number)).ok_or_else(|| {
            let known: Vec<String> = versions.keys().map(ToString::to_string).collect();
            let what = format!("the prompt `{shown}` has no such version: it has {}", known.join(", "));
            unknown(what, "prompt_version")
        })
    }

    /// The request with what its model and its team are always told.
    ///
    /// # Errors
    /// When what the team is to be told is nothing that can be told.
    fn instruct(
        &self,
        inbound: Box<Inbound>,
        group: Option<&str>,
        caller: Option<&Principal>,
    ) -> Result<Box<Inbound>> {
        if !inbound.asked.operation.is_chat() {
            return Ok(inbound);
        }
        let of_model = group.and_then(|group| self.instructions.get(group)).cloned();
        let of_team = caller.map(of_team).transpose()?.flatten();
        let all: Vec<Instruction> = of_model.into_iter().chain(of_team).collect();
        if all.is_empty() {
            return Ok(inbound);
        }
        let mut request = inbound.decoded()?.clone();
        instruction::apply(&all, &mut request);
        rewritten(&inbound, &request)
    }
}

impl State {
    /// The request with what its model and its team are always told.
    ///
    /// # Errors
    /// As [`Prompts::instruct`].
    pub(crate) fn instruct(
        &self,
        inbound: Box<Inbound>,
        options: &CallOptions,
        settlement: &Settlement,
    ) -> Result<Box<Inbound>> {
        let is_asked = !self.prompts.instructions.is_empty();
        let group = is_asked.then(|| self.router.resolve(&options.model).ok()).flatten();
        let group = group.map(|(group, _)| group.name().as_str());
        self.prompts.instruct(inbound, group, settlement.bill().map(|bill| &*bill.caller))
    }
}

impl PromptTemplate {
    /// Its messages with these variables; `id` is what it is called.
    ///
    /// # Errors
    /// When a variable is missing, or is no text.
    pub fn filled(&self, id: &str, given: Map<String, Value>) -> Result<Vec<(Role, String)>> {
        let variables = variables(given)?;
        let fill = |(role, text): &(Role, Template)| {
            let text = text.fill(&variables).map_err(|missing| {
                let what = format!("the prompt `{id}` needs the variable `{missing}` in `prompt_variables`");
                Error::invalid(what).with_param("prompt_variables")
            })?;
            Ok((*role, text))
        };
        self.messages.iter().map(fill).collect()
    }

    /// Says what the request leaves open.
    fn complete(&self, request: &mut ChatRequest) {
        if request.model.is_empty()
            && let Some(model) = &self.model
        {
            request.model.clone_from(model);
        }
        request.sampling.or(&self.sampling);
        request.max_output_tokens = request.max_output_tokens.or(self.max_output_tokens);
    }
}

/// The field of a team's metadata that says what its calls are told.
const OF_TEAM: &str = "system_prompt";

fn of_team(caller: &Principal) -> Result<Option<Instruction>> {
    let Some(said) = caller.account(Scope::Team).and_then(|team| team.terms.metadata.get(OF_TEAM)) else {
        return Ok(None);
    };
    // What a team must be told is not left out because somebody misspelt it.
    Instruction::of(said).map(Some).map_err(|why| {
        Error::internal(format!(
            "the team's `metadata.{OF_TEAM}` cannot be used: {why}; its administrator can mend it"
        ))
    })
}

/// The variables as texts.
fn variables(given: Map<String, Value>) -> Result<HashMap<String, String>> {
    let text = |(name, value): (String, Value)| {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => {
                let what = format!("the variable `{name}` in `prompt_variables` must be a text or a number");
                return Err(Error::invalid(what).with_param("prompt_variables"));
            }
        };
        Ok((name, text))
    };
    given.into_iter().map(text).collect()
}
