//! A row that borrows what it says: how rows go from a call to the journal, and from there to the database.

use std::borrow::Cow;

use llm_core::json::object_of;
use llm_core::money::NanoDollars;
use serde_json::{Map, Value};
use smallvec::SmallVec;

use super::{Charge, Ending, LedgerRow};
use crate::duration::Period;
use crate::hash::KeyHash;
use crate::subject::{Scope, Subject, SubjectId};
use crate::time::Timestamp;

/// A [`LedgerRow`] whose texts are somebody else's: making one for each call copies nothing.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the members are those of `LedgerRow`")]
pub struct RowRef<'a> {
    pub id: &'a str,
    pub vendor_id: Option<&'a str>,
    pub call_type: &'a str,
    pub dialect: &'a str,
    pub key: Option<KeyHash>,
    pub key_alias: Option<&'a str>,
    pub user_id: Option<&'a str>,
    pub team_id: Option<&'a str>,
    pub team_alias: Option<&'a str>,
    pub organization_id: Option<&'a str>,
    pub customer: Option<&'a str>,
    pub tags: SmallVec<[&'a str; 4]>,
    pub session_id: Option<&'a str>,
    pub ip: Option<&'a str>,
    pub user_agent: Option<&'a str>,
    pub model: &'a str,
    pub model_group: &'a str,
    pub deployment: &'a str,
    pub upstream_model: &'a str,
    pub provider: &'a str,
    pub api_base: &'a str,
    pub attempts: u32,
    pub fallbacks: u32,
    pub usage: Amounts<'a>,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub estimated: bool,
    pub prices: Amounts<'a>,
    pub cost: NanoDollars,
    pub started: Timestamp,
    pub first_content_micros: Option<u64>,
    pub took_micros: u64,
    pub status: u16,
    pub ending: Ending,
    pub error: Option<&'a str>,
    pub stream: bool,
    pub cache_hit: bool,
    /// A JSON object; empty where there is none.
    pub metadata: Cow<'a, str>,
    /// JSON.
    pub request: Option<Cow<'a, str>>,
    /// JSON.
    pub response: Option<Cow<'a, str>>,
    pub charges: SmallVec<[ChargeRef<'a>; 4]>,
    /// A JSON list; empty where there is none.
    pub trail: Cow<'a, str>,
}

/// Numbers by name: tokens, or prices.
#[derive(Clone, Debug, PartialEq)]
pub enum Amounts<'a> {
    /// As they nearly always are.
    Counts(SmallVec<[(&'a str, u64); 4]>),
    /// A JSON object with something else in it.
    Json(Cow<'a, str>),
}

/// A [`Charge`] that borrows what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members are those of `Charge`")]
pub struct ChargeRef<'a> {
    pub scope: Scope,
    pub id: IdRef<'a>,
    pub model: Option<&'a str>,
    pub period: Period,
    pub amount: NanoDollars,
}

/// A [`SubjectId`] that borrows its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdRef<'a> {
    /// As people or other programs named it.
    Text(&'a str),
    /// The hash of a key.
    Key(KeyHash),
}

impl Default for Amounts<'_> {
    fn default() -> Self {
        Self::Counts(SmallVec::new())
    }
}

impl<'a> Amounts<'a> {
    /// The number of that name.
    pub fn get(&self, name: &str) -> Option<u64> {
        match self {
            Self::Counts(counts) => counts.iter().find(|(known, _)| *known == name).map(|(_, count)| *count),
            Self::Json(_) => self.map().get(name)?.as_u64(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Counts(counts) if counts.is_empty())
    }

    /// As a map of JSON.
    pub fn map(&self) -> Map<String, Value> {
        match self {
            Self::Counts(counts) => {
                object_of(counts.iter().map(|(name, count)| ((*name).to_owned(), Value::from(*count))))
            }
            Self::Json(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }

    fn of(map: &'a Map<String, Value>) -> Self {
        let counts: Option<_> = map.iter().map(|(name, count)| Some((&**name, count.as_u64()?))).collect();
        counts.map_or_else(|| Self::Json(Cow::Owned(written(map))), Self::Counts)
    }
}

impl<'a> IdRef<'a> {
    /// The id as it is written.
    pub fn text(&self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Key(hash) => Cow::Owned(hash.hex()),
        }
    }
}

impl<'a> From<&'a SubjectId> for IdRef<'a> {
    fn from(id: &'a SubjectId) -> Self {
        match id {
            SubjectId::Text(text) => Self::Text(text),
            SubjectId::Key(hash) => Self::Key(*hash),
        }
    }
}

impl<'a> From<&'a Charge> for ChargeRef<'a> {
    fn from(charge: &'a Charge) -> Self {
        let Charge { subject, model, period, amount } = charge;
        let (scope, id) = (subject.scope, IdRef::from(&subject.id));
        Self { scope, id, model: model.as_deref(), period: *period, amount: *amount }
    }
}

impl ChargeRef<'_> {
    /// A charge of its own.
    pub fn to_charge(&self) -> Charge {
        let subject = match self.id {
            IdRef::Text(id) => Subject::new(self.scope, id),
            IdRef::Key(hash) => Subject { scope: self.scope, id: SubjectId::Key(hash) },
        };
        let model = self.model.map(str::to_owned);
        Charge { subject, model, period: self.period, amount: self.amount }
    }
}

impl LedgerRow {
    /// The same row, which borrows from this one.
    pub fn borrowed(&self) -> RowRef<'_> {
        self.into()
    }
}

fn written(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

impl<'a> From<&'a LedgerRow> for RowRef<'a> {
    fn from(row: &'a LedgerRow) -> Self {
        Self {
            id: &row.id,
            vendor_id: row.vendor_id.as_deref(),
            call_type: &row.call_type,
            dialect: &row.dialect,
            key: row.key,
            key_alias: row.key_alias.as_deref(),
            user_id: row.user_id.as_deref(),
            team_id: row.team_id.as_deref(),
            team_alias: row.team_alias.as_deref(),
            organization_id: row.organization_id.as_deref(),
            customer: row.customer.as_deref(),
            tags: row.tags.iter().map(String::as_str).collect(),
            session_id: row.session_id.as_deref(),
            ip: row.ip.as_deref(),
            user_agent: row.user_agent.as_deref(),
            model: &row.model,
            model_group: &row.model_group,
            deployment: &row.deployment,
            upstream_model: &row.upstream_model,
            provider: &row.provider,
            api_base: &row.api_base,
            attempts: row.attempts,
            fallbacks: row.fallbacks,
            usage: Amounts::of(&row.usage),
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            estimated: row.estimated,
            prices: Amounts::of(&row.prices),
            cost: row.cost,
            started: row.started,
            first_content_micros: row.first_content_micros,
            took_micros: row.took_micros,
            status: row.status,
            ending: row.ending,
            error: row.error.as_deref(),
            stream: row.stream,
            cache_hit: row.cache_hit,
            metadata: match row.metadata.is_empty() {
                true => Cow::Borrowed(""),
                false => Cow::Owned(written(&row.metadata)),
            },
            request: row.request.as_ref().map(|value| Cow::Owned(written(value))),
            response: row.response.as_ref().map(|value| Cow::Owned(written(value))),
            charges: row.charges.iter().map(ChargeRef::from).collect(),
            trail: match row.trail.is_empty() {
                true => Cow::Borrowed(""),
                false => Cow::Owned(written(&row.trail)),
            },
        }
    }
}

impl RowRef<'_> {
    /// A row of its own.
    pub fn to_row(&self) -> LedgerRow {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        LedgerRow {
            id: self.id.to_owned(),
            vendor_id: owned(self.vendor_id),
            call_type: self.call_type.to_owned(),
            dialect: self.dialect.to_owned(),
            key: self.key,
            key_alias: owned(self.key_alias),
            user_id: owned(self.user_id),
            team_id: owned(self.team_id),
            team_alias: owned(self.team_alias),
            organization_id: owned(self.organization_id),
            customer: owned(self.customer),
            tags: self.tags.iter().map(|tag| (*tag).to_owned()).collect(),
            session_id: owned(self.session_id),
            ip: owned(self.ip),
            user_agent: owned(self.user_agent),
            model: self.model.to_owned(),
            model_group: self.model_group.to_owned(),
            deployment: self.deployment.to_owned(),
            upstream_model: self.upstream_model.to_owned(),
            provider: self.provider.to_owned(),
            api_base: self.api_base.to_owned(),
            attempts: self.attempts,
            fallbacks: self.fallbacks,
            usage: self.usage.map(),
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
            estimated: self.estimated,
            prices: self.prices.map(),
            cost: self.cost,
            started: self.started,
            first_content_micros: self.first_content_micros,
            took_micros: self.took_micros,
            status: self.status,
            ending: self.ending,
            error: owned(self.error),
            stream: self.stream,
            cache_hit: self.cache_hit,
            metadata: read(&self.metadata).unwrap_or_default(),
            request: self.request.as_deref().and_then(read),
            response: self.response.as_deref().and_then(read),
            charges: self.charges.iter().map(ChargeRef::to_charge).collect(),
            trail: read(&self.trail).unwrap_or_default(),
        }
    }
}
