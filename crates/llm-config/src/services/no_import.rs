//! A program that was built without PostgreSQL.

use std::convert::Infallible;
use std::fmt;

use llm_core::{BoxFuture, Secret};
use serde_json::Value;

use super::Unopened;
use crate::config::Loaded;

/// What an import did: never anything.
pub struct Imported(Infallible);

impl Imported {
    /// The same as JSON.
    pub fn to_json(&self) -> Value {
        match self.0 {}
    }
}

impl fmt::Display for Imported {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

/// Always refused.
///
/// # Errors
/// Always.
pub fn import_litellm(_: &Loaded, _: Secret, _: bool) -> BoxFuture<'_, Result<Imported, Unopened>> {
    Box::pin(std::future::ready(Err(Unopened {
        what: "this program was built without postgresql, which litellm's databases are".to_owned(),
        help: "build it with the feature `postgres`".to_owned(),
    })))
}
