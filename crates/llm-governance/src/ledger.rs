//! The row that each call leaves, and where it goes.

mod packed;
mod row_ref;

pub use row_ref::{Amounts, ChargeRef, IdRef, RowRef};

use futures_util::future::BoxFuture;
use llm_core::money::NanoDollars;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::duration::Period;
use crate::hash::KeyHash;
use crate::store::StoreError;
use crate::subject::Subject;
use crate::time::Timestamp;

/// One call: who asked, who answered, what it used and what it cost. Written once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LedgerRow {
    /// Our id of the call, a UUID that sorts by time.
    pub id: String,
    /// The vendor's id of its answer.
    pub vendor_id: Option<String>,
    /// What was asked for, in LiteLLM's words: `acompletion`, `aembedding` …
    pub call_type: String,
    /// The client's dialect.
    pub dialect: String,
    /// The key; `None` for the master key and for anyone.
    pub key: Option<KeyHash>,
    /// What people call the key.
    pub key_alias: Option<String>,
    /// The key's user.
    pub user_id: Option<String>,
    /// The key's team.
    pub team_id: Option<String>,
    /// What people call the team.
    pub team_alias: Option<String>,
    /// The key's organisation.
    pub organization_id: Option<String>,
    /// The customer.
    pub customer: Option<String>,
    /// Tags of the request, the key and the team.
    pub tags: Vec<String>,
    /// What the request belongs to.
    pub session_id: Option<String>,
    /// The address of whoever asked.
    pub ip: Option<String>,
    /// The name of the client's program.
    pub user_agent: Option<String>,
    /// The model that was asked for.
    pub model: String,
    /// The public model whose deployment answered.
    pub model_group: String,
    /// The deployment's id.
    pub deployment: String,
    /// The model at the vendor, with its provider: `openai/gpt-4o`.
    pub upstream_model: String,
    /// The provider.
    pub provider: String,
    /// The provider's address.
    pub api_base: String,
    /// Attempts that were made, the last one included.
    pub attempts: u32,
    /// How many other models were tried before.
    pub fallbacks: u32,
    /// Tokens and other units by bucket, under the names of `llm_core::Usage`; only what is known.
    pub usage: Map<String, Value>,
    /// Prompt tokens of all buckets.
    pub prompt_tokens: u64,
    /// Answer tokens of all buckets.
    pub completion_tokens: u64,
    /// The usage was counted here because the vendor did not say.
    pub estimated: bool,
    /// The prices that were used: pico-dollars by bucket.
    pub prices: Map<String, Value>,
    /// What it cost.
    pub cost: NanoDollars,
    /// When the request came.
    pub started: Timestamp,
    /// Microseconds from the request to the first content of the answer.
    pub first_content_micros: Option<u64>,
    /// Microseconds from the request to the end of the answer.
    pub took_micros: u64,
    /// The HTTP status that the client got, or would have got.
    pub status: u16,
    /// Why it ended.
    pub ending: Ending,
    /// The kind of the error, where there was one.
    pub error: Option<String>,
    /// The answer was streamed.
    pub stream: bool,
    /// The answer came from the cache.
    pub cache_hit: bool,
    /// What the request says for the administrator (`metadata`).
    pub metadata: Map<String, Value>,
    /// The request's body, where the operator keeps it; only when the row is asked for alone.
    pub request: Option<Value>,
    /// The answer, where the operator keeps it; only when the row is asked for alone.
    pub response: Option<Value>,
    /// Whose budgets it is booked into.
    pub charges: Vec<Charge>,
    /// The way of the call where it was not the straight one: attempts that failed, waits, fallbacks. Empty where the
    /// first deployment answered.
    pub trail: Vec<Value>,
}

impl LedgerRow {
    /// Reads a row that was written as JSON, as journals had them until November 2026; what it does not say is as in an
    /// empty row.
    ///
    /// # Errors
    /// When it is no row.
    pub fn read_json(text: &[u8]) -> serde_json::Result<Self> {
        let text = std::str::from_utf8(text).map_err(serde::de::Error::custom)?;
        serde_json::from_str(text)
    }
}

/// A cost that is booked into one budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Whose budget.
    pub subject: Subject,
    /// The model of a single model's budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The period that it was held in.
    pub period: Period,
    /// How much.
    pub amount: NanoDollars,
}

/// Why a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The client has the whole answer.
    #[default]
    Complete,
    /// It failed.
    Failed,
    /// The client went away, and the vendor was told.
    Cancelled,
    /// The client went away, and the answer was read to its end.
    Drained,
}

impl Ending {
    /// All of them, in the order in which journals number them.
    pub const ALL: [Self; 4] = [Self::Complete, Self::Failed, Self::Cancelled, Self::Drained];

    /// Its name in stores.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Drained => "drained",
        }
    }
}

/// Done when a row survives a power failure.
pub type Durable = BoxFuture<'static, Result<(), StoreError>>;

/// Where rows go.
pub trait Ledger: Send + Sync + 'static {
    /// Takes a row. Never waits for a database, and never loses a row that it took. When this returns, the row
    /// survives the end of the process; the future, where there is one, is done when it survives a power failure too, or
    /// says that it may not: the disk is failing.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when the row could not be written: the disk is full, or the journal is at its bound.
    fn record(&self, row: &RowRef<'_>) -> Result<Option<Durable>, StoreError>;

    /// Whether rows can be taken at all; a refusal says why not.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when the operator wants no calls that cannot be booked, and they cannot be.
    fn ready(&self) -> Result<(), StoreError>;

    /// Whether rows go anywhere: where not, nobody need make them.
    fn keeps_rows(&self) -> bool {
        true
    }
}

/// Rows go nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLedger;

impl Ledger for NoLedger {
    fn record(&self, _: &RowRef<'_>) -> Result<Option<Durable>, StoreError> {
        Ok(None)
    }

    fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn keeps_rows(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_json_need_not_say_what_an_empty_one_has() {
        let row = LedgerRow { model: "m".to_owned(), customer: Some(String::new()), ..LedgerRow::default() };
        assert_eq!(LedgerRow::read_json(br#"{"customer":"","model":"m"}"#).expect("it is a row"), row);
    }
}
