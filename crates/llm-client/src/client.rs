//! The door to a gateway in this process.

use std::sync::Arc;
use std::time::Instant;

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use llm_core::{Error as CoreError, ErrorKind};
use llm_gateway::{AnswerBody, Gateway, Incoming};
use serde_json::{Value, json};

use crate::answer::{Answer, Vectors};
use crate::builder::{Builder, Model};
use crate::chat::Chat;
use crate::error::Error;
use crate::stream::ChatStream;
use crate::told::Told;
use crate::{Report, Result};

/// Where chats are asked for, as a client over HTTP would.
const CHAT: &str = "/v1/chat/completions";

/// Where vectors are asked for.
const EMBEDDINGS: &str = "/v1/embeddings";

/// Asks models through a gateway. Cheap to clone; all clones share health, limits, caches and connections.
#[derive(Clone)]
pub struct Client {
    gateway: Arc<Gateway>,
    headers: HeaderMap,
    model: Option<Arc<str>>,
}

impl Client {
    /// A client of what the environment has keys for, `.env` and the configuration that `LLM_CONFIG` names included;
    /// without any, of the built-in mock.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration.
    pub fn from_process() -> Result<Self, Report> {
        Self::builder().process().build()
    }

    /// A client of a configuration file, with the variables of this process.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_file(path: impl Into<std::path::PathBuf>) -> Result<Self, Report> {
        Self::builder().process().file(path).build()
    }

    /// A client of a single model.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn of(model: Model) -> Result<Self, Report> {
        Self::builder().model(model).build()
    }

    /// A client that is put together in code.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A client of a gateway that is there already: one of the program's own, or that of a server beside.
    pub fn over(gateway: Arc<Gateway>) -> Self {
        Self { gateway, headers: HeaderMap::new(), model: None }
    }

    /// The same, asking with a key of the gateway: its limits and budgets hold.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        if let Ok(mut value) = HeaderValue::try_from(format!("Bearer {key}")) {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
        self
    }

    /// The same, asking this model where a request names none.
    #[must_use]
    pub fn with_default_model(self, model: impl Into<Arc<str>>) -> Self {
        Self { model: Some(model.into()), ..self }
    }

    /// The gateway.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Asks a chat model. A text alone is a request, too.
    ///
    /// # Errors
    /// When no model could answer, or the request is at fault.
    pub async fn chat(&self, request: impl Into<Chat>) -> Result<Answer> {
        let body = request.into().body(self.model.as_deref());
        let (told, body) = self.ask(CHAT, &body).await?;
        Answer::read(told, body)
    }

    /// Asks a chat model, and these in turn where it fails.
    ///
    /// # Errors
    /// When none of them could answer.
    pub async fn chat_with_fallbacks(
        &self,
        request: impl Into<Chat>,
        models: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Answer> {
        self.chat(request.into().fallbacks(models)).await
    }

    /// Asks a chat model for an answer piece by piece.
    ///
    /// # Errors
    /// When no model begins to answer, or the request is at fault.
    pub async fn stream(&self, request: impl Into<Chat>) -> Result<ChatStream> {
        let usage = json!({"include_usage": true});
        let request = request.into().set("stream", true).set("stream_options", usage);
        let began = Instant::now();
        let answer = self.send(CHAT, &request.body(self.model.as_deref()), began).await?;
        match answer.body {
            AnswerBody::Stream(source) => {
                Ok(ChatStream::new(source, Told::read(&answer.headers, began), began))
            }
            AnswerBody::Whole(body) => Err(Error::read(answer.status, &answer.headers, &body.joined())),
        }
    }

    /// Makes vectors of texts.
    ///
    /// # Errors
    /// When no model could, or the request is at fault.
    pub async fn embed(
        &self,
        model: &str,
        texts: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Vectors> {
        let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
        let (told, body) = self.ask(EMBEDDINGS, &json!({"model": model, "input": texts})).await?;
        Vectors::read(told, &body)
    }

    async fn ask(&self, path: &'static str, body: &Value) -> Result<(Told, Value)> {
        let began = Instant::now();
        let answer = self.send(path, body, began).await?;
        let told = Told::read(&answer.headers, began);
        match answer.body {
            AnswerBody::Whole(body) => {
                let body = serde_json::from_slice(&body.joined()).map_err(|_| Error::unreadable("JSON"))?;
                Ok((told, body))
            }
            AnswerBody::Stream(_) => Err(Error::unreadable("end")),
        }
    }

    /// The answer to a request, when it is a good one.
    async fn send(&self, path: &'static str, body: &Value, began: Instant) -> Result<llm_gateway::Answer> {
        let Some((ingress, asked)) = self.gateway.route(path, None) else {
            let message = "this gateway does not speak the format of this library: it needs a cargo feature of this crate";
            return Err(failed(&CoreError::new(ErrorKind::NotFound, message)));
        };
        let incoming = Incoming {
            ingress,
            asked,
            headers: self.headers.clone(),
            body: body.to_string().into(),
            received: began,
            call_id: None,
            uri: PathAndQuery::from_static(path).into(),
            address: None,
        };
        let answer = self.gateway.handle(incoming).await;
        match (answer.status, answer.body) {
            (200, body) => Ok(llm_gateway::Answer { body, ..answer }),
            (status, AnswerBody::Whole(body)) => Err(Error::read(status, &answer.headers, &body.joined())),
            (status, AnswerBody::Stream(_)) => Err(Error { status, ..Error::unreadable("end") }),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("model", &self.model).finish_non_exhaustive()
    }
}

fn failed(error: &CoreError) -> Error {
    Error { status: error.status(), message: error.message().to_owned(), code: None, retry_after: None }
}
