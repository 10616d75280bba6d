//! Calls whose bodies go through as they are. The request gets the vendor's name of the model, the answer is read on
//! the side: JSON and short texts whole, sound and streams as they come.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use llm_core::dialect::{Peek, Seen};
use llm_core::loss::{How, Loss};
use llm_core::provider::{Call, Inbound, NativeStream, Reply, ReplyBody, not_served};
use llm_core::wire::{Framing, WireBody, WireRequest, WireResponse};
use llm_core::{Error, Form, Passage, Result, Usage};
use llm_transport::UpstreamReply;

use super::chunks::Chunks;
use super::native::Passing;
use super::pump::Pump;
use super::whole::{self, Shape};
use super::{HttpProvider, headers};

/// What an answer is, by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// JSON, or a text that is as short as what was said.
    Whole,
    /// Server-sent events.
    Events,
    /// A page for people: some proxy's, or of an address that is none of an API.
    Markup,
    /// Sound, pictures, or what nobody says.
    Binary,
}

impl Kind {
    fn of(headers: &HeaderMap) -> Self {
        let content_type =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "text/event-stream" => Self::Events,
            "text/html" | "application/xhtml+xml" => Self::Markup,
            "application/json" | "application/x-subrip" => Self::Whole,
            kind if kind.starts_with("text/") || kind.ends_with("+json") => Self::Whole,
            _ => Self::Binary,
        }
    }
}

impl HttpProvider {
    /// The vendor's side of a kind that goes through, when the client speaks the same.
    pub(super) fn passage(&self, inbound: &Inbound) -> Option<&dyn Passage> {
        let passage = self.dialect.passage().filter(|vendor| inbound.ingress.passage() == Some(vendor.id()));
        passage.filter(|vendor| vendor.has(inbound.asked.operation))
    }

    /// Passes a call on.
    pub(super) async fn pass(&self, call: &Call<'_>) -> Result<Reply> {
        let (inbound, model) = (call.inbound, call.public_model);
        let lacks = || not_served(model, inbound.asked.operation);
        let passage = self.passage(inbound).ok_or_else(lacks)?;
        let path = passage.path(inbound.asked.operation, call.model).ok_or_else(lacks)?;
        let (body, content_type, losses) = self.edited(call)?;
        let request_headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
        let request =
            WireRequest { method: Method::POST, path: path.into_owned(), headers: request_headers, body };
        let reply = self.send(self.addressed(request, call, true), call).await?;
        let UpstreamReply { status, headers, body } = reply;
        let kind = Kind::of(&headers);
        let reply = |body: Bytes| WireResponse { status, headers: headers.clone(), body };
        let chunks = Chunks::begin(body, None).await?;
        let chunks = chunks.ok_or_else(|| whole::no_answer(Shape::Empty, &reply(Bytes::new())))?;
        let asked = passage.asked(inbound);
        let shape = Shape::of(chunks.first(), Framing::Sse);
        let body = match (kind, shape) {
            (Kind::Markup, _) => return Err(whole::no_answer(Shape::Markup, &reply(Bytes::new()))),
            // What begins like JSON is no sound, whatever the head says.
            (Kind::Whole, _) | (Kind::Events | Kind::Binary, Shape::Json) => {
                passed(passage, &chunks.collect().await?, asked, model)?
            }
            (Kind::Events, _) => {
                let passing = Passing::new(passage.tap(), asked);
                ReplyBody::NativeStream(Box::pin(Pump::new(chunks, Framing::Sse, passing)))
            }
            (Kind::Binary, _) => ReplyBody::NativeStream(Box::pin(Raw::new(chunks, asked))),
        };
        Ok(Reply { headers: headers::for_client(headers, true), losses, body })
    }

    /// The body with the vendor's name of the model, and what the deployment adds and takes away.
    fn edited(&self, call: &Call<'_>) -> Result<(WireBody, HeaderValue, Vec<Loss>)> {
        let (inbound, target) = (call.inbound, &self.target);
        let mut losses = Vec::new();
        let mut lost = |field: &String| losses.push(Loss { field: field.clone().into(), how: How::Dropped });
        if let Some(form) = &inbound.form {
            let mut edit = form.edit(&inbound.body);
            edit.set("model", call.model)?;
            target.drop_fields.iter().filter(|field| edit.remove(field)).for_each(&mut lost);
            for (key, value) in target.extra_body.iter() {
                let text = value.read::<String>();
                edit.set(key, text.as_deref().unwrap_or(value.get()))?;
            }
            return Ok((edit.finish(), form_type(form)?, losses));
        }
        let mut edit = inbound.envelope.edit(&inbound.body);
        edit.set("model", serde_json::to_vec(call.model).expect("a string is always valid JSON"));
        target.drop_fields.iter().filter(|field| edit.remove(field)).for_each(&mut lost);
        for (key, value) in target.extra_body.iter() {
            edit.set(key, value.get().to_owned());
        }
        Ok((edit.finish(), HeaderValue::from_static("application/json"), losses))
    }
}

fn form_type(form: &Form) -> Result<HeaderValue> {
    HeaderValue::try_from(form.content_type())
        .map_err(|_| Error::internal("a boundary that no header can carry"))
}

/// A whole answer: JSON is metered; of any other text only the times of subtitles are read.
fn passed(passage: &dyn Passage, body: &Bytes, asked: Usage, public_model: &str) -> Result<ReplyBody> {
    let json = Shape::of(body, Framing::Sse) == Shape::Json;
    let mut peek = if json { passage.peek(body)? } else { Peek::default() };
    let mut usage = asked;
    if !json && usage.is_empty() {
        usage = passage.peek_text(body);
    }
    if !peek.usage.is_empty() {
        // What the vendor says is worth more than what was guessed before.
        usage = if usage.estimated { Usage::default() } else { usage };
        usage.update(&peek.usage);
    }
    peek.usage = usage;
    Ok(whole::passed(peek, body, public_model))
}

/// Bytes that nobody reads on their way.
struct Raw {
    chunks: Chunks,
    seen: Seen,
}

impl Raw {
    fn new(chunks: Chunks, usage: Usage) -> Self {
        Self { chunks, seen: Seen { usage, ..Seen::default() } }
    }
}

impl NativeStream for Raw {
    fn poll_bytes(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let next = self.chunks.poll_next(context);
        match &next {
            Poll::Ready(Some(Ok(_))) => self.seen.content = true,
            Poll::Ready(None) => self.seen.ended = true,
            _ => {}
        }
        next
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_by_its_content_type() {
        for (content_type, kind) in [
            ("application/json; charset=utf-8", Kind::Whole),
            ("text/plain", Kind::Whole),
            ("text/vtt", Kind::Whole),
            ("text/event-stream;charset=utf-8", Kind::Events),
            ("Text/HTML", Kind::Markup),
            ("audio/mpeg", Kind::Binary),
            ("", Kind::Binary),
        ] {
            let value = HeaderValue::from_static(content_type);
            assert_eq!(Kind::of(&HeaderMap::from_iter([(CONTENT_TYPE, value)])), kind, "{content_type}");
        }
        assert_eq!(Kind::of(&HeaderMap::new()), Kind::Binary);
    }
}
