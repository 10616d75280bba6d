//! What is asked, and what is answered, without an HTTP server's types.

use llm_governance::{ExportFormat, RowQuery};
use serde_json::Value;

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Looks.
    Get,
    /// Makes, or does.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The method of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// A request to the management API.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The path, as it stands in the request.
    pub path: &'a str,
    /// What is behind the `?`, as it stands in the request.
    pub query: &'a str,
    /// The body; empty where there is none.
    pub body: &'a [u8],
    /// The header `litellm-changed-by`: on whose behalf an administrator's program asks.
    pub changed_by: Option<&'a str>,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The status of HTTP.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// Fields of the request that nobody knows: for the header `x-llm-ignored`.
    pub ignored: Vec<String>,
    /// Fields of the request that are kept and given back, and do nothing: for the header `x-llm-without-effect`.
    pub without_effect: Vec<String>,
    /// Rows that are the answer in the place of the body: [`crate::Management::export`] makes it, a piece at a time.
    pub rows: Option<Rows>,
}

/// Rows of the ledger that are an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Which.
    pub query: RowQuery,
    /// What they are written as.
    pub format: ExportFormat,
}

impl Reply {
    /// Done.
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, body, ignored: Vec::new(), without_effect: Vec::new(), rows: None }
    }
}
