//! What was asked and answered, out of the bytes of the client's dialect. Read here, off the way of requests.

use bytes::Bytes;
use llm_core::json::object_of;
use llm_gateway::CallContent;
use serde_json::{Map, Value, json};

/// Members that hold what is asked, in the dialects that clients speak.
const ASKED: [&str; 6] = ["messages", "input", "contents", "prompt", "query", "inputs"];

/// Members that say how it is to be answered.
const PARAMETERS: [&str; 16] = [
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    "n",
    "reasoning_effort",
    "tool_choice",
    "response_format",
    "generationConfig",
    "inferenceConfig",
];

/// Where the frames of streams hold a piece of the answer's text, dialect by dialect.
const PIECES: [&str; 8] = [
    "/choices/0/delta/content",
    "/choices/0/text",
    "/delta/text",
    "/delta/message/content/text",
    "/candidates/0/content/parts/0/text",
    "/contentBlockDelta/delta/text",
    "/message/content",
    "/response",
];

/// What was asked and answered.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The messages, or what stands for them.
    pub messages: Value,
    /// The answer as the client got it; of a stream, its text in the shape of a chat answer.
    pub answer: Value,
    /// The answer's text alone, of a stream.
    pub text: Option<String>,
    /// How it was to be answered.
    pub parameters: Map<String, Value>,
    /// System instructions that stand apart from the messages.
    pub system: Option<Value>,
}

pub(crate) fn read(content: &CallContent) -> Said {
    let mut said = Said::default();
    if let Ok(Value::Object(mut request)) = serde_json::from_slice(&content.request) {
        said.messages = ASKED.iter().find_map(|key| request.remove(*key)).unwrap_or_default();
        said.system = request.remove("system").or_else(|| request.remove("instructions"));
        let parameters = PARAMETERS.iter().filter_map(|key| request.remove_entry(*key));
        said.parameters = object_of(parameters);
    }
    if content.is_stream {
        let text = text(&content.answer);
        said.answer = json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]});
        said.text = Some(text);
    } else {
        // Sound and pictures are no JSON, and not kept.
        said.answer = serde_json::from_slice(&content.answer.concat()).unwrap_or_default();
    }
    said
}

/// The text that a stream told. Frames are lines: of JSON, or with `data:` before it.
fn text(frames: &[Bytes]) -> String {
    let mut text = String::new();
    let all = frames.concat();
    for line in all.split(|byte| *byte == b'\n') {
        let line = line.strip_prefix(b"data:").unwrap_or(line);
        let Ok(frame) = serde_json::from_slice::<Value>(line) else { continue };
        let of_type =
            frame.get("type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("output_text.delta"));
        let piece = if of_type {
            frame.get("delta").and_then(Value::as_str)
        } else {
            PIECES.iter().find_map(|place| frame.pointer(place)?.as_str())
        };
        text.push_str(piece.unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_streams_is_read_whatever_the_dialect() {
        for (frames, expected) in [
            (
                "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\ndata: [DONE]\n\n",
                "ab",
            ),
            (
                "event: x\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"c\"}}\n\n",
                "c",
            ),
            ("event: y\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"d\"}\n\n", "d"),
            ("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"e\"}]}}]}\r\n\r\n", "e"),
            ("{\"message\":{\"role\":\"assistant\",\"content\":\"f\"},\"done\":false}\n", "f"),
            ("half a frame", ""),
        ] {
            assert_eq!(text(&[Bytes::from_static(frames.as_bytes())]), expected, "{frames}");
        }
    }
}
