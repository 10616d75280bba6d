//! What a model answered, as a whole, and what is known of the call.

use serde_json::Value;

use crate::error::Error;
use crate::told::{Told, Usage};

/// An answer of a chat model.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What is known of the call: cost, latency, tokens, and who answered.
    pub told: Told,
    body: Value,
}

/// A call of a tool that the model wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Its id: the result names it.
    pub id: String,
    /// The function.
    pub name: String,
    /// Its arguments, as JSON.
    pub arguments: String,
}

impl Answer {
    pub(crate) fn read(mut told: Told, body: Value) -> Result<Self, Error> {
        if body["choices"][0]["message"].is_null() {
            return Err(Error::unreadable("message"));
        }
        told.usage = Usage::read(&body);
        Ok(Self { told, body })
    }

    /// What the model said; empty where it only calls tools.
    pub fn text(&self) -> &str {
        self.message()["content"].as_str().unwrap_or_default()
    }

    /// What the model thought, where it says so.
    pub fn reasoning(&self) -> Option<&str> {
        self.message()["reasoning_content"].as_str()
    }

    /// The message, to be sent back as part of the conversation (`Chat::message`).
    pub fn message(&self) -> &Value {
        &self.body["choices"][0]["message"]
    }

    /// Why it ended: `stop`, `length`, `tool_calls` or `content_filter`.
    pub fn finish_reason(&self) -> Option<&str> {
        self.body["choices"][0]["finish_reason"].as_str()
    }

    /// The public name of the model that answered.
    pub fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or_default()
    }

    /// Tools that the model wants called.
    pub fn tool_calls(&self) -> Vec<ToolCall> {
        let calls = self.message()["tool_calls"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let call = |call: &Value| ToolCall {
            id: text(&call["id"]),
            name: text(&call["function"]["name"]),
            arguments: text(&call["function"]["arguments"]),
        };
        calls.map(call).collect()
    }

    /// The whole answer, as OpenAI's chat completions have it.
    pub fn body(&self) -> &Value {
        &self.body
    }
}

/// Vectors of texts, in the order of the texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    /// One for each text.
    pub vectors: Vec<Vec<f32>>,
    /// What is known of the call.
    pub told: Told,
}

impl Vectors {
    pub(crate) fn read(mut told: Told, body: &Value) -> Result<Self, Error> {
        told.usage = Usage::read(body);
        let data = body["data"].as_array().ok_or_else(|| Error::unreadable("vectors"))?;
        let vectors = data.iter().map(|one| vector(&one["embedding"])).collect::<Option<_>>();
        Ok(Self { vectors: vectors.ok_or_else(|| Error::unreadable("vector of numbers"))?, told })
    }
}

fn vector(numbers: &Value) -> Option<Vec<f32>> {
    #[expect(clippy::cast_possible_truncation, reason = "vendors make vectors of such numbers")]
    let number = |number: &Value| number.as_f64().map(|number| number as f32);
    numbers.as_array()?.iter().map(number).collect()
}
