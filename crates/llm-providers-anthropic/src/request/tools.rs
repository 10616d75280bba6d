//! Tools and the choice among them, as vendors take them.

use std::borrow::Cow;

use llm_core::request::{FunctionTool, Tool, ToolChoice};
use llm_core::{ChatRequest, Losses, RawJson, RawObject, Result};
use serde::Serialize;

use super::thinking::Plan;
use crate::MESSAGES;
use crate::models::Rules;
use crate::wire::{CacheControl, ObjectWriter};

/// The schema of a tool without parameters.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// The schema of a tool that takes free text.
const FREE_TEXT: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// The body's `tools`.
pub(super) fn tools<'a>(
    request: &'a ChatRequest,
    rules: Rules,
    losses: &mut Losses,
) -> Result<Vec<Cow<'a, RawJson>>> {
    let mut tools = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        match tool {
            Tool::Function(tool) => tools.push(Cow::Owned(function(tool, rules, losses)?)),
            Tool::Custom { name, description, .. } => {
                losses.approximated("tools.custom", "a function with one text")?;
                tools.push(Cow::Owned(free_text(name, description.as_deref())));
            }
            Tool::Hosted { origin, raw } if *origin == MESSAGES => tools.push(Cow::Borrowed(raw)),
            _ => losses.meaning("tools.hosted")?,
        }
    }
    Ok(tools)
}

fn function(tool: &FunctionTool, rules: Rules, losses: &mut Losses) -> Result<RawJson> {
    let mut object = ObjectWriter::new();
    object.member("name", &tool.name);
    if let Some(description) = &tool.description {
        object.member("description", description);
    }
    object.member("input_schema", &input_schema(tool.parameters.as_ref()));
    match tool.strict {
        Some(true) if !rules.structured_output => losses.tuning("tools.strict")?,
        Some(strict) => {
            object.member("strict", &strict);
        }
        None => {}
    }
    if let Some(mark) = tool.cache {
        object.member("cache_control", &CacheControl(mark));
    }
    match &tool.extras {
        Some((origin, extras)) if *origin == MESSAGES => {
            object.members(extras);
        }
        Some((_, extras)) => {
            for (name, _) in extras.iter() {
                losses.tuning(format!("tools.{name}"))?;
            }
        }
        None => {}
    }
    Ok(object.json())
}

fn free_text(name: &str, description: Option<&str>) -> RawJson {
    let mut object = ObjectWriter::new();
    object.member("name", name);
    if let Some(description) = description {
        object.member("description", description);
    }
    object.member("input_schema", &constant(FREE_TEXT));
    object.json()
}

/// A schema that says that it is an object, as the vendor demands.
fn input_schema(parameters: Option<&RawJson>) -> Cow<'_, RawJson> {
    let Some(parameters) = parameters.filter(|parameters| !parameters.is_null()) else {
        return Cow::Owned(constant(NO_PARAMETERS));
    };
    let Ok(schema) = parameters.read::<RawObject>() else { return Cow::Borrowed(parameters) };
    if schema.get("type").is_some() {
        return Cow::Borrowed(parameters);
    }
    let mut typed: RawObject = [("type".to_owned(), RawJson::string("object"))].into_iter().collect();
    schema.into_iter().for_each(|(key, value)| typed.insert(key, value));
    Cow::Owned(RawJson::of(&typed).expect("an object of valid JSON is valid JSON"))
}

/// The body's `tool_choice`.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Choice<'a> {
    Typed {
        r#type: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        disable_parallel_tool_use: Option<bool>,
    },
    Raw(&'a RawJson),
}

/// Chooses. Without tools there is nothing to choose from, and the vendor would refuse it.
pub(super) fn choice<'a>(
    request: &'a ChatRequest,
    any_tools: bool,
    plan: &Plan,
    losses: &mut Losses,
) -> Result<Option<Choice<'a>>> {
    let (kind, name) = match &request.tool_choice {
        None if request.parallel_tool_calls.is_none() => return Ok(None),
        None | Some(ToolChoice::Auto) => ("auto", None),
        Some(ToolChoice::None) => ("none", None),
        Some(ToolChoice::Required) => ("any", None),
        Some(ToolChoice::Function(name) | ToolChoice::Custom(name)) => ("tool", Some(name.as_str())),
        Some(ToolChoice::Other { origin, raw }) if *origin == MESSAGES => return Ok(Some(Choice::Raw(raw))),
        Some(_) => return losses.meaning("tool_choice").map(|()| None),
    };
    let forced = matches!(kind, "any" | "tool");
    if forced && (!any_tools || plan.is_on()) {
        return losses.meaning("tool_choice").map(|()| None);
    }
    let single = request.parallel_tool_calls.filter(|_| kind != "none").map(|parallel| !parallel);
    let typed = Choice::Typed { r#type: kind, name, disable_parallel_tool_use: single };
    Ok(any_tools.then_some(typed))
}

fn constant(text: &str) -> RawJson {
    RawJson::parse(text).expect("a constant of valid JSON")
}
