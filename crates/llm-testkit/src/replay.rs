//! Bodies of streams played to a decoder or a tap: whole, cut in two at every byte, or cut short.

use bytes::Bytes;
use llm_core::dialect::{Dialect, Seen, StreamTap, TapOptions, Verdict};
use llm_core::event::{Event, Fold};
use llm_core::framing::{self, Splitter};
use llm_core::{ChatResponse, Result};

/// The events that a dialect reads from a body that arrives in these chunks.
///
/// # Errors
/// What the decoder says.
pub fn events(dialect: &dyn Dialect, chunks: &[&[u8]]) -> Result<Vec<Event>> {
    let mut decoder = dialect.decoder();
    let mut splitter = Splitter::new(dialect.framing());
    let mut out = Vec::new();
    let mut take = |raw: &[u8], out: &mut Vec<Event>| -> Result<()> {
        match framing::parse(dialect.framing(), raw)? {
            Some(parsed) => decoder.push(parsed.frame(), out),
            None => Ok(()),
        }
    };
    for chunk in chunks {
        splitter.push(Bytes::copy_from_slice(chunk))?;
        while let Some(raw) = splitter.next_frame() {
            take(&raw, &mut out)?;
        }
    }
    while let Some(raw) = splitter.take_rest() {
        take(&raw, &mut out)?;
    }
    decoder.finish(&mut out)?;
    Ok(out)
}

/// The response that a dialect's stream tells.
///
/// # Errors
/// What the decoder or the stream says.
pub fn folded(dialect: &dyn Dialect, body: &[u8]) -> Result<ChatResponse> {
    fold(events(dialect, &[body])?)
}

/// The response that events tell.
///
/// # Errors
/// The error among them, or that they stop before the end.
pub fn fold(events: Vec<Event>) -> Result<ChatResponse> {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

/// Asserts that a body cut in two at any byte gives the same events as the whole. A decoder sees only frames, so
/// the frames are compared; the events at some cuts besides. Long bodies are cut at every `stride`-th byte only, so
/// that the work stays bounded.
///
/// # Panics
/// When a cut changes something.
pub fn assert_cuts_do_not_matter(dialect: &dyn Dialect, body: &[u8], name: &str) {
    let (whole, told) = (frames(dialect, &[body]), events(dialect, &[body]));
    let stride = (body.len() / 200).max(1);
    for (number, at) in (1..body.len()).step_by(stride).enumerate() {
        let (head, tail) = body.split_at(at);
        assert_eq!(frames(dialect, &[head, tail]), whole, "{name}: cut at byte {at}");
        if number % 50 == 0 {
            assert_eq!(events(dialect, &[head, tail]), told, "{name}: cut at byte {at}");
        }
    }
}

fn frames(dialect: &dyn Dialect, chunks: &[&[u8]]) -> Result<Vec<Bytes>> {
    let mut splitter = Splitter::new(dialect.framing());
    let mut out = Vec::new();
    for chunk in chunks {
        splitter.push(Bytes::copy_from_slice(chunk))?;
        out.extend(std::iter::from_fn(|| splitter.next_frame()));
    }
    out.extend(std::iter::from_fn(|| splitter.take_rest()));
    Ok(out)
}

/// What a tap lets through of a body, with what it saw.
///
/// # Errors
/// What the tap says.
pub fn tapped(dialect: &dyn Dialect, options: TapOptions, body: &[u8]) -> Result<(Vec<u8>, Seen)> {
    let mut tap = dialect.tap(options);
    let mut splitter = Splitter::new(dialect.framing());
    let mut seen = Seen::default();
    let mut out = Vec::new();
    splitter.push(Bytes::copy_from_slice(body))?;
    while let Some(raw) = splitter.next_frame() {
        through(tap.as_mut(), &raw, &mut seen, &mut out)?;
    }
    while let Some(raw) = splitter.take_rest() {
        through(tap.as_mut(), &raw, &mut seen, &mut out)?;
    }
    out.extend_from_slice(&tap.finish(&mut seen)?);
    Ok((out, seen))
}

fn through(tap: &mut dyn StreamTap, raw: &[u8], seen: &mut Seen, out: &mut Vec<u8>) -> Result<()> {
    match tap.frame(raw, seen)? {
        Verdict::Keep => out.extend_from_slice(raw),
        Verdict::Drop => {}
        Verdict::Replace(bytes) => out.extend_from_slice(&bytes),
    }
    Ok(())
}
