//! Tests of the chat completions format from outside.

#[path = "chat/golden.rs"]
mod golden;
#[path = "chat/reading.rs"]
mod reading;
#[path = "chat/recorded_requests.rs"]
mod recorded_requests;
#[path = "chat/recordings.rs"]
mod recordings;
#[path = "chat/roundtrip.rs"]
mod roundtrip;
