//! How much of an answer was delivered whose vendor did not say what it used.

use bytes::Bytes;
use llm_core::wire::WireBody;
use llm_core::{ChatResponse, tokens};
use memchr::memmem;
use serde_json::Value;

/// Members that hold an answer's words, in the formats that clients speak.
const WORDS: [&str; 11] = [
    "arguments",
    "content",
    "delta",
    "generated_text",
    "partial_json",
    "reasoning",
    "reasoning_content",
    "refusal",
    "response",
    "text",
    "thinking",
];

/// As much of an answer is looked at for its id.
const HEAD: usize = 256;

/// Frames below this many bytes have no words: ends, signs of life.
const SHORT: u64 = 40;

/// Pieces above this many bytes are as large as what they were read into.
const LARGE: usize = 4 * 1024;

/// What passed of a stream: counted, not read. What of it were words is found out when somebody must know.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    frames: u64,
    /// Of those that are long enough to have words: how many, and their bytes.
    long: u64,
    bytes: u64,
    /// A piece that had words.
    sample: Bytes,
}

impl Passed {
    pub(crate) fn note(&mut self, bytes: &Bytes, separator: &[u8]) {
        let frames = memmem::find_iter(bytes, separator).count() as u64;
        self.frames += frames;
        if bytes.len() as u64 >= SHORT * frames {
            self.long += frames;
            self.bytes += bytes.len() as u64;
        }
    }

    /// The first content of the answer is in this piece.
    pub(crate) fn begins_with(&mut self, piece: &Bytes) {
        // A share of it would keep what it was read into as long as the stream lasts.
        self.sample = if piece.len() > LARGE { piece.clone() } else { Bytes::copy_from_slice(piece) };
    }

    /// Frames without words that came together with the first content, and their bytes: some formats begin with the
    /// whole request.
    fn silent(&self) -> (u64, u64) {
        let is_silent = |frame: &&[u8]| frame.len() as u64 >= SHORT && words_of(frame).is_none();
        let add = |(count, bytes), frame: &[u8]| (count + 1, bytes + frame.len() as u64);
        frames(&self.sample).filter(is_silent).fold((0, 0), add)
    }

    /// Tokens that were delivered: a frame has one at least, and as many as its words are long. How much of a frame are
    /// words is seen from two of them.
    pub(crate) fn tokens(&self, last: &[u8]) -> u64 {
        let around = [last, &self.sample].into_iter().flat_map(frames).filter_map(|frame| {
            let words = words_of(frame)?;
            Some((frame.len().saturating_sub(words.len()) as u64, words.is_ascii()))
        });
        let Some((around, is_ascii)) = around.min() else { return self.frames };
        let (silent, silent_bytes) = self.silent();
        let spoken = self.long.saturating_sub(silent).saturating_mul(around);
        let words = self.bytes.saturating_sub(silent_bytes).saturating_sub(spoken);
        self.frames.max(words.div_ceil(if is_ascii { 4 } else { 3 }))
    }
}

/// The frames of a piece: events with blank lines between, or lines.
fn frames(piece: &[u8]) -> impl Iterator<Item = &[u8]> {
    let separator: &[u8] = if memmem::find(piece, b"\n\n").is_some() { b"\n\n" } else { b"\n" };
    let mut from = 0;
    let ends: Vec<usize> = memmem::find_iter(piece, separator).map(|at| at + separator.len()).collect();
    ends.into_iter().filter_map(move |end| piece.get(std::mem::replace(&mut from, end)..end))
}

/// The words of a frame; `None` when it has none.
fn words_of(frame: &[u8]) -> Option<String> {
    let start = memchr::memchr(b'{', frame)?;
    let value: Value = serde_json::from_slice(frame.get(start..)?.trim_ascii_end()).ok()?;
    let mut words = String::new();
    collect(&value, &mut words);
    (!words.is_empty()).then_some(words)
}

fn collect(value: &Value, words: &mut String) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if WORDS.contains(&name.as_str()) => words.push_str(text),
                    Value::String(_) => {}
                    member => collect(member, words),
                }
            }
        }
        _ => {}
    }
}

/// Tokens of a whole answer as it passed.
pub(crate) fn of_answer(body: &WireBody) -> u64 {
    let bytes = body.joined();
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(value) => {
            let mut words = String::new();
            collect(&value, &mut words);
            tokens::of_text(&words)
        }
        Err(_) => (bytes.len() as u64).div_ceil(4),
    }
}

/// Tokens of a whole answer in canonical form.
pub(crate) fn of_choices(response: &ChatResponse) -> u64 {
    response.choices.iter().map(|choice| tokens::of_message(&choice.message)).sum()
}

/// The vendor's id of an answer that passes, where it stands at its beginning as it nearly always does; empty where not.
pub(crate) fn id(piece: Option<&Bytes>) -> &str {
    let read = || {
        let head = piece?.get(..HEAD).or(piece.map(|piece| &**piece))?;
        let rest = head.get(memmem::find(head, b"\"id\":")? + 5..)?.trim_ascii_start().strip_prefix(b"\"")?;
        let end = memchr::memchr(b'"', rest)?;
        std::str::from_utf8(rest.get(..end)?).ok()
    };
    read().filter(|id| id.len() <= 128 && !id.contains('\\')).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Bytes {
        format!("data: {{\"id\":\"chatcmpl-1\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text:?}}}}}]}}\n\n").into()
    }

    fn passed(pieces: &[Bytes]) -> u64 {
        let mut passed = Passed::default();
        passed.begins_with(pieces.first().expect("a piece"));
        pieces.iter().for_each(|piece| passed.note(piece, b"\n\n"));
        passed.tokens(pieces.last().expect("a piece"))
    }

    #[test]
    fn frames_of_one_token_are_counted_and_those_of_many_measured() {
        let single: Vec<Bytes> = (0..50).map(|_| event(" one")).collect();
        assert_eq!(passed(&single), 50);
        let long: Vec<Bytes> = (0..10).map(|_| event(&"word ".repeat(40))).collect();
        assert_eq!(passed(&long), 10 * 200 / 4);
        let mixed = [event("a"), event(&"word ".repeat(400)), Bytes::from_static(b"data: [DONE]\n\n")];
        assert!((500..=505).contains(&passed(&mixed)), "{}", passed(&mixed));
    }

    #[test]
    fn what_stands_before_the_first_words_is_not_delivered() {
        let head = format!("data: {{\"response\":{{\"tools\":[{:?}]}}}}\n\n", "x".repeat(4000));
        let first = Bytes::from([head.as_bytes(), &event(" one")].concat());
        assert_eq!(passed(&[first, event(" two")]), 3);
    }

    #[test]
    fn a_stream_without_words_is_counted_by_its_frames() {
        let pings: Vec<Bytes> = (0..3).map(|_| Bytes::from_static(b": ping\n\n")).collect();
        assert_eq!(passed(&pings), 3);
    }

    #[test]
    fn ids_are_read_from_the_beginning_alone() {
        assert_eq!(id(Some(&event("x"))), "chatcmpl-1");
        assert_eq!(id(Some(&Bytes::from_static(b"{ \"id\" : 7}"))), "");
        assert_eq!(id(Some(&Bytes::from(format!("{{\"a\":\"{}\",\"id\":\"x\"}}", "y".repeat(300))))), "");
        assert_eq!(id(None), "");
    }

    #[test]
    fn a_whole_answer_is_counted_by_its_words() {
        let body = Bytes::from_static(
            br#"{"id":"x","choices":[{"message":{"role":"assistant","content":"eight by"}}]}"#,
        );
        assert_eq!(of_answer(&body.into()), 2);
    }
}
