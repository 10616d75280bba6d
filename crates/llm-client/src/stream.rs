//! Answers that come piece by piece.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;
use llm_core::framing::{Splitter, parse};
use llm_core::wire::Framing;
use llm_gateway::AnswerStream;
use serde_json::Value;

use crate::error::Error;
use crate::told::{Told, Usage};

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// More of what the model says; may be empty.
    pub text: String,
    /// The piece as OpenAI's chat completions have it: calls of tools, thoughts, the reason of the end.
    pub body: Value,
}

/// An answer as it comes. It ends with `None` after a whole answer, and with an error otherwise. Dropping it cancels the
/// vendor's work.
pub struct ChatStream {
    source: Box<AnswerStream>,
    frames: Splitter,
    began: Instant,
    told: Told,
    ended: bool,
}

impl ChatStream {
    pub(crate) fn new(source: Box<AnswerStream>, told: Told, began: Instant) -> Self {
        Self { source, frames: Splitter::new(Framing::Sse), began, told, ended: false }
    }

    /// What is known of the call: tokens, cost and latency when the stream has ended.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// Reads to the end, and gives all of the text.
    ///
    /// # Errors
    /// When the answer breaks off.
    pub async fn text(&mut self) -> Result<String, Error> {
        let mut text = String::new();
        while let Some(piece) = self.next().await {
            text.push_str(&piece?.text);
        }
        Ok(text)
    }

    /// The next piece of what came in; `None`: there is none yet.
    fn piece(&mut self) -> Option<Result<Piece, Error>> {
        while let Some(frame) = self.frames.next_frame() {
            let found = parse(Framing::Sse, &frame).ok().flatten();
            let body = found.and_then(|parsed| serde_json::from_str::<Value>(parsed.frame().data).ok());
            let Some(body) = body else { continue };
            if !body["error"].is_null() {
                self.ended = true;
                return Some(Err(Error::of(500, &body)));
            }
            self.note(&body);
            let text = body["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned();
            return Some(Ok(Piece { text, body }));
        }
        None
    }

    fn note(&mut self, body: &Value) {
        self.told.first_piece.get_or_insert_with(|| self.began.elapsed());
        if body["usage"].is_object() {
            self.told.usage = Usage::read(body);
        }
    }

    fn came(&mut self, bytes: llm_core::Result<Bytes>) -> Result<(), Error> {
        let pushed = bytes.and_then(|bytes| self.frames.push(bytes));
        pushed.map_err(|error| Error {
            status: error.status(),
            message: error.message().to_owned(),
            code: None,
            retry_after: None,
        })
    }
}

impl Stream for ChatStream {
    type Item = Result<Piece, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            if let Some(piece) = self.piece() {
                return Poll::Ready(Some(piece));
            }
            match ready!(self.source.poll_next_unpin(context)) {
                Some(bytes) => {
                    if let Err(error) = self.came(bytes) {
                        self.ended = true;
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                None => {
                    self.ended = true;
                    self.told.latency = self.began.elapsed();
                    self.told.cost = self.source.cost();
                }
            }
        }
    }
}
