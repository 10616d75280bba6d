//! Gives the fuzzer's inputs to `llm_fuzz::framing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::framing::check(data));
