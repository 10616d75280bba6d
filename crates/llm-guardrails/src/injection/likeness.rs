//! How much a passage is like an attempt that is known: shared runs of five letters.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Signal;
use super::fold::{Folded, squeeze};

const TEXTS: &str = include_str!("../../data/attacks.txt");
const RULE: usize = 8;

/// Letters of a run.
const RUN: usize = 5;

type Run = [u8; RUN];

struct Attacks {
    /// For each run: the attacks that have it, and as which of their runs.
    runs: HashMap<Run, Vec<(usize, usize)>>,
    /// How many runs each attack has.
    sizes: Vec<usize>,
    /// Bits of numbers of runs: most runs of a text are in no attack, and are out at once.
    some: Vec<u64>,
}

/// A number of a run, of 14 bits.
fn number_of(run: Run) -> usize {
    let [a, b, c, d, e] = run.map(u32::from);
    let mixed = (a | b << 8 | c << 16 | d << 24).wrapping_mul(0x9e37_79b1) ^ e.wrapping_mul(0x85eb_ca6b);
    (mixed >> 18) as usize
}

static ATTACKS: LazyLock<Attacks> = LazyLock::new(|| {
    let mut attacks = Attacks { runs: HashMap::new(), sizes: Vec::new(), some: vec![0; 1 << 8] };
    for (number, line) in TEXTS.lines().filter(|line| !line.starts_with('#')).enumerate() {
        let letters = squeeze(line);
        let runs = letters.windows(RUN).filter_map(|run| Run::try_from(run).ok());
        let mut size = 0;
        for run in runs {
            let number_of_run = number_of(run);
            if let Some(word) = attacks.some.get_mut(number_of_run / 64) {
                *word |= 1 << (number_of_run % 64);
            }
            let entry = attacks.runs.entry(run).or_default();
            if entry.iter().all(|(other, _)| *other != number) {
                entry.push((number, size));
                size += 1;
            }
        }
        attacks.sizes.push(size);
    }
    attacks
});

/// What of an attack was seen lately.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// Which of its runs, as bits.
    runs: u128,
    start: usize,
}

/// Finds passages that share at least this part of the runs of an attack, within little more than its length.
pub(super) fn find(folded: &Folded, threshold: f64, signals: &mut Vec<Signal>) {
    let attacks = &*ATTACKS;
    let mut seen = vec![Seen::default(); attacks.sizes.len()];
    for (place, run) in folded.letters.windows(RUN).enumerate() {
        let Ok(run) = Run::try_from(run) else { continue };
        let number_of_run = number_of(run);
        if attacks.some.get(number_of_run / 64).is_none_or(|word| word >> (number_of_run % 64) & 1 == 0) {
            continue;
        }
        let Some(hits) = attacks.runs.get(&run) else { continue };
        for (attack, number) in hits {
            let (Some(seen), Some(size)) = (seen.get_mut(*attack), attacks.sizes.get(*attack)) else {
                continue;
            };
            if place.saturating_sub(seen.start) > size * 3 / 2 || seen.runs == 0 {
                *seen = Seen { runs: 0, start: place };
            }
            seen.runs |= 1 << (number & 127);
            let share = f64::from(seen.runs.count_ones()) / *size as f64;
            if share >= threshold {
                signals.push(Signal {
                    rule: RULE,
                    weight: 0.75,
                    range: folded.range(seen.start, place + RUN),
                });
                *seen = Seen::default();
            }
        }
    }
}
