//! The same for programs without async: calls wait for their answers.
//!
//! ```
//! use llm_client::{Model, blocking::Client};
//!
//! let client = Client::of(Model::new("fast", "mock/echo"))?;
//! let answer = client.chat("hello")?;
//! assert!(answer.text().contains("hello"));
//!
//! let mut said = String::new();
//! for piece in client.stream("hello")? {
//!     said.push_str(&piece?.text);
//! }
//! assert_eq!(said, answer.text());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::future::Future;
use std::sync::{Arc, mpsc};

use futures_util::StreamExt as _;
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use crate::answer::{Answer, Vectors};
use crate::builder::Model;
use crate::chat::Chat;
use crate::stream::{ChatStream, Piece};
use crate::told::Told;
use crate::{Report, Result};

/// Asks models through a gateway, and waits. Works on any thread, also where async code runs: it blocks that thread.
#[derive(Clone, Debug)]
pub struct Client {
    inner: crate::Client,
    thread: Arc<Thread>,
}

/// Where calls are made.
#[derive(Debug)]
struct Thread(Option<Runtime>);

impl Client {
    /// As [`crate::Client::from_process`].
    ///
    /// # Errors
    /// Everything that is wrong with the configuration.
    ///
    /// # Panics
    /// When the system has no thread left.
    pub fn from_process() -> Result<Self, Report> {
        crate::Client::from_process().map(Self::over)
    }

    /// A client of a single model.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    ///
    /// # Panics
    /// When the system has no thread left.
    pub fn of(model: Model) -> Result<Self, Report> {
        crate::Client::of(model).map(Self::over)
    }

    /// A client over another one.
    ///
    /// # Panics
    /// When the system has no thread left.
    pub fn over(inner: crate::Client) -> Self {
        let runtime = RuntimeBuilder::new_multi_thread().worker_threads(1).enable_all().build();
        let thread = Thread(Some(runtime.expect("the system has a thread")));
        Self { inner, thread: Arc::new(thread) }
    }

    /// As [`crate::Client::chat`].
    ///
    /// # Errors
    /// When no model could answer, or the request is at fault.
    pub fn chat(&self, request: impl Into<Chat>) -> Result<Answer> {
        let (client, request) = (self.inner.clone(), request.into());
        self.thread.wait(async move { client.chat(request).await })
    }

    /// As [`crate::Client::chat_with_fallbacks`].
    ///
    /// # Errors
    /// When none of the models could answer.
    pub fn chat_with_fallbacks(
        &self,
        request: impl Into<Chat>,
        models: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Answer> {
        self.chat(request.into().fallbacks(models))
    }

    /// As [`crate::Client::stream`].
    ///
    /// # Errors
    /// When no model begins to answer, or the request is at fault.
    pub fn stream(&self, request: impl Into<Chat>) -> Result<Pieces> {
        let (client, request) = (self.inner.clone(), request.into());
        let stream = self.thread.wait(async move { client.stream(request).await })?;
        Ok(Pieces { told: stream.told().clone(), stream: Some(stream), thread: Arc::clone(&self.thread) })
    }

    /// As [`crate::Client::embed`].
    ///
    /// # Errors
    /// When no model could, or the request is at fault.
    pub fn embed(&self, model: &str, texts: impl IntoIterator<Item = impl Into<String>>) -> Result<Vectors> {
        let (client, model) = (self.inner.clone(), model.to_owned());
        let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
        self.thread.wait(async move { client.embed(&model, texts).await })
    }
}

impl Thread {
    /// What a future comes to, which runs elsewhere: this may be a thread that must not wait for futures itself.
    fn wait<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        let (sender, receiver) = mpsc::sync_channel(1);
        let runtime = self.0.as_ref().expect("taken only when this is dropped");
        runtime.spawn(async move {
            // Whoever waits is there until it comes.
            let _ = sender.send(future.await);
        });
        receiver.recv().expect("a call of the gateway does not panic")
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // Waiting for it is not allowed where async code runs.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The pieces of an answer. Dropping them cancels the vendor's work.
pub struct Pieces {
    stream: Option<ChatStream>,
    told: Told,
    thread: Arc<Thread>,
}

impl Pieces {
    /// What is known of the call: tokens, cost and latency when all pieces were read.
    pub fn told(&self) -> &Told {
        &self.told
    }
}

impl Iterator for Pieces {
    type Item = Result<Piece>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut stream = self.stream.take()?;
        let (piece, stream) = self.thread.wait(async move { (stream.next().await, stream) });
        self.told = stream.told().clone();
        self.stream = piece.is_some().then_some(stream);
        piece
    }
}
