//! The gateway as its users meet it: configuration text in, sockets out, vendors that do what they please.

#[path = "end_to_end/bad_bodies.rs"]
mod bad_bodies;
#[path = "end_to_end/bad_heads.rs"]
mod bad_heads;
#[path = "end_to_end/behind_nginx.rs"]
mod behind_nginx;
#[path = "end_to_end/books.rs"]
mod books;
#[path = "end_to_end/client_words.rs"]
mod client_words;
#[path = "end_to_end/connections.rs"]
mod connections;
#[path = "end_to_end/conversions.rs"]
mod conversions;
#[path = "end_to_end/defaults.rs"]
mod defaults;
#[path = "end_to_end/departures.rs"]
mod departures;
#[path = "end_to_end/embeddings.rs"]
mod embeddings;
#[path = "end_to_end/faults.rs"]
mod faults;
#[path = "end_to_end/health.rs"]
mod health;
#[path = "end_to_end/limits.rs"]
mod limits;
#[path = "end_to_end/losses.rs"]
mod losses;
#[path = "end_to_end/mock_server.rs"]
mod mock_server;
#[path = "end_to_end/native_lines.rs"]
mod native_lines;
#[path = "end_to_end/operations.rs"]
mod operations;
#[path = "end_to_end/pairs_media.rs"]
mod pairs_media;
#[path = "end_to_end/pairs_reasoning.rs"]
mod pairs_reasoning;
#[path = "end_to_end/pairs_text.rs"]
mod pairs_text;
#[path = "end_to_end/pairs_tools.rs"]
mod pairs_tools;
#[path = "end_to_end/passages.rs"]
mod passages;
#[path = "end_to_end/passthrough.rs"]
mod passthrough;
#[path = "end_to_end/recordings.rs"]
mod recordings;
#[path = "end_to_end/recovery.rs"]
mod recovery;
#[path = "end_to_end/routing.rs"]
mod routing;
#[path = "end_to_end/shared.rs"]
mod shared;
#[path = "end_to_end/sick_streams.rs"]
mod sick_streams;
#[path = "end_to_end/sick_vendors.rs"]
mod sick_vendors;
#[path = "end_to_end/testing_page.rs"]
mod testing_page;
