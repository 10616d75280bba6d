//! Streams: lines of JSON to events and back, and the watch over lines that pass as they are.

mod decoder;
mod encoder;
mod tap;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::{Encoder, error_line};
pub(crate) use tap::Tap;
