//! What a call takes of one counter, and what that counter's key is.

use std::sync::Arc;

use llm_governance::{Period, SharedLimit, SharedWant, Subject};

use crate::fitting::fitting;

/// What parts the words of a place: nothing that stands in an index has it.
const PARTED: char = '\u{1f}';

/// Numbers of Redis' scripts are exact up to here: nine million dollars.
const MOST: u64 = 1 << 53;

/// What a call takes of one counter, or has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) key: Arc<str>,
    /// Where the ledger has what was spent: scope, id, model, and when the period begins and ends (0: never), parted
    /// by [`PARTED`]; empty of what is not money.
    pub(super) place: Arc<str>,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Requests (`is_request`) or tokens; `bucket`: the step in which they were taken.
    Flow {
        limit: u64,
        amount: u64,
        window: u64,
        is_request: bool,
        bucket: Option<String>,
    },
    Slot {
        limit: u32,
    },
    /// Nano-dollars; `over`: when the period ends, in milliseconds since 1970.
    Money {
        cap: Option<u64>,
        amount: u64,
        known: u64,
        over: String,
    },
}

impl Piece {
    pub(super) fn of(prefix: &str, want: &SharedWant) -> Self {
        let whole = |money: llm_core::money::NanoDollars| u64::try_from(money.0).unwrap_or(0).min(MOST);
        let model = fitting(want.model.as_deref().unwrap_or_default());
        let (kind, what) = match &want.of {
            SharedLimit::Requests { limit } => {
                let flow = (*limit, 1, 60);
                ("requests".to_owned(), flow_of(flow, true))
            }
            SharedLimit::Tokens { limit, amount, window } => {
                let window = window.as_secs().max(60);
                (format!("tokens{window}"), flow_of((*limit, *amount, window), false))
            }
            SharedLimit::Slot { limit } => ("slots".to_owned(), What::Slot { limit: *limit }),
            SharedLimit::Budget { cap, amount, period, known } => {
                let (amount, known, over) = (whole(*amount), whole(*known), over(*period));
                let name = format!("{}-{over}", period.start.0);
                (name, What::Money { cap: cap.map(whole), amount, known, over })
            }
        };
        let place = match &want.of {
            SharedLimit::Budget { period, .. } => place(&want.subject, &model, *period),
            _ => String::new(),
        };
        let key = format!("{}{kind}:{model}", beginning(prefix, &want.subject));
        Self { key: key.into(), place: place.into(), what }
    }

    /// What the script for reservations is told of it, where the call has `own` of the same already.
    pub(super) fn wanted(&self, own: Option<&Self>, life: &str, heard: u64) -> [String; 7] {
        match &self.what {
            What::Flow { limit, amount, window, .. } => {
                let (bucket, has) = match own.map(|own| &own.what) {
                    Some(What::Flow { bucket: Some(bucket), amount, .. }) => (bucket.clone(), *amount),
                    _ => (String::new(), 0),
                };
                // A request that has left the window since is not taken again either.
                let amount = if self.is_request() && own.is_some() { 0 } else { *amount };
                let has = if self.is_request() { 0 } else { has };
                let step = (window / 60).max(1);
                ["f".to_owned(), text(*limit), text(amount), text(*window), text(step), bucket, text(has)]
            }
            What::Slot { limit } => {
                let none = String::new;
                ["s".to_owned(), limit.to_string(), text(1), none(), none(), none(), none()]
            }
            What::Money { cap, amount, known, over } => {
                let cap = cap.map_or_else(|| "-1".to_owned(), text);
                let (amount, known) = (text(*amount), text(*known));
                ["m".to_owned(), cap, amount, over.clone(), known, life.to_owned(), text(heard)]
            }
        }
    }

    /// It was granted: what the script said of it.
    pub(super) fn granted(&mut self, own: Option<&Self>, said: &str) {
        match (&mut self.what, own.map(|own| &own.what)) {
            (What::Flow { amount, bucket, .. }, own) => {
                if let Some(What::Flow { amount: before, bucket: was, .. }) = own
                    && was.as_deref() == Some(said)
                {
                    *amount = (*amount).max(*before);
                }
                *bucket = Some(said.to_owned());
            }
            (What::Money { amount, .. }, Some(What::Money { amount: before, .. })) => {
                *amount = (*amount).max(*before);
            }
            _ => {}
        }
    }

    pub(super) fn is_request(&self) -> bool {
        matches!(self.what, What::Flow { is_request: true, .. })
    }
}

fn flow_of((limit, amount, window): (u64, u64, u64), is_request: bool) -> What {
    What::Flow { limit: limit.min(MOST), amount: amount.min(MOST), window, is_request, bucket: None }
}

fn over(period: Period) -> String {
    period.end.map_or_else(String::new, |end| end.0.div_euclid(1_000).to_string())
}

fn text(number: u64) -> String {
    number.to_string()
}

/// What all keys of a subject begin with. They lie on one server also where keys are spread over several, because a
/// call takes of several subjects in one step.
pub(super) fn beginning(prefix: &str, subject: &Subject) -> String {
    let id = subject.id.text();
    let id = fitting(&id);
    format!("{prefix}{}:{}:{id}:", subject.scope.name(), id.len())
}

fn place(subject: &Subject, model: &str, period: Period) -> String {
    let id = fitting(&subject.id.text()).replace(PARTED, "");
    let (scope, model) = (subject.scope.name(), model.replace(PARTED, ""));
    let (start, end) = (period.start.0, period.end.map_or(0, |end| end.0));
    format!("{scope}{PARTED}{id}{PARTED}{model}{PARTED}{start}{PARTED}{end}")
}
