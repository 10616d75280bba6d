//! What vendors say and what clients hear, in words of no dialect.

use serde_json::Value;

/// An answer that a vendor gives.
#[derive(Clone, Debug)]
pub struct Said {
    /// Thinking with its signature, before everything else.
    pub thought: Option<Thought>,
    /// The text.
    pub text: &'static str,
    /// The model's words when it declines; there is no text then.
    pub refusal: Option<&'static str>,
    /// Calls of tools.
    pub calls: Vec<Call>,
    /// Why it ends.
    pub finish: Finish,
    /// Tokens.
    pub tokens: Tokens,
}

/// Thinking of a model.
#[derive(Clone, Copy, Debug)]
pub struct Thought {
    /// What is shown of it.
    pub text: &'static str,
    /// What must come back byte for byte.
    pub signature: &'static str,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The id that the result names.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON as the model wrote it.
    pub arguments: String,
}

impl Call {
    /// A call.
    pub fn new(id: &str, name: &str, arguments: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
    }
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// All is said.
    Stop,
    /// A text of the request's was met.
    StopSequence(&'static str),
    /// No more tokens.
    Length,
    /// Tools are called.
    Calls,
    /// The model declines.
    Refused,
}

/// Tokens of an answer. The prompt is `input` and `cached`, the answer `output` and `reasoning`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Prompt tokens outside the cache.
    pub input: u64,
    /// Prompt tokens out of the cache.
    pub cached: u64,
    /// Visible tokens of the answer.
    pub output: u64,
    /// Thinking tokens.
    pub reasoning: u64,
}

impl Said {
    /// A plain text.
    pub fn text(text: &'static str) -> Self {
        let tokens = Tokens { input: 12, output: 5, ..Tokens::default() };
        Self { thought: None, text, refusal: None, calls: Vec::new(), finish: Finish::Stop, tokens }
    }

    /// Calls of tools.
    pub fn calls(calls: impl IntoIterator<Item = Call>) -> Self {
        Self { calls: calls.into_iter().collect(), finish: Finish::Calls, ..Self::text("") }
    }
}

/// What a client understood of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// The model's name.
    pub model: String,
    /// The text.
    pub text: String,
    /// What is shown of the thinking.
    pub thought: String,
    /// The words of a refusal, where the dialect tells them apart.
    pub refusal: String,
    /// Calls of tools.
    pub calls: Vec<Call>,
    /// Why it ended, in the dialect's own word; empty when nothing was said.
    pub finish: String,
    /// The stop text that was met, where the dialect tells it.
    pub stop: Option<String>,
    /// Prompt tokens, cached ones of them, answer tokens.
    pub tokens: Option<(u64, u64, u64)>,
    /// An error in place of the answer or of its rest.
    pub error: Option<Value>,
    /// The client takes the answer for whole.
    pub complete: bool,
    /// What the client puts into the history of its next request.
    pub turn: Vec<Value>,
}

/// The pieces of a text in a stream, cut between letters.
pub fn pieces(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(5).map(|piece| piece.iter().collect()).collect()
}

/// Frames of server-sent events whose event name is their type.
pub fn named(events: impl IntoIterator<Item = Value>) -> String {
    let frame = |event: Value| format!("event: {}\ndata: {event}\n\n", word(&event["type"]));
    events.into_iter().map(frame).collect()
}

/// The frames of a stream, event name and data, as the standard of server-sent events has it: any line end, one space
/// after the colon or none, and what is no known field means nothing.
pub fn frames(stream: &str) -> Vec<(String, String)> {
    let stream = stream.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let mut frames = Vec::new();
    let (mut event, mut data) = (String::new(), Vec::new());
    for line in stream.split('\n') {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                if !data.is_empty() {
                    frames.push((std::mem::take(&mut event), data.join("\n")));
                }
                event.clear();
                data.clear();
            }
            "event" => value.clone_into(&mut event),
            "data" => data.push(value),
            _ => {}
        }
    }
    assert!(data.is_empty(), "the last frame has its end: {data:?}");
    frames
}

/// A string of JSON; anything else is empty.
pub fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A number of JSON; anything else is 0.
pub fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// The elements of an array; nothing for anything else.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
