//! Thinking on its way to the client.

use bytes::BytesMut;
use llm_core::event::Delta;
use llm_core::message::Reasoning;

use super::Sink;
use super::item::{Place, added, at};
use super::written::at_content;
use crate::responses::reasoning::{Form, item_id};
use crate::responses::write::ObjectWriter;

/// Thinking that is not whole yet.
#[derive(Debug)]
pub(super) struct Thinking {
    /// The canonical part.
    pub(super) place: Place,
    /// What was told so far.
    pub(super) reasoning: Reasoning,
    /// What its id ends with, when the vendor gave none.
    suffix: String,
    /// The client knows that it began.
    pub(super) announced: bool,
    /// The paragraph that is being told.
    paragraph: Option<usize>,
    /// The plain text is being told.
    plain: bool,
    /// Nothing more can come.
    pub(super) ended: bool,
}

impl Thinking {
    /// Thinking of which nothing is told yet.
    pub(super) fn new(place: Place, id: Option<String>, suffix: String) -> Self {
        Self {
            place,
            reasoning: Reasoning { id, ..Reasoning::default() },
            suffix,
            announced: false,
            paragraph: None,
            plain: false,
            ended: false,
        }
    }

    /// Writes more of it. `id` is settled with the first words.
    pub(super) fn delta(
        &mut self,
        delta: &Delta,
        id: &mut String,
        index: usize,
        sink: &mut Sink,
        out: &mut BytesMut,
    ) {
        match delta {
            Delta::Opaque(opaque) => self.reasoning.opaque = Some(opaque.clone()),
            Delta::Reasoning(more) => {
                self.announce(id, index, Form::Text, sink, out);
                self.text(more, (id, index), sink, out);
            }
            Delta::ReasoningSummary { index: paragraph, text } => {
                self.announce(id, index, Form::Summary, sink, out);
                self.summary(*paragraph, text, (id, index), sink, out);
            }
            _ => {}
        }
    }

    /// Writes that it is whole.
    pub(super) fn end(&mut self, id: &mut String, index: usize, sink: &mut Sink, out: &mut BytesMut) {
        self.ended = true;
        self.announce(id, index, Form::Text, sink, out);
        self.end_paragraph((id, index), sink, out);
        self.end_text((id, index), sink, out);
    }

    fn announce(&mut self, id: &mut String, index: usize, form: Form, sink: &mut Sink, out: &mut BytesMut) {
        if std::mem::replace(&mut self.announced, true) {
            return;
        }
        *id = item_id(None, form, &self.suffix);
        added(sink, out, index, |item| {
            item.put("id", id);
            item.put("type", "reasoning");
            item.put("status", "in_progress");
            item.array("summary");
        });
    }

    /// The thinking itself: plain where the vendor has ids for it, else as the first paragraph of the summary.
    fn text(&mut self, more: &str, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
        if self.reasoning.id.is_none() {
            self.reasoning.text.push_str(more);
            self.tell(0, more, place, sink, out);
            return;
        }
        if !std::mem::replace(&mut self.plain, true) {
            sink.event(out, "response.content_part.added", |event| {
                at_content(event, (place.0, place.1, 0));
                put_words(event, "reasoning_text", "");
            });
        }
        self.reasoning.text.push_str(more);
        sink.event(out, "response.reasoning_text.delta", |event| {
            at_content(event, (place.0, place.1, 0));
            event.put("delta", more);
        });
    }

    fn summary(&mut self, index: u32, more: &str, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
        let paragraphs = &mut self.reasoning.summary;
        let at = usize::try_from(index).unwrap_or(usize::MAX).min(paragraphs.len());
        if at == paragraphs.len() {
            paragraphs.push(String::new());
        }
        paragraphs[at].push_str(more);
        let before = usize::from(self.reasoning.id.is_none() && !self.reasoning.text.is_empty());
        self.tell(at + before, more, place, sink, out);
    }

    fn tell(&mut self, at: usize, more: &str, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
        if self.paragraph != Some(at) {
            self.end_paragraph(place, sink, out);
            self.paragraph = Some(at);
            sink.event(out, "response.reasoning_summary_part.added", |event| {
                at_summary(event, place, at);
                put_words(event, "summary_text", "");
            });
        }
        sink.event(out, "response.reasoning_summary_text.delta", |event| {
            at_summary(event, place, at);
            event.put("delta", more);
        });
    }

    fn end_paragraph(&mut self, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
        let Some(at) = self.paragraph.take() else { return };
        let first = (!self.reasoning.text.is_empty() && self.reasoning.id.is_none())
            .then_some(self.reasoning.text.as_str());
        let mut paragraphs = first.into_iter().chain(self.reasoning.summary.iter().map(String::as_str));
        let text = paragraphs.nth(at).unwrap_or_default();
        sink.event(out, "response.reasoning_summary_text.done", |event| {
            at_summary(event, place, at);
            event.put("text", text);
        });
        sink.event(out, "response.reasoning_summary_part.done", |event| {
            at_summary(event, place, at);
            put_words(event, "summary_text", text);
        });
    }

    fn end_text(&mut self, place: (&str, usize), sink: &mut Sink, out: &mut BytesMut) {
        if !std::mem::take(&mut self.plain) {
            return;
        }
        let place = (place.0, place.1, 0);
        sink.event(out, "response.reasoning_text.done", |event| {
            at_content(event, place);
            event.put("text", &self.reasoning.text);
        });
        sink.event(out, "response.content_part.done", |event| {
            at_content(event, place);
            put_words(event, "reasoning_text", &self.reasoning.text);
        });
    }
}

fn at_summary(event: &mut ObjectWriter<'_>, (id, index): (&str, usize), paragraph: usize) {
    at(event, id, index);
    event.put("summary_index", &paragraph);
}

fn put_words(event: &mut ObjectWriter<'_>, kind: &str, text: &str) {
    let mut part = event.object("part");
    part.put("type", kind);
    part.put("text", text);
}
