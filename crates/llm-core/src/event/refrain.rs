//! Frames of a stream that are alike but for their words: read once or twice as a whole, and from then on only their words.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Delta, Event};
use crate::wire::Frame;

/// Knows the last frame that did nothing but add words to an open part. Most frames of most streams are like the one
/// before in everything but these words.
///
/// A frame is remembered by its text. Where the words stand in it is a guess until a like frame with other words was
/// read as a whole and meant what the guess says; until then only the same words are known again. A decoder may use it for deltas that leave it as it was: whatever is
/// learned must mean the same when it comes again with other words.
#[derive(Debug, Default)]
pub struct Refrain(Option<Verse>);

/// A frame without its words.
#[derive(Debug)]
struct Verse {
    /// The frame's event name.
    name: Option<String>,
    /// What stands before each hole, and the hole.
    lines: Vec<(String, Hole)>,
    /// What stands behind the last hole.
    end: String,
    choice: u32,
    part: u32,
    made: Made,
    /// The words of the frame that was learned.
    words: String,
    /// Whether other words were read rightly.
    proven: bool,
    /// Whether no other frame came since, which may change what this one means.
    fresh: bool,
}

/// A delta of words.
type Made = fn(String) -> Delta;

/// A text that is not the same in all frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    Words,
    /// It means nothing.
    Padding,
}

impl Refrain {
    /// Reads a frame that is like the last one; `false`: it is not, and nothing was read.
    pub fn again(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> bool {
        let Some(verse) = self.0.as_mut().filter(|verse| verse.fresh) else { return false };
        let words = verse.read(frame).filter(|words| verse.proven || *words == verse.words);
        verse.fresh = words.is_some();
        out.extend(words.map(|words| verse.event(words)));
        verse.fresh
    }

    /// Learns from a frame that was read as a whole and meant these events. `padding`: names of members that are ignored
    /// wherever they stand, and change from frame to frame. `leaves`: whether a delta leaves the decoder as it was.
    pub fn learn(
        &mut self,
        frame: Frame<'_>,
        events: &[Event],
        padding: &[&str],
        leaves: fn(&Delta) -> bool,
    ) {
        let known = self.0.take();
        let [Event::Delta { choice, part, delta }] = events else { return };
        let (words, made): (&str, Made) = match delta {
            Delta::Text(words) => (words, Delta::Text),
            Delta::Reasoning(words) => (words, Delta::Reasoning),
            Delta::Arguments(words) => (words, Delta::Arguments),
            _ => return,
        };
        if let Some(mut verse) = known
            && verse.read(frame).is_some_and(|words| [verse.event(words)] == *events)
        {
            verse.proven |= verse.words != words;
            verse.fresh = true;
            self.0 = Some(verse);
        } else if leaves(delta) {
            self.0 = split(frame.data, words, padding).map(|(lines, end)| Verse {
                name: frame.event.map(str::to_owned),
                lines,
                end: end.to_owned(),
                choice: *choice,
                part: *part,
                made,
                words: words.to_owned(),
                proven: false,
                fresh: true,
            });
        }
    }
}

impl Verse {
    /// The words of a frame that is like this one.
    fn read(&self, frame: Frame<'_>) -> Option<String> {
        if frame.event != self.name.as_deref() {
            return None;
        }
        let mut rest = frame.data;
        let mut words = String::new();
        for (before, hole) in &self.lines {
            let (text, after) = string(rest.strip_prefix(before.as_str())?)?;
            if *hole == Hole::Words {
                words = text.into_owned();
            }
            rest = after;
        }
        (rest == self.end && !words.is_empty()).then_some(words)
    }

    fn event(&self, words: String) -> Event {
        Event::Delta { choice: self.choice, part: self.part, delta: (self.made)(words) }
    }
}

/// The JSON string with which a text begins, and what follows it.
fn string(text: &str) -> Option<(Cow<'_, str>, &str)> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Spelled<'a>(#[serde(borrow)] Cow<'a, str>);
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Spelled<'_>>();
    let Spelled(read) = values.next()?.ok()?;
    Some((read, text.get(values.byte_offset()..)?))
}

/// A frame as what stands before each hole, and what stands behind the last one. `None`: it cannot be told where the
/// words stand.
fn split<'a>(spelled: &'a str, words: &str, padding: &[&str]) -> Option<(Vec<(String, Hole)>, &'a str)> {
    // Without escapes quotes stand around strings only, and every string is what it spells.
    if words.is_empty() || memchr::memchr(b'\\', spelled.as_bytes()).is_some() {
        return None;
    }
    let (mut lines, mut from, mut found, mut is_padding) = (Vec::new(), 0, 0, false);
    let mut quotes = memchr::memchr_iter(b'"', spelled.as_bytes());
    while let (Some(open), Some(close)) = (quotes.next(), quotes.next()) {
        let text = spelled.get(open + 1..close)?;
        let after = spelled.get(close + 1..)?;
        if let Some(value) = after.trim_ascii_start().strip_prefix(':') {
            is_padding = padding.contains(&text) && value.trim_ascii_start().starts_with('"');
            continue;
        }
        let is_ignored = std::mem::take(&mut is_padding);
        if !is_ignored && text != words {
            continue;
        }
        found += usize::from(!is_ignored);
        lines.push((
            spelled.get(from..open)?.to_owned(),
            if is_ignored { Hole::Padding } else { Hole::Words },
        ));
        from = close + 1;
    }
    (found == 1).then(|| (lines, spelled.get(from..).unwrap_or_default()))
}

#[cfg(test)]
mod tests;
