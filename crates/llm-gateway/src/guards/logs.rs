//! Guardrails on what is written down of calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use llm_core::guard::Side;
use llm_core::texts::Texts;

use super::judging::{apply, scan};
use super::{Guarded, Guardrail};
use crate::call_log::CallContent;

/// Guardrails that look at what is written down of a call.
#[derive(Default)]
pub(crate) struct LogGuards(Vec<Arc<Guardrail>>);

impl Guarded {
    /// Those that look at what is written down of this call.
    pub(crate) fn on_logs(&self) -> LogGuards {
        LogGuards(self.with(|modes| modes.logging_only))
    }
}

impl LogGuards {
    /// What was asked and answered as it may be written down: masked, and nothing of what one of them would refuse.
    pub(crate) fn may_be_written(&self, content: &CallContent) -> CallContent {
        if self.0.is_empty() {
            return content.clone();
        }
        let request = self.masked(&content.request, Side::Request);
        // The frames of a stream spell a text in pieces: nobody can look at it there.
        let lost = content.is_stream && !content.answer.is_empty();
        let answer =
            if lost { Vec::new() } else { vec![self.masked(&content.answer.concat(), Side::Answer)] };
        let is_cut = content.is_cut || lost;
        content.in_other_words(request, answer, is_cut)
    }

    fn masked(&self, body: &[u8], side: Side) -> Bytes {
        let Ok(mut texts) = Texts::of(body, side) else { return Bytes::new() };
        let mut changed = BTreeSet::new();
        for guardrail in &self.0 {
            guardrail.counts.checked.inc();
            let found = scan(guardrail, &texts.pieces);
            // Nothing comes back from a log to the vendor, so nothing in it is signed.
            if apply(guardrail, Side::Answer, found, &mut texts.pieces, (&mut changed, None)).is_err() {
                return Bytes::new();
            }
        }
        let text = |piece: usize| Some((piece, texts.pieces.get(piece)?.text.clone().into_owned()));
        let replaced: Vec<(usize, String)> = changed.into_iter().filter_map(text).collect();
        texts.rewrite(body, &replaced).into()
    }
}
