//! Gives what the fuzzer finds to the check in `llm_fuzz::calls`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::calls::check(data));
