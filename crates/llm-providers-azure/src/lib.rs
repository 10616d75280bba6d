#![doc = include_str!("../README.md")]

mod dialect;
mod error;
mod exchange;
mod passage;
pub mod place;
mod surface;

pub use dialect::Azure;
pub use surface::Surface;
