//! A part of a message on its way to the client.

use std::borrow::Cow;

use bytes::BytesMut;
use llm_core::RawJson;
use llm_core::event::Delta;
use llm_core::message::Text;

use super::Sink;
use super::item::{Place, at};
use crate::responses::content::{output_text, put_citation};
use crate::responses::rendering::Content;
use crate::responses::write::{ArrayWriter, ObjectWriter};

/// A part of a message.
#[derive(Debug)]
pub(super) struct Written {
    /// The canonical part.
    pub(super) place: Place,
    /// Whether the words are a refusal.
    pub(super) refusal: bool,
    /// The words so far.
    pub(super) text: Text,
    /// Log probabilities of the tokens so far.
    pub(super) logprobs: Vec<RawJson>,
    /// Nothing more can come.
    pub(super) ended: bool,
}

impl Written {
    /// The part whole.
    pub(super) fn content(&self) -> Content<'_> {
        if self.refusal {
            Content::Refusal(&self.text.text)
        } else {
            Content::Text(Cow::Borrowed(&self.text))
        }
    }

    /// The part as far as it is told.
    pub(super) fn put(&self, object: &mut ObjectWriter<'_>) {
        if self.refusal {
            object.put("type", "refusal");
            object.put("refusal", &self.text.text);
        } else {
            let logprobs = RawJson::of(&self.logprobs).ok();
            output_text(object, &self.text, logprobs.as_ref().map(RawJson::get));
        }
    }

    /// Writes more of it. `place`: the item's id, its number, and the part's number in it.
    pub(super) fn delta(
        &mut self,
        delta: &Delta,
        place: (&str, usize, usize),
        sink: &mut Sink,
        out: &mut BytesMut,
    ) {
        match delta {
            Delta::Text(more) | Delta::AudioTranscript(more) if !self.refusal => {
                self.text.text.push_str(more);
                sink.event(out, "response.output_text.delta", |event| {
                    at_content(event, place);
                    event.put("delta", more);
                    event.array("logprobs");
                });
            }
            Delta::Refusal(more) if self.refusal => {
                self.text.text.push_str(more);
                sink.event(out, "response.refusal.delta", |event| {
                    at_content(event, place);
                    event.put("delta", more);
                });
            }
            Delta::Citation(citation) if !self.refusal => {
                let mut one = Vec::new();
                if put_citation(&mut ArrayWriter::open(&mut one), citation) {
                    let annotation = one.strip_prefix(b"[").and_then(|one| one.strip_suffix(b"]"));
                    sink.event(out, "response.output_text.annotation.added", |event| {
                        at_content(event, place);
                        event.put("annotation_index", &self.text.citations.len());
                        event.put_json("annotation", annotation.unwrap_or(b"null"));
                    });
                    self.text.citations.push(citation.as_ref().clone());
                }
            }
            _ => {}
        }
    }

    /// Writes that it is whole.
    pub(super) fn end(&mut self, place: (&str, usize, usize), sink: &mut Sink, out: &mut BytesMut) {
        self.ended = true;
        let name = if self.refusal { "response.refusal.done" } else { "response.output_text.done" };
        sink.event(out, name, |event| {
            at_content(event, place);
            if self.refusal {
                event.put("refusal", &self.text.text);
            } else {
                event.put("text", &self.text.text);
                event.put("logprobs", &self.logprobs);
            }
        });
        sink.event(out, "response.content_part.done", |event| {
            at_content(event, place);
            self.put(&mut event.object("part"));
        });
    }
}

/// Where an event's part stands.
pub(super) fn at_content(event: &mut ObjectWriter<'_>, (id, index, content): (&str, usize, usize)) {
    at(event, id, index);
    event.put("content_index", &content);
}
