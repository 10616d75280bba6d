//! Tools and the choice among them, as vendors take them.

use std::borrow::Cow;

use llm_core::request::{FunctionTool, Tool, ToolChoice};
use llm_core::{ChatRequest, Losses, RawJson, RawObject, Result};
use serde::Serialize;

use super::format::Form;
use super::turns::Conversation;
use crate::CONVERSE;
use crate::models::Rules;
use crate::wire::{Block, CachePoint, ObjectWriter, union};

/// The schema of a tool without parameters, and of one that nobody describes.
const ANY_OBJECT: &str = r#"{"type":"object"}"#;

/// The schema of a tool that takes free text.
const FREE_TEXT: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

const CALL_NO_TOOL: &str = "Answer without calling any tool.";

/// The body's `toolConfig`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    tools: Vec<Cow<'a, RawJson>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
}

/// `toolChoice`. There is no word for "none".
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Choice<'a> {
    Auto {},
    Any {},
    Tool {
        name: &'a str,
    },
    #[serde(untagged)]
    Raw(&'a RawJson),
}

/// Decides on `toolConfig`; `None`: there is nothing to call. May add to the instructions.
pub(super) fn config<'a>(
    request: &'a ChatRequest,
    rules: Rules,
    form: &'a Form,
    conversation: &mut Conversation<'a>,
    losses: &mut Losses,
) -> Result<Option<ToolConfig<'a>>> {
    let mut tools = tools(request, rules, losses)?;
    if let Some(answer) = &form.tool {
        tools.push(Cow::Borrowed(answer));
        let choice = Choice::Tool { name: super::format::ANSWER_TOOL };
        return Ok(Some(ToolConfig { tools, tool_choice: Some(choice) }));
    }
    if request.tool_choice == Some(ToolChoice::None) && !tools.is_empty() {
        if !conversation.uses_tools() {
            losses.approximated("tool_choice", "no tools")?;
            return Ok(None);
        }
        losses.approximated("tool_choice", "an instruction")?;
        conversation.system.push(Block::Text(CALL_NO_TOOL.into()));
        return Ok(Some(ToolConfig { tools, tool_choice: None }));
    }
    if tools.is_empty() && conversation.uses_tools() {
        // The vendor demands definitions where the history has calls.
        losses.approximated("tools", "tools by the names in the history")?;
        let names = conversation.called_tools();
        let names = if names.is_empty() { vec!["unknown"] } else { names };
        tools.extend(names.into_iter().map(|name| Cow::Owned(spec(name, None, &constant(ANY_OBJECT), None))));
        conversation.system.push(Block::Text(CALL_NO_TOOL.into()));
        return Ok(Some(ToolConfig { tools, tool_choice: None }));
    }
    if request.parallel_tool_calls == Some(false) && !tools.is_empty() {
        losses.tuning("parallel_tool_calls")?;
    }
    let tool_choice = choice(request, rules, tools.len(), losses)?;
    Ok((!tools.is_empty()).then_some(ToolConfig { tools, tool_choice }))
}

fn tools<'a>(request: &'a ChatRequest, rules: Rules, losses: &mut Losses) -> Result<Vec<Cow<'a, RawJson>>> {
    let mut tools = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        match tool {
            Tool::Function(tool) => {
                tools.push(Cow::Owned(function(tool, rules, losses)?));
                match tool.cache {
                    Some(mark) if rules.caches() => {
                        tools.push(Cow::Owned(union("cachePoint", &CachePoint(mark))));
                    }
                    Some(_) => losses.tuning("cache_control")?,
                    None => {}
                }
            }
            Tool::Custom { name, description, .. } => {
                losses.approximated("tools.custom", "a function with one text")?;
                tools.push(Cow::Owned(spec(name, description.as_deref(), &constant(FREE_TEXT), None)));
            }
            Tool::Hosted { origin, raw } if *origin == CONVERSE => tools.push(Cow::Borrowed(raw)),
            _ => losses.meaning("tools.hosted")?,
        }
    }
    Ok(tools)
}

fn function(tool: &FunctionTool, rules: Rules, losses: &mut Losses) -> Result<RawJson> {
    let strict = tool.strict.filter(|strict| *strict && rules.structured_output);
    if tool.strict == Some(true) && strict.is_none() {
        losses.tuning("tools.strict")?;
    }
    for (name, _) in tool.extras.iter().flat_map(|(_, extras)| extras.iter()) {
        losses.tuning(format!("tools.{name}"))?;
    }
    let schema = schema(tool.parameters.as_ref());
    Ok(spec(&tool.name, tool.description.as_deref(), &schema, strict))
}

fn spec(name: &str, description: Option<&str>, schema: &RawJson, strict: Option<bool>) -> RawJson {
    let mut object = ObjectWriter::new();
    object.member("name", name);
    // An empty description is refused.
    object.optional("description", description.filter(|text| !text.trim().is_empty()));
    object.member("inputSchema", &union("json", schema));
    object.optional("strict", strict.as_ref());
    union("toolSpec", &object.json())
}

/// The definition of a tool for the form of the answer.
pub(super) fn answer_spec(name: &str, description: &str, schema: &RawJson) -> RawJson {
    spec(name, Some(description), schema, None)
}

/// A schema that says that it is an object, as the vendor demands.
fn schema(parameters: Option<&RawJson>) -> Cow<'_, RawJson> {
    let Some(parameters) = parameters.filter(|parameters| !parameters.is_null()) else {
        return Cow::Owned(constant(ANY_OBJECT));
    };
    let Ok(schema) = parameters.read::<RawObject>() else { return Cow::Borrowed(parameters) };
    if schema.get("type").is_some() {
        return Cow::Borrowed(parameters);
    }
    let mut typed: RawObject = [("type".to_owned(), RawJson::string("object"))].into_iter().collect();
    schema.into_iter().for_each(|(key, value)| typed.insert(key, value));
    Cow::Owned(RawJson::of(&typed).expect("an object of valid JSON is valid JSON"))
}

fn choice<'a>(
    request: &'a ChatRequest,
    rules: Rules,
    tools: usize,
    losses: &mut Losses,
) -> Result<Option<Choice<'a>>> {
    let choice = match &request.tool_choice {
        None | Some(ToolChoice::None) => return Ok(None),
        Some(ToolChoice::Auto) => Choice::Auto {},
        Some(ToolChoice::Other { origin, raw }) if *origin == CONVERSE => Choice::Raw(raw),
        Some(_) if tools == 0 => return losses.meaning("tool_choice").map(|()| None),
        Some(ToolChoice::Required) if rules.demands_any_tool() => Choice::Any {},
        Some(ToolChoice::Function(name) | ToolChoice::Custom(name)) if rules.demands_one_tool() => {
            Choice::Tool { name }
        }
        Some(ToolChoice::Function(_) | ToolChoice::Custom(_)) if tools == 1 && rules.demands_any_tool() => {
            Choice::Any {}
        }
        Some(_) => return losses.meaning("tool_choice").map(|()| None),
    };
    Ok(Some(choice))
}

fn constant(text: &str) -> RawJson {
    RawJson::parse(text).expect("a constant of valid JSON")
}
