//! Why a call may not be made: whose limit it is, how much of it is left, and when there is room again.

use std::sync::Arc;
use std::time::Duration;

use llm_core::money::NanoDollars;
use llm_core::{Error, ErrorKind, Fault, Retry};

use crate::headers::LimitStanding;
use crate::subject::{Scope, Subject};
use crate::time::Timestamp;

/// When a slot is free nobody knows: this is when it is worth asking again.
const SLOT_RETRY: Duration = Duration::from_secs(1);

/// Why a call is not admitted.
#[derive(Clone, Debug)]
pub enum Refused {
    /// A limit or a budget is in the way.
    Limit(Box<Refusal>),
    /// Nobody can say whether it may be made, or somebody that the request names may not make it at all.
    Failed(Error),
}

/// A limit or a budget that is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose it is.
    pub subject: Subject,
    /// What people call it.
    pub alias: Option<String>,
    /// The model of a single model's limit or budget.
    pub model: Option<Arc<str>>,
    /// What is used up.
    pub lack: Lacking,
    /// When there is room again, as far as that is known.
    pub until: Option<Timestamp>,
    /// When the call was refused.
    pub at: Timestamp,
    /// How all limits stand, for the headers of the answer.
    pub limits: Vec<LimitStanding>,
}

/// What is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// Requests of a minute.
    Requests {
        /// How many there may be.
        limit: u64,
    },
    /// Tokens of a minute or a day.
    Tokens {
        /// How many there may be.
        limit: u64,
        /// How many of them are left.
        left: u64,
        /// How many the call may use.
        wanted: u64,
        /// They are those of a day.
        is_daily: bool,
    },
    /// Calls at a time.
    Slots {
        /// How many there may be.
        limit: u32,
    },
    /// Money.
    Budget {
        /// What may be spent.
        cap: NanoDollars,
        /// What was spent.
        spent: NanoDollars,
        /// What is neither spent nor held.
        left: NanoDollars,
        /// What the call may cost.
        wanted: NanoDollars,
    },
    /// The price of the model, where a budget has to be kept.
    Price,
}

impl Refused {
    /// The refusal, where it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Limit(refusal) => Some(refusal),
            Self::Failed(_) => None,
        }
    }

    /// What the client is told.
    pub fn error(&self) -> Error {
        match self {
            Self::Limit(refusal) => refusal.error(),
            Self::Failed(error) => error.clone(),
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Limit(refusal) => refusal.error(),
            Refused::Failed(error) => error,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Limit(Box::new(refusal))
    }
}

impl Lacking {
    /// LiteLLM's name of a limit, for messages and for the header `rate_limit_type`; `None`: it is none.
    pub fn limit_type(&self) -> Option<&'static str> {
        match self {
            Self::Requests { .. } => Some("requests"),
            Self::Tokens { is_daily: false, .. } => Some("tokens"),
            Self::Tokens { is_daily: true, .. } => Some("tokens_per_day"),
            Self::Slots { .. } => Some("max_parallel_requests"),
            Self::Budget { .. } | Self::Price => None,
        }
    }
}

impl Refusal {
    /// How long it is until there is room again; `None`: nobody knows, or never.
    pub fn retry_after(&self) -> Option<Duration> {
        let guess = matches!(self.lack, Lacking::Slots { .. }).then_some(SLOT_RETRY);
        self.until.map(|until| self.at.until(until)).or(guess)
    }

    /// Headers of the answer that only LiteLLM's clients know: which kind of limit it is, and when there is room again.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let Some(kind) = self.lack.limit_type() else { return Vec::new() };
        let reset = self.until.map(|until| ("reset_at", clock(until)));
        [("rate_limit_type", kind.to_owned())].into_iter().chain(reset).collect()
    }

    /// What the client is told.
    pub fn error(&self) -> Error {
        let error = match self.lack {
            Lacking::Budget { .. } => {
                Error::new(ErrorKind::BudgetExceeded, self.over_budget()).with_type("budget_exceeded")
            }
            Lacking::Price => {
                let kind = ErrorKind::InvalidRequest;
                Error::new(kind, self.without_price()).with_type("model_without_price").with_param("model")
            }
            _ => Error::new(ErrorKind::RateLimited, self.over_limit()),
        };
        // Another deployment, or the same one a moment later, has the same caller.
        let error = error.with_fault(Fault::Client).with_retry(Retry::Never);
        match self.retry_after() {
            Some(after) => error.with_retry_after(after),
            None => error,
        }
    }

    fn over_limit(&self) -> String {
        let (limit, left) = match self.lack {
            Lacking::Tokens { limit, left, .. } => (limit, left),
            Lacking::Requests { limit } => (limit, 0),
            Lacking::Slots { limit } => (u64::from(limit), 0),
            Lacking::Budget { .. } | Lacking::Price => (0, 0),
        };
        let wanted = match self.lack {
            Lacking::Tokens { wanted, .. } => format!(". The call may use {wanted}"),
            _ => String::new(),
        };
        let resets = match self.until {
            Some(until) => format!(". Limit resets at: {}", clock(until)),
            None if limit == 0 => ". It lets nothing through".to_owned(),
            None => ". There is room when a call under way ends".to_owned(),
        };
        let (descriptor, id) =
            (crate::headers::descriptor(self.subject.scope, self.model.is_some()), self.id());
        let kind = self.lack.limit_type().unwrap_or_default();
        format!(
            "Rate limit exceeded for {descriptor}: {id}. Limit type: {kind}. Current limit: {limit}, Remaining: \
             {left}{wanted}{resets}"
        )
    }

    fn over_budget(&self) -> String {
        let Lacking::Budget { cap, spent, left, wanted } = self.lack else { return String::new() };
        let of_model = self.model.as_ref().map(|model| format!(" for model {model}")).unwrap_or_default();
        let resets = self.until.map(|until| format!("; the next period begins {}", until.iso()));
        let rest = format!(
            ". The call may cost {wanted}, {left} is left{}",
            resets.as_deref().unwrap_or("; the budget has no period: ask for a higher one")
        );
        let (word, id) = (self.subject.scope.word(), &self.subject.id);
        match self.subject.scope {
            Scope::User => {
                format!("ExceededBudget: User={id} over budget{of_model}. Spend={spent}, Budget={cap}{rest}")
            }
            _ => format!(
                "Budget has been exceeded! {word}={id}{of_model} Current cost: {spent}, Max budget: {cap}{rest}"
            ),
        }
    }

    fn without_price(&self) -> String {
        let model = self.model.as_deref().unwrap_or_default();
        format!(
            "model `{model}` has no price, and {} has a budget to keep: give the model a price \
             (`input_cost_per_token`, `output_cost_per_token`), or let models without a price be free \
             (`governance.unpriced: free`)",
            self.subject
        )
    }

    fn id(&self) -> String {
        let model = self.model.as_ref().map(|model| format!(":{model}")).unwrap_or_default();
        let id = self.subject.id.text();
        let id = if self.subject.scope == Scope::Global { "the gateway" } else { &*id };
        format!("{id}{model}")
    }
}

/// As LiteLLM writes times in messages: `2026-11-21 20:32:15 UTC`, rounded up to the second.
fn clock(at: Timestamp) -> String {
    let seconds = at.0.div_euclid(1_000_000) + i64::from(at.0.rem_euclid(1_000_000) > 0);
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
