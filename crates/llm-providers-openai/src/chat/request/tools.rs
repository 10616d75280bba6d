//! Tools and the choice among them, read and written.

use std::borrow::Cow;

use llm_core::message::CacheMark;
use llm_core::request::{FunctionTool, Tool, ToolChoice};
use llm_core::{Error, Losses, RawJson, RawObject, Result};
use serde::de::{self, MapAccess};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::chat::CHAT;
use crate::chat::fields::{self, Fields};
use crate::chat::part::{PartWriter, ShownCache, WireCache};
use crate::quirks::{Quirks, RequiredChoice};

/// The mark on functions that came as legacy `functions`: answers to such a client are written in the same way.
pub(in crate::chat) const LEGACY: &str = "functions";

/// A tool definition, or a legacy function without the wrapping.
#[derive(Default)]
pub(super) struct WireTool<'de> {
    kind: Option<Cow<'de, str>>,
    name: Option<String>,
    description: Option<String>,
    parameters: Option<RawJson>,
    strict: Option<bool>,
    format: Option<RawJson>,
    function: Option<Box<WireTool<'de>>>,
    custom: Option<Box<WireTool<'de>>>,
    cache: Option<CacheMark>,
    extras: RawObject,
}

impl<'de> Fields<'de> for WireTool<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "type" => self.kind = fields::filled(map)?,
            "name" => self.name = map.next_value()?,
            "description" => self.description = map.next_value()?,
            "parameters" => {
                self.parameters = map.next_value::<Option<RawJson>>()?.filter(|raw| !raw.is_null());
            }
            "strict" => self.strict = map.next_value()?,
            "format" => self.format = map.next_value::<Option<RawJson>>()?.filter(|raw| !raw.is_null()),
            "function" => self.function = fields::object(map)?.map(Box::new),
            "custom" => self.custom = fields::object(map)?.map(Box::new),
            "cache_control" => self.cache = fields::object::<WireCache, A>(map)?.map(|cache| cache.mark()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        fields::keep(&mut self.extras, key, map)
    }
}

/// Reads definitions; `legacy` ones are bare functions.
pub(super) fn canonical(tools: Vec<WireTool<'_>>, legacy: bool) -> Result<Vec<Tool>> {
    let place = if legacy { "functions" } else { "tools" };
    let read = tools.into_iter().enumerate().map(|(number, tool)| {
        tool.canonical(legacy).map_err(|fault| {
            let place = format!("{place}[{number}]");
            Error::invalid(format!("invalid `{place}`: {fault}")).with_param(place)
        })
    });
    read.collect()
}

impl WireTool<'_> {
    fn canonical(self, legacy: bool) -> Result<Tool, String> {
        if legacy {
            let mut function = self.into_function()?;
            let extras = function.extras.get_or_insert_with(|| (CHAT, RawObject::default()));
            extras.1.insert(LEGACY, RawJson::parse("true").map_err(|fault| fault.to_string())?);
            return Ok(Tool::Function(function));
        }
        match (self.kind.as_deref().unwrap_or("function"), self.function, self.custom) {
            ("function", Some(function), _) => {
                let mut function = function.into_function()?;
                function.cache = self.cache.or(function.cache);
                Ok(Tool::Function(function))
            }
            ("function", None, _) => Err("`function` is missing".to_owned()),
            ("custom", _, Some(custom)) => Ok(Tool::Custom {
                name: custom.name.filter(|name| !name.is_empty()).ok_or("`custom.name` is missing")?,
                description: custom.description,
                format: custom.format.map(flat_format),
            }),
            ("custom", _, None) => Err("`custom` is missing".to_owned()),
            // A tool that the vendor runs: nothing but `type` is known of it.
            (kind, ..) => {
                Ok(Tool::Hosted { origin: CHAT, raw: hosted(kind, self.name, self.parameters, self.extras)? })
            }
        }
    }

    fn into_function(self) -> Result<FunctionTool, String> {
        Ok(FunctionTool {
            name: self.name.filter(|name| !name.is_empty()).ok_or("`name` is missing")?,
            description: self.description,
            parameters: self.parameters,
            strict: self.strict,
            cache: self.cache,
            extras: (!self.extras.is_empty()).then_some((CHAT, self.extras)),
        })
    }
}

fn hosted(
    kind: &str,
    name: Option<String>,
    parameters: Option<RawJson>,
    extras: RawObject,
) -> Result<RawJson, String> {
    let mut whole = RawObject::default();
    whole.insert("type", RawJson::string(kind));
    if let Some(name) = name {
        whole.insert("name", RawJson::string(&name));
    }
    if let Some(parameters) = parameters {
        whole.insert("parameters", parameters);
    }
    for (key, value) in extras {
        whole.insert(key, value);
    }
    RawJson::of(&whole).map_err(|fault| fault.to_string())
}

/// The canonical form of a custom tool's format is the flat one, `{"type","syntax","definition"}`; this dialect
/// nests a grammar in `grammar`.
fn flat_format(format: RawJson) -> RawJson {
    let Ok(mut members) = format.read::<RawObject>() else { return format };
    let Some(grammar) = members.remove("grammar").and_then(|grammar| grammar.read::<RawObject>().ok()) else {
        return format;
    };
    for (key, value) in grammar {
        members.insert(key, value);
    }
    RawJson::of(&members).unwrap_or(format)
}

fn nested_format(format: &RawJson) -> RawJson {
    let nested = || -> Option<RawJson> {
        let mut members: RawObject = format.read().ok()?;
        let grammar: RawObject = ["definition", "syntax"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), members.remove(key)?)))
            .collect();
        if grammar.is_empty() {
            return None;
        }
        members.insert("grammar", RawJson::of(&grammar).ok()?);
        RawJson::of(&members).ok()
    };
    nested().unwrap_or_else(|| format.clone())
}

/// Reads `tool_choice`, and the legacy `function_call`.
pub(super) fn choice<E: de::Error>(raw: &RawValue) -> Result<Option<ToolChoice>, E> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Named {
        r#type: Option<String>,
        name: Option<String>,
        function: Option<Name>,
        custom: Option<Name>,
    }
    #[derive(Deserialize)]
    struct Name {
        name: String,
    }
    if let Some(word) = raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return match word {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" | "any" => Ok(Some(ToolChoice::Required)),
            _ => Err(E::custom("expected `auto`, `none`, `required` or an object")),
        };
    }
    let named: Option<Named> = serde_json::from_str(raw.get()).map_err(E::custom)?;
    let Some(named) = named else { return Ok(None) };
    Ok(Some(match (named.r#type.as_deref(), named.function, named.custom, named.name) {
        (Some("function") | None, Some(function), ..) => ToolChoice::Function(function.name),
        (Some("custom"), _, Some(custom), _) => ToolChoice::Custom(custom.name),
        (None, None, None, Some(name)) => ToolChoice::Function(name),
        (Some("function" | "custom") | None, ..) => return Err(E::custom("it names no tool")),
        _ => ToolChoice::Other { origin: CHAT, raw: RawJson::of(raw).map_err(E::custom)? },
    }))
}

/// A tool definition, written.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ShownTool<'a> {
    Function {
        r#type: &'static str,
        function: ShownFunction<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<ShownCache>,
    },
    Custom {
        r#type: &'static str,
        custom: ShownCustom<'a>,
    },
    Raw(&'a RawJson),
}

#[derive(Serialize)]
pub(super) struct ShownFunction<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
    #[serde(flatten)]
    extras: RawObject,
}

#[derive(Serialize)]
pub(super) struct ShownCustom<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<RawJson>,
}

/// Writes the definitions; schemas stay as they were written.
pub(super) fn shown<'a>(
    tools: &'a [Tool],
    quirks: &Quirks,
    losses: &mut Losses,
) -> Result<Vec<ShownTool<'a>>> {
    let mut shown = Vec::with_capacity(tools.len());
    for tool in tools {
        match tool {
            Tool::Function(function) => shown.push(shown_function(function, quirks, losses)?),
            Tool::Custom { name, description, format } => shown.push(ShownTool::Custom {
                r#type: "custom",
                custom: ShownCustom {
                    name,
                    description: description.as_deref(),
                    format: format.as_ref().map(nested_format),
                },
            }),
            Tool::Hosted { origin, raw } if *origin == CHAT => shown.push(ShownTool::Raw(raw)),
            _ => losses.meaning("tools")?,
        }
    }
    Ok(shown)
}

fn shown_function<'a>(tool: &'a FunctionTool, quirks: &Quirks, losses: &mut Losses) -> Result<ShownTool<'a>> {
    let mut strict = tool.strict;
    if quirks.refuses_strict_tools && strict.is_some() {
        if strict == Some(true) {
            losses.tuning("tools.strict")?;
        }
        strict = None;
    }
    let mut extras = match &tool.extras {
        Some((origin, extras)) if *origin == CHAT => extras.clone(),
        Some((_, extras)) if !extras.is_empty() => {
            losses.foreign_state("tools.extras");
            RawObject::default()
        }
        _ => RawObject::default(),
    };
    extras.remove(LEGACY);
    Ok(ShownTool::Function {
        r#type: "function",
        function: ShownFunction {
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: tool.parameters.as_ref(),
            strict,
            extras,
        },
        cache_control: PartWriter { quirks }.cache(tool.cache, losses),
    })
}

/// Whether the client speaks the legacy form, `functions` in place of `tools`.
pub(in crate::chat) fn is_legacy(tools: &[Tool]) -> bool {
    tools.iter().any(|tool| match tool {
        Tool::Function(FunctionTool { extras: Some((CHAT, extras)), .. }) => extras.get(LEGACY).is_some(),
        _ => false,
    })
}

/// A choice, written.
pub(super) fn shown_choice(
    choice: Option<&ToolChoice>,
    quirks: &Quirks,
    losses: &mut Losses,
) -> Result<Option<RawJson>> {
    #[derive(Serialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Named<'a> {
        Function { function: Name<'a> },
        Custom { custom: Name<'a> },
    }
    #[derive(Serialize)]
    struct Name<'a> {
        name: &'a str,
    }
    let written = match choice {
        None => return Ok(None),
        Some(ToolChoice::Auto) => Ok(RawJson::string("auto")),
        Some(ToolChoice::None) => Ok(RawJson::string("none")),
        Some(ToolChoice::Required) => Ok(RawJson::string(required_word(quirks))),
        Some(ToolChoice::Function(name)) => RawJson::of(&Named::Function { function: Name { name } }),
        Some(ToolChoice::Custom(name)) => RawJson::of(&Named::Custom { custom: Name { name } }),
        Some(ToolChoice::Other { origin, raw }) if *origin == CHAT => Ok(raw.clone()),
        Some(_) => return losses.meaning("tool_choice").map(|()| None),
    };
    written.map(Some).map_err(|fault| Error::internal(format!("cannot write `tool_choice`: {fault}")))
}

pub(super) fn required_word(quirks: &Quirks) -> &'static str {
    match quirks.tool_choice_required {
        RequiredChoice::Required => "required",
        RequiredChoice::Any => "any",
    }
}
