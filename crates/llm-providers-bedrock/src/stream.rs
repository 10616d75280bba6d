//! Streams, both ways: binary messages of the AWS event stream, one for each event.

mod decoder;
mod encoder;
mod gathering;
mod slot;
mod tap;

use bytes::{Bytes, BytesMut};
use llm_core::framing::event_stream;
use llm_core::{Error, RawObject, Usage};
use serde::Serialize;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;
pub(crate) use tap::Tap;

use crate::wire::ObjectWriter;
use crate::{error, response, usage};

const JSON: (&str, &str) = (":content-type", "application/json");

/// Writes an event.
fn event<T: Serialize + ?Sized>(name: &str, payload: &T, out: &mut BytesMut) {
    let payload = serde_json::to_vec(payload).expect("structs with string keys are always valid JSON");
    let mut message = Vec::with_capacity(payload.len() + 128);
    let headers = [(":event-type", name), JSON, (":message-type", "event")];
    event_stream::message(&headers, &payload, &mut message);
    out.extend_from_slice(&message);
}

/// What was used, and the exception that tells of an error, after which the stream ends.
pub(crate) fn exception_after(error: &Error, usage: &Usage) -> Bytes {
    let mut out = BytesMut::new();
    if !usage.is_empty() {
        let mut metadata = ObjectWriter::new();
        metadata.member("usage", &usage::write(usage, RawObject::default()));
        response::tail(&mut metadata, RawObject::default(), None, None);
        event("metadata", &metadata.json(), &mut out);
    }
    out.extend_from_slice(&exception(error));
    out.freeze()
}

/// The exception alone.
pub(crate) fn exception(error: &Error) -> Bytes {
    let mut message = Vec::new();
    let headers = [(":exception-type", error::exception(error)), JSON, (":message-type", "exception")];
    let payload = crate::wire::union("message", error.message());
    event_stream::message(&headers, payload.get().as_bytes(), &mut message);
    message.into()
}
