//! All checks on changed seeds, where there is no fuzzer: in turns, some longer than others.
//!
//! Who gets more, how many inputs that are, and each of them, follow from one text and not from the speed of the machine:
//! what passed here passes elsewhere.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::checks::{TARGETS, Target, files};
use crate::mutations::{LONGEST, mutated, words};
use crate::sample::Draws;

/// Targets that share the other half of the time.
const LONGER: usize = 4;

/// A run of all checks.
pub struct Rotation {
    /// What everything follows from.
    pub from: String,
    /// About the time of all checks together on one core of the machine that [`Target::pace`] was measured on.
    pub time: Duration,
    /// Recorded traffic.
    pub samples: Vec<Vec<u8>>,
}

impl Rotation {
    /// As `LLM_FUZZ_SECONDS`, `LLM_FUZZ_FROM` and `LLM_FUZZ_WITH` (a folder) say; a second where nobody says anything.
    ///
    /// # Panics
    /// When one of them says something else.
    pub fn of_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let seconds = variable("LLM_FUZZ_SECONDS").map_or(1.0, |text| text.parse().expect("seconds"));
        let mut samples = variable("LLM_FUZZ_WITH").map_or_else(Vec::new, |folder| files(Path::new(&folder)));
        samples.retain(|sample| sample.len() <= LONGEST);
        let from = variable("LLM_FUZZ_FROM").unwrap_or_default();
        Self { from, time: Duration::from_secs_f64(seconds), samples }
    }

    /// The time of each target: half of all for everybody alike, half for some of them.
    pub fn times(&self) -> [Duration; TARGETS.len()] {
        let mut times = [self.time / 2 / TARGETS.len() as u32; TARGETS.len()];
        let mut draws = Draws::of(format!("longer/{}", self.from).as_bytes());
        let mut others: Vec<usize> = (0..TARGETS.len()).collect();
        for _ in 0..LONGER {
            let chosen = others.swap_remove(draws.below(others.len()));
            times[chosen] += self.time / 2 / LONGER as u32;
        }
        times
    }

    /// How many inputs each target gets: what its time is enough for at its pace, and one at least.
    pub fn inputs(&self) -> [u64; TARGETS.len()] {
        let times = self.times();
        std::array::from_fn(|place| {
            (times[place].as_millis() as u64 * TARGETS[place].pace).div_ceil(1_000).max(1)
        })
    }

    /// Runs them, as many at a time as there are cores; what was found.
    pub fn run(&self) -> Vec<String> {
        let (inputs, next) = (self.inputs(), AtomicUsize::new(0));
        let work = || {
            let mut findings = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(target) = TARGETS.get(place) else { return findings };
                findings.extend(self.check(target, inputs[place]));
            }
        };
        thread::scope(|scope| {
            let cores = thread::available_parallelism().map_or(1, usize::from);
            let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("findings are caught")).collect()
        })
    }

    /// One target; its first finding.
    fn check(&self, target: &Target, inputs: u64) -> Option<String> {
        let (seeds, words, begun) = (target.seeds(), words(), Instant::now());
        for count in 0..inputs {
            let data = self.input(target, &seeds, &words, count);
            if catch_unwind(|| (target.check)(&data)).is_err() {
                let kept = keep(target, &data);
                return Some(format!("{}: input {count}, kept as {}", target.name, kept.display()));
            }
        }
        println!("{}: {inputs} inputs in {:.1?}", target.name, begun.elapsed());
        None
    }

    fn input(&self, target: &Target, seeds: &[Vec<u8>], words: &[Vec<u8>], count: u64) -> Vec<u8> {
        let mut draws = Draws::of(format!("{}/{}/{count}", self.from, target.name).as_bytes());
        // The samples are many, and would leave nothing for the seeds.
        let is_sample = target.reads_bodies() && !self.samples.is_empty() && draws.flip();
        mutated(if is_sample { &self.samples } else { seeds }, words, &mut draws)
    }
}

/// Where libFuzzer would put it, so that it can be repeated in the same way.
fn keep(target: &Target, data: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(target.name);
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    let path = folder.join(format!("changed-{:016x}", hasher.finish()));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, data));
    written.unwrap_or_else(|fault| panic!("{}: {fault}: {}", path.display(), data.escape_ascii()));
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotation(from: &str) -> Rotation {
        Rotation { from: from.to_owned(), time: Duration::from_secs(300), samples: Vec::new() }
    }

    #[test]
    fn everybody_has_a_turn_and_some_have_more_of_it() {
        let times = rotation("a commit").times();
        let all: Duration = times.iter().sum();
        assert!(all.abs_diff(Duration::from_secs(300)) < Duration::from_millis(1), "{all:?}");
        assert!(times.iter().all(|time| *time > Duration::from_secs(8)), "{times:?}");
        let longer = |times: &[Duration]| times.iter().filter(|time| time.as_secs() > 40).count();
        assert_eq!(longer(&times), LONGER);
    }

    #[test]
    fn the_same_text_chooses_the_same_and_all_have_their_day() {
        assert_eq!(rotation("a").inputs(), rotation("a").inputs());
        let mut had = [false; TARGETS.len()];
        for run in 0..60 {
            let times = rotation(&format!("{run}")).times();
            had.iter_mut().zip(times).for_each(|(had, time)| *had |= time.as_secs() > 40);
        }
        assert_eq!(had, [true; TARGETS.len()]);
    }

    #[test]
    fn promises_hold_for_seeds_that_were_changed() {
        let rotation = Rotation::of_environment();
        let findings = rotation.run();
        assert!(findings.is_empty(), "from `{}`:\n{}", rotation.from, findings.join("\n"));
    }
}
