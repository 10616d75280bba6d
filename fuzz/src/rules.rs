//! The rules of a canonical stream, as [`llm_core::Event`] states them.

use std::collections::BTreeMap;

use llm_core::event::{Delta, Event, PartKind};

/// Watches the events of one answer.
#[derive(Default)]
pub struct Rules {
    started: bool,
    ended: bool,
    failed: bool,
    choices: BTreeMap<u32, Choice>,
}

#[derive(Default)]
struct Choice {
    parts: Vec<Part>,
    finished: bool,
}

struct Part {
    kind: PartKind,
    open: bool,
    paragraphs: usize,
}

impl Rules {
    /// Takes the next event.
    ///
    /// # Panics
    /// When it may not stand here.
    pub fn see(&mut self, event: &Event) {
        assert!(!self.ended && !self.failed, "{event:?} comes after the end");
        match event {
            Event::Ping | Event::Usage(_) | Event::Error(_) => {}
            Event::Start(_) => {}
            _ => assert!(self.started, "{event:?} comes before the start"),
        }
        match event {
            Event::Start(_) => {
                assert!(!self.started, "a second start");
                self.started = true;
            }
            Event::PartStart { choice, part, kind } => self.choice(*choice).open(*part, kind),
            Event::Delta { choice, part, delta } => self.choice(*choice).delta(*part, delta),
            Event::PartEnd { choice, part } => self.choice(*choice).part(*part).open = false,
            Event::Logprobs { choice, .. } => {
                self.choice(*choice);
            }
            Event::Finish { choice, .. } => {
                let choice = self.choice(*choice);
                assert!(choice.parts.iter().all(|part| !part.open), "a choice ends with an open part");
                choice.finished = true;
            }
            Event::Error(_) => self.failed = true,
            Event::End => {
                assert!(self.choices.values().all(|choice| choice.finished), "an end before a finish");
                self.ended = true;
            }
            _ => {}
        }
    }

    /// Whether the stream is complete, or told of its error.
    pub fn is_over(&self) -> bool {
        self.ended || self.failed
    }

    fn choice(&mut self, number: u32) -> &mut Choice {
        let choice = self.choices.entry(number).or_default();
        assert!(!choice.finished, "choice {number} goes on after its finish");
        choice
    }
}

impl Choice {
    fn open(&mut self, number: u32, kind: &PartKind) {
        assert_eq!(number as usize, self.parts.len(), "parts count up");
        self.parts.push(Part { kind: kind.clone(), open: true, paragraphs: 0 });
    }

    fn part(&mut self, number: u32) -> &mut Part {
        let part = self.parts.get_mut(number as usize).expect("a part is opened before all else");
        assert!(part.open, "part {number} goes on after its end");
        part
    }

    fn delta(&mut self, number: u32, delta: &Delta) {
        let part = self.part(number);
        if let Delta::ReasoningSummary { index, .. } = delta {
            let index = *index as usize;
            assert!(index <= part.paragraphs, "paragraph {index} comes before {}", part.paragraphs);
            part.paragraphs = part.paragraphs.max(index + 1);
        }
        assert!(fits(&part.kind, delta), "{delta:?} is nothing for a part of {:?}", part.kind);
    }
}

fn fits(kind: &PartKind, delta: &Delta) -> bool {
    match kind {
        PartKind::Text => matches!(delta, Delta::Text(_) | Delta::Citation(_)),
        PartKind::Reasoning { .. } => {
            matches!(delta, Delta::Reasoning(_) | Delta::ReasoningSummary { .. } | Delta::Opaque(_))
        }
        PartKind::ToolCall { .. } => matches!(delta, Delta::Arguments(_) | Delta::Opaque(_)),
        PartKind::Refusal => matches!(delta, Delta::Refusal(_)),
        PartKind::Audio => {
            matches!(delta, Delta::AudioData(_) | Delta::AudioTranscript(_) | Delta::AudioId(_))
        }
        _ => false,
    }
}
