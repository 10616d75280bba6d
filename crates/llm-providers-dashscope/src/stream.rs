//! Streams: a vendor's events read, and the watch over a stream that passes as it is.

mod decoder;
mod state;
mod tap;
mod told;

pub(crate) use decoder::Decoder;
pub(crate) use tap::Tap;
