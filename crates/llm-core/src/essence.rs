//! What of a request decides its answer, spelled in one way only: requests that ask the same, in whatever format and
//! order of members, have the same bytes. They are hashed for caches, and never read.
//!
//! Left out is what changes how an answer is sent and not what it says (whether it is streamed, marks for the vendor's
//! prompt cache) and who asks (the end user, labels). Ids of tool calls stand as the order in which they came: they only
//! say which result belongs to which call.

mod exchanges;
mod message;

use serde_json::Value;

use crate::dialect::DialectId;
use crate::json::{RawJson, RawObject, map_of};
use crate::message::{Part, Role};
use crate::packed::Packed;
use crate::request::{
    ChatRequest, FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Sampling, Tool, ToolChoice,
};

pub use exchanges::{of_embeddings, of_rerank};

/// Whole numbers up to this one, 2^53, are exact as floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The bytes of a chat request.
pub fn of_chat(request: &ChatRequest) -> Vec<u8> {
    let mut essence = Essence::default();
    essence.chat(request);
    essence.out
}

/// The bytes of everything but the last text of the last message, and that text, when a user says it: for those who look
/// for questions that are alike.
pub fn around_question(request: &ChatRequest) -> Option<(Vec<u8>, &str)> {
    let last = request.messages.last().filter(|message| message.role == Role::User)?;
    let place = last.parts.iter().rposition(|part| part.as_text().is_some())?;
    let question = last.parts.get(place).and_then(Part::as_text)?;
    let mut essence = Essence { left_out: Some((request.messages.len() - 1, place)), ..Essence::default() };
    essence.chat(request);
    Some((essence.out, question))
}

/// Bytes that are being gathered.
#[derive(Default)]
struct Essence {
    out: Vec<u8>,
    /// Ids of tool calls in the order in which they came.
    ids: Vec<String>,
    /// A message and its part that are not told.
    left_out: Option<(usize, usize)>,
    /// JSON was read that may not be all that it was.
    inexact: bool,
}

impl Essence {
    fn tag(&mut self, tag: u8) {
        self.out.push(tag);
    }

    fn put(&mut self, value: &impl Packed) {
        value.pack(&mut self.out);
    }

    fn text(&mut self, text: &str) {
        self.put(&(text.len() as u64));
        self.out.extend_from_slice(text.as_bytes());
    }

    fn origin(&mut self, origin: DialectId) {
        self.text(origin.name());
    }

    fn id(&mut self, id: &str) {
        let place = self.ids.iter().position(|known| known == id).unwrap_or_else(|| {
            self.ids.push(id.to_owned());
            self.ids.len() - 1
        });
        self.put(&(place as u64));
    }

    fn json(&mut self, raw: &RawJson) {
        // What is kept raw was checked to be JSON; what serde cannot hold stands as it was written.
        match serde_json::from_str(raw.get()) {
            Ok(value) => self.value(&value),
            Err(_) => self.inexact = true,
        }
        if std::mem::take(&mut self.inexact) {
            self.text(raw.get());
        }
    }

    fn optional_json(&mut self, raw: Option<&RawJson>) {
        match raw.filter(|raw| !raw.is_null()) {
            Some(raw) => self.json(raw),
            None => self.tag(0),
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.tag(0),
            Value::Bool(truth) => self.tag(1 + u8::from(*truth)),
            Value::Number(number) => {
                self.tag(3);
                self.text(&number.to_string());
                // Beyond this, numbers that differ are read as the same one.
                self.inexact |= number.is_f64() && number.as_f64().is_none_or(|number| number.abs() >= EXACT);
            }
            Value::String(text) => {
                self.tag(4);
                self.text(text);
            }
            Value::Array(items) => {
                self.tag(5);
                self.put(&(items.len() as u64));
                items.iter().for_each(|item| self.value(item));
            }
            Value::Object(members) => {
                self.tag(6);
                self.put(&(members.len() as u64));
                for (name, value) in map_of(members) {
                    self.text(name);
                    self.value(value);
                }
            }
        }
    }

    fn object(&mut self, fields: &RawObject) {
        // The last one of a name counts, as readers of JSON have it.
        let sorted = map_of(fields.iter());
        self.put(&(sorted.len() as u64));
        for (name, value) in sorted {
            self.text(name);
            self.json(value);
        }
    }

    fn extras(&mut self, extras: Option<&(DialectId, RawObject)>) {
        match extras.filter(|(_, fields)| !fields.is_empty()) {
            Some((origin, fields)) => {
                self.tag(1);
                self.origin(*origin);
                self.object(fields);
            }
            None => self.tag(0),
        }
    }

    fn chat(&mut self, request: &ChatRequest) {
        let ChatRequest {
            model,
            messages,
            tools,
            tool_choice,
            parallel_tool_calls,
            output,
            sampling,
            max_output_tokens,
            reasoning,
            cache: _,
            stream: _,
            include_usage: _,
            user: _,
            metadata: _,
            service_tier,
            verbosity,
            modalities,
            extras,
        } = request;
        self.text(model);
        self.put(&(messages.len() as u64));
        for (at, message) in messages.iter().enumerate() {
            self.message(at, message);
        }
        self.put(&(tools.len() as u64));
        tools.iter().for_each(|tool| self.tool(tool));
        self.choice(tool_choice.as_ref());
        self.put(parallel_tool_calls);
        self.output(output);
        self.sampling(sampling);
        self.put(max_output_tokens);
        self.reasoning(reasoning.as_ref());
        self.put(service_tier);
        self.put(verbosity);
        self.put(modalities);
        self.extras(extras.as_ref());
    }

    fn tool(&mut self, tool: &Tool) {
        match tool {
            Tool::Function(FunctionTool { name, description, parameters, strict, cache: _, extras }) => {
                self.tag(0);
                self.text(name);
                self.put(description);
                self.optional_json(parameters.as_ref());
                self.put(strict);
                self.extras(extras.as_ref());
            }
            Tool::Custom { name, description, format } => {
                self.tag(1);
                self.text(name);
                self.put(description);
                self.optional_json(format.as_ref());
            }
            Tool::Hosted { origin, raw } => {
                self.tag(2);
                self.origin(*origin);
                self.json(raw);
            }
        }
    }

    fn choice(&mut self, choice: Option<&ToolChoice>) {
        match choice {
            None => self.tag(0),
            Some(ToolChoice::Auto) => self.tag(1),
            Some(ToolChoice::None) => self.tag(2),
            Some(ToolChoice::Required) => self.tag(3),
            Some(ToolChoice::Function(name)) => {
                self.tag(4);
                self.text(name);
            }
            Some(ToolChoice::Custom(name)) => {
                self.tag(5);
                self.text(name);
            }
            Some(ToolChoice::Other { origin, raw }) => {
                self.tag(6);
                self.origin(*origin);
                self.json(raw);
            }
        }
    }

    fn output(&mut self, output: &OutputFormat) {
        match output {
            OutputFormat::Text => self.tag(0),
            OutputFormat::JsonObject => self.tag(1),
            OutputFormat::JsonSchema(JsonSchema { name, description, schema, strict }) => {
                self.tag(2);
                self.put(name);
                self.put(description);
                self.optional_json(schema.as_ref());
                self.put(strict);
            }
        }
    }

    fn sampling(&mut self, sampling: &Sampling) {
        let Sampling {
            temperature,
            top_p,
            top_k,
            frequency_penalty,
            presence_penalty,
            seed,
            stop,
            n,
            logprobs,
            top_logprobs,
            logit_bias,
        } = sampling;
        for number in [temperature, top_p, frequency_penalty, presence_penalty] {
            self.put(number);
        }
        self.put(top_k);
        self.put(seed);
        self.put(stop);
        // One answer is what everybody gets who does not say.
        self.put(&n.filter(|n| *n != 1));
        self.put(&logprobs.filter(|wanted| *wanted));
        self.put(top_logprobs);
        self.optional_json(logit_bias.as_ref());
    }

    fn reasoning(&mut self, reasoning: Option<&ReasoningOptions>) {
        let Some(ReasoningOptions { enabled, effort, budget_tokens, summary, adaptive }) = reasoning else {
            return self.tag(0);
        };
        self.tag(1);
        self.put(enabled);
        self.put(effort);
        self.put(budget_tokens);
        self.put(summary);
        self.put(adaptive);
    }
}

#[cfg(test)]
mod tests;
