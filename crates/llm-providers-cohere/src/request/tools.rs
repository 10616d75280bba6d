//! Tools and the choice among them, as vendors take them.

use llm_core::request::{FunctionTool, Tool, ToolChoice};
use llm_core::{ChatRequest, Losses, RawJson, Result};

use crate::CHAT;
use crate::wire::ObjectWriter;

/// The schema of a tool without parameters: the format requires one.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// The schema of a tool that takes free text.
const FREE_TEXT: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// What the body says about tools.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) list: Vec<RawJson>,
    pub(super) choice: Option<&'static str>,
    pub(super) strict: Option<bool>,
}

impl Tools {
    /// Reads a request's tools. A choice of one tool is that tool alone, and that some tool must be called.
    pub(super) fn of(request: &ChatRequest, losses: &mut Losses) -> Result<Self> {
        let (choice, only) = choice(request, losses)?;
        let mut list = Vec::with_capacity(request.tools.len());
        let chosen = |tool: &&Tool| only.is_none_or(|only| name(tool) == Some(only));
        for tool in request.tools.iter().filter(chosen) {
            list.extend(written(tool, losses)?);
        }
        if list.is_empty() && matches!(choice, Some("REQUIRED")) {
            losses.meaning("tool_choice")?;
        }
        if request.parallel_tool_calls == Some(false) && !list.is_empty() {
            losses.tuning("parallel_tool_calls")?;
        }
        let choice = choice.filter(|_| !list.is_empty());
        Ok(Self { choice, strict: strict(request, losses)?, list })
    }
}

fn choice<'a>(
    request: &'a ChatRequest,
    losses: &mut Losses,
) -> Result<(Option<&'static str>, Option<&'a str>)> {
    Ok(match &request.tool_choice {
        None | Some(ToolChoice::Auto) => (None, None),
        Some(ToolChoice::None) => (Some("NONE"), None),
        Some(ToolChoice::Required) => (Some("REQUIRED"), None),
        Some(ToolChoice::Function(name) | ToolChoice::Custom(name)) => {
            if request.tools.len() > 1 {
                losses.approximated("tool_choice", "the one tool alone, and a call required")?;
            }
            (Some("REQUIRED"), Some(name.as_str()))
        }
        Some(_) => {
            losses.meaning("tool_choice")?;
            (None, None)
        }
    })
}

fn name(tool: &Tool) -> Option<&str> {
    match tool {
        Tool::Function(function) => Some(&function.name),
        Tool::Custom { name, .. } => Some(name),
        _ => None,
    }
}

fn written(tool: &Tool, losses: &mut Losses) -> Result<Option<RawJson>> {
    Ok(match tool {
        Tool::Function(tool) => Some(function(tool, losses)?),
        Tool::Custom { name, description, .. } => {
            losses.approximated("tools.custom", "a function with one text")?;
            Some(definition(name, description.as_deref(), &constant(FREE_TEXT), None))
        }
        Tool::Hosted { origin, raw } if *origin == CHAT => Some(raw.clone()),
        _ => {
            losses.meaning("tools.hosted")?;
            None
        }
    })
}

fn function(tool: &FunctionTool, losses: &mut Losses) -> Result<RawJson> {
    let own = match &tool.extras {
        Some((origin, extras)) if *origin == CHAT => Some(extras),
        Some((_, extras)) => {
            for (name, _) in extras.iter() {
                losses.tuning(format!("tools.{name}"))?;
            }
            None
        }
        None => None,
    };
    let given = tool.parameters.as_ref().filter(|parameters| !parameters.is_null());
    let parameters = given.cloned().unwrap_or_else(|| constant(NO_PARAMETERS));
    Ok(definition(&tool.name, tool.description.as_deref(), &parameters, own))
}

fn definition(
    name: &str,
    description: Option<&str>,
    parameters: &RawJson,
    extras: Option<&llm_core::RawObject>,
) -> RawJson {
    let mut function = ObjectWriter::new();
    function.member("name", name).optional("description", description).member("parameters", parameters);
    if let Some(extras) = extras {
        function.members(extras);
    }
    ObjectWriter::new().member("type", "function").member("function", &function.json()).json()
}

/// The format knows strictness for all tools or none.
fn strict(request: &ChatRequest, losses: &mut Losses) -> Result<Option<bool>> {
    let mut said = request.tools.iter().map(|tool| match tool {
        Tool::Function(function) => function.strict,
        _ => None,
    });
    let Some(first) = said.next() else { return Ok(None) };
    if said.any(|other| other.unwrap_or(false) != first.unwrap_or(false)) {
        losses.tuning("tools.strict")?;
        return Ok(None);
    }
    Ok(first)
}

fn constant(text: &str) -> RawJson {
    RawJson::parse(text).expect("a constant of valid JSON")
}
