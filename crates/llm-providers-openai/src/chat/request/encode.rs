//! A canonical request written for a vendor.

use http::{HeaderMap, Method};
use llm_core::dialect::Encoded;
use llm_core::object::ObjectWriter;
use llm_core::request::{ChatRequest, JsonSchema, OutputFormat, Sampling};
use llm_core::wire::WireRequest;
use llm_core::{Losses, RawJson, RawObject, Result, Target};
use serde::Serialize;

use super::history::{self, Writer};
use super::{thinking, tools};
use crate::chat::part::PartWriter;
use crate::chat::{CHAT, PATH};
use crate::quirks::{JsonSchemaSupport, OutputCap, Quirks, StreamOptions, ThinkingSwitch};

/// Fields whose loss changes what is asked.
const MEANING: &[&str] = &[
    "audio",
    "functions",
    "modalities",
    "n",
    "response_format",
    "tool_choice",
    "tools",
    "web_search_options",
];

/// Reports a field that the vendor refuses.
pub(super) fn refused(field: &str, losses: &mut Losses) -> Result<()> {
    if MEANING.contains(&field) { losses.meaning(field.to_owned()) } else { losses.tuning(field.to_owned()) }
}

/// A request from its parts.
pub(super) fn encoded(body: impl Into<llm_core::wire::WireBody>, losses: Losses) -> Encoded {
    let request = WireRequest {
        method: Method::POST,
        path: PATH.to_owned(),
        headers: HeaderMap::new(),
        body: body.into(),
    };
    Encoded { request, losses: losses.into_list() }
}

/// Writes a request.
pub(in crate::chat) fn encode(request: &ChatRequest, target: &Target, quirks: &Quirks) -> Result<Encoded> {
    let losses = Losses::new(target.policy);
    let mut body = Body { object: ObjectWriter::of(request), quirks, target, losses };
    body.put("model", &target.model)?;
    body.messages(request)?;
    body.tools(request)?;
    body.output(&request.output)?;
    body.sampling(&request.sampling)?;
    body.limits(request)?;
    body.thinking(request)?;
    body.stream(request)?;
    body.rest(request)?;
    Ok(body.finish())
}

/// The body being written, member by member in a fixed order.
struct Body<'a> {
    object: ObjectWriter,
    quirks: &'a Quirks,
    target: &'a Target,
    losses: Losses,
}

impl Body<'_> {
    fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<()> {
        if self.target.extra_body.get(key).is_some() {
            return Ok(());
        }
        if self.target.drop_fields.iter().any(|field| field == key) {
            self.losses.foreign_state(key.to_owned());
            return Ok(());
        }
        if self.quirks.drop_params.iter().any(|field| field == key) {
            return refused(key, &mut self.losses);
        }
        self.object.member(key, value);
        Ok(())
    }

    fn put_some<T: Serialize>(&mut self, key: &str, value: Option<&T>) -> Result<()> {
        value.map_or(Ok(()), |value| self.put(key, value))
    }

    fn messages(&mut self, request: &ChatRequest) -> Result<()> {
        let mut messages =
            Writer { quirks: self.quirks, losses: &mut self.losses }.messages(&request.messages)?;
        if let (OutputFormat::JsonSchema(schema), JsonSchemaSupport::ObjectOnly) =
            (&request.output, self.quirks.json_schema)
        {
            messages.insert(0, history::system(schema_in_words(schema)));
        }
        self.put("messages", &messages)
    }

    fn tools(&mut self, request: &ChatRequest) -> Result<()> {
        let shown = tools::shown(&request.tools, self.quirks, &mut self.losses)?;
        if shown.is_empty() {
            return Ok(());
        }
        self.put("tools", &shown)?;
        let choice = tools::shown_choice(request.tool_choice.as_ref(), self.quirks, &mut self.losses)?;
        self.put_some("tool_choice", choice.as_ref())?;
        self.put_some("parallel_tool_calls", request.parallel_tool_calls.as_ref())
    }

    fn output(&mut self, output: &OutputFormat) -> Result<()> {
        match output {
            OutputFormat::JsonObject => {
                self.put("response_format", &Format { r#type: "json_object", json_schema: None })
            }
            OutputFormat::JsonSchema(_) if self.quirks.json_schema == JsonSchemaSupport::ObjectOnly => {
                self.losses.approximated("response_format", "json_object and the schema in words")?;
                self.put("response_format", &Format { r#type: "json_object", json_schema: None })
            }
            OutputFormat::JsonSchema(schema) => {
                let json_schema = Schema {
                    name: schema.name.as_deref().unwrap_or("answer"),
                    description: schema.description.as_deref(),
                    schema: schema.schema.as_ref(),
                    strict: schema.strict,
                };
                self.put("response_format", &Format { r#type: "json_schema", json_schema: Some(json_schema) })
            }
            _ => Ok(()),
        }
    }

    fn sampling(&mut self, asked: &Sampling) -> Result<()> {
        let mut sampling = asked.clone();
        sampling.or(&self.target.sampling);
        self.put_some("temperature", sampling.temperature.as_ref())?;
        self.put_some("top_p", sampling.top_p.as_ref())?;
        self.put_some("top_k", sampling.top_k.as_ref())?;
        self.put_some("frequency_penalty", sampling.frequency_penalty.as_ref())?;
        self.put_some("presence_penalty", sampling.presence_penalty.as_ref())?;
        self.put_some(self.quirks.seed_field.as_deref().unwrap_or("seed"), sampling.seed.as_ref())?;
        match sampling.stop.as_slice() {
            [] => {}
            [one] => self.put("stop", one)?,
            many => self.put("stop", many)?,
        }
        self.put_some("n", sampling.n.as_ref())?;
        self.put_some("logprobs", sampling.logprobs.as_ref())?;
        self.put_some("top_logprobs", sampling.top_logprobs.as_ref())?;
        self.put_some("logit_bias", sampling.logit_bias.as_ref())
    }

    fn limits(&mut self, request: &ChatRequest) -> Result<()> {
        let key = cap_field(self.quirks);
        self.put_some(key, request.max_output_tokens.or(self.target.max_output_tokens).as_ref())
    }

    fn thinking(&mut self, request: &ChatRequest) -> Result<()> {
        let fields =
            thinking::fields(request.reasoning.as_ref(), self.quirks.thinking_switch, &mut self.losses)?;
        for (key, value) in &fields {
            match own_extras(request).and_then(|extras| extras.get(key)) {
                Some(rest) => self.put(key, &thinking::joined(value, rest))?,
                None => self.put(key, value)?,
            }
        }
        let native = match self.quirks.thinking_switch {
            ThinkingSwitch::ThinkingType => "thinking",
            ThinkingSwitch::Reasoning => "reasoning",
            _ => "",
        };
        for key in ["thinking", "reasoning", "chat_template_kwargs"] {
            let rest = own_extras(request).and_then(|extras| extras.get(key));
            match rest.filter(|_| !fields.iter().any(|(field, _)| *field == key)) {
                Some(rest) if key == native || key == "chat_template_kwargs" => self.put(key, rest)?,
                Some(_) => self.losses.tuning(key)?,
                None => {}
            }
        }
        Ok(())
    }

    fn stream(&mut self, request: &ChatRequest) -> Result<()> {
        if !self.target.stream {
            return Ok(());
        }
        self.put("stream", &true)?;
        if self.quirks.stream_options == StreamOptions::Refused {
            return Ok(());
        }
        let asked = own_extras(request).and_then(|extras| extras.get("stream_options"));
        self.put("stream_options", &with_usage(asked))
    }

    fn rest(&mut self, request: &ChatRequest) -> Result<()> {
        self.put_some("user", request.user.as_ref())?;
        self.put_some("service_tier", request.service_tier.as_ref())?;
        self.put_some("verbosity", request.verbosity.as_ref())?;
        if !request.modalities.is_empty() {
            self.put("modalities", &request.modalities)?;
        }
        let mark = PartWriter { quirks: self.quirks }.cache(request.cache, &mut self.losses);
        self.put_some("cache_control", mark.as_ref())?;
        let stored = own_extras(request).and_then(|extras| extras.get("store"));
        if stored.is_some_and(|stored| stored.get() == "true") {
            self.put_some("metadata", request.metadata.as_ref())?;
        }
        match &request.extras {
            Some((origin, extras)) if *origin == CHAT => self.extras(extras),
            Some((_, extras)) => extras.iter().try_for_each(|(key, _)| self.losses.tuning(key.to_owned())),
            None => Ok(()),
        }
    }

    fn extras(&mut self, extras: &RawObject) -> Result<()> {
        const WRITTEN_BEFORE: [&str; 4] = ["thinking", "reasoning", "chat_template_kwargs", "stream_options"];
        let rest = extras.iter().filter(|(key, _)| !WRITTEN_BEFORE.contains(key));
        { rest }.try_for_each(|(key, value)| self.put(key, value))
    }

    fn finish(mut self) -> Encoded {
        self.object.members(&self.target.extra_body);
        encoded(self.object.finish_body(), self.losses)
    }
}

fn own_extras(request: &ChatRequest) -> Option<&RawObject> {
    request.extras.as_ref().filter(|(origin, _)| *origin == CHAT).map(|(_, extras)| extras)
}

/// The name of the output limit when the gateway writes it.
pub(super) fn cap_field(quirks: &Quirks) -> &'static str {
    match quirks.output_cap {
        OutputCap::MaxTokens => "max_tokens",
        OutputCap::AsSaid | OutputCap::MaxCompletionTokens => "max_completion_tokens",
    }
}

/// `stream_options` with usage asked for, the client's other wishes kept.
pub(super) fn with_usage(asked: Option<&RawJson>) -> RawObject {
    let mut options: RawObject = asked.and_then(|asked| asked.read().ok()).unwrap_or_default();
    options.insert("include_usage", RawJson::of(&true).expect("a boolean is always valid JSON"));
    options
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<Schema<'a>>,
}

#[derive(Serialize)]
struct Schema<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// Vendors that know only `json_object` also want the word JSON in the prompt.
fn schema_in_words(schema: &JsonSchema) -> String {
    let rule = schema.schema.as_ref().map_or("{}", RawJson::get);
    let purpose = schema.description.as_deref().map(|purpose| format!(" ({purpose})")).unwrap_or_default();
    format!("Answer with one JSON object{purpose} and nothing else. It must follow this JSON schema:\n{rule}")
}
