//! What keeps answers for requests that come again: bytes under a key, for a time; and by what was asked, in numbers.

use std::time::Duration;

use bytes::Bytes;

use crate::error::Result;
use crate::provider::BoxFuture;

/// A place for answers. What it holds is as secret as the answers themselves.
///
/// # Behavior
/// - [`AnswerStore::get`] gives what the last [`AnswerStore::put`] of this key took, byte for byte, or nothing.
/// - Nothing is given after its time; before that, a store may forget when it is full.
/// - Keys are at most 256 bytes of printable ASCII.
/// - A store that cannot be reached is an error soon, never a long wait.
pub trait AnswerStore: Send + Sync + 'static {
    /// What kind of store it is, for people (`memory`, `redis`).
    fn kind(&self) -> &'static str;

    /// What is kept under a key.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>>;

    /// Keeps a value, in the place of what was there. `life`: for how long; `None`: until there is no room.
    fn put<'a>(&'a self, key: &'a str, value: Bytes, life: Option<Duration>) -> BoxFuture<'a, Result<()>>;

    /// Forgets what is kept under these keys. Returns under how many there was something.
    fn delete<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<u64>>;

    /// Forgets everything that this gateway, and those that share the store, keep in it.
    fn clear(&self) -> BoxFuture<'_, Result<()>>;

    /// What the server behind it says of itself, as `(name, value)`; empty where there is none.
    fn server(&self) -> BoxFuture<'_, Result<Vec<(String, String)>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// How it keeps what questions mean.
    fn questions(&self) -> Questions<'_> {
        Questions::None
    }
}

/// How a store keeps what questions mean.
pub enum Questions<'a> {
    /// Not at all: answers are found by their keys alone.
    None,
    /// As lists, which whoever asks looks through.
    Lists(&'a dyn QuestionLists),
    /// In an index of its own, together with the answers.
    Index(&'a dyn QuestionIndex),
}

/// Lists of items beside the answers.
pub trait QuestionLists: Send + Sync {
    /// Adds an item to a list of at most `most` items, each of which lives as long as the youngest: the oldest give way.
    fn append<'a>(
        &'a self,
        list: &'a str,
        item: Bytes,
        most: usize,
        life: Option<Duration>,
    ) -> BoxFuture<'a, Result<()>>;

    /// The items of a list, in no order.
    fn list<'a>(&'a self, list: &'a str) -> BoxFuture<'a, Result<Vec<Bytes>>>;
}

/// What a question means.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// All questions with the same surroundings. None of another list is ever compared with it.
    pub list: &'a str,
    /// Its direction: of length one.
    pub vector: &'a [f32],
}

/// An answer to a question that was near enough.
#[derive(Clone, Debug, PartialEq)]
pub struct NearAnswer {
    /// Its key.
    pub key: String,
    /// The answer.
    pub value: Bytes,
    /// The cosine of the angle between the two questions.
    pub similarity: f32,
}

/// A store that finds answers by what was asked.
pub trait QuestionIndex: Send + Sync {
    /// [`AnswerStore::put`] of an answer that is found by its question, too.
    fn put_answer<'a>(
        &'a self,
        question: Question<'a>,
        key: &'a str,
        value: Bytes,
        life: Option<Duration>,
    ) -> BoxFuture<'a, Result<()>>;

    /// Answers to questions of the list that are at least so near, the nearest first.
    fn near<'a>(
        &'a self,
        question: Question<'a>,
        least: f32,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<NearAnswer>>>;
}
