//! Streams: a vendor's frames to events, events to a client's frames, and the watch over frames that pass as they are.
//! After <https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>: every frame is an answer
//! of its own shape, and the stream ends without a terminator.

mod candidate;
mod decoder;
mod encoder;
mod slot;
mod tap;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::{Encoder, Form, error_frame};
pub(crate) use tap::Tap;
