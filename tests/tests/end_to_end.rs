//! The gateway as its users meet it: configuration text in, sockets out, vendors that do what they please.

#[path = "end_to_end/pairs_text.rs"]
mod pairs_text;
