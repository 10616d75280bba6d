//! Events folded into a response.

use std::collections::BTreeMap;

use super::{Delta, Event, PartKind, Start};
use crate::dialect::DialectId;
use crate::error::Error;
use crate::json::{RawJson, RawObject};
use crate::message::{Media, Message, Part, Reasoning, Role, Source, Text, ToolCall};
use crate::response::{ChatResponse, Choice, FinishReason};

/// Collects the events of a stream into the response that they tell.
#[derive(Debug, Default)]
pub struct Fold {
    response: ChatResponse,
    choices: BTreeMap<u32, Folding>,
    error: Option<Error>,
    ended: bool,
}

#[derive(Debug, Default)]
struct Folding {
    parts: BTreeMap<u32, Part>,
    finish: Option<FinishReason>,
    logprobs: Vec<RawJson>,
}

impl Fold {
    /// Takes one event in.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Start(start) => self.start(start),
            Event::PartStart { choice, part, kind } => {
                self.choices.entry(choice).or_default().parts.insert(part, opened(kind));
            }
            Event::Delta { choice, part, delta } => {
                let parts = &mut self.choices.entry(choice).or_default().parts;
                if let Some(part) = parts.get_mut(&part) {
                    add(part, delta);
                }
            }
            Event::Logprobs { choice, raw } => self.choices.entry(choice).or_default().logprobs.push(raw),
            Event::Finish { choice, reason } => {
                self.choices.entry(choice).or_default().finish = Some(reason);
            }
            Event::Usage(usage) => self.response.usage.update(&usage),
            Event::Extras { origin, fields } => self.extras(origin, fields),
            Event::Error(error) => self.error = Some(error),
            Event::End => self.ended = true,
            Event::PartEnd { .. } | Event::Ping => {}
        }
    }

    fn start(&mut self, start: Start) {
        self.response.id = start.id;
        self.response.model = start.model;
        self.response.created = start.created;
        self.response.service_tier = start.service_tier;
        self.response.system_fingerprint = start.system_fingerprint;
        self.response.extras = start.extras;
        if let Some(usage) = start.usage {
            self.response.usage.update(&usage);
        }
    }

    fn extras(&mut self, origin: DialectId, fields: RawObject) {
        let (known, members) = self.response.extras.get_or_insert_with(|| (origin, RawObject::default()));
        if *known == origin {
            for (name, value) in fields {
                members.insert(name, value);
            }
        }
    }

    /// The response.
    ///
    /// # Errors
    /// The error that the stream told of, or that it ended before the answer did.
    pub fn finish(mut self) -> Result<ChatResponse, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if !self.ended {
            return Err(crate::provider::truncated());
        }
        self.response.choices = self.choices.into_iter().map(choice).collect();
        Ok(self.response)
    }
}

fn choice((index, folding): (u32, Folding)) -> Choice {
    let parts = folding.parts.into_values().collect();
    Choice {
        index,
        message: Message::new(Role::Assistant, parts),
        finish: folding.finish,
        logprobs: joined(&folding.logprobs),
    }
}

/// Streams cut the arrays inside `logprobs` into pieces; this puts them together again.
fn joined(pieces: &[RawJson]) -> Option<RawJson> {
    if pieces.len() <= 1 {
        return pieces.first().cloned();
    }
    let mut lists: Vec<(String, Vec<RawJson>)> = Vec::new();
    for piece in pieces {
        let object: RawObject = piece.read().ok()?;
        for (key, value) in object {
            let items: Vec<RawJson> = value.read().unwrap_or_default();
            match lists.iter_mut().find(|(name, _)| *name == key) {
                Some((_, list)) => list.extend(items),
                None => lists.push((key, items)),
            }
        }
    }
    let object: RawObject =
        lists.into_iter().filter_map(|(key, list)| Some((key, RawJson::of(&list).ok()?))).collect();
    RawJson::of(&object).ok()
}

fn opened(kind: PartKind) -> Part {
    match kind {
        PartKind::Text => Part::Text(Text::default()),
        PartKind::Reasoning { id } => Part::Reasoning(Reasoning { id, ..Reasoning::default() }),
        PartKind::ToolCall { id, item_id, name, custom } => {
            Part::ToolCall(ToolCall { item_id, custom, ..ToolCall::new(id, name, "") })
        }
        PartKind::Refusal => Part::Refusal(String::new()),
        PartKind::Audio => {
            Part::Audio(Media::new(Source::Base64 { media_type: String::new(), data: String::new() }))
        }
        PartKind::Whole(part) => *part,
    }
}

fn add(part: &mut Part, delta: Delta) {
    match (part, delta) {
        (Part::Text(text), Delta::Text(more)) => text.text.push_str(&more),
        (Part::Text(text), Delta::Citation(citation)) => text.citations.push(*citation),
        (Part::ToolCall(call), Delta::Arguments(more)) => call.arguments.push_str(&more),
        (Part::ToolCall(call), Delta::Opaque(opaque)) => call.opaque = Some(opaque),
        (Part::Reasoning(reasoning), Delta::Reasoning(more)) => reasoning.text.push_str(&more),
        (Part::Reasoning(reasoning), Delta::ReasoningSummary { index, text }) => {
            // A number from outside never decides how much memory is taken.
            let index = (index as usize).min(reasoning.summary.len());
            match reasoning.summary.get_mut(index) {
                Some(paragraph) => paragraph.push_str(&text),
                None => reasoning.summary.push(text),
            }
        }
        (Part::Reasoning(reasoning), Delta::Opaque(opaque)) => reasoning.opaque = Some(opaque),
        (Part::Refusal(refusal), Delta::Refusal(more)) => refusal.push_str(&more),
        (Part::Audio(media), delta) => add_audio(media, delta),
        _ => {}
    }
}

fn add_audio(media: &mut Media, delta: Delta) {
    match delta {
        Delta::AudioData(more) => {
            if let Source::Base64 { data, .. } = &mut media.source {
                data.push_str(&more);
            }
        }
        Delta::AudioTranscript(more) => media.transcript.get_or_insert_default().push_str(&more),
        Delta::AudioId(id) => media.id = Some(id),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_extras_join_those_of_the_start() {
        let origin = DialectId::new("fold-test.origin");
        let fields = |text| serde_json::from_str::<RawObject>(text).expect("valid");
        let mut fold = Fold::default();
        fold.push(Event::Start(Start {
            extras: Some((origin, fields(r#"{"a":1,"b":2}"#))),
            ..Start::default()
        }));
        fold.push(Event::Extras { origin, fields: fields(r#"{"b":3,"c":4}"#) });
        fold.push(Event::End);
        let response = fold.finish().expect("complete");
        assert_eq!(response.extras, Some((origin, fields(r#"{"a":1,"b":3,"c":4}"#))));
    }
}
