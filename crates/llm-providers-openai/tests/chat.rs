//! Tests of the chat completions format from outside.

#[path = "chat/golden.rs"]
mod golden;
#[path = "chat/recordings.rs"]
mod recordings;
#[path = "chat/roundtrip.rs"]
mod roundtrip;
