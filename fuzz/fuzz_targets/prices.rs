//! Gives the fuzzer's inputs to `llm_fuzz::prices`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::prices::check(data));
