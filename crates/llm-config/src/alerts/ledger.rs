//! A ledger that tells of slow answers and of rows that it could not write.

use std::sync::Arc;
use std::time::Duration;

use llm_governance::{Durable, Ledger, RowRef, StoreError};

use super::message::Alert;
use super::{Bell, QUIET};

/// Conversations last as long as people talk.
const CONVERSATION: &str = "_arealtime";

/// Passes rows on, and looks at them.
pub(crate) struct WatchedLedger {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) bell: Arc<Bell>,
}

impl WatchedLedger {
    fn unbooked(&self, cost: Option<llm_core::money::NanoDollars>) {
        if let Some(alerts) = self.bell.alerts() {
            alerts.unbooked(cost);
        }
    }

    fn look(&self, row: &RowRef<'_>) {
        let took = Duration::from_micros(row.took_micros);
        let Some(alerts) = self.bell.alerts() else { return };
        if alerts.slow().is_none_or(|slow| took < slow) || row.call_type == CONVERSATION {
            return;
        }
        let who = if row.deployment.is_empty() { row.model } else { row.deployment };
        alerts.once(format!("slow {who}"), QUIET, || Alert::slow(row));
    }
}

impl Ledger for WatchedLedger {
    fn record(&self, row: &RowRef<'_>) -> Result<Option<Durable>, StoreError> {
        self.look(row);
        let cost = row.cost;
        let durable = self.ledger.record(row).inspect_err(|_| self.unbooked(Some(cost)))?;
        let Some(alerts) = durable.as_ref().and_then(|_| self.bell.alerts()) else { return Ok(durable) };
        Ok(durable.map(|durable| {
            let told = async move { durable.await.inspect_err(|_| alerts.unbooked(Some(cost))) };
            Box::pin(told) as Durable
        }))
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.ledger.ready().inspect_err(|_| self.unbooked(None))
    }

    fn keeps_rows(&self) -> bool {
        self.ledger.keeps_rows() || self.bell.alerts().is_some_and(|alerts| alerts.slow().is_some())
    }
}
