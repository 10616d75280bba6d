//! Tells people and programs when something is wrong: budgets, deployments, slow answers, the ledger, the database.
//!
//! Whoever notices something hands it over and goes on: what is told already is left out ([`told`]), the rest goes to a
//! bounded queue for each address, and a thread of its own delivers it ([`deliver`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use llm_gateway::Outages;
use llm_governance::{BudgetEvent, Events, Timestamp};
use llm_router::{Bench, Scope};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;

use crate::settings::{AlertKind, AlertSettings};

mod bell;
mod deliver;
mod ledger;
mod message;
mod told;

pub(crate) use bell::Bell;
use deliver::AlertThread;
pub(crate) use ledger::WatchedLedger;
use message::Alert;
use told::Told;

/// A budget without an end of its period is not told of again for so long, as in LiteLLM.
const DAY: Duration = Duration::from_secs(86_400);

/// Something that goes on is told of again after so long.
const QUIET: Duration = Duration::from_secs(600);

/// Takes note of what is wrong. Nothing of it waits for anybody who is told.
pub(crate) struct Alerts {
    settings: AlertSettings,
    told: Mutex<Told>,
    /// A queue for each target of the settings.
    queues: Vec<Sender<Option<Arc<Alert>>>>,
    lost: AtomicU64,
    /// The gateway ends.
    ending: Arc<Notify>,
}

impl Alerts {
    fn new(settings: AlertSettings, queues: Vec<Sender<Option<Arc<Alert>>>>) -> Self {
        Self { settings, told: Mutex::default(), queues, lost: AtomicU64::new(0), ending: Arc::default() }
    }

    /// From when on an answer is slow; `None`: nobody wants to know.
    fn slow(&self) -> Option<Duration> {
        self.settings.tells_of(AlertKind::Slow).then_some(self.settings.slow)
    }

    /// Tells of something, unless it was told within `quiet`.
    fn once(&self, subject: String, quiet: Duration, alert: impl FnOnce() -> Alert) {
        let Some(left_out) = self.told.lock().once(subject, quiet, Instant::now()) else { return };
        self.send(&Arc::new(alert().with_left_out(left_out)));
    }

    /// Takes note of how something stands, and tells of it when that is news.
    fn stands(&self, subject: &str, is_bad: bool, alert: impl FnOnce() -> Alert) {
        let news = self.told.lock().stands(subject, is_bad, alert, Instant::now());
        news.iter().for_each(|alert| self.send(alert));
    }

    /// Tells of changes that had to wait, because the last one had just been told.
    fn tick(&self) {
        let news = self.told.lock().due(Instant::now());
        news.iter().for_each(|alert| self.send(alert));
    }

    fn send(&self, alert: &Arc<Alert>) {
        for (target, queue) in self.settings.targets.iter().zip(&self.queues) {
            if !target.kinds.contains(&alert.kind) {
                continue;
            }
            if queue.try_send(Some(Arc::clone(alert))).is_err() {
                let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
                if lost.is_power_of_two() {
                    tracing::warn!(target: "llm_config::alerts", lost, "alerts are lost: too many wait to be delivered");
                }
            }
        }
    }

    /// Whether rows reach the database.
    pub(crate) fn booking(&self, is_booking: bool) {
        if self.settings.tells_of(AlertKind::Database) {
            self.stands("database", !is_booking, || Alert::database(is_booking));
        }
    }

    /// A row could not be written.
    fn unbooked(&self, cost: Option<llm_core::money::NanoDollars>) {
        if self.settings.tells_of(AlertKind::Unbooked) {
            let subject = if cost.is_some() { "row" } else { "ledger" };
            self.once(subject.to_owned(), QUIET, || Alert::unbooked(cost));
        }
    }
}

impl Events for Alerts {
    fn crossed(&self, event: &BudgetEvent) {
        if !self.settings.tells_of(AlertKind::Budget) {
            return;
        }
        let end = event.period.end.map(|end| end.0.saturating_sub(Timestamp::now().0));
        let quiet = end.map_or(DAY, |micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
        let BudgetEvent { subject, model, cap, period, .. } = event;
        let threshold = message::passed(event.threshold);
        // Who is given a higher budget passes the thresholds of that one, too.
        let subject = format!("budget {subject} {model:?} {threshold:?} {cap:?} {}", period.start.0);
        self.once(subject, quiet, || Alert::budget(event));
    }
}

impl Outages for Alerts {
    fn benched(&self, deployment: &str, model: &str, bench: &Bench) {
        // Probes that fail are the same outage.
        if !bench.fresh || !self.settings.tells_of(AlertKind::Deployment) {
            return;
        }
        let alert = || Alert::benched(deployment, model, bench);
        match bench.scope {
            Scope::Deployment => self.stands(deployment, true, alert),
            // Several deployments share a key, and any of them may be the one that brings it back.
            scope => self.once(format!("benched {deployment} {}", scope.name()), QUIET, alert),
        }
    }

    fn recovered(&self, deployment: &str, model: &str, scope: Scope) {
        if !self.settings.tells_of(AlertKind::Deployment) {
            return;
        }
        let alert = || Alert::recovered(deployment, model, scope);
        match scope {
            Scope::Deployment => self.stands(deployment, false, alert),
            scope => self.once(format!("recovered {deployment} {}", scope.name()), QUIET, alert),
        }
    }
}

#[cfg(test)]
mod tests;
