use std::time::{Duration, Instant};

use llm_core::money::NanoDollars;
use llm_governance::{BudgetEvent, Period, Subject, Threshold};
use serde_json::json;

use super::message::Alert;
use super::told::Told;
use crate::settings::AlertFormat;

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
