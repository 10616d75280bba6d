//! Tools and the choice among them, as this format writes them: flat, without a `function` object around.

use llm_core::request::{FunctionTool, Tool, ToolChoice};
use llm_core::{Losses, RawJson, RawObject, Result};
use serde_json::value::RawValue;

use super::RESPONSES;
use super::fields::{Fault, Fields, raw, text};
use super::write::{ArrayWriter, ObjectWriter, Sink};

/// Reads a tool.
pub(super) fn tool(value: &RawValue) -> Result<Tool, Fault> {
    let mut fields = Fields::parse(value.get())?;
    match fields.peek("type").as_ref() {
        "function" => function(fields).map(Tool::Function),
        "custom" => Ok(Tool::Custom {
            name: fields.required("name")?,
            description: fields.string("description")?,
            format: fields.value("format").map(raw),
        }),
        "" => Err(Fault::new("type", "this field is required")),
        _ => Ok(Tool::Hosted { origin: RESPONSES, raw: raw(value) }),
    }
}

fn function(mut fields: Fields<'_>) -> Result<FunctionTool, Fault> {
    fields.take("type");
    let tool = FunctionTool {
        name: fields.required("name")?,
        description: fields.string("description")?,
        parameters: fields.value("parameters").map(raw),
        strict: fields.read("strict")?,
        cache: None,
        extras: None,
    };
    let rest = fields.rest();
    Ok(FunctionTool { extras: (!rest.is_empty()).then_some((RESPONSES, rest)), ..tool })
}

/// Reads a `tool_choice`.
pub(super) fn tool_choice(value: &RawValue) -> Result<ToolChoice, Fault> {
    if let Some(word) = text(value) {
        return match word.as_ref() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            other => {
                Err(Fault::new("", format!("`{other}` is none of `auto`, `none`, `required` and an object")))
            }
        };
    }
    let mut fields = Fields::parse(value.get())?;
    match fields.required("type")?.as_str() {
        "function" => fields.required("name").map(ToolChoice::Function),
        "custom" => fields.required("name").map(ToolChoice::Custom),
        _ => Ok(ToolChoice::Other { origin: RESPONSES, raw: raw(value) }),
    }
}

/// Writes a tool of a request, or reports it as lost. `native`: the client spoke this format.
///
/// # Errors
/// When the tool cannot be expressed and the losses' policy does not allow to leave it out.
pub(super) fn put_tool<S: Sink>(
    list: &mut ArrayWriter<'_, S>,
    tool: &Tool,
    native: bool,
    losses: &mut Losses,
) -> Result<()> {
    if let Tool::Function(function) = tool {
        if function.cache.is_some() {
            losses.foreign_state("cache_control");
        }
        if let Some((origin, fields)) = &function.extras
            && *origin != RESPONSES
            && !fields.is_empty()
        {
            losses.foreign_state("tools.extras");
        }
    }
    if !echo_tool(list, tool, native) {
        losses.meaning("tools")?;
    }
    Ok(())
}

/// Writes a tool; `false` when this format has no words for it.
pub(super) fn echo_tool<S: Sink>(list: &mut ArrayWriter<'_, S>, tool: &Tool, native: bool) -> bool {
    match tool {
        Tool::Function(function) => put_function(&mut list.object(), function, native),
        Tool::Custom { name, description, format } => {
            let mut object = list.object();
            object.put("type", "custom");
            object.put("name", name);
            object.put_some("description", description.as_deref());
            object.put_some("format", format.as_ref().map(flat_format));
        }
        Tool::Hosted { origin, raw } if *origin == RESPONSES => list.put_json(raw.get().as_bytes()),
        _ => return false,
    }
    true
}

fn put_function<S: Sink>(object: &mut ObjectWriter<'_, S>, function: &FunctionTool, native: bool) {
    object.put("type", "function");
    object.put("name", &function.name);
    object.put_some("description", function.description.as_deref());
    match &function.parameters {
        Some(parameters) => object.put("parameters", parameters),
        None => object.put_json("parameters", br#"{"type":"object","properties":{}}"#),
    }
    // Here a missing `strict` means true; everywhere else it means false.
    let usual = (!native).then_some(false);
    object.put_some("strict", function.strict.or(usual));
    if let Some((origin, fields)) = &function.extras
        && *origin == RESPONSES
    {
        object.members(fields);
    }
}

/// Chat completions put a grammar into an object of its own; here its fields stand beside `type`.
fn flat_format(format: &RawJson) -> RawJson {
    let flattened = || -> Option<RawJson> {
        let mut members: RawObject = format.read().ok()?;
        let grammar: RawObject = members.remove("grammar")?.read().ok()?;
        grammar.into_iter().for_each(|(key, value)| members.insert(key, value));
        RawJson::of(&members).ok()
    };
    flattened().unwrap_or_else(|| format.clone())
}

/// Writes a `tool_choice` as the value of that member; `false` when this format has no words for it.
pub(super) fn put_tool_choice<S: Sink>(object: &mut ObjectWriter<'_, S>, choice: &ToolChoice) -> bool {
    match choice {
        ToolChoice::Auto => object.put("tool_choice", "auto"),
        ToolChoice::None => object.put("tool_choice", "none"),
        ToolChoice::Required => object.put("tool_choice", "required"),
        ToolChoice::Function(name) => put_named_choice(object, "function", name),
        ToolChoice::Custom(name) => put_named_choice(object, "custom", name),
        ToolChoice::Other { origin, raw } if *origin == RESPONSES => object.put("tool_choice", raw),
        _ => return false,
    }
    true
}

fn put_named_choice<S: Sink>(object: &mut ObjectWriter<'_, S>, kind: &str, name: &str) {
    let mut choice = object.object("tool_choice");
    choice.put("type", kind);
    choice.put("name", name);
}
