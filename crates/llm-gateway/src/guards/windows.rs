//! A growing text under the eyes of guardrails: as much of it is given on as is judged for good.

use std::borrow::Cow;
use std::sync::Arc;

use llm_core::Result;
use llm_core::guard::{Action, Finding, Judge, Piece, Place, Side};
use llm_core::order;

use super::Guardrail;
use super::judging::{decide, scan};

/// A text is judged anew when this many bytes can be given on, so that a stream of single letters is not judged for each.
const STEP: usize = 32;

/// Judges that need nothing but the text, and how much of a growing one they must see.
pub(super) struct Judges {
    guardrails: Vec<Arc<Guardrail>>,
    reach: usize,
}

impl Judges {
    pub(super) fn new(guardrails: Vec<Arc<Guardrail>>) -> Self {
        let reach = guardrails.iter().map(|guardrail| match &guardrail.judge {
            Judge::Scanner(scanner) => scanner.reach(),
            Judge::Inspector(_) => 0,
        });
        Self { reach: reach.max().unwrap_or(0), guardrails }
    }

    /// How much of a growing text is judged for good by all of them.
    fn settled(&self, text: &str) -> usize {
        let each = self.guardrails.iter().filter_map(|guardrail| match &guardrail.judge {
            Judge::Scanner(scanner) => Some(scanner.settled(text)),
            Judge::Inspector(_) => None,
        });
        boundary(text, each.min().unwrap_or(text.len()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.guardrails.is_empty()
    }

    /// What all of them find in a text, each with its guardrail.
    fn find(&self, text: &str, place: Place) -> Vec<(&Arc<Guardrail>, Finding)> {
        let pieces = [Piece { text: Cow::Borrowed(text), place }];
        let mut all = Vec::new();
        for guardrail in &self.guardrails {
            all.extend(scan(guardrail, &pieces).into_iter().map(|found| (guardrail, found.finding)));
        }
        all
    }

    /// A whole text as the client may have it.
    ///
    /// # Errors
    /// Which guardrail refused, by which rule.
    pub(super) fn whole(&self, text: &str, place: Place) -> Result<String> {
        let mut window = Window::default();
        window.push(text);
        window.take(self, place, true)
    }
}

/// A growing text. What was given on stands before what is held, as far as judges must see it.
#[derive(Default)]
pub(super) struct Window {
    text: String,
    /// Bytes that were given on.
    given: usize,
}

impl Window {
    pub(super) fn push(&mut self, more: &str) {
        self.text.push_str(more);
    }

    /// All of it: nobody judges.
    pub(super) fn take_all(&mut self) -> String {
        self.given = 0;
        std::mem::take(&mut self.text)
    }

    /// What can be given on. `ends`: nothing follows.
    ///
    /// # Errors
    /// Which guardrail refused, by which rule.
    pub(super) fn take(&mut self, judges: &Judges, place: Place, ends: bool) -> Result<String> {
        let length = self.text.len();
        let judged = if ends { length } else { judges.settled(&self.text) };
        if judged <= self.given || (!ends && judged < self.given + STEP) {
            return Ok(String::new());
        }
        let mut found = judges.find(&self.text, place);
        // What begins later is judged when more of it is there; what was given on is past.
        found.retain(|(_, finding)| finding.range.start < judged && finding.range.end > self.given);
        order::sort_by_key(&mut found, |(_, finding)| finding.range.start);
        let mut ready = String::with_capacity(judged - self.given);
        for (guardrail, finding) in found {
            if decide(guardrail, Side::Answer, &finding, finding.action)? != Action::Mask
                || finding.range.end <= self.given
            {
                continue;
            }
            ready.push_str(self.text.get(self.given..finding.range.start).unwrap_or_default());
            if finding.range.start >= self.given {
                ready.push_str(&finding.replacement);
            }
            self.given = finding.range.end;
        }
        ready.push_str(self.text.get(self.given..judged).unwrap_or_default());
        self.given = self.given.max(judged);
        self.forget(judges.reach);
        Ok(ready)
    }

    /// Lets go of what no judge must see any more.
    fn forget(&mut self, reach: usize) {
        let end = boundary(&self.text, self.given.saturating_sub(reach));
        // Moving the rest costs as much as what is let go of.
        if end >= self.text.len() / 2 {
            self.text.drain(..end);
            self.given -= end;
        }
    }
}

/// The last border of characters at or before a place.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use llm_core::guard::Scanner;
    use llm_metrics::Metrics;

    use super::*;
    use crate::guards::{GuardrailSpec, Hits};

    /// Finds runs of five digits or more, up to twelve.
    struct Digits(Action);

    impl Scanner for Digits {
        fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
            let bytes = piece.text.as_bytes();
            let mut at = 0;
            while at < bytes.len() {
                let run = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if (5..=12).contains(&run) {
                    findings.push(Finding {
                        range: at..at + run,
                        rule: "digits".into(),
                        action: self.0,
                        replacement: "<D>".into(),
                    });
                }
                at += run.max(1);
            }
        }

        fn reach(&self) -> usize {
            14
        }
    }

    fn judges(action: Action) -> Judges {
        let judge = Judge::Scanner(Arc::new(Digits(action)));
        Judges::new(vec![Arc::new(Guardrail::new(
            GuardrailSpec::new("digits", judge),
            &Metrics::new(),
            &Hits::default(),
        ))])
    }

    fn streamed(pieces: &[&str], action: Action) -> Result<String> {
        let (judges, mut window, mut given) = (judges(action), Window::default(), String::new());
        for piece in pieces {
            window.push(piece);
            given += &window.take(&judges, Place::Assistant, false)?;
            assert!(window.text.len() < 200, "a window is bounded");
        }
        Ok(given + &window.take(&judges, Place::Assistant, true)?)
    }

    #[test]
    fn nothing_slips_through_wherever_a_text_is_split() {
        let text = "é 12345 and 123456789012, 1234 no, then ä a long way of other words until 99999 é 00000";
        let whole = judges(Action::Mask).whole(text, Place::Assistant).expect("masked");
        assert_eq!(whole, "é <D> and <D>, 1234 no, then ä a long way of other words until <D> é <D>");
        let borders: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        for first in &borders {
            for second in borders.iter().filter(|second| *second >= first) {
                let pieces = [&text[..*first], &text[*first..*second], &text[*second..]];
                assert_eq!(streamed(&pieces, Action::Mask).expect("masked"), whole);
            }
        }
        let letters: Vec<String> = text.repeat(20).chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        assert_eq!(streamed(&letters, Action::Mask).expect("masked"), whole.repeat(20));
    }

    #[test]
    fn a_stream_is_refused_before_anything_of_the_passage_is_given_on() {
        let error =
            streamed(&["some words before it, then 12", "345 and more words after it"], Action::Block);
        assert!(error.expect_err("blocked").to_string().contains("rule `digits`"));
        assert!(streamed(&["12", "345"], Action::Flag).expect("flagged").contains("12345"));
    }
}
