//! Streams of this format: read into events, and watched while they pass.

pub(super) mod calls;
pub(super) mod decoder;
pub(super) mod parts;
pub(super) mod tap;
