//! Gives the fuzzer's inputs to `llm_fuzz::guardrails`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_fuzz::guardrails::check(data));
