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
//! [`checks`] lists them, [`rotation`] runs them without a fuzzer.
//!
//! Inputs are plain bytes without a head of ours, so that any recorded body is a sample. What else a check needs
//! (cuts, options, a vendor) is drawn from a hash of them ([`sample`]).

#![forbid(unsafe_code)]

pub mod answers;
pub mod base_urls;
pub mod cache_keys;
pub mod calls;
pub mod checks;
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
pub mod rotation;
pub mod rules;
pub mod sample;
pub mod streams;
pub mod taps;
pub mod tokens;
pub mod variables;
pub mod ways;
