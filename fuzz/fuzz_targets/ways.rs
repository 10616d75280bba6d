//! Gives the fuzzer's inputs to `llm_fuzz::ways`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::ways::check(data));
