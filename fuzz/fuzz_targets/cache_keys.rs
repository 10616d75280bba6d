//! Gives the fuzzer's inputs to `llm_fuzz::cache_keys`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::cache_keys::check(data));
