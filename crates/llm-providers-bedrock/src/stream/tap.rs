//! The watch over frames that pass as they are: usage, the end and errors on the side. Nothing in them names the model.

use bytes::Bytes;
use llm_core::dialect::Verdict;
use llm_core::wire::Framing;
use llm_core::{Result, Seen, StreamTap, framing, provider};

use crate::wire::{Malformed, Members};
use crate::{error, response, usage};

/// Watches a stream.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    failed: bool,
}

impl StreamTap for Tap {
    fn frame(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict> {
        let Some(parsed) = framing::parse(Framing::AwsEventStream, frame)? else { return Ok(Verdict::Keep) };
        let parsed = parsed.frame();
        let name = parsed.event.unwrap_or_default();
        match name {
            "contentBlockStart" | "contentBlockDelta" => seen.content = true,
            "messageStart" | "contentBlockStop" => {}
            _ => self.tail(name, parsed.data, seen).map_err(Malformed::of_vendor)?,
        }
        Ok(Verdict::Keep)
    }

    fn finish(&mut self, seen: &mut Seen) -> Result<Bytes> {
        if seen.ended || self.failed {
            return Ok(Bytes::new());
        }
        if seen.finish.is_none() {
            return Err(provider::truncated());
        }
        seen.ended = true;
        Ok(Bytes::new())
    }
}

impl Tap {
    fn tail(&mut self, name: &str, data: &str, seen: &mut Seen) -> Result<(), Malformed> {
        let members = Members::parse(data)?;
        match name {
            "messageStop" => {
                seen.finish = response::stop_reason(&members)?.or(seen.finish.take());
                seen.content = true;
            }
            "metadata" => {
                seen.usage.update(&usage::read(&members));
                seen.ended = seen.finish.is_some();
            }
            _ if name.ends_with("Exception") || members.raw("message").is_some() => {
                self.failed = true;
                seen.error = Some(error::of_exception(name, data));
            }
            _ => {}
        }
        Ok(())
    }
}
