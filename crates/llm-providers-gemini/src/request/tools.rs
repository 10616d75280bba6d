//! Tools and the choice among them, both ways.
//!
//! After <https://ai.google.dev/api/caching#Tool>.

use llm_core::request::{FunctionTool, Tool, ToolChoice};
use llm_core::{ChatRequest, Losses, RawJson, RawObject, Result};
use serde_json::value::RawValue;

use crate::wire::{Malformed, Members, ObjectWriter, json};
use crate::{GENERATE, schema};

/// The schema of a tool that takes free text.
const FREE_TEXT: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// Members of a declaration that are modelled.
const DECLARATION: &[&str] = &["name", "description", "parameters", "parametersJsonSchema"];

/// Reads `tools` and `toolConfig`.
pub(super) fn read(
    body: &Members<'_>,
    request: &mut ChatRequest,
    extras: &mut RawObject,
) -> Result<(), Malformed> {
    let list = match body.raw("tools") {
        Some(single) if single.get().starts_with('{') => vec![single],
        _ => body.array("tools")?,
    };
    for (at, raw) in list.into_iter().enumerate() {
        read_tools(raw, &mut request.tools).map_err(|fault| fault.within(at).within("tools"))?;
    }
    let Some(config) = body.object("toolConfig")? else { return Ok(()) };
    if let Some(choice) = config.object("functionCallingConfig").map_err(|at| at.within("toolConfig"))? {
        let raw = config.read("functionCallingConfig", "an object")?.unwrap_or_else(RawJson::null);
        request.tool_choice = read_choice(&choice, raw);
    }
    let rest = config.rest(&["functionCallingConfig"]);
    if !rest.is_empty() {
        extras.insert("toolConfig", json(&rest));
    }
    Ok(())
}

/// One object may hold declarations and tools of the vendor's own.
fn read_tools(raw: &RawValue, tools: &mut Vec<Tool>) -> Result<(), Malformed> {
    let object = Members::parse(raw.get())?;
    for (at, raw) in object.array("functionDeclarations")?.into_iter().enumerate() {
        let tool = declaration(raw).map_err(|fault| fault.within(at).within("functionDeclarations"))?;
        tools.push(Tool::Function(tool));
    }
    for (name, value) in object.iter().filter(|(name, _)| *name != "functionDeclarations") {
        let mut hosted = ObjectWriter::new();
        hosted.member(name, value);
        tools.push(Tool::Hosted { origin: GENERATE, raw: hosted.json() });
    }
    Ok(())
}

fn declaration(raw: &RawValue) -> Result<FunctionTool, Malformed> {
    let tool = Members::parse(raw.get())?;
    let older: Option<RawJson> = tool.read("parameters", "a schema")?;
    let schema = tool.read("parametersJsonSchema", "a JSON schema")?;
    let extras = tool.rest(DECLARATION);
    Ok(FunctionTool {
        name: tool.required_text("name")?,
        description: tool.text("description")?,
        parameters: schema.or_else(|| older.as_ref().map(schema::to_json_schema)),
        strict: None,
        cache: None,
        extras: (!extras.is_empty()).then_some((GENERATE, extras)),
    })
}

fn read_choice(choice: &Members<'_>, raw: RawJson) -> Option<ToolChoice> {
    let names: Vec<String> = choice.read("allowedFunctionNames", "names").ok().flatten().unwrap_or_default();
    let other = Some(ToolChoice::Other { origin: GENERATE, raw });
    if !choice.rest(&["mode", "allowedFunctionNames"]).is_empty() {
        return other;
    }
    match (choice.word("mode")?.as_str(), names.as_slice()) {
        ("MODE_UNSPECIFIED" | "0", _) => None,
        ("AUTO" | "1", []) => Some(ToolChoice::Auto),
        ("ANY" | "2", []) => Some(ToolChoice::Required),
        ("ANY" | "2", [one]) => Some(ToolChoice::Function(one.clone())),
        ("NONE" | "3", _) => Some(ToolChoice::None),
        _ => other,
    }
}

/// The body's `tools`.
pub(super) fn tools(request: &ChatRequest, losses: &mut Losses) -> Result<Vec<RawJson>> {
    let (mut declarations, mut hosted) = (Vec::new(), Vec::new());
    for tool in &request.tools {
        match tool {
            Tool::Function(tool) => declarations.push(function(tool, losses)?),
            Tool::Custom { name, description, .. } => {
                losses.approximated("tools.custom", "a function with one text")?;
                declarations.push(free_text(name, description.as_deref()));
            }
            Tool::Hosted { origin, raw } if *origin == GENERATE => hosted.push(raw.clone()),
            _ => losses.meaning("tools.hosted")?,
        }
    }
    if declarations.is_empty() {
        return Ok(hosted);
    }
    let mut object = ObjectWriter::new();
    object.member("functionDeclarations", &declarations);
    hosted.insert(0, object.json());
    Ok(hosted)
}

fn function(tool: &FunctionTool, losses: &mut Losses) -> Result<RawJson> {
    if tool.strict == Some(true) {
        losses.tuning("tools.strict")?;
    }
    let mut object = ObjectWriter::new();
    object.member("name", &tool.name).optional("description", tool.description.as_ref());
    let schema = tool.parameters.as_ref().filter(|schema| says_something(schema));
    object.optional("parametersJsonSchema", schema);
    match &tool.extras {
        Some((origin, extras)) if *origin == GENERATE => {
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

/// A tool without parameters is one without a schema.
fn says_something(schema: &RawJson) -> bool {
    let object: Option<RawObject> = schema.read().ok();
    !schema.is_null() && object.is_none_or(|object| !object.is_empty())
}

fn free_text(name: &str, description: Option<&str>) -> RawJson {
    let mut object = ObjectWriter::new();
    object.member("name", name).optional("description", description);
    object.member("parametersJsonSchema", &RawJson::parse(FREE_TEXT).expect("a constant of valid JSON"));
    object.json()
}

/// The body's `toolConfig`.
pub(super) fn config(
    request: &ChatRequest,
    own: Option<&RawObject>,
    losses: &mut Losses,
) -> Result<Option<RawJson>> {
    if request.parallel_tool_calls == Some(false) && !request.tools.is_empty() {
        losses.tuning("parallel_tool_calls")?;
    }
    let mut object = ObjectWriter::new();
    object.optional("functionCallingConfig", choice(request, losses)?.as_ref());
    let rest: Option<RawObject> = own.and_then(|own| own.get("toolConfig")?.read().ok());
    if let Some(rest) = rest {
        object.members(&rest);
    }
    Ok((!object.is_empty()).then(|| object.json()))
}

fn choice(request: &ChatRequest, losses: &mut Losses) -> Result<Option<RawJson>> {
    let any_function = request.tools.iter().any(|tool| !matches!(tool, Tool::Hosted { .. }));
    let (mode, name) = match &request.tool_choice {
        None => return Ok(None),
        Some(ToolChoice::Auto) => ("AUTO", None),
        Some(ToolChoice::None) => ("NONE", None),
        Some(ToolChoice::Required) => ("ANY", None),
        Some(ToolChoice::Function(name) | ToolChoice::Custom(name)) => ("ANY", Some(name)),
        Some(ToolChoice::Other { origin, raw }) if *origin == GENERATE => return Ok(Some(raw.clone())),
        Some(_) => return losses.meaning("tool_choice").map(|()| None),
    };
    if mode == "ANY" && !any_function {
        return losses.meaning("tool_choice").map(|()| None);
    }
    let mut object = ObjectWriter::new();
    object.member("mode", mode).optional("allowedFunctionNames", name.map(|name| [name]).as_ref());
    Ok(Some(object.json()))
}
