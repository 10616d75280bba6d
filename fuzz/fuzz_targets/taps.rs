//! Fuzzes `llm_fuzz::taps`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::taps::check(data));
