//! The gateway that commands ask: one that runs somewhere, or one of a configuration inside this process. Commands do
//! not know which.

mod choose;
mod embedded;
mod remote;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use llm_core::Secret;
use llm_server::{InProcess, InProcessBody};
use serde_json::Value;

use crate::failure::{Exit, Failure};

pub(crate) use choose::{Connection, choose};
pub(crate) use embedded::of_loaded;
pub(crate) use remote::Remote;

/// The most bytes of an answer that is read whole.
const LARGEST: usize = 256 << 20;

/// A gateway to ask.
pub(crate) struct Backend {
    way: Way,
    /// What is shown to it.
    key: Option<Secret>,
    /// Where it is, in words.
    pub place: String,
}

enum Way {
    Remote(Remote),
    Embedded(Box<InProcess>),
}

/// An answer whose head is there.
pub(crate) struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Body,
}

/// The body of an answer. Dropping it cancels the work behind it.
pub(crate) enum Body {
    Remote(Box<reqwest::Response>),
    Embedded(InProcessBody),
}

impl Backend {
    /// Sends a request and waits for the head of its answer. An error's status is an answer.
    ///
    /// # Errors
    /// When nobody answers.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, Failure> {
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        match &self.way {
            Way::Remote(remote) => remote.send(method, path, body, self.key.as_ref()).await,
            Way::Embedded(gateway) => embedded::send(gateway, method, path, body, self.key.as_ref()).await,
        }
    }

    /// Asks for JSON.
    ///
    /// # Errors
    /// When nobody answers, or with an error.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::GET, path, None).await
    }

    /// Sends JSON for JSON.
    ///
    /// # Errors
    /// When nobody answers, or with an error.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.json(Method::POST, path, Some(body)).await
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.send(method, path, body).await?.json().await
    }
}

impl Reply {
    /// The body of a good answer; an error otherwise.
    ///
    /// # Errors
    /// When the answer is an error, does not come whole, or is no JSON.
    pub(crate) async fn json(self) -> Result<Value, Failure> {
        let (status, body) = (self.status, self.body.collect().await?);
        if !(200..300).contains(&status) {
            return Err(refused(status, &body));
        }
        serde_json::from_slice(&body).map_err(|_| {
            Failure::new(Exit::Error, "the gateway's answer is no JSON")
                .help("check that --url is the address of a gateway")
        })
    }

    /// The same where only the failure is of interest.
    ///
    /// # Errors
    /// What the body of a bad answer says.
    pub(crate) async fn good(self) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let (status, body) = (self.status, self.body.collect().await?);
        Err(refused(status, &body))
    }
}

impl Body {
    /// The next piece; `None` at the end.
    pub(crate) async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        match self {
            Self::Remote(reply) => match reply.chunk().await {
                Ok(chunk) => chunk.map(Ok),
                Err(error) => Some(Err(broken(&remote::reason(&error)))),
            },
            Self::Embedded(body) => {
                let chunk = body.chunk().await;
                chunk.map(|chunk| chunk.map_err(|error| broken(error.message())))
            }
        }
    }

    async fn collect(mut self) -> Result<Bytes, Failure> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await {
            whole.extend_from_slice(&chunk?);
            if whole.len() > LARGEST {
                return Err(Failure::new(Exit::Error, "the answer is larger than 256 MiB"));
            }
        }
        Ok(whole.freeze())
    }
}

/// An answer did not come, or not whole.
fn broken(why: &str) -> Failure {
    Failure::new(Exit::Error, format!("the gateway's answer broke off: {why}"))
}

/// An error's answer, in any of the forms that gateways have for it.
fn refused(status: u16, body: &[u8]) -> Failure {
    let message = serde_json::from_slice::<Value>(body).ok().and_then(|body| message(&body));
    let reason = || StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let message = message.unwrap_or_else(|| format!("status {status} {}", reason().unwrap_or_default()));
    let message = message.trim_end().trim_end_matches('.').to_owned();
    let failure = match status {
        401 => Failure::new(Exit::Refused, message).help(
            "show a good key with --key, or LLM_KEY; where a vendor refused the gateway's own key, mend that one",
        ),
        403 => {
            Failure::new(Exit::Refused, message).help("this key may not do this: show another one with --key")
        }
        404 if message.contains("Not Found") => Failure::new(Exit::Error, message)
            .help("check that --url is the address of a gateway, and that it is not older than this program"),
        _ => Failure::new(Exit::Error, message),
    };
    Failure { status: Some(status), ..failure }
}

fn message(body: &Value) -> Option<String> {
    let error = body.get("error").or_else(|| body.get("detail"))?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let fields = |list: &Vec<Value>| {
        let field = |one: &Value| {
            let place = one.get("loc")?.as_array()?.last()?.as_str()?;
            Some(format!("`{place}`: {}", one.get("msg")?.as_str()?))
        };
        let all: Vec<String> = list.iter().filter_map(field).collect();
        (!all.is_empty()).then(|| all.join("; "))
    };
    text(error)
        .or_else(|| error.get("message").and_then(text))
        .or_else(|| error.get("error").and_then(text))
        .or_else(|| error.as_array().and_then(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_read_in_every_form() {
        for (body, read) in [
            (r#"{"error":{"message":"no such model.","type":"x"}}"#, "no such model"),
            (r#"{"detail":{"error":"gone"}}"#, "gone"),
            (r#"{"detail":"plain"}"#, "plain"),
            (r#"{"detail":[{"loc":["body","key"],"msg":"Field required"}]}"#, "`key`: Field required"),
            ("<html>", "status 400 Bad Request"),
        ] {
            assert_eq!(refused(400, body.as_bytes()).message, read, "{body}");
        }
    }

    #[test]
    fn refused_keys_have_a_code_of_their_own() {
        let exits = [400, 401, 403, 404, 500].map(|status| refused(status, b"{}").exit);
        assert_eq!(exits, [Exit::Error, Exit::Refused, Exit::Refused, Exit::Error, Exit::Error]);
    }
}
