//! Streams of this format: read into events, and watched while they pass.

pub(crate) mod calls;
pub(crate) mod decoder;
mod glimpse;
pub(crate) mod parts;
pub(crate) mod tap;
