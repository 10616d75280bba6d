//! Alerts: each told once, in the shapes that its readers know, and never on a request's way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::Secret;
use llm_core::money::NanoDollars;
use llm_governance::{
    BudgetEvent, Durable, Events as _, Ledger, Period, RowRef, StoreError, Subject, Threshold,
};
use serde_json::json;
use tokio::sync::mpsc::{Receiver, channel};

use super::message::Alert;
use super::told::Told;
use super::{Alerts, Bell, WatchedLedger};
use crate::settings::{AlertFormat, AlertKind, AlertSettings, AlertTarget};

const MINUTE: Duration = Duration::from_secs(60);

fn event(subject: Subject, threshold: Threshold) -> BudgetEvent {
    BudgetEvent {
        subject,
        alias: Some("<!channel> & co".to_owned()),
        model: None,
        threshold,
        cap: Some(NanoDollars(2_000_000_000)),
        soft: Some(NanoDollars(500_000_000)),
        spent: NanoDollars(750_000_000),
        period: Period::EVER,
    }
}

#[test]
fn the_same_is_told_once_and_what_was_left_out_is_counted() {
    let (mut told, begin) = (Told::default(), Instant::now());
    let mut once = |subject: &str, after: Duration| told.once(subject.to_owned(), MINUTE, begin + after);
    assert_eq!(once("a", Duration::ZERO), Some(0));
    assert_eq!(once("b", Duration::ZERO), Some(0));
    for _ in 0..5 {
        assert_eq!(once("a", MINUTE / 2), None);
    }
    assert_eq!(once("a", MINUTE), Some(5));
    assert_eq!(once("a", MINUTE), None);
}

#[test]
fn what_is_remembered_is_bounded() {
    let (mut told, begin) = (Told::default(), Instant::now());
    for subject in 0..10_000_u64 {
        let quiet = MINUTE + Duration::from_millis(subject);
        assert_eq!(told.once(subject.to_string(), quiet, begin), Some(0));
    }
    assert_eq!(told.once("9999".to_owned(), MINUTE, begin), None, "the youngest is known");
    assert_eq!(told.once("0".to_owned(), MINUTE, begin), Some(0), "the oldest is forgotten");
}

#[test]
fn what_comes_and_goes_is_told_once_a_minute_and_as_it_stands() {
    let (mut told, begin) = (Told::default(), Instant::now());
    let alert = |is_booking: bool| move || Alert::database(is_booking);
    assert!(told.stands("d", false, alert(true), begin).is_none(), "it was never bad");
    let down = told.stands("d", true, alert(false), begin).expect("it is news");
    assert_eq!(down.body(AlertFormat::Webhook)["event"], "database_unreachable");
    for _ in 0..50 {
        assert!(told.stands("d", false, alert(true), begin).is_none());
        assert!(told.stands("d", true, alert(false), begin).is_none());
    }
    assert!(told.due(begin + 2 * MINUTE).is_empty(), "it is as it was told");
    assert!(told.stands("d", false, alert(true), begin + MINUTE / 2).is_none());
    assert!(told.due(begin + MINUTE / 2).is_empty());
    let back = told.due(begin + MINUTE);
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].body(AlertFormat::Webhook)["event"], "database_recovered");
    assert!(told.due(begin + 5 * MINUTE).is_empty());
}

#[test]
fn a_budget_is_told_in_the_fields_of_litellm() {
    let key = Subject::new(llm_governance::Scope::Key, "88dc28d0");
    let body = Alert::budget(&event(key, Threshold::Soft)).body(AlertFormat::Webhook);
    assert_eq!(
        body,
        json!({
            "spend": 0.75, "max_budget": 2.0, "soft_budget": 0.5, "token": "88dc28d0",
            "customer_id": null, "user_id": null, "team_id": null, "team_alias": null,
            "organization_id": null, "user_email": null, "key_alias": "<!channel> & co",
            "projected_exceeded_date": null, "projected_spend": null, "model": null, "tag": null,
            "event": "soft_budget_crossed", "event_group": "key",
            "event_message": "Key Budget: Soft Budget Crossed", "alert_type": "budget_alerts",
        })
    );
    let member = Alert::budget(&event(Subject::member("red", "ann"), Threshold::Percent(95)));
    let body = member.body(AlertFormat::Webhook);
    assert_eq!((&body["team_id"], &body["user_id"]), (&json!("red"), &json!("ann")));
    assert_eq!(body["event"], "threshold_crossed");
    let over = Alert::budget(&event(Subject::global(), Threshold::OverHold)).body(AlertFormat::Webhook);
    assert_eq!((&over["event"], &over["event_group"]), (&json!("budget_crossed"), &json!("proxy")));
}

#[test]
fn a_name_calls_nobody_in_slack() {
    let key = Subject::new(llm_governance::Scope::Key, "88dc28d0");
    let body = Alert::budget(&event(key, Threshold::Percent(100))).body(AlertFormat::Slack);
    let text = body["text"].as_str().expect("a text");
    assert!(text.starts_with("*budget_alerts* (High)\nKey Budget: Budget Crossed"), "{text}");
    assert!(text.contains("key_alias: &lt;!channel&gt; &amp; co"), "{text}");
    assert!(text.contains("spend: 0.75"), "{text}");
}

/// Somebody who wants to know of these, and what waits for them.
fn alerts(kinds: &[AlertKind], room: usize) -> (Arc<Alerts>, Receiver<Option<Arc<Alert>>>) {
    let target = AlertTarget {
        format: AlertFormat::Webhook,
        url: Secret::new("https://alerts.example/".to_owned()),
        kinds: kinds.to_vec(),
    };
    let settings = AlertSettings { targets: vec![target], slow: MINUTE };
    let (sender, queue) = channel(room);
    (Arc::new(Alerts::new(settings, vec![sender])), queue)
}

fn told(queue: &mut Receiver<Option<Arc<Alert>>>) -> Vec<String> {
    let waiting = std::iter::from_fn(|| queue.try_recv().ok().flatten());
    let event = |alert: Arc<Alert>| alert.body(AlertFormat::Webhook)["event"].as_str().map(str::to_owned);
    waiting.filter_map(event).collect()
}

/// A journal whose disk is full, or fails once the row is taken.
struct Full {
    later: bool,
}

impl Ledger for Full {
    fn record(&self, _: &RowRef<'_>) -> Result<Option<Durable>, StoreError> {
        let failed = StoreError::Failed("the disk is full".to_owned());
        if self.later { Ok(Some(Box::pin(async move { Err(failed) }))) } else { Err(failed) }
    }

    fn ready(&self) -> Result<(), StoreError> {
        Err(StoreError::Failed("the disk is full".to_owned()))
    }

    fn keeps_rows(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn rows_that_cannot_be_written_are_told_once_and_the_error_stays() {
    for later in [false, true] {
        let (alerts, mut queue) = alerts(&AlertKind::ALL, 10);
        let ledger = WatchedLedger { ledger: Arc::new(Full { later }), bell: Arc::new(Bell::of(alerts)) };
        assert!(ledger.keeps_rows(), "slow answers are seen in rows");
        for _ in 0..20 {
            match ledger.record(&RowRef::default()) {
                Ok(durable) => assert!(durable.expect("it is not safe yet").await.is_err()),
                Err(_) => assert!(!later),
            }
            assert!(ledger.ready().is_err());
        }
        assert_eq!(told(&mut queue), ["failed_tracking_spend", "failed_tracking_spend"], "one each");
    }
}

#[test]
fn nothing_is_told_that_nobody_wants_to_know() {
    let (alerts, mut queue) = alerts(&[AlertKind::Database], 10);
    alerts.crossed(&event(Subject::global(), Threshold::Soft));
    alerts.unbooked(None);
    alerts.booking(true);
    assert_eq!(told(&mut queue), [""; 0]);
    alerts.booking(false);
    alerts.booking(false);
    assert_eq!(told(&mut queue), ["database_unreachable"]);
}

#[test]
fn a_full_queue_loses_alerts_and_holds_up_nobody() {
    let (alerts, mut queue) = alerts(&AlertKind::ALL, 3);
    for team in 0..100_u32 {
        let team = Subject::new(llm_governance::Scope::Team, team.to_string());
        alerts.crossed(&event(team, Threshold::Soft));
    }
    assert_eq!(told(&mut queue).len(), 3);
    assert_eq!(alerts.lost.load(std::sync::atomic::Ordering::Relaxed), 97);
}
