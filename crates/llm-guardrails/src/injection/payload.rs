//! Attempts in base64: decoded once and looked at again.

use super::fold::Folded;
use super::{Signal, phrases, score};
use crate::base64;
use crate::bytes::Class;

const RULE: usize = 6;

/// Shorter runs hold no sentence, longer ones are files.
const SHORTEST: usize = 24;
const LONGEST: usize = 4_096;

/// Finds runs of base64 whose content is an attempt.
pub(super) fn find(text: &str, signals: &mut Vec<Signal>) {
    let bytes = text.as_bytes();
    let mut place = 0;
    while place < bytes.len() {
        let run = Class::BASE64.run(bytes, place, bytes.len());
        if (SHORTEST..=LONGEST).contains(&run) {
            let decoded = base64::decode(bytes.get(place..place + run).unwrap_or_default());
            let readable = decoded.iter().filter(|byte| matches!(byte, b' '..=b'~' | b'\n')).count();
            if readable * 10 >= decoded.len() * 9 && decoded.len() >= 16 {
                let mut inner = Vec::new();
                phrases::find(&Folded::new(&String::from_utf8_lossy(&decoded)), &mut inner);
                let weight = score(&inner);
                if weight > 0.3 {
                    signals.push(Signal { rule: RULE, weight: weight.max(0.8), range: place..place + run });
                }
            }
        }
        place += run.max(1);
    }
}
