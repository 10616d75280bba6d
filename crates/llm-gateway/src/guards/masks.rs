//! What was masked in a call, and how the answer gets it back.

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

/// What stands for what, in one call. The same passage is always masked alike.
#[derive(Default)]
pub(crate) struct Masks {
    /// What the vendor sees, and what it stands for.
    pairs: Vec<(String, String)>,
}

impl Masks {
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// A mask that is this passage's own: `<EMAIL_ADDRESS>` becomes `<EMAIL_ADDRESS_1>`.
    pub(super) fn hide(&mut self, passage: &str, replacement: &str) -> String {
        if let Some((mask, _)) =
            self.pairs.iter().find(|(mask, of)| of == passage && is_of(mask, replacement))
        {
            return mask.clone();
        }
        let number = 1 + self.pairs.iter().filter(|(mask, _)| is_of(mask, replacement)).count();
        let mask = numbered(replacement, number);
        self.pairs.push((mask.clone(), passage.to_owned()));
        mask
    }

    /// What puts it back; `None`: nothing was masked.
    pub(super) fn restorer(&self) -> Option<Restorer> {
        let mut builder = AhoCorasick::builder();
        let builder = builder.match_kind(MatchKind::LeftmostLongest);
        let finder = builder.build(self.pairs.iter().map(|(mask, _)| mask)).ok()?;
        (!self.is_empty()).then(|| Restorer { finder, pairs: self.pairs.clone() })
    }
}

/// Puts back what was masked.
pub(super) struct Restorer {
    /// Finds masks: the longest where one begins like another.
    finder: AhoCorasick,
    pairs: Vec<(String, String)>,
}

impl Restorer {
    /// The text with everything masked put back; `None`: nothing of it is masked. `in_json`: it is a text of JSON.
    pub(super) fn restore(&self, text: &str, in_json: bool) -> Option<String> {
        self.finder.is_match(text).then(|| {
            let mut restored = String::with_capacity(text.len() + 32);
            self.finder.replace_all_with(text, &mut restored, |found, _, restored| {
                restored.push_str(&self.original(found.pattern().as_usize(), in_json));
                true
            });
            restored
        })
    }

    /// Takes out of a growing text what can be given on, everything masked put back. What may be the beginning of a mask
    /// stays.
    pub(super) fn take(&self, text: &mut String, in_json: bool) -> String {
        let longest = self.pairs.iter().map(|(mask, _)| mask.len()).max().unwrap_or(0);
        let from = text.len().saturating_sub(longest.saturating_sub(1));
        let begins = |at: &usize| {
            let tail = text.get(*at..);
            tail.is_some_and(|tail| {
                self.pairs.iter().any(|(mask, _)| mask.len() > tail.len() && mask.starts_with(tail))
            })
        };
        let kept = (from..text.len()).find(begins).unwrap_or(text.len());
        // A mask that is whole goes, although its end may look like the beginning of another.
        let end = self.finder.find_iter(&*text).map(|found| found.end()).last().unwrap_or(0).max(kept);
        let rest = text.split_off(end);
        let ready = std::mem::replace(text, rest);
        self.restore(&ready, in_json).unwrap_or(ready)
    }

    fn original(&self, pair: usize, in_json: bool) -> Cow<'_, str> {
        let original = self.pairs.get(pair).map(|(_, original)| original.as_str()).unwrap_or_default();
        if !in_json {
            return Cow::Borrowed(original);
        }
        let quoted = Value::from(original).to_string();
        Cow::Owned(quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned())
    }
}

/// A mask with a number before its closing bracket.
fn numbered(replacement: &str, number: usize) -> String {
    match replacement.char_indices().next_back() {
        Some((end, bracket @ ('>' | ']' | '}' | ')'))) => {
            format!("{}_{number}{bracket}", replacement.get(..end).unwrap_or_default())
        }
        _ => format!("{replacement}_{number}"),
    }
}

fn is_of(mask: &str, replacement: &str) -> bool {
    let stem = replacement.trim_end_matches(['>', ']', '}', ')']);
    let rest = mask.strip_prefix(stem).and_then(|rest| rest.strip_prefix('_'));
    rest.is_some_and(|rest| {
        rest.trim_end_matches(['>', ']', '}', ')']).bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restored(masks: &Masks, text: &str) -> Option<String> {
        masks.restorer()?.restore(text, false)
    }

    #[test]
    fn a_passage_has_one_mask_and_each_its_own() {
        let mut masks = Masks::default();
        assert_eq!(restored(&masks, "nothing"), None);
        assert_eq!(masks.hide("a@b.example", "<EMAIL>"), "<EMAIL_1>");
        assert_eq!(masks.hide("c@d.example", "<EMAIL>"), "<EMAIL_2>");
        assert_eq!(masks.hide("a@b.example", "<EMAIL>"), "<EMAIL_1>");
        assert_eq!(masks.hide("a@b.example", "***"), "***_1");
        assert_eq!(
            restored(&masks, "to <EMAIL_2>, <EMAIL_1> and <EMAIL_3>").as_deref(),
            Some("to c@d.example, a@b.example and <EMAIL_3>")
        );
    }

    #[test]
    fn the_tenth_mask_is_not_the_first_one_with_a_zero() {
        let mut masks = Masks::default();
        for number in 1..=11 {
            masks.hide(&format!("v{number};"), "HIDDEN");
        }
        assert_eq!(restored(&masks, "HIDDEN_11 HIDDEN_1 HIDDEN_10").as_deref(), Some("v11; v1; v10;"));
    }

    #[test]
    fn a_growing_text_is_restored_wherever_it_is_split() {
        let mut masks = Masks::default();
        for number in 1..=10 {
            masks.hide(&format!("<v\"{number}>"), "<M>");
        }
        let text = "a <M_1> b<M_10><M_2 c < <M_ <M_3>";
        let restorer = masks.restorer().expect("something is masked");
        let whole = restorer.restore(text, false).expect("masks");
        assert_eq!(whole, "a <v\"1> b<v\"10><M_2 c < <M_ <v\"3>");
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let (mut growing, mut given) = (String::new(), String::new());
                for piece in [&text[..first], &text[first..second], &text[second..]] {
                    growing.push_str(piece);
                    given.push_str(&restorer.take(&mut growing, false));
                }
                assert_eq!(given + &growing, whole, "split at {first} and {second}");
            }
        }
        assert_eq!(restorer.restore("{\"k\":\"<M_1>\"}", true).as_deref(), Some(r#"{"k":"<v\"1>"}"#));
    }
}
