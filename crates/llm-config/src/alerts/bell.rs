//! Whoever is told now: settings that are read again may name others, and what notices something need not know.

use std::io;
use std::sync::Arc;

use llm_core::BoxFuture;
use llm_gateway::Outages;
use llm_governance::{BudgetEvent, Events};
use llm_management::Alarms;
use llm_router::{Bench, Scope};
use parking_lot::RwLock;

use super::message::Alert;
use super::{AlertThread, Alerts, deliver};
use crate::settings::{AlertFormat, AlertSettings};

/// Tells those whom the settings in force name.
#[derive(Default)]
pub(crate) struct Bell {
    current: RwLock<Current>,
}

#[derive(Default)]
struct Current {
    settings: AlertSettings,
    alerts: Option<Arc<Alerts>>,
    /// Delivers them.
    thread: Option<AlertThread>,
}

impl Bell {
    /// From now on these settings hold. What waits for those who were told before is delivered beside that.
    ///
    /// # Errors
    /// When there is no thread to be had; those who were told before are told on.
    pub(crate) fn hang(&self, settings: &AlertSettings) -> io::Result<()> {
        if self.current.read().settings == *settings {
            return Ok(());
        }
        let thread = AlertThread::start(settings)?;
        let alerts = thread.as_ref().map(|thread| Arc::clone(&thread.alerts));
        let next = Current { settings: settings.clone(), alerts, thread };
        let before = std::mem::replace(&mut *self.current.write(), next);
        if before.thread.is_some() {
            // It waits a moment for its last ones.
            std::thread::Builder::new().name("alerts-end".to_owned()).spawn(move || drop(before))?;
        }
        Ok(())
    }

    /// Who is told now.
    pub(crate) fn alerts(&self) -> Option<Arc<Alerts>> {
        self.current.read().alerts.clone()
    }

    /// Tells these.
    #[cfg(test)]
    pub(super) fn of(alerts: Arc<Alerts>) -> Self {
        Self { current: RwLock::new(Current { alerts: Some(alerts), ..Current::default() }) }
    }
}

impl Alarms for Bell {
    fn try_out<'a>(&'a self, way: &'a str) -> BoxFuture<'a, Result<usize, String>> {
        let format = if way == "webhook" { AlertFormat::Webhook } else { AlertFormat::Slack };
        let targets = self.current.read().settings.targets.clone();
        Box::pin(async move {
            let mut taken = 0;
            for target in targets.iter().filter(|target| target.format == format) {
                deliver::once(target, &Alert::trial())
                    .await
                    .map_err(|why| format!("a test alert was not taken: {why}"))?;
                taken += 1;
            }
            let nowhere = || format!("no alerts go to `{way}`: name it in `alerting`, and give its address");
            if taken == 0 { Err(nowhere()) } else { Ok(taken) }
        })
    }
}

impl Events for Bell {
    fn crossed(&self, event: &BudgetEvent) {
        if let Some(alerts) = self.alerts() {
            alerts.crossed(event);
        }
    }
}

impl Outages for Bell {
    fn benched(&self, deployment: &str, model: &str, bench: &Bench) {
        if let Some(alerts) = self.alerts() {
            alerts.benched(deployment, model, bench);
        }
    }

    fn recovered(&self, deployment: &str, model: &str, scope: Scope) {
        if let Some(alerts) = self.alerts() {
            alerts.recovered(deployment, model, scope);
        }
    }
}
