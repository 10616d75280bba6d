//! Streams: a vendor's frames to events, events to a client's frames, and the watch over frames that pass as
//! they are. After <https://docs.cohere.com/docs/streaming>; every stream ends with `data: [DONE]`.

mod decoder;
mod encoder;
mod frames;
mod tap;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;
pub(crate) use frames::error_frames;
pub(crate) use tap::Tap;

/// The word that ends a stream.
const DONE: &str = "[DONE]";
