//! The words of the vendor: answers and streams of two formats, with usage that differs from call to call.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request asks for, in which format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Chat completions.
    Chat,
    /// Anthropic's messages.
    Messages,
    /// Embeddings.
    Vectors,
}

impl Form {
    pub(super) fn of(path: &str) -> Option<Self> {
        match path.split('?').next()? {
            path if path.ends_with("/chat/completions") => Some(Self::Chat),
            path if path.ends_with("/messages") => Some(Self::Messages),
            path if path.ends_with("/embeddings") => Some(Self::Vectors),
            _ => None,
        }
    }
}

/// The usage that an answer tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    number: u64,
    pub(super) prompt: u64,
    pub(super) completion: u64,
}

impl Told {
    /// Of the next answer: sums of such numbers do not come right by accident. Embeddings have a prompt alone.
    pub(super) fn next(form: Form) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let completion = if form == Form::Vectors { 0 } else { 1 + number * 13 % 499 };
        Self { number, prompt: 10 + number * 7 % 977, completion }
    }
}

pub(super) const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

pub(super) fn refusal(status: u64) -> String {
    let body = r#"{"error":{"message":"refused by the trial","type":"server_error","code":"trial"}}"#;
    format!(
        "HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A whole answer with a text of so many bytes.
pub(super) fn whole(form: Form, told: Told, size: u64) -> Vec<u8> {
    let Told { number, prompt, completion } = told;
    let text = "word ".repeat(usize::try_from(size / 5).unwrap_or(1));
    let body = match form {
        Form::Chat => format!(
            r#"{{"id":"chatcmpl-{number}","object":"chat.completion","created":1763700000,"model":"trial","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{}}}}}"#,
            prompt + completion
        ),
        Form::Messages => format!(
            r#"{{"id":"msg_{number}","type":"message","role":"assistant","model":"trial","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":{prompt},"output_tokens":{completion}}}}}"#
        ),
        Form::Vectors => format!(
            r#"{{"object":"list","data":[{{"object":"embedding","index":0,"embedding":[0.1,0.2,0.3]}}],"model":"trial","usage":{{"prompt_tokens":{prompt},"total_tokens":{prompt}}}}}"#
        ),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

/// How a stream begins.
pub(super) fn begin(form: Form, told: Told) -> String {
    let Told { number, prompt, .. } = told;
    match form {
        Form::Messages => format!(
            "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"id\":\"msg_{number}\",\"type\":\"message\",\
             \"role\":\"assistant\",\"model\":\"trial\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\
             \"usage\":{{\"input_tokens\":{prompt},\"output_tokens\":1}}}}}}\n\n\
             event: content_block_start\ndata: {{\"type\":\"content_block_start\",\"index\":0,\"content_block\":\
             {{\"type\":\"text\",\"text\":\"\"}}}}\n\n"
        ),
        _ => chat_frame(r#"{"role":"assistant","content":""}"#, "null"),
    }
}

/// A piece of text.
pub(super) fn piece(form: Form, text: &str) -> String {
    match form {
        Form::Messages => format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":\
             {{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        ),
        _ => chat_frame(&format!(r#"{{"content":"{text}"}}"#), "null"),
    }
}

/// How it ends, with its usage.
pub(super) fn end(form: Form, told: Told) -> String {
    let Told { prompt, completion, .. } = told;
    match form {
        Form::Messages => format!(
            "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":0}}\n\n\
             event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\",\
             \"stop_sequence\":null}},\"usage\":{{\"output_tokens\":{completion}}}}}\n\n\
             event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
        ),
        _ => format!(
            "{}data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1763700000,\
             \"model\":\"trial\",\"choices\":[],\"usage\":{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion},\
             \"total_tokens\":{}}}}}\n\ndata: [DONE]\n\n",
            chat_frame("{}", "\"stop\""),
            prompt + completion
        ),
    }
}

fn chat_frame(delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1763700000,\"model\":\"trial\",\
         \"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}
