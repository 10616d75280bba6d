//! How objects of the format are read and written.

mod members;

use llm_core::RawJson;
use serde::Serialize;

pub(crate) use llm_core::object::{ObjectWriter, object_of as union};
pub(crate) use members::{Malformed, Members, camel};

/// Any value of this crate's as JSON.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> RawJson {
    RawJson::of(value).expect("structs with string keys are always valid JSON")
}
