//! Streams: a vendor's frames to events, events to a client's frames, and the watch over frames that pass as
//! they are. After <https://platform.claude.com/docs/en/build-with-claude/streaming>.

mod decoder;
mod encoder;
mod foreign;
mod frames;
mod slot;
mod tap;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;
pub(crate) use frames::error_frame;
pub(crate) use tap::Tap;
