//! Gives the fuzzer's inputs to `llm_fuzz::base_urls`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::base_urls::check(data));
