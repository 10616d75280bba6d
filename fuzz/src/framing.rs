//! Streams cut into frames.

use bytes::Bytes;
use llm_core::framing::{Splitter, parse};
use llm_core::wire::Framing;

use crate::sample::{Draws, chunks};

/// Wherever a stream is cut into chunks, its frames are the same, and together they are the stream.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let mut draws = Draws::of(data);
    for framing in [Framing::Sse, Framing::JsonLines, Framing::AwsEventStream] {
        let whole = frames(framing, &[data]);
        assert!(data.starts_with(&whole.concat()), "frames are slices without gaps");
        let bytes: Vec<&[u8]> = data.chunks(1).collect();
        for cut in [chunks(data, &mut draws), bytes] {
            let (cut, whole) = (told(framing, &frames(framing, &cut)), told(framing, &whole));
            // What is no message is refused as far as it has come, and ends a stream.
            let length = match framing {
                Framing::AwsEventStream => whole.iter().position(Option::is_none).unwrap_or(whole.len()),
                _ => whole.len().max(cut.len()),
            };
            assert_eq!(cut.get(..length), whole.get(..length), "{framing:?}");
        }
    }
}

/// The raw frames of a stream that comes in these chunks.
///
/// # Panics
/// When what is left out is more than white space.
pub fn frames(framing: Framing, chunks: &[&[u8]]) -> Vec<Bytes> {
    let mut splitter = Splitter::new(framing);
    let mut frames = Vec::new();
    for chunk in chunks {
        splitter.push(Bytes::copy_from_slice(chunk)).expect("far below the limit");
        frames.extend(std::iter::from_fn(|| splitter.next_frame()));
    }
    let rest = splitter.pending().clone();
    let before = frames.len();
    frames.extend(std::iter::from_fn(|| splitter.take_rest()));
    let taken: usize = frames[before..].iter().map(Bytes::len).sum();
    assert!(rest[taken..].iter().all(u8::is_ascii_whitespace), "only white space is left out");
    frames
}

/// What the frames say, as decoders take it.
fn told(framing: Framing, frames: &[Bytes]) -> Vec<Option<(Option<String>, String)>> {
    let parsed = frames.iter().filter_map(|raw| parse(framing, raw).transpose());
    let told = |parsed: llm_core::framing::Parsed<'_>| {
        let frame = parsed.frame();
        (frame.event.map(str::to_owned), frame.data.to_owned())
    };
    parsed.map(|parsed| parsed.ok().map(told)).collect()
}
