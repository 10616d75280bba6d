//! Gives the fuzzer's inputs to `llm_fuzz::streams`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::streams::check(data));
