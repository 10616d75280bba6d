//! Gives the fuzzer's inputs to `llm_fuzz::variables`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::variables::check(data));
