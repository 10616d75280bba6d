//! A call and the cache: what it wants of it, and what it gets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use llm_core::operation::Operation;
use llm_core::provider::Inbound;
use llm_core::{Error, ErrorKind, Result};
use tokio::time::timeout_at;

use super::AnswerCache;
use super::control::{Control, FIELD, SWITCH};
use super::entry::Entry;
use super::flight::{Joined, Lead};
use super::keeping::Keeping;
use super::key::{self, About, Asked};
use super::recent::{Known, Place, Written};
use super::semantic::Question;
use crate::begun::{Begun, Refused};
use crate::gateway::State;
use crate::guards::Guarded;
use crate::options::CallOptions;
use crate::settlement::Settlement;

/// How many leaders a call waits for in vain before it asks for itself.
const MOST_IN_VAIN: usize = 2;

/// What came of asking the cache.
pub(crate) enum Remembered {
    /// The answer.
    Answer(Begun),
    /// None: the call goes on. Where its answer is to be kept, its settlement says so.
    Nothing(Box<Inbound>),
}

/// A kept answer that will do.
pub(super) struct Found {
    pub(super) key: Arc<str>,
    pub(super) entry: Arc<Entry>,
    /// As the store has it.
    pub(super) bytes: Bytes,
    /// As a client reads it whom the same body asked before.
    pub(super) told: Option<Bytes>,
    /// Where the body is that asks for it.
    pub(super) place: Place,
    /// How near its question is, where it is another one.
    pub(super) similarity: Option<f32>,
}

/// What a call wants of the cache.
struct Wish {
    key: Arc<str>,
    place: Place,
    /// What the same body got before.
    written: Option<Written>,
    /// A kept answer will do, when it is no older.
    reads: bool,
    most_age: Option<Duration>,
    /// Its answer is to be kept.
    keeps: bool,
    life: Option<Duration>,
    /// When the call must be done.
    ends: Option<Instant>,
    limit: Option<u64>,
    /// What may have been asked in other words.
    question: Option<Question>,
}

impl State {
    /// Answers a call with what was kept, or lets it go on.
    ///
    /// # Errors
    /// When its word to the cache cannot be meant, when its time is over, or when its caller may make no more calls.
    pub(crate) async fn remembered(
        self: &Arc<Self>,
        cache: &Arc<AnswerCache>,
        inbound: Box<Inbound>,
        options: &mut CallOptions,
        guarded: &mut Option<Box<Guarded>>,
        settlement: &mut Settlement,
    ) -> Result<Remembered, Refused> {
        let wish = self.wish(cache, &inbound, options, settlement)?;
        let Some(wish) = wish else { return Ok(Remembered::Nothing(inbound)) };
        let mut found = match wish.reads {
            true => wish.found(cache, settlement).await?,
            false => {
                wish.kept_alone(cache, settlement);
                None
            }
        };
        if found.is_none() && wish.question.is_some() && wish.reads {
            found = Box::pin(self.in_other_words(cache, &wish, settlement)).await;
        }
        match found {
            Some(found) => {
                let answer = self.replayed(cache, inbound, options, found, guarded, settlement).await?;
                Ok(Remembered::Answer(answer))
            }
            None => {
                settlement.missed();
                options.route.canonical |= settlement.is_kept();
                Ok(Remembered::Nothing(inbound))
            }
        }
    }

    /// The answer to a question that means the same, where such are looked for.
    async fn in_other_words(
        self: &Arc<Self>,
        cache: &AnswerCache,
        wish: &Wish,
        settlement: &mut Settlement,
    ) -> Option<Found> {
        let (settings, question) = (cache.settings().semantic.as_ref()?, wish.question.as_ref()?);
        let meaning = self.meaning(settings, question, settlement).await?;
        match cache.near(&meaning, settings.threshold, |bytes| wish.read(bytes)).await {
            Some((key, bytes, entry, similarity)) => {
                if let Some(keeping) = settlement.keeps_not() {
                    keeping.found(bytes.clone());
                }
                let (key, entry) = (key.into(), Arc::new(entry));
                let similarity = Some(similarity);
                Some(Found { key, entry, bytes, told: None, place: wish.place, similarity })
            }
            None => {
                settlement.keeps_meaning(meaning);
                None
            }
        }
    }

    /// `None`: the call has nothing to do with the cache.
    fn wish(
        &self,
        cache: &AnswerCache,
        inbound: &Inbound,
        options: &mut CallOptions,
        settlement: &Settlement,
    ) -> Result<Option<Wish>> {
        let settings = cache.settings();
        if !settings.operations.contains(&inbound.asked.operation) || options.route.mock_failure.is_some() {
            return Ok(None);
        }
        let control = Control::read(inbound)?;
        options.ignored.retain(|field| field != FIELD && field != SWITCH);
        if !control.use_cache.unwrap_or(settings.default_on) || (control.no_cache && control.no_store) {
            return Ok(None);
        }
        let caller = settlement.bill().map(|bill| &*bill.caller);
        let Some(tenant) = key::tenant(settings.scope, caller) else { return Ok(None) };
        let namespace = control.namespace.as_deref().or(settings.namespace.as_deref());
        let about = About { tenant: &tenant, namespace, options };
        // What is no request of its format, and a model that nobody has, are for others to refuse.
        if self.router.resolve(&options.model).is_err() {
            return Ok(None);
        }
        let Some(Known { place, key, written }) = cache.known(inbound, &about) else { return Ok(None) };
        let question = settings.semantic.as_ref().and_then(|_| Question::of(inbound, &about));
        let limits = options.route.limits.or(self.router.settings().limits);
        let is_chat = inbound.asked.operation == Operation::Chat;
        let limit = || inbound.ingress.max_output_tokens(&inbound.body, &inbound.envelope);
        let limit = is_chat.then(limit).flatten();
        Ok(Some(Wish {
            key,
            place,
            written,
            reads: !control.no_cache,
            most_age: control.most_age,
            keeps: !control.no_store,
            life: control.life.or(settings.life),
            ends: limits.deadlines(settlement.call().received).total,
            limit,
            question,
        }))
    }
}

impl Wish {
    /// What is kept, or what an equal call that is under way gets. Where there is none, the call leads from now on.
    ///
    /// # Errors
    /// When its time is over before another call had its answer.
    async fn found(&self, cache: &Arc<AnswerCache>, settlement: &mut Settlement) -> Result<Option<Found>> {
        if let Some(found) = cache.get(&self.key).await.and_then(|bytes| self.exactly(bytes)) {
            return Ok(Some(found));
        }
        if !self.keeps {
            return Ok(None);
        }
        for _ in 0..MOST_IN_VAIN {
            match cache.flights.join(&self.key) {
                Joined::Leads(lead) => {
                    // Another flight may have ended between the look and this one's beginning.
                    if let Some(found) = cache.get(&self.key).await.and_then(|bytes| self.exactly(bytes)) {
                        lead.land(found.bytes.clone());
                        return Ok(Some(found));
                    }
                    settlement.keeps(self.keeping(cache, Some(lead)));
                    return Ok(None);
                }
                Joined::Waits(wait) => {
                    let landed = Box::pin(self.in_time(wait.landed())).await?;
                    if let Some(found) = landed.and_then(|bytes| self.exactly(bytes)) {
                        return Ok(Some(found));
                    }
                }
            }
        }
        self.kept_alone(cache, settlement);
        Ok(None)
    }

    fn exactly(&self, bytes: Bytes) -> Option<Found> {
        let (entry, told) = match self.written.as_ref().filter(|written| written.is_of(&bytes)) {
            Some(written) => (Arc::clone(&written.entry), Some(written.told.clone())),
            None => (Arc::new(Entry::read(&bytes)?), None),
        };
        let found =
            Found { key: Arc::clone(&self.key), entry, bytes, told, place: self.place, similarity: None };
        self.is_young(&found.entry).then_some(found)
    }

    async fn in_time(&self, landed: impl Future<Output = Option<Bytes>>) -> Result<Option<Bytes>> {
        let Some(ends) = self.ends else { return Ok(landed.await) };
        timeout_at(ends.into(), landed).await.map_err(|_| {
            Error::new(
                ErrorKind::Timeout,
                "an equal request is being answered, and its answer did not come in time",
            )
        })
    }

    fn read(&self, bytes: &[u8]) -> Option<Entry> {
        Entry::read(bytes).filter(|entry| self.is_young(entry))
    }

    fn is_young(&self, entry: &Entry) -> bool {
        self.most_age.is_none_or(|most| entry.age() <= most)
    }

    /// Its answer is kept, and nobody waits for it.
    fn kept_alone(&self, cache: &Arc<AnswerCache>, settlement: &mut Settlement) {
        if self.keeps {
            settlement.keeps(self.keeping(cache, None));
        }
    }

    fn keeping(&self, cache: &Arc<AnswerCache>, lead: Option<Lead>) -> Keeping {
        let (cache, key) = (Arc::clone(cache), self.key.as_ref().to_owned());
        Keeping { cache, key, life: self.life, limit: self.limit, lead, meaning: None }
    }
}

impl AnswerCache {
    /// The key of a request. One whose body came before is not read for it.
    fn known(&self, inbound: &Inbound, about: &About<'_>) -> Option<Known> {
        let asked = Asked::of(inbound, about);
        self.recent
            .find(&asked)
            .or_else(|| Some(self.recent.note(&asked, key::of(inbound, about).ok()?.into())))
    }
}
