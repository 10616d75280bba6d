//! Limits of requests and tokens, and what was let through under them.

use std::sync::Arc;
use std::time::Duration;

use llm_core::order;
use llm_core::window::{Caps, MINUTE, Moment, Window};

use crate::authorise::matches;
use crate::terms::Terms;
use crate::time::Timestamp;

/// The length of the windows of daily limits.
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// How windows of limits move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Windows {
    /// No more than the limit in any minute.
    #[default]
    Sliding,
    /// As LiteLLM has them: a minute begins with its first request, and another one after its end. Twice the limit may
    /// pass around that moment.
    Fixed,
}

/// A limit of terms, and which flow it holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The model of a single model's limit, or a pattern of several.
    pub model: Option<Arc<str>>,
    /// For a day instead of a minute.
    pub is_daily: bool,
    /// What may pass in that time.
    pub caps: Caps,
    /// Where its subject's meter has the flow.
    pub(crate) flow: u32,
}

/// What passes under a limit: the same flow for all limits of its model and length, whatever they are.
#[derive(Debug)]
pub(crate) struct Flow {
    model: Option<Arc<str>>,
    is_daily: bool,
    /// Made with the first request, forgotten with the last one.
    window: Option<Box<Window>>,
}

impl Limit {
    /// Whether calls for a model count.
    pub(crate) fn concerns(&self, model: &str) -> bool {
        self.model.as_deref().is_none_or(|own| matches(own, model))
    }
}

impl Flow {
    pub(crate) fn of(limit: &Limit) -> Self {
        Self { model: limit.model.clone(), is_daily: limit.is_daily, window: None }
    }

    pub(crate) fn is_of(&self, limit: &Limit) -> bool {
        self.is_daily == limit.is_daily && self.model == limit.model
    }

    pub(crate) fn window(&mut self, windows: Windows) -> &mut Window {
        let length = if self.is_daily { DAY } else { MINUTE };
        self.window.get_or_insert_with(|| {
            Box::new(match windows {
                Windows::Sliding => Window::sliding(length),
                Windows::Fixed => Window::fixed(length),
            })
        })
    }

    /// The window, where anything passed yet.
    pub(crate) fn begun(&mut self) -> Option<&mut Window> {
        self.window.as_deref_mut()
    }

    /// Forgets a window that is as good as a new one. Returns whether there is none now.
    pub(crate) fn sweep(&mut self, now: Moment) -> bool {
        if self.window.as_mut().is_some_and(|window| window.is_empty(now)) {
            self.window = None;
        }
        self.window.is_none()
    }
}

/// The moment of a time, for windows.
pub(crate) fn moment(at: Timestamp) -> Moment {
    u64::try_from(at.0).unwrap_or_default().saturating_mul(1_000)
}

/// The time of a moment, rounded up: who comes back then finds room.
pub(crate) fn time(moment: Moment) -> Timestamp {
    Timestamp(i64::try_from(moment.div_ceil(1_000)).unwrap_or(i64::MAX))
}

/// The limits of terms.
pub(crate) fn plan(terms: &Terms) -> Vec<Limit> {
    let mut planned = Vec::new();
    let mut add = |model: Option<&str>, is_daily, requests: Option<u64>, tokens: Option<u64>| {
        if requests.is_some() || tokens.is_some() {
            let (model, caps) = (model.map(Arc::from), Caps { requests, tokens });
            planned.push(Limit { model, is_daily, caps, flow: 0 });
        }
    };
    add(None, false, terms.rpm_limit, terms.tpm_limit);
    add(None, true, None, terms.tpd_limit);
    let (requests, tokens) = (&terms.model_rpm_limit, &terms.model_tpm_limit);
    for model in order::set_of(requests.keys().chain(tokens.keys())) {
        add(Some(model), false, requests.get(model).copied(), tokens.get(model).copied());
    }
    planned
}
