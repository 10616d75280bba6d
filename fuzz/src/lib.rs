//! What must hold for any bytes from outside. Each module is one fuzz target: its `check` takes bytes as they come
//! and panics when a promise of the crates is broken.
//!
//! - [`envelope`], [`forms`], [`framing`]: request bodies and streams before anybody knows what they say.
//! - [`requests`], [`forwards`], [`ways`]: clients' requests, read and written anew, or edited in passing.
//! - [`cache_keys`]: what of a request decides its answer.
//! - [`answers`], [`streams`], [`taps`]: vendors' answers, whole, as events, and watched in passing.
//! - [`calls`]: a whole call of the gateway, headers included, against the built-in mock.
//! - [`tokens`]: what callers show in the place of a key.
//! - [`guardrails`]: texts that are judged.
//! - [`configuration`], [`variables`], [`base_urls`], [`prices`]: what an operator writes.
//!
//! Inputs are plain bytes without a head of ours, so that any recorded body is a sample. What else a check needs
//! (cuts, options, a vendor) is drawn from a hash of them ([`sample`]).

pub mod answers;
pub mod base_urls;
pub mod cache_keys;
pub mod calls;
pub mod configuration;
pub mod dialects;
pub mod envelope;
pub mod forms;
pub mod forwards;
pub mod framing;
pub mod guardrails;
pub mod mutations;
pub mod prices;
pub mod requests;
pub mod rules;
pub mod sample;
pub mod streams;
pub mod taps;
pub mod tokens;
pub mod variables;
pub mod ways;

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use crate::mutations::{mutated, words};
    use crate::sample::Draws;

    type Check = fn(&[u8]);

    /// Each check with the folders of its seeds.
    const CHECKS: [(Check, &[&str]); 17] = [
        (crate::answers::check, &BODIES),
        (crate::base_urls::check, &["base_urls"]),
        (crate::cache_keys::check, &BODIES),
        (crate::calls::check, &["calls"]),
        (crate::configuration::check, &["configuration"]),
        (crate::envelope::check, &BODIES),
        (crate::forms::check, &["forms"]),
        (crate::forwards::check, &BODIES),
        (crate::framing::check, &BODIES),
        (crate::guardrails::check, &["guardrails"]),
        (crate::prices::check, &["prices"]),
        (crate::requests::check, &BODIES),
        (crate::streams::check, &BODIES),
        (crate::taps::check, &BODIES),
        (crate::tokens::check, &["tokens"]),
        (crate::variables::check, &["variables"]),
        (crate::ways::check, &BODIES),
    ];

    const BODIES: [&str; 3] = ["answers", "requests", "streams"];

    fn seeds(folders: &[&str]) -> Vec<Vec<u8>> {
        let folders =
            folders.iter().map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name));
        let files = folders.flat_map(|folder| std::fs::read_dir(folder).expect("the seeds are there"));
        let paths = files.map(|file| file.expect("a file").path());
        let mut paths: Vec<_> = paths.collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read(path).expect("a seed can be read")).collect()
    }

    #[test]
    fn promises_hold_for_every_seed() {
        for (check, folders) in CHECKS {
            seeds(folders).iter().for_each(|seed| check(seed));
        }
    }

    /// For so many seconds as `LLM_FUZZ_SECONDS` says, from where `LLM_FUZZ_FROM` says.
    #[test]
    fn promises_hold_for_seeds_that_were_changed() {
        let variable = |name: &str| std::env::var(name).ok();
        let seconds = variable("LLM_FUZZ_SECONDS").map_or(1.0, |text| text.parse().expect("seconds"));
        let from = variable("LLM_FUZZ_FROM").unwrap_or_default();
        let time = Duration::from_secs_f64(seconds / CHECKS.len() as f64);
        let words = words();
        for (number, (check, folders)) in CHECKS.into_iter().enumerate() {
            let (seeds, begun) = (seeds(folders), Instant::now());
            let mut count = 0_u64;
            while begun.elapsed() < time {
                let mut draws = Draws::of(format!("{from}/{number}/{count}").as_bytes());
                let data = mutated(&seeds, &words, &mut draws);
                let outcome = std::panic::catch_unwind(|| check(&data));
                assert!(outcome.is_ok(), "check {number} fails for:\n{}", data.escape_ascii());
                count += 1;
            }
            println!("check {number}: {count} inputs");
        }
    }
}
