//! Vendors' streams that pass through as they are.

use llm_core::dialect::{Seen, TapOptions, Verdict};
use llm_core::framing::parse;
use llm_core::wire::Framing;
use llm_core::{ChatResponse, Dialect, Result};

use crate::dialects;
use crate::framing::frames;
use crate::sample::Draws;
use crate::streams;

/// A tap takes nothing of the answer: whoever reads what it lets through reads the same answer as before it. It
/// calls complete what a decoder calls complete.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    if !agrees(data) {
        return;
    }
    let mut draws = Draws::of(data);
    for vendor in dialects::plain() {
        let options = TapOptions {
            public_model: draws.flip().then(|| "public \"model\"".to_owned()),
            include_usage: draws.flip(),
        };
        let Ok((out, seen)) = tapped(&*vendor, options, data) else { continue };
        let Ok(before) = answer(&*vendor, data) else { continue };
        let id = vendor.id();
        if let Some(error) = seen.error {
            panic!("{id}: the tap sees an error where the decoder reads an answer: {error:?}");
        }
        let shown = out.escape_ascii();
        match answer(&*vendor, &out) {
            Ok(after) => assert_eq!(after.choices, before.choices, "{id}: {shown}"),
            Err(error) => panic!("{id}: the tap breaks the stream: {error:?}: {shown}"),
        }
        let content = before.choices.iter().any(|choice| !choice.message.joined_text().is_empty());
        assert!(seen.content || !content, "{id}: the tap sees no content");
        assert_eq!(seen.usage, before.usage, "{id}: the tap counts otherwise");
    }
}

/// Whether the name of each event is what its data says. Where it is not, clients and taps go by the name (as the
/// vendors' own SDKs do), decoders by the data.
fn agrees(data: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Typed {
        r#type: String,
    }
    frames(Framing::Sse, &[data]).iter().all(|raw| {
        let Ok(Some(parsed)) = parse(Framing::Sse, raw) else { return !raw.starts_with(b"event:") };
        let frame = parsed.frame();
        frame.event.is_none_or(|name| {
            serde_json::from_str::<Typed>(frame.data).is_ok_and(|typed| typed.r#type == name)
        })
    })
}

fn answer(vendor: &dyn Dialect, body: &[u8]) -> Result<ChatResponse> {
    let (events, result) = streams::events(vendor, body);
    result.and_then(|()| streams::folded(&events))
}

/// What a tap lets through, as the gateway drives it.
fn tapped(vendor: &dyn Dialect, options: TapOptions, body: &[u8]) -> Result<(Vec<u8>, Seen)> {
    let mut tap = vendor.tap(options);
    let mut seen = Seen::default();
    let mut out = Vec::new();
    for raw in frames(vendor.framing(), &[body]) {
        match tap.frame(&raw, &mut seen)? {
            Verdict::Keep => out.extend_from_slice(&raw),
            Verdict::Drop => {}
            Verdict::Replace(bytes) => out.extend_from_slice(&bytes),
        }
        if seen.error.is_some() || seen.ended {
            break;
        }
    }
    out.extend_from_slice(&tap.finish(&mut seen)?);
    Ok((out, seen))
}
