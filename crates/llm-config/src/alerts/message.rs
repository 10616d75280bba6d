//! What is said, for people (Slack's `{"text": …}`) and for programs (LiteLLM's `WebhookEvent`,
//! <https://docs.litellm.ai/docs/proxy/alerting>, October 2026). Neither has prompts, keys or addresses in it.

use llm_core::money::NanoDollars;
use llm_governance::{BudgetEvent, RowRef, Scope as Whose, Threshold};
use llm_router::{Bench, Scope};
use serde_json::{Map, Value, json};

use crate::settings::{AlertFormat, AlertKind};

/// Something that somebody is told.
#[derive(Debug)]
pub(super) struct Alert {
    pub(super) kind: AlertKind,
    event: &'static str,
    group: &'static str,
    /// It has to be dealt with now.
    urgent: bool,
    message: String,
    details: Map<String, Value>,
}

impl Alert {
    /// The body of the message.
    pub(super) fn body(&self, format: AlertFormat) -> Value {
        match format {
            AlertFormat::Slack => json!({ "text": self.text() }),
            AlertFormat::Webhook => {
                let mut body = self.details.clone();
                body.insert("event".to_owned(), self.event.into());
                body.insert("event_group".to_owned(), self.group.into());
                body.insert("event_message".to_owned(), self.message.as_str().into());
                body.insert("alert_type".to_owned(), self.kind.name().into());
                Value::Object(body)
            }
        }
    }

    fn text(&self) -> String {
        let level = if self.urgent { "High" } else { "Medium" };
        let mut text = format!("*{}* ({level})\n{}", self.kind.name(), self.message);
        for (name, value) in self.details.iter().filter(|(_, value)| !value.is_null()) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text = format!("{text}\n{name}: {value}");
        }
        escaped(&text)
    }

    /// The same, which happened so often before without being told.
    pub(super) fn with_left_out(mut self, left_out: u64) -> Self {
        if left_out > 0 {
            self.details.insert("not_told_before".to_owned(), left_out.into());
        }
        self
    }

    pub(super) fn budget(event: &BudgetEvent) -> Self {
        let passed = passed(event.threshold);
        let what = match passed {
            Threshold::Soft => "Soft Budget Crossed".to_owned(),
            Threshold::Percent(percent) if percent < 100 => format!("{percent}% of the Budget Crossed"),
            Threshold::Percent(_) | Threshold::OverHold => "Budget Crossed".to_owned(),
        };
        let of_model = event.model.as_ref().map(|model| format!(" for {model}")).unwrap_or_default();
        Self {
            kind: AlertKind::Budget,
            event: passed.name(),
            group: group(event.subject.scope),
            urgent: passed == Threshold::Percent(100),
            message: format!("{} Budget{of_model}: {what}", event.subject.scope.word()),
            details: budget_details(event),
        }
    }

    /// Nothing is wrong: somebody tries an address.
    pub(super) fn trial() -> Self {
        let message = "This is a test: alerts arrive here".to_owned();
        Self::of(AlertKind::Budget, ("test_alert", "proxy"), false, message, json!({}))
    }

    pub(super) fn slow(row: &RowRef<'_>) -> Self {
        let seconds = row.took_micros / 1_000_000;
        let details = json!({
            "model": row.model, "deployment": row.deployment, "provider": row.provider, "call_id": row.id,
            "seconds": seconds, "status": row.status, "stream": row.stream,
        });
        let message = format!("An answer of `{}` took {seconds} seconds", row.model);
        Self::of(AlertKind::Slow, ("slow_response", "model"), false, message, details)
    }

    pub(super) fn unbooked(cost: Option<NanoDollars>) -> Self {
        let message = match cost {
            Some(_) => "What a call cost could not be written to the ledger: its disk is full or failing",
            None => "Calls are refused: nothing can be written to the ledger",
        };
        let details = json!({ "cost": cost.map(dollars) });
        Self::of(AlertKind::Unbooked, ("failed_tracking_spend", "proxy"), true, message.to_owned(), details)
    }

    pub(super) fn database(is_booking: bool) -> Self {
        let (event, message) = if is_booking {
            ("database_recovered", "The database takes the rows of calls again")
        } else {
            ("database_unreachable", "The database does not take the rows of calls; they wait in the journal")
        };
        Self::of(AlertKind::Database, (event, "proxy"), !is_booking, message.to_owned(), json!({}))
    }

    pub(super) fn benched(deployment: &str, model: &str, bench: &Bench) -> Self {
        let (error, status, scope) = (bench.error.name(), bench.status, bench.scope.name());
        let details = json!({
            "deployment": deployment, "model": model, "scope": scope, "error": error, "status": status,
            "seconds": bench.length.as_secs_f64(),
        });
        let message = format!("Deployment `{deployment}` of `{model}` is left alone: {error} ({status})");
        Self::of(AlertKind::Deployment, ("deployment_down", "deployment"), true, message, details)
    }

    pub(super) fn recovered(deployment: &str, model: &str, scope: Scope) -> Self {
        let details = json!({ "deployment": deployment, "model": model, "scope": scope.name() });
        let message = format!("Deployment `{deployment}` of `{model}` is in use again");
        Self::of(AlertKind::Deployment, ("deployment_recovered", "deployment"), false, message, details)
    }

    fn of(
        kind: AlertKind,
        (event, group): (&'static str, &'static str),
        urgent: bool,
        message: String,
        details: Value,
    ) -> Self {
        let details = if let Value::Object(details) = details { details } else { Map::new() };
        Self { kind, event, group, urgent, message, details }
    }
}

/// What passing it means to whoever is told: above what was held is above the budget.
pub(super) fn passed(threshold: Threshold) -> Threshold {
    if threshold == Threshold::OverHold { Threshold::Percent(100) } else { threshold }
}

/// LiteLLM's word for those whose budget it is.
fn group(scope: Whose) -> &'static str {
    match scope {
        Whose::Global => "proxy",
        Whose::User => "internal_user",
        scope => scope.name(),
    }
}

/// LiteLLM's `CallInfo`. What is not known here is null.
fn budget_details(event: &BudgetEvent) -> Map<String, Value> {
    let BudgetEvent { subject, alias, .. } = event;
    let id = |scope| (subject.scope == scope).then(|| subject.id.to_string());
    let named = |scope| alias.as_ref().filter(|_| subject.scope == scope);
    let member = id(Whose::TeamMember);
    let member = member.as_deref().and_then(|member| member.split_once(':'));
    let details = json!({
        "spend": dollars(event.spent),
        "max_budget": event.cap.map(dollars),
        "soft_budget": event.soft.map(dollars),
        "token": id(Whose::Key),
        "customer_id": id(Whose::Customer),
        "user_id": member.map(|(_, user)| user.to_owned()).or_else(|| id(Whose::User)),
        "team_id": member.map(|(team, _)| team.to_owned()).or_else(|| id(Whose::Team)),
        "team_alias": named(Whose::Team),
        "organization_id": id(Whose::Organization),
        "user_email": null,
        "key_alias": named(Whose::Key),
        "projected_exceeded_date": null,
        "projected_spend": null,
        "model": event.model.as_deref(),
        "tag": id(Whose::Tag),
    });
    if let Value::Object(details) = details { details } else { Map::new() }
}

#[expect(clippy::cast_precision_loss, reason = "people read it; a float has 15 digits")]
fn dollars(amount: NanoDollars) -> f64 {
    amount.0 as f64 / 1e9
}

/// A name cannot call everybody of a channel: <https://docs.slack.dev/messaging/formatting-message-text>, escaping.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
