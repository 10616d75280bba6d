//! A client's request read into the canonical form. Writing one for a vendor is in [`encode`].

pub(super) mod encode;
pub(super) mod forward;
mod history;
pub(super) mod thinking;
pub(super) mod tools;

use std::borrow::Cow;

use bytes::Bytes;
use llm_core::json::complaint;
use llm_core::request::{ChatRequest, JsonSchema, OutputFormat, ToolChoice};
use llm_core::{Envelope, Error, Message, RawJson, RawObject, Result};
use serde::Deserialize;
use serde::de::{self, MapAccess};
use serde_json::value::RawValue;

use super::CHAT;
use super::fields::{self, Fields, Object};
use super::message::WireMessage;
use super::part::WireCache;
use thinking::WireThinking;
use tools::WireTool;

/// Reads a request.
pub(super) fn decode(body: &Bytes) -> Result<ChatRequest> {
    let text = std::str::from_utf8(body)
        .map_err(|_| Error::invalid("invalid JSON payload: not UTF-8").with_param("request_body"))?;
    let read: serde_json::Result<Object<WireRequest<'_>>> = serde_json::from_str(text);
    match read {
        Ok(Object(request)) => request.canonical(),
        Err(fault) => Err(blame(body, &fault)),
    }
}

/// Finds the member that the fault is in, for an error that names it.
fn blame(body: &Bytes, fault: &serde_json::Error) -> Error {
    let envelope = match Envelope::scan(body) {
        Ok(envelope) => envelope,
        Err(error) => return error,
    };
    for key in envelope.keys(body) {
        let Some(value) = envelope.value(body, key) else { continue };
        let alone = format!("{{{}:{value}}}", RawJson::string(key).get());
        let Err(fault) = serde_json::from_str::<Object<WireRequest<'_>>>(&alone) else { continue };
        let (place, fault) =
            if key == "messages" { blame_message(value, fault) } else { (key.to_owned(), fault) };
        return Error::invalid(format!("invalid `{place}`: {}", complaint(&fault))).with_param(place);
    }
    Error::invalid(format!("invalid request: {}", complaint(fault))).with_param("request_body")
}

fn blame_message(value: &str, fault: serde_json::Error) -> (String, serde_json::Error) {
    let messages: Vec<RawJson> = serde_json::from_str(value).unwrap_or_default();
    let faults = messages.iter().enumerate().filter_map(|(number, message)| {
        let read = message.read::<Object<WireMessage<'_>>>().err();
        read.map(|fault| (format!("messages[{number}]"), fault))
    });
    let first = { faults }.next();
    first.unwrap_or_else(|| ("messages".to_owned(), fault))
}

#[derive(Default)]
struct WireRequest<'de> {
    request: ChatRequest,
    messages: Option<Vec<WireMessage<'de>>>,
    tools: Vec<WireTool<'de>>,
    functions: Vec<WireTool<'de>>,
    function_choice: Option<ToolChoice>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    thinking: WireThinking,
    extras: RawObject,
}

impl<'de> Fields<'de> for WireRequest<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if self.sampling(key, map)? || self.thinking.field(key, map)? {
            return Ok(true);
        }
        let request = &mut self.request;
        match key {
            "model" => request.model = map.next_value::<Option<String>>()?.unwrap_or_default(),
            "messages" => self.messages = Some(fields::list(map)?),
            "tools" => self.tools = fields::list(map)?,
            "functions" => self.functions = fields::list(map)?,
            "tool_choice" => request.tool_choice = tools::choice(map.next_value()?)?,
            "function_call" => self.function_choice = tools::choice(map.next_value()?)?,
            "parallel_tool_calls" => request.parallel_tool_calls = map.next_value()?,
            "response_format" => return self.response_format(map.next_value()?).map(|()| true),
            "max_tokens" => self.max_tokens = map.next_value()?,
            "max_completion_tokens" => self.max_completion_tokens = map.next_value()?,
            "stream" => request.stream = map.next_value::<Option<bool>>()?.unwrap_or_default(),
            "stream_options" => return self.stream_options(map.next_value()?).map(|()| true),
            "user" => request.user = map.next_value()?,
            "metadata" => request.metadata = map.next_value()?,
            "service_tier" => request.service_tier = map.next_value()?,
            "verbosity" => request.verbosity = map.next_value()?,
            "modalities" => request.modalities = map.next_value::<Option<_>>()?.unwrap_or_default(),
            "cache_control" => request.cache = fields::object::<WireCache, A>(map)?.map(|cache| cache.mark()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        fields::keep(&mut self.extras, key, map)
    }
}

impl WireRequest<'_> {
    fn sampling<'a, A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        let sampling = &mut self.request.sampling;
        match key {
            "temperature" => sampling.temperature = map.next_value()?,
            "top_p" => sampling.top_p = map.next_value()?,
            "top_k" => sampling.top_k = map.next_value()?,
            "frequency_penalty" => sampling.frequency_penalty = map.next_value()?,
            "presence_penalty" => sampling.presence_penalty = map.next_value()?,
            "seed" | "random_seed" => sampling.seed = map.next_value()?,
            "stop" => sampling.stop = map.next_value::<Stop>()?.0,
            "n" => sampling.n = map.next_value()?,
            "logprobs" => {
                let raw: &RawValue = map.next_value()?;
                sampling.logprobs = raw.get().parse().ok();
                // Older servers take a number here.
                if raw.get().parse::<u64>().is_ok() {
                    self.extras.insert(key, RawJson::of(raw).map_err(de::Error::custom)?);
                }
            }
            "top_logprobs" => sampling.top_logprobs = map.next_value()?,
            "logit_bias" => {
                sampling.logit_bias = map.next_value::<Option<RawJson>>()?.filter(|bias| !bias.is_null());
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn response_format<E: de::Error>(&mut self, raw: &RawValue) -> Result<(), E> {
        #[derive(Deserialize)]
        struct Format<'a> {
            #[serde(borrow, default)]
            r#type: Cow<'a, str>,
            json_schema: Option<Schema>,
        }
        #[derive(Deserialize)]
        struct Schema {
            name: Option<String>,
            description: Option<String>,
            schema: Option<RawJson>,
            strict: Option<bool>,
        }
        let format: Option<Format<'_>> = serde_json::from_str(raw.get()).map_err(E::custom)?;
        let Some(format) = format else { return Ok(()) };
        self.request.output = match (&*format.r#type, format.json_schema) {
            ("text", _) => OutputFormat::Text,
            ("json_object", _) if !raw.get().contains("\"schema\"") => OutputFormat::JsonObject,
            ("json_schema", Some(Schema { name, description, schema, strict })) => {
                OutputFormat::JsonSchema(JsonSchema { name, description, schema, strict })
            }
            ("", _) => return Err(E::custom("it has no `type`")),
            ("json_schema", None) => return Err(E::custom("`json_schema` is missing")),
            // A form of one vendor's (a grammar, an object with a schema beside it): only such a vendor can take it.
            _ => {
                self.extras.insert("response_format", RawJson::of(raw).map_err(E::custom)?);
                OutputFormat::Text
            }
        };
        Ok(())
    }

    fn stream_options<E: de::Error>(&mut self, raw: &RawValue) -> Result<(), E> {
        let options: Option<RawObject> = serde_json::from_str(raw.get()).map_err(E::custom)?;
        let Some(mut options) = options else { return Ok(()) };
        if let Some(include) = options.remove("include_usage") {
            self.request.include_usage = include.read().map_err(E::custom)?;
        }
        if !options.is_empty() {
            self.extras.insert("stream_options", RawJson::of(&options).map_err(E::custom)?);
        }
        Ok(())
    }

    fn canonical(self) -> Result<ChatRequest> {
        let Some(messages) = self.messages else {
            return Err(
                Error::invalid("missing `messages`: expected a list of messages").with_param("messages")
            );
        };
        let mut request = self.request;
        request.messages = canonical_messages(messages)?;
        request.tools = tools::canonical(self.tools, false)?;
        request.tools.extend(tools::canonical(self.functions, true)?);
        request.tool_choice = request.tool_choice.or(self.function_choice);
        request.max_output_tokens = self.max_completion_tokens.or(self.max_tokens);
        let mut extras = self.extras;
        request.reasoning = self.thinking.options(&mut extras);
        request.extras = (!extras.is_empty()).then_some((CHAT, extras));
        Ok(request)
    }
}

fn canonical_messages(messages: Vec<WireMessage<'_>>) -> Result<Vec<Message>> {
    let mut called = Vec::new();
    let mut custom = std::collections::HashSet::new();
    let read = (0..).zip(messages).map(|(number, message)| {
        let mut message = message.into_message(number, &mut called).map_err(|fault| {
            let place = format!("messages[{number}].role");
            Error::invalid(format!("invalid `{place}`: {fault}")).with_param(place)
        })?;
        for part in &mut message.parts {
            match part {
                llm_core::Part::ToolCall(call) if call.custom => drop(custom.insert(call.id.clone())),
                llm_core::Part::ToolResult(result) => result.custom = custom.contains(&result.call_id),
                _ => {}
            }
        }
        Ok(message)
    });
    read.collect()
}

/// One text or a list of them.
struct Stop(Vec<String>);

impl<'de> Deserialize<'de> for Stop {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a string or a list of strings")]
        enum Any {
            One(String),
            Many(Vec<String>),
            None(()),
        }
        Ok(Self(match Any::deserialize(deserializer)? {
            Any::One(text) => vec![text],
            Any::Many(texts) => texts,
            Any::None(()) => Vec::new(),
        }))
    }
}

/// Whether the body asks for usage in the stream.
pub(crate) fn wants_usage(body: &[u8], envelope: &Envelope) -> bool {
    #[derive(Deserialize)]
    struct Options {
        include_usage: Option<bool>,
    }
    let options: Option<Options> = envelope.read(body, "stream_options").ok().flatten();
    options.and_then(|options| options.include_usage).unwrap_or(false)
}

/// A request as its client would write it: usage in the stream is asked for where the client did, which vendors are
/// always asked for.
pub(crate) fn as_asked(request: &ChatRequest, body: Bytes) -> Result<Bytes> {
    if request.include_usage == Some(true) {
        return Ok(body);
    }
    let envelope = Envelope::scan(&body)?;
    let mut edit = envelope.amend(&body);
    edit.remove("stream_options");
    Ok(edit.finish().joined())
}

/// The most answer tokens that the body asks for.
pub(super) fn max_output_tokens(body: &[u8], envelope: &Envelope) -> Option<u64> {
    let read = |key| envelope.read::<u64>(body, key).ok().flatten();
    read("max_completion_tokens").or_else(|| read("max_tokens"))
}

/// How much to think, out of an object that holds only the fields for it.
fn decode_options(text: &[u8]) -> Result<Option<llm_core::request::ReasoningOptions>> {
    let read: serde_json::Result<Object<WireRequest<'_>>> = serde_json::from_slice(text);
    let Object(request) = read.map_err(|fault| blame(&Bytes::copy_from_slice(text), &fault))?;
    Ok(request.thinking.options(&mut RawObject::default()))
}
