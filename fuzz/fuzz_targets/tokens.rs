//! Gives the fuzzer's inputs to `llm_fuzz::tokens`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::tokens::check(data));
