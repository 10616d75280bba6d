//! What must hold for any bytes from outside. Each module is one fuzz target: its `check` takes bytes as they come
//! and panics when a promise of the crates is broken.
//!
//! - [`envelope`], [`forms`], [`framing`]: request bodies and streams before anybody knows what they say.
//! - [`requests`], [`forwards`]: clients' requests, read and written anew, or edited in passing.
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
pub mod calls;
pub mod configuration;
pub mod dialects;
pub mod envelope;
pub mod forms;
pub mod forwards;
pub mod framing;
pub mod guardrails;
pub mod prices;
pub mod requests;
pub mod rules;
pub mod sample;
pub mod streams;
pub mod taps;
pub mod tokens;
pub mod variables;

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Gives every file of a folder of seeds to a check.
    fn over(folder: &str, check: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(folder);
        let files = std::fs::read_dir(folder).expect("the seeds are there");
        for file in files {
            let path = file.expect("a file").path();
            check(&std::fs::read(&path).expect("a seed can be read"));
        }
    }

    #[test]
    fn promises_hold_for_every_seed() {
        for folder in ["answers", "requests", "streams"] {
            over(folder, crate::answers::check);
            over(folder, crate::envelope::check);
            over(folder, crate::forwards::check);
            over(folder, crate::framing::check);
            over(folder, crate::requests::check);
            over(folder, crate::streams::check);
            over(folder, crate::taps::check);
        }
        over("base_urls", crate::base_urls::check);
        over("calls", crate::calls::check);
        over("configuration", crate::configuration::check);
        over("forms", crate::forms::check);
        over("guardrails", crate::guardrails::check);
        over("prices", crate::prices::check);
        over("tokens", crate::tokens::check);
        over("variables", crate::variables::check);
    }
}
