//! A ledger that tells of slow answers and of rows that it could not write.

use std::sync::Arc;
use std::time::Duration;

use llm_governance::{Durable, Ledger, LedgerRow, StoreError};

use super::message::Alert;
use super::{Alerts, QUIET};

/// Conversations last as long as people talk.
const CONVERSATION: &str = "_arealtime";

/// Passes rows on, and looks at them.
pub(crate) struct WatchedLedger {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) alerts: Arc<Alerts>,
}

impl WatchedLedger {
    fn look(&self, row: &LedgerRow) {
        let took = Duration::from_micros(row.took_micros);
        if self.alerts.slow().is_none_or(|slow| took < slow) || row.call_type == CONVERSATION {
            return;
        }
        let who = if row.deployment.is_empty() { &row.model } else { &row.deployment };
        self.alerts.once(format!("slow {who}"), QUIET, || Alert::slow(row));
    }
}

impl Ledger for WatchedLedger {
    fn record(&self, row: LedgerRow) -> Result<Option<Durable>, StoreError> {
        self.look(&row);
        let cost = row.cost;
        let durable = self.ledger.record(row).inspect_err(|_| self.alerts.unbooked(Some(cost)))?;
        let alerts = &self.alerts;
        Ok(durable.map(|durable| {
            let alerts = Arc::clone(alerts);
            let told = async move { durable.await.inspect_err(|_| alerts.unbooked(Some(cost))) };
            Box::pin(told) as Durable
        }))
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.ledger.ready().inspect_err(|_| self.alerts.unbooked(None))
    }

    fn keeps_rows(&self) -> bool {
        self.ledger.keeps_rows() || self.alerts.slow().is_some()
    }
}
