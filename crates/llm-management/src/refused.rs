//! Why a request is refused, in the shapes that LiteLLM's clients read.

use llm_governance::StoreError;
use serde_json::{Value, json};

use crate::request::Reply;

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The status of HTTP.
    pub status: u16,
    /// What is wrong, and what to do.
    pub message: String,
    shape: Shape,
}

/// The forms of errors: LiteLLM has three of them.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// `{"error":{"message","type","param","code"}}`.
    Error { kind: &'static str, param: Option<&'static str> },
    /// `{"detail":{"error"}}`.
    Detail,
    /// `{"detail":"…"}`: there is no such route.
    Plain,
    /// `{"detail":[{"type","loc","msg"}]}`: a field cannot be read.
    Field { place: &'static str, name: String, kind: &'static str },
}

impl Refused {
    /// A refusal in the form of an error.
    pub(crate) fn error(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), shape: Shape::Error { kind, param: None } }
    }

    /// The caller may not do this.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::error(403, "auth_error", message)
    }

    /// What is asked cannot be done.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::error(400, "bad_request_error", message)
    }

    /// What is asked for is not there.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::error(404, "not_found_error", message)
    }

    /// The parameter that is meant.
    pub(crate) fn about(mut self, name: &'static str) -> Self {
        if let Shape::Error { param, .. } = &mut self.shape {
            *param = Some(name);
        }
        self
    }

    /// The same as a detail: teams and organisations are refused so.
    pub(crate) fn detail(mut self) -> Self {
        if matches!(self.shape, Shape::Error { .. }) && self.status < 500 {
            self.shape = Shape::Detail;
        }
        self
    }

    /// A detail in plain words.
    pub(crate) fn plain(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), shape: Shape::Plain }
    }

    /// A field of the body that cannot be read.
    pub(crate) fn field(name: &str, message: impl Into<String>) -> Self {
        let shape = Shape::Field { place: "body", name: name.to_owned(), kind: "value_error" };
        Self { status: 422, message: message.into(), shape }
    }

    /// A field of the body that is not there.
    pub(crate) fn field_missing(name: &str) -> Self {
        let shape = Shape::Field { place: "body", name: name.to_owned(), kind: "missing" };
        Self { status: 422, message: "Field required".to_owned(), shape }
    }

    /// A parameter of the query that cannot be read.
    pub(crate) fn query(name: &str, message: impl Into<String>) -> Self {
        let shape = Shape::Field { place: "query", name: name.to_owned(), kind: "value_error" };
        Self { status: 422, message: message.into(), shape }
    }

    fn body(&self) -> Value {
        let message = &self.message;
        match &self.shape {
            Shape::Error { kind, param } => {
                let code = self.status.to_string();
                json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
            }
            Shape::Plain => json!({"detail": message}),
            Shape::Detail => json!({"detail": {"error": message}}),
            Shape::Field { place, name, kind } => {
                let place = if name.is_empty() { json!([place]) } else { json!([place, name]) };
                json!({"detail": [{"type": kind, "loc": place, "msg": message}]})
            }
        }
    }
}

impl From<Refused> for Reply {
    fn from(refused: Refused) -> Self {
        Self { status: refused.status, ..Self::ok(refused.body()) }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(told) => {
                // What a database says may hold its address: it is for the operator, not for clients.
                tracing::warn!(%told, "the store cannot be asked");
                let message = "the store cannot be asked now: try again in a moment";
                Self::error(503, "no_db_connection", message)
            }
            StoreError::Conflict(told) => Self::bad(told),
            StoreError::Missing(told) => Self::missing(told),
            StoreError::Failed(told) => {
                tracing::error!(%told, "the store failed");
                let message = "the store failed; the gateway's log says more";
                Self::error(500, "internal_server_error", message)
            }
        }
    }
}
