//! Containers that complete a text (Hugging Face's text generation, and what speaks like it). After
//! <https://huggingface.co/docs/text-generation-inference> (read November 2026).

use bytes::Bytes;
use http::{HeaderMap, Method};
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::event::Start;
use llm_core::object::ObjectWriter;
use llm_core::request::OutputFormat;
use llm_core::scrub::scrub;
use llm_core::wire::{Frame, WireBody, WireRequest, WireResponse};
use llm_core::{
    ChatRequest, ChatResponse, Choice, Delta, Dialect, DialectId, Envelope, Error, ErrorKind, Event,
    FinishReason, Losses, Message, Part, PartKind, RawJson, RawObject, Result, Role, StreamDecoder,
    StreamTap, Target, Usage, Wording, provider,
};
use serde::{Deserialize, Serialize};

use crate::{TEXT_GENERATION, stream};

/// Completes texts.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextGeneration;

#[derive(Debug, Default, Serialize)]
struct Parameters<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_new_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    do_sample: bool,
    details: bool,
    return_full_text: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Generated {
    generated_text: Option<String>,
    token: Option<Token>,
    details: Option<Details>,
    error: Option<String>,
    error_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Token {
    text: String,
    special: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    finish_reason: Option<String>,
    generated_tokens: Option<u64>,
    input_length: Option<u64>,
    prefill: Vec<serde::de::IgnoredAny>,
}

impl Details {
    fn usage(&self) -> Usage {
        let prefilled = u64::try_from(self.prefill.len()).ok().filter(|count| *count > 0);
        Usage { input: self.input_length.or(prefilled), output: self.generated_tokens, ..Usage::default() }
    }

    fn finish(&self) -> FinishReason {
        match self.finish_reason.as_deref() {
            Some("length") => FinishReason::Length,
            Some("stop_sequence") => FinishReason::StopSequence(None),
            Some("eos_token") | None => FinishReason::Stop,
            Some(other) => FinishReason::Other(other.to_owned()),
        }
    }
}

impl Dialect for TextGeneration {
    fn id(&self) -> DialectId {
        TEXT_GENERATION
    }

    fn encode(&self, request: &ChatRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        inexpressible(request, &mut losses)?;
        let mut sampling = request.sampling.clone();
        sampling.or(&target.sampling);
        let parameters = Parameters {
            max_new_tokens: request.max_output_tokens.or(target.max_output_tokens),
            // Zero is refused: it means the likeliest token, which is what happens without sampling.
            temperature: sampling.temperature.filter(|temperature| *temperature > 0.0),
            top_p: sampling.top_p.filter(|share| *share > 0.0 && *share < 1.0),
            top_k: sampling.top_k,
            seed: sampling.seed,
            stop: &sampling.stop,
            do_sample: sampling.temperature.is_some_and(|temperature| temperature > 0.0),
            details: true,
            return_full_text: false,
        };
        let mut body = RawObject::default();
        let prompt = prompt(request, &mut losses)?;
        // In its place until the body is written around it.
        body.insert("inputs", RawJson::null());
        body.insert(
            "parameters",
            RawJson::of(&parameters).expect("numbers and strings are always valid JSON"),
        );
        if target.stream {
            body.insert("stream", RawJson::of(&true).expect("a flag is always valid JSON"));
        }
        target.drop_fields.iter().for_each(|field| drop(body.remove(field)));
        target.extra_body.iter().for_each(|(name, value)| body.insert(name, value.clone()));
        let mut object = ObjectWriter::of(request);
        object.members_around(&body, "inputs", &prompt);
        Ok(Encoded { request: wire_request(object.finish_body()), losses: losses.into_list() })
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        let mut edit = envelope.edit(body);
        edit.set("stream", if target.stream { "true" } else { "false" });
        for field in &target.drop_fields {
            edit.remove(field);
        }
        target.extra_body.iter().for_each(|(name, value)| edit.set(name, value.get().to_owned()));
        Ok(Encoded { request: wire_request(edit.finish()), losses: Vec::new() })
    }

    fn decode(&self, reply: &WireResponse) -> Result<ChatResponse> {
        let generated = read(&reply.body)?;
        let Some(text) = generated.generated_text else { return Err(self.classify(reply)) };
        let details = generated.details.unwrap_or_default();
        Ok(ChatResponse {
            choices: vec![Choice {
                index: 0,
                message: Message::text(Role::Assistant, text),
                finish: Some(details.finish()),
                logprobs: None,
            }],
            usage: details.usage(),
            ..ChatResponse::default()
        })
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        let details = read(body)?.details.unwrap_or_default();
        Ok(Peek { usage: details.usage(), finish: Some(details.finish()), model: None })
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(Decoder::default())
    }

    fn tap(&self, _options: TapOptions) -> Box<dyn StreamTap> {
        let decoder = stream::Decoder::new(self.decoder(), self.framing());
        Box::new(stream::Tap::new(decoder))
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        let generated: Generated = serde_json::from_slice(&reply.body).unwrap_or_default();
        failure(&generated, reply.status)
    }
}

fn failure(generated: &Generated, status: u16) -> Error {
    let message = generated.error.as_deref().map_or_else(|| "the container failed".to_owned(), scrub);
    let kind = match (generated.error_type.as_deref(), status) {
        (Some("overloaded"), _) | (_, 429 | 503) => ErrorKind::Overloaded,
        (Some("validation"), _) if message.contains("must be <=") => ErrorKind::ContextLength,
        (Some("validation"), _) | (None, 400..500) => ErrorKind::InvalidRequest,
        _ => ErrorKind::UpstreamFailure,
    };
    Error::new(kind, message)
}

/// One answer, or a list of one.
fn read(body: &[u8]) -> Result<Generated> {
    let wrong = |_| Error::bad_answer("the vendor's answer is not of the text generation format");
    if body.trim_ascii_start().starts_with(b"[") {
        let mut list: Vec<Generated> = serde_json::from_slice(body).map_err(wrong)?;
        return Ok(if list.is_empty() { Generated::default() } else { list.swap_remove(0) });
    }
    serde_json::from_slice(body).map_err(wrong)
}

fn wire_request(body: WireBody) -> WireRequest {
    WireRequest { method: Method::POST, path: "/".to_owned(), headers: HeaderMap::new(), body }
}

/// What a text cannot say.
fn inexpressible(request: &ChatRequest, losses: &mut Losses) -> Result<()> {
    losses.meaning_of([
        ("tools", !request.tools.is_empty()),
        ("response_format", request.output != OutputFormat::Text),
        ("n", request.sampling.n.is_some_and(|n| n > 1)),
        ("modalities", request.modalities.iter().any(|modality| modality != "text")),
    ])?;
    let sampling = &request.sampling;
    losses.tuning_of([
        ("frequency_penalty", sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("presence_penalty", sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("logprobs", sampling.logprobs == Some(true)),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("reasoning", request.reasoning.is_some()),
        ("service_tier", request.service_tier.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("user", request.user.is_some()),
        ("metadata", request.metadata.as_ref().is_some_and(|labels| !labels.is_empty())),
    ])?;
    for (name, _) in request.extras.iter().flat_map(|(_, extras)| extras.iter()) {
        losses.tuning(name.to_owned())?;
    }
    Ok(())
}

/// A single text as it is; a conversation as lines with their speakers, which the model goes on with.
fn prompt<'a>(request: &'a ChatRequest, losses: &mut Losses) -> Result<Vec<Wording<'a>>> {
    for part in request.messages.iter().flat_map(|message| &message.parts) {
        match part {
            Part::Text(_) => {}
            Part::Reasoning(_) => losses.foreign_state("messages.reasoning"),
            other => losses.meaning(format!("messages.{}", other.kind_name().replace(' ', "_")))?,
        }
    }
    if let [only] = request.messages.as_slice()
        && only.role == Role::User
    {
        return Ok(texts(only).collect());
    }
    losses.approximated("messages", "one text with the speakers' names")?;
    let mut prompt: Vec<Wording<'a>> = Vec::with_capacity(3 * request.messages.len() + 1);
    for message in &request.messages {
        let speaker = match message.role {
            Role::System | Role::Developer => "System: ",
            Role::Assistant => "Assistant: ",
            _ => "User: ",
        };
        prompt.push(speaker.into());
        prompt.extend(texts(message));
        prompt.push("\n".into());
    }
    prompt.push("Assistant:".into());
    Ok(prompt)
}

fn texts(message: &Message) -> impl Iterator<Item = Wording<'_>> {
    message.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some((&text.text).into()),
        _ => None,
    })
}

/// Reads the container's stream: a token in each frame, the details in the last.
#[derive(Debug, Default)]
struct Decoder {
    started: bool,
    ended: bool,
}

impl Decoder {
    fn start(&mut self, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Start(Start::default()));
            out.push(Event::PartStart { choice: 0, part: 0, kind: PartKind::Text });
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.ended || frame.data.trim().is_empty() {
            return Ok(());
        }
        let generated: Generated = serde_json::from_str(frame.data).map_err(|_| {
            Error::bad_answer("the vendor's stream has a frame that is not of the text generation format")
        })?;
        if generated.error.is_some() {
            self.ended = true;
            out.push(Event::Error(failure(&generated, 500)));
            return Ok(());
        }
        self.start(out);
        let token = generated.token.filter(|token| !token.special && !token.text.is_empty());
        out.extend(token.map(|token| Event::Delta { choice: 0, part: 0, delta: Delta::Text(token.text) }));
        if generated.details.is_none() && generated.generated_text.is_none() {
            return Ok(());
        }
        let details = generated.details.unwrap_or_default();
        self.ended = true;
        out.push(Event::PartEnd { choice: 0, part: 0 });
        out.push(Event::Finish { choice: 0, reason: details.finish() });
        out.push(Event::Usage(details.usage()));
        out.push(Event::End);
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<Event>) -> Result<()> {
        if self.ended { Ok(()) } else { Err(provider::truncated()) }
    }
}
