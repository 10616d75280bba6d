//! The judges of this crate, as a gateway uses them: built from parameters, shown texts.

mod building;
mod support;
