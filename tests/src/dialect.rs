//! The three dialects, spoken as vendors do and understood as SDKs do. Written after the vendors' documentation,
//! apart from the code under test.

mod chat;
mod messages;
mod responses;

use llm_testkit::scripted::Answer;
use serde_json::{Value, json};

use crate::client;
use crate::said::{Finish, Heard, Said};

/// A dialect of clients and vendors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI chat completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
}

/// All dialects.
pub const DIALECTS: [Dialect; 3] = [Dialect::Chat, Dialect::Responses, Dialect::Messages];

/// Every client dialect with every vendor dialect, whole and streamed.
pub fn pairs() -> impl Iterator<Item = (Dialect, Dialect, bool)> {
    let pairs = DIALECTS.into_iter().flat_map(|client| DIALECTS.map(|vendor| (client, vendor)));
    pairs.flat_map(|(client, vendor)| [false, true].map(|stream| (client, vendor, stream)))
}

impl Dialect {
    /// What clients are told of a model that nobody has.
    pub fn unknown_model(self) -> u16 {
        if self == Self::Messages { 404 } else { 400 }
    }

    /// Where clients send requests, and what vendors of the dialect are asked.
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
        }
    }

    /// What stands before the model's name in a configuration.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Chat => "openai/",
            Self::Responses => "openai/responses/",
            Self::Messages => "anthropic/",
        }
    }

    /// The smallest request.
    pub fn ask(self, model: &str, text: &str, stream: bool) -> Value {
        let messages = json!([{"role": "user", "content": text}]);
        match self {
            Self::Chat => {
                let mut body = json!({"model": model, "messages": messages, "stream": stream});
                if stream {
                    body["stream_options"] = json!({"include_usage": true});
                }
                body
            }
            Self::Responses => json!({"model": model, "input": messages, "stream": stream}),
            Self::Messages => {
                json!({"model": model, "max_tokens": 100, "messages": messages, "stream": stream})
            }
        }
    }

    /// A vendor's answer, streams in pieces that are cut anywhere.
    pub fn answer(self, said: &Said, stream: bool) -> Answer {
        if stream {
            return Answer::events().chunks_of(self.stream(said).as_bytes(), 53);
        }
        Answer::json(200, self.whole(said).to_string())
    }

    /// A vendor's whole answer.
    pub fn whole(self, said: &Said) -> Value {
        match self {
            Self::Chat => chat::whole(said),
            Self::Responses => responses::whole(said),
            Self::Messages => messages::whole(said),
        }
    }

    /// A vendor's streamed answer.
    pub fn stream(self, said: &Said) -> String {
        match self {
            Self::Chat => chat::stream(said),
            Self::Responses => responses::stream(said),
            Self::Messages => messages::stream(said),
        }
    }

    /// A vendor's error, in a body or in a stream.
    pub fn vendor_error(self, kind: &str, message: &str) -> Value {
        match self {
            Self::Chat | Self::Responses => {
                json!({"error": {"message": message, "type": kind, "param": null, "code": kind}})
            }
            Self::Messages => json!({"type": "error", "error": {"type": kind, "message": message}}),
        }
    }

    /// What a client understands of an answer with a good status.
    ///
    /// # Panics
    /// When the answer breaks the dialect's own rules.
    pub fn hear(self, answer: &client::Answer, stream: bool) -> Heard {
        if !stream {
            return self.hear_whole(&answer.json());
        }
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/event-stream"), "{kind}: {}", answer.text());
        self.hear_stream(answer.text())
    }

    fn hear_whole(self, body: &Value) -> Heard {
        match self {
            Self::Chat => chat::hear_whole(body),
            Self::Responses => responses::hear_whole(body),
            Self::Messages => messages::hear_whole(body),
        }
    }

    /// What a client understands of a stream, however far it comes.
    pub fn hear_stream(self, stream: &str) -> Heard {
        match self {
            Self::Chat => chat::hear_stream(stream),
            Self::Responses => responses::hear_stream(stream),
            Self::Messages => messages::hear_stream(stream),
        }
    }

    /// The dialect's own word for an end.
    pub fn finish_word(self, finish: Finish) -> &'static str {
        match (self, finish) {
            (Self::Chat, Finish::Length) => "length",
            (Self::Chat, Finish::Calls) => "tool_calls",
            (Self::Chat, _) => "stop",
            (Self::Responses, Finish::Length) => "max_output_tokens",
            (Self::Responses, _) => "completed",
            (Self::Messages, Finish::Stop) => "end_turn",
            (Self::Messages, Finish::StopSequence(_)) => "stop_sequence",
            (Self::Messages, Finish::Length) => "max_tokens",
            (Self::Messages, Finish::Calls) => "tool_use",
            (Self::Messages, Finish::Refused) => "refusal",
        }
    }

    /// Asserts that a body is an error in this dialect's shape, and returns its message.
    ///
    /// # Panics
    /// When it is not.
    pub fn error_message(self, body: &Value) -> String {
        let error = &body["error"];
        let kind = error["type"].as_str().unwrap_or_default();
        assert!(!kind.is_empty(), "an error has a type: {body}");
        if self == Self::Messages {
            assert_eq!(body["type"], "error", "{body}");
            assert!(messages::ERROR_TYPES.contains(&kind), "{body}");
        } else {
            let is_word = |value: &Value| value.is_null() || value.is_string();
            for member in ["param", "code"] {
                assert!(error.get(member).is_some_and(is_word), "`{member}` is a word or null: {body}");
            }
        }
        let message = error["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "an error says why: {body}");
        message.to_owned()
    }
}
