//! Gives the fuzzer's inputs to `llm_fuzz::forms`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::forms::check(data));
