//! Tools and the choice among them.

use std::borrow::Cow;

use llm_core::request::{FunctionTool, Tool, ToolChoice};
use llm_core::{ChatRequest, Losses, RawJson, Result};
use serde::Serialize;

use crate::GENERATION;
use crate::wire::raw;

/// The schema of a tool that takes free text.
const FREE_TEXT: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// The schema of a tool without parameters.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

#[derive(Debug, Serialize)]
struct Definition<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: Cow<'a, RawJson>,
}

/// The parameter `tools`.
pub(super) fn tools(request: &ChatRequest, losses: &mut Losses) -> Result<Vec<RawJson>> {
    let mut tools = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        match tool {
            Tool::Function(tool) => tools.push(function(tool, losses)?),
            Tool::Custom { name, description, .. } => {
                losses.approximated("tools.custom", "a function with one text")?;
                tools.push(definition(name, description.as_deref(), Cow::Owned(constant(FREE_TEXT))));
            }
            Tool::Hosted { origin, raw } if *origin == GENERATION => tools.push(raw.clone()),
            _ => losses.meaning("tools.hosted")?,
        }
    }
    Ok(tools)
}

fn function(tool: &FunctionTool, losses: &mut Losses) -> Result<RawJson> {
    if tool.strict == Some(true) {
        losses.tuning("tools.strict")?;
    }
    if tool.cache.is_some() {
        losses.tuning("tools.cache_control")?;
    }
    for (name, _) in tool.extras.iter().flat_map(|(_, fields)| fields.iter()) {
        losses.tuning(format!("tools.{name}"))?;
    }
    let parameters = tool.parameters.as_ref().filter(|parameters| !parameters.is_null());
    let parameters = parameters.map_or_else(|| Cow::Owned(constant(NO_PARAMETERS)), Cow::Borrowed);
    Ok(definition(&tool.name, tool.description.as_deref(), parameters))
}

fn definition(name: &str, description: Option<&str>, parameters: Cow<'_, RawJson>) -> RawJson {
    raw(&Definition { r#type: "function", function: Function { name, description, parameters } })
}

/// The parameter `tool_choice`: `auto`, `none` or one function. That some function must be called can be said only
/// where there is but one.
pub(super) fn choice(request: &ChatRequest, any_tools: bool, losses: &mut Losses) -> Result<Option<RawJson>> {
    let name = match (&request.tool_choice, request.tools.as_slice()) {
        (None, _) => return Ok(None),
        (Some(ToolChoice::Auto), _) => return Ok(any_tools.then(|| RawJson::string("auto"))),
        (Some(ToolChoice::None), _) => return Ok(any_tools.then(|| RawJson::string("none"))),
        (Some(ToolChoice::Function(name) | ToolChoice::Custom(name)), _) if any_tools => name,
        (
            Some(ToolChoice::Required),
            [Tool::Function(FunctionTool { name, .. }) | Tool::Custom { name, .. }],
        ) => name,
        (Some(ToolChoice::Other { origin, raw }), _) if *origin == GENERATION => {
            return Ok(Some(raw.clone()));
        }
        _ => return losses.meaning("tool_choice").map(|()| None),
    };
    Ok(Some(raw(&serde_json::json!({"type": "function", "function": {"name": name}}))))
}

fn constant(text: &str) -> RawJson {
    RawJson::parse(text).expect("a constant of valid JSON")
}
