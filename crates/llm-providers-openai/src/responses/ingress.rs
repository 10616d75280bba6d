//! Clients of this format.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::custom_tools::CustomTools;
use llm_core::ingress::{Broken, ModelCard};
use llm_core::operation::{Endpoint, Operation};
use llm_core::{ChatRequest, ChatResponse, DialectId, Envelope, Error, EventEncoder, Ingress, Result};

use super::RESPONSES;
use super::answer::{Head, Status, put_response};
use super::encoder::{Encoder, put_error};
use super::fields::Fault;
use super::write::ObjectWriter;
use super::{rendering, request};
use crate::error;

const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("/v1/responses", Operation::Chat),
    Endpoint::new("/responses", Operation::Chat),
    Endpoint::new("/openai/v1/responses", Operation::Chat),
    Endpoint::new("/openai/responses", Operation::Chat),
    Endpoint::new("/v1/responses/input_tokens", Operation::CountTokens),
    Endpoint::new("/responses/input_tokens", Operation::CountTokens),
    Endpoint::new("/openai/v1/responses/input_tokens", Operation::CountTokens),
];

/// Clients of this format.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResponsesIngress;

impl Ingress for ResponsesIngress {
    fn id(&self) -> DialectId {
        RESPONSES
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        ENDPOINTS
    }

    fn forwarded_headers(&self) -> &'static [&'static str] {
        &["openai-beta"]
    }

    /// As items, one after the other.
    fn tells_choices(&self) -> bool {
        true
    }

    fn decode(&self, body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        let text = std::str::from_utf8(body).map_err(|_| Error::invalid("the body is not UTF-8"))?;
        request::decode(text).map_err(Fault::of_client)
    }

    fn write_request(&self, request: &ChatRequest) -> Result<Bytes> {
        llm_core::dialect::body_of(&super::Responses::default(), request)
    }

    fn encode(&self, response: &ChatResponse, request: &ChatRequest) -> Bytes {
        rendering::encode(&CustomTools::of(request).restore(response), request)
    }

    fn encoder(&self, request: &ChatRequest) -> Box<dyn EventEncoder> {
        CustomTools::of(request).encoder(Box::new(Encoder::new(request)))
    }

    /// Usage stands in the last event, asked for or not.
    fn wants_usage(&self, _body: &Bytes, _envelope: &Envelope) -> bool {
        true
    }

    fn max_output_tokens(&self, body: &Bytes, envelope: &Envelope) -> Option<u64> {
        envelope.read(body, "max_output_tokens").ok().flatten()
    }

    fn output_limit(&self) -> &'static [&'static str] {
        &["max_output_tokens"]
    }

    fn error(&self, error: &Error) -> Bytes {
        error::body(error)
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        self.stream_error_after(error, &Broken::default())
    }

    /// The numbers before it are the vendor's. What was used stands in the response, which follows.
    fn stream_error_after(&self, error: &Error, broken: &Broken<'_>) -> Bytes {
        let number = next_number(broken.last);
        let mut out = Vec::new();
        put_event("error", number, &mut out, |object| put_error(object, error));
        if !broken.usage.is_empty() {
            let head = Head::new(broken.id, "", None);
            put_event("response.failed", number.saturating_add(1), &mut out, |object| {
                let mut response = object.object("response");
                put_response(&mut response, &head, &Status::failed(error), b"{}", b"[]", &broken.usage);
            });
        }
        out.into()
    }

    fn encode_token_count(&self, tokens: u64) -> Bytes {
        format!(r#"{{"object":"response.input_tokens","input_tokens":{tokens}}}"#).into()
    }

    /// Clients of the whole family ask alike; chat completions answer them.
    fn claims_model_list(&self, _headers: &HeaderMap) -> bool {
        false
    }

    fn encode_models(&self, models: &[ModelCard]) -> Bytes {
        let mut out = Vec::new();
        let mut object = ObjectWriter::open(&mut out);
        object.put("object", "list");
        let mut list = object.array("data");
        for model in models {
            let mut card = list.object();
            card.put("id", &model.id);
            card.put("object", "model");
            card.put("created", &0);
            card.put("owned_by", "openai");
        }
        drop(list);
        drop(object);
        out.into()
    }
}

fn put_event(name: &str, number: u64, out: &mut Vec<u8>, members: impl FnOnce(&mut ObjectWriter<'_>)) {
    out.extend_from_slice(format!("event: {name}\ndata: ").as_bytes());
    let mut object = ObjectWriter::open(out);
    object.put("type", name);
    object.put("sequence_number", &number);
    members(&mut object);
    drop(object);
    out.extend_from_slice(b"\n\n");
}

/// The number that follows those of the events that went by; 0 when none had any.
fn next_number(last: &[u8]) -> u64 {
    const KEY: &[u8] = b"\"sequence_number\":";
    let after = memchr::memmem::rfind(last, KEY).and_then(|at| last.get(at + KEY.len()..));
    let digits = after.map(<[u8]>::trim_ascii_start).unwrap_or_default();
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number =
        digits.get(..length).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok());
    number.map_or(0, |number| number.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_that_failed_says_what_it_used() {
        let error = Error::new(llm_core::ErrorKind::Overloaded, "too busy");
        let usage = llm_core::Usage { input: Some(3), output: Some(4), ..llm_core::Usage::default() };
        let broken = Broken { id: "resp_1", last: b"data: {\"sequence_number\":7}\n\n", usage };
        let told = ResponsesIngress.stream_error_after(&error, &broken);
        let told = std::str::from_utf8(&told).expect("text");
        let (first, second) = told.split_once("\n\n").expect("two events");
        assert!(
            first.starts_with("event: error\ndata: {\"type\":\"error\",\"sequence_number\":8,"),
            "{first}"
        );
        let start = "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":9,";
        let data = second.strip_prefix("event: response.failed\ndata: ").expect("an event");
        assert!(second.starts_with(start), "{second}");
        let read: serde_json::Value = serde_json::from_str(data.trim()).expect("JSON");
        assert_eq!(read["response"]["id"], "resp_1");
        assert_eq!(read["response"]["status"], "failed");
        assert_eq!(read["response"]["usage"]["total_tokens"], 7);
    }

    #[test]
    fn an_error_goes_on_with_the_numbers_of_the_stream() {
        for (last, number) in [
            (&b""[..], 0),
            (
                b"data: {\"type\":\"a\",\"sequence_number\":7}\n\ndata: {\"sequence_number\": 8,\"x\":1}\n\n",
                9,
            ),
            (b"data: {\"sequence_number\":\"x\"}\n\n", 0),
            (b"data: {\"sequence_number\":18446744073709551615}", u64::MAX),
            (b"data: {\"sequence_number\":", 0),
        ] {
            assert_eq!(next_number(last), number, "{}", String::from_utf8_lossy(last));
        }
    }
}
