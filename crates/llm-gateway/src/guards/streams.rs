//! Guardrails on streamed answers: events in, the events that the client may have out.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use llm_core::event::{Delta, Event, PartKind};
use llm_core::guard::{Judge, Piece, Place, Side};
use llm_core::message::Part;
use llm_core::provider::BoxFuture;
use llm_core::texts::Texts;
use llm_core::{Error, RawJson, Result};

use super::judging::apply;
use super::masks::Restorer;
use super::windows::{Judges, Window};
use super::{Guarded, Guardrail};

/// What asking others ends with: the call's guardrails, and the held events as the client may have them.
type Asking = BoxFuture<'static, (Box<Guarded>, Result<Vec<Event>>)>;

/// The guardrails of one streamed answer.
pub(crate) struct StreamGuard {
    guarded: Option<Box<Guarded>>,
    judges: Judges,
    restorer: Option<Restorer>,
    /// Parts that are being told.
    parts: HashMap<(u32, u32), Growing>,
    /// Others must be asked, so everything waits for the end of the answer.
    held: Option<Vec<Event>>,
    asking: Option<Asking>,
    refused: bool,
}

/// What of a part grows: one kind of text at a time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Channel {
    Text,
    Arguments,
    Reasoning,
    Summary(u32),
    Refusal,
    Transcript,
}

struct Growing {
    channel: Channel,
    window: Window,
    /// Judged, but perhaps the beginning of a mask.
    judged: String,
}

impl StreamGuard {
    pub(crate) fn new(guarded: Box<Guarded>) -> Self {
        let selected = guarded.with(|modes| modes.post_call);
        let is_local = |guardrail: &Arc<Guardrail>| matches!(guardrail.judge, Judge::Scanner(_));
        let (local, others): (Vec<_>, Vec<_>) = selected.into_iter().partition(is_local);
        let restorer = guarded.masks.restorer();
        Self {
            judges: Judges::new(local),
            restorer,
            parts: HashMap::new(),
            held: (!others.is_empty()).then(Vec::new),
            asking: None,
            refused: false,
            guarded: Some(guarded),
        }
    }

    /// Takes an event; what the client may have of the answer now is appended.
    ///
    /// # Errors
    /// Which guardrail refused: nothing of the answer may follow.
    pub(crate) fn push(&mut self, event: Event, told: &mut Vec<Event>) -> Result<()> {
        if self.refused {
            return Ok(());
        }
        let Some(held) = &mut self.held else { return self.judge(event, told) };
        let ends = event == Event::End;
        held.push(event);
        if ends && let (Some(guarded), Some(held)) = (self.guarded.take(), self.held.take()) {
            self.asking = Some(Box::pin(ask(guarded, held)));
        }
        Ok(())
    }

    /// Waits for those who are asked. `None`: nobody is.
    ///
    /// # Errors
    /// Which guardrail refused: nothing of the answer may follow.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Vec<Event>>>> {
        let Some(asking) = &mut self.asking else { return Poll::Ready(None) };
        let (guarded, judged) = ready!(Pin::new(asking).poll(context));
        (self.asking, self.guarded) = (None, Some(guarded));
        let mut told = Vec::new();
        let judged =
            judged.and_then(|events| events.into_iter().try_for_each(|event| self.judge(event, &mut told)));
        Poll::Ready(Some(judged.map(|()| told)))
    }

    /// Whether somebody is asked.
    pub(crate) fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    fn judge(&mut self, event: Event, told: &mut Vec<Event>) -> Result<()> {
        let judged = self.judge_event(event, told);
        self.refused |= judged.is_err();
        judged
    }

    fn judge_event(&mut self, event: Event, told: &mut Vec<Event>) -> Result<()> {
        match event {
            Event::Delta { choice, part, delta } => self.delta(choice, part, delta, told),
            Event::PartStart { choice, part, kind } => {
                let kind = self.kind(kind)?;
                told.push(Event::PartStart { choice, part, kind });
                Ok(())
            }
            Event::PartEnd { choice, part } => {
                self.end(choice, part, told)?;
                told.push(event);
                Ok(())
            }
            Event::Finish { choice, .. } => {
                let open: Vec<u32> =
                    self.parts.keys().filter(|(of, _)| *of == choice).map(|(_, part)| *part).collect();
                open.into_iter().try_for_each(|part| self.end(choice, part, told))?;
                told.push(event);
                Ok(())
            }
            Event::End => {
                let open: Vec<(u32, u32)> = self.parts.keys().copied().collect();
                open.into_iter().try_for_each(|(choice, part)| self.end(choice, part, told))?;
                told.push(event);
                Ok(())
            }
            // They spell the answer once more, token by token.
            Event::Logprobs { .. } if !self.judges.is_empty() => Ok(()),
            event => {
                told.push(event);
                Ok(())
            }
        }
    }

    fn delta(&mut self, choice: u32, part: u32, delta: Delta, told: &mut Vec<Event>) -> Result<()> {
        let (channel, text) = match taken_apart(delta) {
            Ok(taken) => taken,
            Err(delta) => {
                if self.may_have(&delta)? {
                    told.push(Event::Delta { choice, part, delta });
                }
                return Ok(());
            }
        };
        if self.parts.get(&(choice, part)).is_some_and(|growing| growing.channel != channel) {
            self.end(choice, part, told)?;
        }
        let growing = self.parts.entry((choice, part)).or_insert_with(|| Growing {
            channel,
            window: Window::default(),
            judged: String::new(),
        });
        growing.window.push(&text);
        let ready = growing.take(&self.judges, self.restorer.as_ref(), false)?;
        if !ready.is_empty() {
            told.push(Event::Delta { choice, part, delta: put_together(channel, ready) });
        }
        Ok(())
    }

    /// Nothing of this kind follows in a part.
    fn end(&mut self, choice: u32, part: u32, told: &mut Vec<Event>) -> Result<()> {
        let Some(mut growing) = self.parts.remove(&(choice, part)) else { return Ok(()) };
        let ready = growing.take(&self.judges, self.restorer.as_ref(), true)?;
        if !ready.is_empty() {
            told.push(Event::Delta { choice, part, delta: put_together(growing.channel, ready) });
        }
        Ok(())
    }

    /// What opens, with its own texts judged.
    fn kind(&self, kind: PartKind) -> Result<PartKind> {
        match kind {
            PartKind::ToolCall { ref name, .. } => {
                self.judges.whole(name, Place::ToolName)?;
                Ok(kind)
            }
            PartKind::Whole(mut part) => {
                match &mut *part {
                    Part::Text(text) => text.text = self.whole(&text.text, Place::Assistant)?.into(),
                    Part::ToolCall(call) => {
                        self.judges.whole(&call.name, Place::ToolName)?;
                        call.arguments = self.whole(&call.arguments, Place::ToolArguments)?;
                    }
                    Part::Refusal(text) => *text = self.whole(text, Place::Assistant)?,
                    Part::ServerTool(block) | Part::Unknown(block) => block.raw = self.json(&block.raw)?,
                    _ => {}
                }
                Ok(PartKind::Whole(part))
            }
            kind => Ok(kind),
        }
    }

    fn whole(&self, text: &str, place: Place) -> Result<String> {
        let judged = self.judges.whole(text, place)?;
        let restored = self
            .restorer
            .as_ref()
            .and_then(|restorer| restorer.restore(&judged, place == Place::ToolArguments));
        Ok(restored.unwrap_or(judged))
    }

    fn json(&self, raw: &RawJson) -> Result<RawJson> {
        let texts = Texts::of(raw.get().as_bytes(), Side::Answer)?;
        let mut changed = Vec::new();
        for (number, piece) in texts.pieces.iter().enumerate() {
            let text = self.whole(&piece.text, piece.place)?;
            if text != piece.text {
                changed.push((number, text));
            }
        }
        let written = texts.rewrite(raw.get().as_bytes(), &changed);
        let written = String::from_utf8(written).ok().and_then(|json| RawJson::parse(json).ok());
        written.ok_or_else(|| Error::internal("a block that was masked is no JSON any more"))
    }

    /// Whether a delta without a growing text may pass: citations say what is in documents.
    fn may_have(&self, delta: &Delta) -> Result<bool> {
        let Delta::Citation(citation) = delta else { return Ok(true) };
        for text in [&citation.title, &citation.cited_text].into_iter().flatten() {
            if self.judges.whole(text, Place::Assistant)? != *text {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Growing {
    fn take(&mut self, judges: &Judges, restorer: Option<&Restorer>, ends: bool) -> Result<String> {
        let ready = if judges.is_empty() {
            self.window.take_all()
        } else {
            self.window.take(judges, self.channel.place(), ends)?
        };
        let Some(restorer) = restorer else { return Ok(ready) };
        self.judged.push_str(&ready);
        let in_json = self.channel == Channel::Arguments;
        let mut ready = restorer.take(&mut self.judged, in_json);
        if ends {
            ready.push_str(&std::mem::take(&mut self.judged));
        }
        Ok(ready)
    }
}

impl Channel {
    fn place(self) -> Place {
        match self {
            Self::Text | Self::Refusal | Self::Transcript => Place::Assistant,
            Self::Arguments => Place::ToolArguments,
            Self::Reasoning | Self::Summary(_) => Place::Reasoning,
        }
    }
}

/// What of a part grows, and by what; the delta itself, where that is no text.
fn taken_apart(delta: Delta) -> std::result::Result<(Channel, String), Delta> {
    match delta {
        Delta::Text(text) => Ok((Channel::Text, text)),
        Delta::Arguments(text) => Ok((Channel::Arguments, text)),
        Delta::Reasoning(text) => Ok((Channel::Reasoning, text)),
        Delta::ReasoningSummary { index, text } => Ok((Channel::Summary(index), text)),
        Delta::Refusal(text) => Ok((Channel::Refusal, text)),
        Delta::AudioTranscript(text) => Ok((Channel::Transcript, text)),
        delta => Err(delta),
    }
}

fn put_together(channel: Channel, text: String) -> Delta {
    match channel {
        Channel::Text => Delta::Text(text),
        Channel::Arguments => Delta::Arguments(text),
        Channel::Reasoning => Delta::Reasoning(text),
        Channel::Summary(index) => Delta::ReasoningSummary { index, text },
        Channel::Refusal => Delta::Refusal(text),
        Channel::Transcript => Delta::AudioTranscript(text),
    }
}

/// Has others judge a whole answer that was held, and gives it back as it may be told.
async fn ask(guarded: Box<Guarded>, held: Vec<Event>) -> (Box<Guarded>, Result<Vec<Event>>) {
    let mut keys: Vec<(u32, u32, Channel)> = Vec::new();
    let mut texts: HashMap<(u32, u32, Channel), String> = HashMap::new();
    for event in &held {
        let Event::Delta { choice, part, delta } = event else { continue };
        let Ok((channel, text)) = taken_apart(delta.clone()) else { continue };
        let key = (*choice, *part, channel);
        if !texts.contains_key(&key) {
            keys.push(key);
        }
        texts.entry(key).or_default().push_str(&text);
    }
    let mut pieces: Vec<Piece<'static>> = keys
        .iter()
        .map(|key| Piece { text: texts.remove(key).unwrap_or_default().into(), place: key.2.place() })
        .collect();
    let mut changed = std::collections::BTreeSet::new();
    let is_other = |guardrail: &Arc<Guardrail>| matches!(guardrail.judge, Judge::Inspector(_));
    for guardrail in guarded.with(|modes| modes.post_call).into_iter().filter(is_other) {
        let judged = match guarded.judge(&guardrail, Side::Answer, &pieces).await {
            Ok(found) => apply(&guardrail, Side::Answer, found, &mut pieces, (&mut changed, None)),
            Err(error) => Err(error),
        };
        if let Err(error) = judged {
            return (guarded, Err(error));
        }
    }
    let mut rewritten: HashMap<(u32, u32, Channel), Option<String>> = changed
        .into_iter()
        .filter_map(|number| Some((*keys.get(number)?, Some(pieces.get(number)?.text.clone().into_owned()))))
        .collect();
    let told = held.into_iter().filter_map(|event| told_anew(event, &mut rewritten)).collect();
    (guarded, Ok(told))
}

/// An event, with the whole changed text of its part where it is the first one of it; `None`: that was told before.
fn told_anew(event: Event, rewritten: &mut HashMap<(u32, u32, Channel), Option<String>>) -> Option<Event> {
    let Event::Delta { choice, part, delta } = event else {
        let spells = matches!(event, Event::Logprobs { .. }) && !rewritten.is_empty();
        return (!spells).then_some(event);
    };
    let delta = match taken_apart(delta) {
        Err(delta) => delta,
        Ok((channel, text)) => match rewritten.get_mut(&(choice, part, channel)) {
            None => put_together(channel, text),
            Some(whole) => put_together(channel, whole.take()?),
        },
    };
    Some(Event::Delta { choice, part, delta })
}
