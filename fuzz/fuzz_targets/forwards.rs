//! Gives the fuzzer's inputs to `llm_fuzz::forwards`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::forwards::check(data));
