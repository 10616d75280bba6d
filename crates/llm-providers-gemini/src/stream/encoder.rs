//! Events to a client's frames: server-sent events, or the pieces of one JSON array.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use llm_core::message::Citation;
use llm_core::{
    ChatRequest, Delta, Error, Event, EventEncoder, FinishReason, PartKind, RawJson, RawObject, Usage,
};

use super::slot::Slot;
use crate::parts::WirePart;
use crate::response::{Candidate, kept, own_extras, shown_model, tail};
use crate::wire::ObjectWriter;
use crate::{GENERATE, error, finish, usage};

/// How a stream is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `alt=sse`.
    Events,
    /// `[{…},\r\n{…}]`.
    Array,
}

/// Writes a canonical stream for a client.
#[derive(Debug)]
pub(crate) struct Encoder {
    form: Form,
    /// The model's name that the client knows.
    model: String,
    id: String,
    written: bool,
    done: bool,
    choices: BTreeMap<u32, Choice>,
    usage: Usage,
    service_tier: Option<String>,
    extras: RawObject,
}

#[derive(Debug, Default)]
struct Choice {
    slots: BTreeMap<u32, Slot>,
    /// Texts with their citations, by part.
    texts: BTreeMap<u32, (String, Vec<Citation>)>,
    logprobs: Option<RawJson>,
    finish: Option<FinishReason>,
}

impl Encoder {
    /// An encoder for the answer to a request.
    pub(crate) fn new(request: &ChatRequest, form: Form) -> Self {
        Self {
            form,
            model: request.model.clone(),
            id: String::new(),
            written: false,
            done: false,
            choices: BTreeMap::new(),
            usage: Usage::default(),
            service_tier: None,
            extras: RawObject::default(),
        }
    }
}

impl EventEncoder for Encoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        if self.done {
            return;
        }
        match event {
            Event::Start(start) => {
                shown_model(&start.model, &self.model.clone()).clone_into(&mut self.model);
                self.id.clone_from(&start.id);
                self.service_tier.clone_from(&start.service_tier);
                start.usage.iter().for_each(|usage| self.usage.update(usage));
                own_extras(start.extras.as_ref()).into_iter().for_each(|extras| self.keep(extras));
            }
            Event::PartStart { choice, part, kind } => self.part_start(*choice, *part, kind, out),
            Event::Delta { choice, part, delta } => self.delta(*choice, *part, delta, out),
            Event::PartEnd { choice, part } => {
                let slot = self.choice(*choice).slots.remove(part);
                self.say(*choice, slot.and_then(Slot::end), out);
            }
            Event::Logprobs { choice, raw } => self.choice(*choice).add_logprobs(raw),
            Event::Finish { choice, reason } => self.choice(*choice).finish = Some(reason.clone()),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Extras { origin, fields } if *origin == GENERATE => self.keep(fields),
            Event::Error(error) => {
                self.done = true;
                self.tell_usage(out);
                self.frame(error::object(error).get(), out);
                self.close(out);
            }
            Event::End => self.end(out),
            _ => {}
        }
    }
}

impl Choice {
    /// Lists of a stream are pieces of one.
    fn add_logprobs(&mut self, raw: &RawJson) {
        let known = self.logprobs.take();
        let lists = [known.as_ref(), Some(raw)].into_iter().flatten();
        let tokens: Vec<RawJson> = lists
            .filter_map(|raw| raw.read::<RawObject>().ok()?.get("content")?.read::<Vec<RawJson>>().ok())
            .flatten()
            .collect();
        let mut object = ObjectWriter::new();
        object.member("content", &tokens);
        self.logprobs = Some(object.json());
    }
}

impl Encoder {
    fn choice(&mut self, choice: u32) -> &mut Choice {
        self.choices.entry(choice).or_default()
    }

    fn keep(&mut self, fields: &RawObject) {
        fields.iter().for_each(|(name, value)| self.extras.insert(name, value.clone()));
    }

    fn part_start(&mut self, choice: u32, part: u32, kind: &PartKind, out: &mut BytesMut) {
        let (slot, said) = Slot::new(kind);
        self.choice(choice).slots.insert(part, slot);
        self.say(choice, said, out);
    }

    fn delta(&mut self, choice: u32, part: u32, delta: &Delta, out: &mut BytesMut) {
        let known = self.choice(choice);
        match delta {
            Delta::Text(text) => known.texts.entry(part).or_default().0.push_str(text),
            Delta::Citation(citation) => known.texts.entry(part).or_default().1.push((**citation).clone()),
            _ => {}
        }
        let said = known.slots.get_mut(&part).and_then(|slot| slot.add(delta));
        self.say(choice, said, out);
    }

    fn say(&mut self, choice: u32, part: Option<RawJson>, out: &mut BytesMut) {
        let Some(part) = part else { return };
        let candidate = Candidate {
            index: choice,
            parts: &[WirePart::Raw(&part)],
            finish: None,
            logprobs: None,
            texts: &[],
            kept: None,
        };
        let candidate = candidate.to_json();
        let mut object = ObjectWriter::new();
        object.member("candidates", &[candidate]);
        if !self.written {
            let usage = usage::write(&self.usage, self.service_tier.as_deref(), None);
            object.optional("usageMetadata", (!usage.is_empty()).then_some(&usage));
        }
        tail(&mut object, &self.model, &self.id, None);
        self.frame(object.json().get(), out);
    }

    /// The last frame: why each candidate ended, what they rest on, and the tokens.
    /// What was used until an error.
    fn tell_usage(&mut self, out: &mut BytesMut) {
        let usage = usage::write(&self.usage, self.service_tier.as_deref(), None);
        if !usage.is_empty() {
            let mut object = ObjectWriter::new();
            object.member("usageMetadata", &usage);
            tail(&mut object, &self.model, &self.id, None);
            self.frame(object.json().get(), out);
        }
    }

    fn end(&mut self, out: &mut BytesMut) {
        self.done = true;
        self.choices.entry(0).or_default();
        let candidates: Vec<RawJson> = self
            .choices
            .iter()
            .enumerate()
            .map(|(at, (index, choice))| last(*index, choice, kept(Some(&self.extras), at)))
            .collect();
        let kept = usage::kept(Some(&self.extras));
        let usage = usage::write(&self.usage, self.service_tier.as_deref(), kept.as_ref());
        let mut object = ObjectWriter::new();
        object.member("candidates", &candidates);
        object.optional("usageMetadata", (!usage.is_empty()).then_some(&usage));
        tail(&mut object, &self.model, &self.id, Some(&self.extras));
        self.frame(object.json().get(), out);
        self.close(out);
    }

    fn frame(&mut self, json: &str, out: &mut BytesMut) {
        let (before, after) = match self.form {
            Form::Events => ("data: ", "\r\n\r\n"),
            Form::Array if self.written => (",\r\n", ""),
            Form::Array => ("[", ""),
        };
        self.written = true;
        for piece in [before, json, after] {
            out.extend_from_slice(piece.as_bytes());
        }
    }

    fn close(&mut self, out: &mut BytesMut) {
        if self.form == Form::Array {
            out.extend_from_slice(b"]");
        }
    }
}

fn last(index: u32, choice: &Choice, kept: Option<RawObject>) -> RawJson {
    let texts: Vec<(&str, &[Citation])> =
        choice.texts.values().map(|(text, citations)| (text.as_str(), citations.as_slice())).collect();
    Candidate {
        index,
        parts: &[WirePart::text("")],
        finish: Some(finish::write(choice.finish.as_ref())),
        logprobs: choice.logprobs.as_ref(),
        texts: &texts,
        kept,
    }
    .to_json()
}

/// An error in a stream of server-sent events, after which it ends.
pub(crate) fn error_frame(error: &Error) -> Bytes {
    format!("data: {}\r\n\r\n", error::object(error).get()).into()
}
