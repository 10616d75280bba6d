//! Clients of two dialects, which understand answers as SDKs do.

use serde_json::{Map, Value, json};

use crate::client::Answer;

/// A dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// OpenAI's chat completions.
    Chat,
    /// Anthropic's messages.
    Messages,
}

pub(super) const DIALECTS: [Dialect; 2] = [Dialect::Chat, Dialect::Messages];

/// What a client understood of an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    pub(super) text: String,
    /// Why it ended, in the dialect's word.
    pub(super) finish: Option<String>,
    pub(super) error: Option<Value>,
    /// The client takes the answer for whole.
    pub(super) complete: bool,
    /// Tokens of the prompt and of the answer.
    pub(super) usage: Option<(u64, u64)>,
}

impl Dialect {
    /// The vendor that speaks it.
    pub(super) fn vendor(self) -> &'static str {
        match self {
            Self::Chat => "openai",
            Self::Messages => "anthropic",
        }
    }

    /// A request, with further fields.
    pub(super) fn ask(self, model: &str, stream: bool, fields: &Value) -> String {
        let mut body =
            json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hi"}]});
        let own = match self {
            Self::Chat if stream => json!({"stream_options": {"include_usage": true}}),
            Self::Chat => json!({}),
            Self::Messages => json!({"max_tokens": 100}),
        };
        for more in [&own, fields] {
            body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        }
        let (body, path) = (body.to_string(), self.path());
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
        }
    }

    pub(super) fn hear(self, answer: &Answer, stream: bool) -> Heard {
        match (self, stream && answer.status == 200) {
            (Self::Chat, true) => chat_stream(&answer.body),
            (Self::Messages, true) => messages_stream(&answer.body),
            (_, false) => self.whole(&serde_json::from_str(&answer.body).expect("whole answers are JSON")),
        }
    }

    fn whole(self, body: &Value) -> Heard {
        if body["error"].is_object() {
            return Heard { error: Some(self.checked(body.clone())), ..Heard::default() };
        }
        let (text, finish) = match self {
            Self::Chat => (&body["choices"][0]["message"]["content"], &body["choices"][0]["finish_reason"]),
            Self::Messages => (&body["content"][0]["text"], &body["stop_reason"]),
        };
        let finish = finish.as_str().map(str::to_owned);
        let text = text.as_str().unwrap_or_default().to_owned();
        Heard { text, complete: finish.is_some(), finish, error: None, usage: usage(&body["usage"]) }
    }

    /// An error in the form that the dialect's SDK looks for.
    fn checked(self, error: Value) -> Value {
        assert!(error["error"]["message"].is_string() && error["error"]["type"].is_string(), "{error}");
        if self == Self::Messages {
            assert_eq!(error["type"], "error", "{error}");
        }
        error
    }
}

fn usage(usage: &Value) -> Option<(u64, u64)> {
    let count = |names: [&str; 2]| names.iter().find_map(|name| usage[name].as_u64());
    Some((count(["prompt_tokens", "input_tokens"])?, count(["completion_tokens", "output_tokens"])?))
}

/// The events of a stream, by name and data.
fn frames(stream: &str) -> impl Iterator<Item = (&str, &str)> {
    assert!(stream.is_empty() || stream.ends_with("\n\n"), "frames are whole: {stream:?}");
    stream.split("\n\n").filter_map(|frame| {
        let line = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        Some((line("event:").unwrap_or_default(), line("data:")?))
    })
}

fn chat_stream(stream: &str) -> Heard {
    let (mut heard, mut done) = (Heard::default(), false);
    for (_, data) in frames(stream) {
        assert!(!done, "nothing comes after [DONE]: {data}");
        if data == "[DONE]" {
            done = true;
            continue;
        }
        let chunk: Value = serde_json::from_str(data).expect("chunks are JSON");
        assert!(heard.error.is_none(), "no chunk comes after an error: {data}");
        if chunk["error"].is_object() {
            heard.error = Some(Dialect::Chat.checked(chunk));
            continue;
        }
        let choice = &chunk["choices"][0];
        heard.text += choice["delta"]["content"].as_str().unwrap_or_default();
        heard.finish = choice["finish_reason"].as_str().map(str::to_owned).or(heard.finish);
        heard.usage = usage(&chunk["usage"]).or(heard.usage);
    }
    heard.complete = done && heard.finish.is_some() && heard.error.is_none();
    heard
}

fn messages_stream(stream: &str) -> Heard {
    let (mut heard, mut told, mut open) = (Heard::default(), Map::new(), false);
    for (name, data) in frames(stream) {
        assert!(!heard.complete && heard.error.is_none(), "nothing comes after the end: {data}");
        let event: Value = serde_json::from_str(data).expect("events are JSON");
        assert_eq!(event["type"], name, "the event's name is its type");
        let counts = if name == "message_start" { &event["message"]["usage"] } else { &event["usage"] };
        told.extend(counts.as_object().cloned().unwrap_or_default());
        match name {
            "content_block_start" => {
                assert!(!std::mem::replace(&mut open, true), "one block at a time: {data}");
            }
            "content_block_stop" => assert!(std::mem::replace(&mut open, false), "a block was open: {data}"),
            "content_block_delta" => heard.text += event["delta"]["text"].as_str().unwrap_or_default(),
            "message_delta" => {
                assert!(!open, "blocks are closed before the end: {data}");
                heard.finish = event["delta"]["stop_reason"].as_str().map(str::to_owned);
            }
            "message_stop" => heard.complete = true,
            "error" => heard.error = Some(Dialect::Messages.checked(event)),
            _ => {}
        }
    }
    heard.complete &= heard.finish.is_some();
    heard.usage = usage(&Value::Object(told));
    heard
}
