//! Answers to questions that mean the same. Two requests mean the same when everything about them is equal but the last
//! text of the last message, which a user says, and these two texts are near each other by an embedding model.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use llm_core::embedding::{EmbeddingInput, EmbeddingRequest};
use llm_core::operation::Operation;
use llm_core::provider::Inbound;
use llm_core::{Questions, Result, essence};
use llm_router::Started;
use tokio::time::timeout;

use super::AnswerCache;
use super::index;
use super::key::{self, About};
use crate::gateway::{State, unasked};
use crate::own::Payer;
use crate::settlement::{Outcome, Settlement};

/// How long a call waits for the meaning of its question; after that it goes on without.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many near questions are looked at: the answers of some may be gone.
const MOST: usize = 3;

/// How answers to questions that mean the same are found.
#[derive(Clone, Debug, PartialEq)]
pub struct SemanticSettings {
    /// The model that makes vectors, by its public name.
    pub model: String,
    /// How near two questions must be: the cosine of the angle between their vectors.
    pub threshold: f32,
}

/// A question whose meaning can be looked for.
pub(super) struct Question {
    /// All questions with the same surroundings.
    list: String,
    text: String,
}

/// What a question means.
#[derive(Clone)]
pub(crate) struct Meaning {
    pub(super) list: String,
    pub(super) vector: Vec<f32>,
}

impl Question {
    /// The question of a request; `None`: it has none that could be asked in other words.
    pub(super) fn of(inbound: &Inbound, about: &About<'_>) -> Option<Self> {
        if inbound.asked.operation != Operation::Chat {
            return None;
        }
        let (around, text) = essence::around_question(inbound.decoded().ok()?)?;
        let text = text.trim();
        let list = format!("{}~", key::hashed(inbound, about, &around));
        (!text.is_empty()).then(|| Self { list, text: text.to_owned() })
    }
}

impl State {
    /// What a question means, by the model of the settings; paid by whoever asks. `None`: nobody could say in time.
    pub(super) async fn meaning(
        self: &Arc<Self>,
        settings: &SemanticSettings,
        question: &Question,
        asks: &Settlement,
    ) -> Option<Meaning> {
        let vector = timeout(PATIENCE, self.vector(&settings.model, &question.text, asks)).await;
        let vector = match vector {
            Ok(Ok(vector)) => index::normalized(vector)?,
            Ok(Err(error)) => {
                let (model, error) = (settings.model.as_str(), error.kind().name());
                tracing::debug!(model, error, "a question could not be compared with those before it");
                return None;
            }
            Err(_) => return None,
        };
        Some(Meaning { list: question.list.clone(), vector })
    }

    /// The vector of a text: a call of its own, with its own row.
    async fn vector(self: &Arc<Self>, model: &str, text: &str, asks: &Settlement) -> Result<Vec<f32>> {
        let ingress = self.ingresses.iter().find(|ingress| ingress.embeddings().is_some());
        let ingress = Arc::clone(ingress.ok_or_else(unasked)?);
        let input = EmbeddingInput::Text(text.to_owned());
        let request =
            EmbeddingRequest { model: model.to_owned(), inputs: vec![input], ..EmbeddingRequest::default() };
        let inbound = Inbound::of_embeddings(ingress, request);
        let mut own = self.own_account(&inbound, model, Payer::of(asks).as_ref(), "cache");
        let answered = self.embedded(inbound, model, &mut own).await;
        own.settle(answered.as_ref().map_or_else(Outcome::Failed, |_| Outcome::Complete));
        answered
    }

    async fn embedded(
        self: &Arc<Self>,
        inbound: Inbound,
        model: &str,
        own: &mut Settlement,
    ) -> Result<Vec<f32>> {
        let Started::Embeddings(answer) = self.own_answer(inbound, model, own).await? else {
            return Err(unasked());
        };
        own.used(answer.usage);
        answer.embeddings.into_iter().next().and_then(|embedding| embedding.float).ok_or_else(unasked)
    }
}

impl Meaning {
    fn question(&self) -> llm_core::Question<'_> {
        llm_core::Question { list: &self.list, vector: &self.vector }
    }
}

impl AnswerCache {
    /// The answer to the nearest question that is still kept, its key, and how near it is. `good` says which will do.
    pub(super) async fn near<T>(
        &self,
        meaning: &Meaning,
        threshold: f32,
        good: impl Fn(&Bytes) -> Option<T>,
    ) -> Option<(String, Bytes, T, f32)> {
        let asked = meaning.question();
        match self.store().questions() {
            Questions::None => {}
            Questions::Lists(lists) => {
                let found = index::near(lists, asked, threshold).await;
                self.note(&found);
                for near in found.ok()?.into_iter().take(MOST) {
                    if let Some(bytes) = self.get(&near.key).await
                        && let Some(entry) = good(&bytes)
                    {
                        return Some((near.key, bytes, entry, near.similarity));
                    }
                }
            }
            Questions::Index(index) => {
                let found = index.near(asked, threshold, MOST).await;
                self.note(&found);
                for near in found.ok()? {
                    if let Some(entry) = good(&near.value) {
                        return Some((near.key, near.value, entry, near.similarity));
                    }
                }
            }
        }
        None
    }

    /// Keeps an answer, to be found by its question, too, where it has a meaning.
    pub(super) async fn put(
        &self,
        key: &str,
        value: Bytes,
        life: Option<Duration>,
        meaning: Option<&Meaning>,
    ) {
        let store = self.store();
        let outcome = match (meaning, store.questions()) {
            (Some(meaning), Questions::Index(index)) => {
                index.put_answer(meaning.question(), key, value, life).await
            }
            (Some(meaning), Questions::Lists(lists)) => match store.put(key, value, life).await {
                Ok(()) => index::add(lists, meaning.question(), key, life).await,
                error => error,
            },
            _ => store.put(key, value, life).await,
        };
        self.note(&outcome);
    }
}
