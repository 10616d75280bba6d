//! Whether the key that asks can be used, and what would be done with its calls.

use serde_json::json;

use crate::management::{Answered, Call};
use crate::request::Reply;

/// A key that asks is good: others are refused before they come here. Keys have no log of their own to fail.
pub(super) async fn health(_: &Call<'_>) -> Answered {
    Ok(Reply::ok(json!({"key": "healthy", "logging_callbacks": null})))
}
