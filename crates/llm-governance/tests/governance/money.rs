//! What budgets do besides refusing: clamp, estimate, tell, begin anew, and know the price of models.

use std::sync::Arc;

use llm_core::money::NanoDollars;
use llm_core::{ErrorKind, Secret};
use llm_governance::entity::Tag;
use llm_governance::{
    Admission, BudgetDuration, BudgetEvent, BudgetLimit, BudgetMode, Events, Governance, GovernanceParts,
    NoDirectory, Period, Principal, Scope, Subject, Terms, Threshold, Timestamp, Unpriced, Want,
};
use parking_lot::Mutex;

use crate::people::{People, key};

#[derive(Default)]
struct Told(Mutex<Vec<(Threshold, i64)>>);

impl Events for Told {
    fn crossed(&self, event: &BudgetEvent) {
        assert_eq!(event.subject.scope.name(), "key");
        self.0.lock().push((event.threshold, event.spent.0));
    }
}

fn capped(cap: i64) -> Terms {
    Terms { max_budget: Some(NanoDollars(cap)), ..Terms::default() }
}

fn parts(terms: Terms) -> GovernanceParts {
    GovernanceParts {
        master_key: Some(Secret::new("sk-master".to_owned())),
        directory: People::of([key("sk-one", terms)]),
        ..GovernanceParts::default()
    }
}

async fn caller(parts: GovernanceParts) -> (Governance, Arc<Principal>) {
    let governance = Governance::new(parts);
    let caller = governance.identify(Some(b"sk-one"), None).await.expect("a key");
    (governance, caller)
}

fn want(model: &str, cost: i64) -> Want<'_> {
    let cost = Some(NanoDollars(cost));
    Want { model, customer: None, tags: &[], tokens: 1, cost, at: Timestamp::now() }
}

async fn spend((governance, caller): &(Governance, Arc<Principal>), held: i64, cost: i64) -> Admission {
    let mut call = governance.admit(caller, &want("m", held)).await.expect("there is room");
    call.settle(NanoDollars(cost), 1);
    call
}

#[tokio::test]
async fn a_clamped_call_holds_what_is_left_and_no_less_than_it_needs() {
    let (governance, caller) = caller(parts(capped(100))).await;
    let _first = governance.admit(&caller, &want("m", 70)).await.expect("there is room");
    assert_eq!(governance.room(&caller, &want("m", 1)).await.expect("known"), Some(NanoDollars(30)));
    assert!(governance.admit_within(&caller, &want("m", 70), Some(NanoDollars(31))).await.is_err());
    let clamped = governance.admit_within(&caller, &want("m", 70), Some(NanoDollars(30))).await;
    let clamped = clamped.expect("exactly as much as it needs");
    assert_eq!(clamped.held(), Some(NanoDollars(30)));
    assert_eq!(governance.room(&caller, &want("m", 1)).await.expect("known"), Some(NanoDollars(0)));
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_where_a_budget_has_to_be_kept() {
    let unknown = Want { cost: None, ..want("new-model", 0) };
    let (governance, caller) = caller(parts(capped(100))).await;
    let refused = governance.admit(&caller, &unknown).await.expect_err("nobody knows what it costs");
    let error = refused.error();
    assert_eq!((error.kind(), error.param()), (ErrorKind::InvalidRequest, Some("model")));
    assert!(error.message().starts_with("model `new-model` has no price, and key "), "{}", error.message());

    let free = GovernanceParts { unpriced: Unpriced::Free, ..parts(capped(100)) };
    let (governance, caller) = self::caller(free).await;
    governance.admit(&caller, &unknown).await.expect("the operator says that it is free");

    let (governance, caller) = self::caller(parts(Terms::default())).await;
    governance.admit(&caller, &unknown).await.expect("there is no budget to keep");
}

#[tokio::test]
async fn thresholds_are_told_once_a_period() {
    let told = Arc::new(Told::default());
    let terms = Terms { soft_budget: Some(NanoDollars(50)), ..capped(100) };
    let node = caller(GovernanceParts { events: Arc::clone(&told) as _, ..parts(terms) }).await;
    spend(&node, 40, 40).await;
    assert_eq!(*told.0.lock(), []);
    spend(&node, 20, 20).await;
    spend(&node, 20, 20).await;
    assert_eq!(*told.0.lock(), [(Threshold::Soft, 60)]);
    spend(&node, 15, 16).await;
    spend(&node, 4, 4).await;
    let expected = [(Threshold::Soft, 60), (Threshold::Percent(95), 96), (Threshold::Percent(100), 100)];
    assert_eq!(*told.0.lock(), expected);
}

#[tokio::test]
async fn a_call_that_costs_more_than_was_held_is_booked_and_told() {
    let told = Arc::new(Told::default());
    let node = caller(GovernanceParts { events: Arc::clone(&told) as _, ..parts(capped(100)) }).await;
    let mut other = node.0.admit(&node.1, &want("m", 10)).await.expect("there is room");
    spend(&node, 90, 120).await;
    other.settle(NanoDollars(20), 1);
    assert_eq!(*told.0.lock(), [(Threshold::Percent(100), 120), (Threshold::OverHold, 120)], "once");
    assert!(node.0.admit(&node.1, &want("m", 1)).await.is_err());
}

#[tokio::test]
async fn expected_costs_are_held_once_they_are_known() {
    let node = caller(GovernanceParts { mode: BudgetMode::Estimate, ..parts(capped(10_000)) }).await;
    let (governance, caller) = &node;
    let held = governance.admit(caller, &want("m", 1_000)).await.expect("room").held();
    assert_eq!(held, Some(NanoDollars(1_000)), "nothing is known yet");
    for _ in 0..8 {
        spend(&node, 1_000, 10).await;
    }
    let held = governance.admit(caller, &want("m", 1_000)).await.expect("room").held();
    assert_eq!(held, Some(NanoDollars(10)));
    let held = governance.admit(caller, &want("m", 3)).await.expect("room").held();
    assert_eq!(held, Some(NanoDollars(3)), "never more than the worst case");
}

#[tokio::test]
async fn the_next_period_begins_by_itself_and_late_calls_settle_in_theirs() {
    let terms = Terms { budget_duration: Some(BudgetDuration::Rolling(3_600)), ..capped(100) };
    let (governance, caller) = caller(parts(terms)).await;
    let now = Timestamp(Timestamp::now().0 + 7_200_000_000);
    let mut late = governance.admit(&caller, &Want { at: now, ..want("m", 100) }).await.expect("room");
    let next_hour = Timestamp(now.0 + 3_600_000_000);
    let refused =
        governance.admit(&caller, &Want { at: now, ..want("m", 1) }).await.expect_err("all is held");
    let until = refused.refusal().and_then(|refusal| refusal.until).expect("a period");
    assert!(until > now && until <= next_hour);
    let next = Want { at: next_hour, ..want("m", 100) };
    let mut second = governance.admit(&caller, &next).await.expect("a new period");
    late.settle(NanoDollars(100), 1);
    second.settle(NanoDollars(60), 1);
    let key = caller.accounts.last().expect("the key");
    assert_eq!(key.spent(next_hour), Some(NanoDollars(60)));
    let period = |call: &Admission| call.charges(NanoDollars(1)).last().map(|charge| charge.period);
    assert_eq!(period(&late).and_then(|period| period.end), Some(until));
    assert_eq!(period(&second).map(|period| period.start), Some(until));
}

#[tokio::test]
async fn a_dearer_model_needs_room_and_pays_from_its_own_budget() {
    let limit = |amount| BudgetLimit { max_budget: NanoDollars(amount), duration: None };
    let terms = Terms {
        model_max_budget: [("cheap".to_owned(), limit(50)), ("dear".to_owned(), limit(80))].into(),
        model_rpm_limit: [("dear".to_owned(), 1)].into(),
        ..capped(100)
    };
    let (governance, caller) = caller(parts(terms)).await;
    let mut call = governance.admit(&caller, &want("cheap", 20)).await.expect("room");
    let other = governance.admit(&caller, &want("m", 30)).await.expect("room");
    assert!(governance.raise(&mut call, &want("dear", 75), None).await.is_err(), "30 and 75");
    assert_eq!(call.held(), Some(NanoDollars(20)));
    drop(other);
    governance.raise(&mut call, &want("dear", 75), None).await.expect("75 of 100, and of 80");
    let cheap = governance.room(&caller, &want("cheap", 1)).await.expect("known");
    assert_eq!(cheap, Some(NanoDollars(25)), "25 of all, the 20 of the cheap one are back");
    call.settle(NanoDollars(60), 1);
    drop(call);
    let refused = governance.admit(&caller, &want("dear", 1)).await.expect_err("one a minute");
    assert_eq!(refused.error().kind(), ErrorKind::RateLimited);
    let key = caller.accounts.last().expect("the key");
    let spent = |model: Option<&str>| {
        let standings = key.budgets(Timestamp::now());
        standings.iter().find(|one| one.model.as_deref() == model).map(|one| (one.spent.0, one.held.0))
    };
    assert_eq!(
        (spent(None), spent(Some("dear")), spent(Some("cheap"))),
        (Some((60, 0)), Some((60, 0)), Some((0, 0)))
    );
}

#[tokio::test]
async fn a_cap_that_is_younger_than_a_call_counts_it() {
    let directory = People::of([key("sk-one", Terms::default())]);
    let (governance, before) =
        caller(GovernanceParts { directory: Arc::clone(&directory) as _, ..parts(capped(1)) }).await;
    let mut call = governance.admit(&before, &want("m", 90)).await.expect("no cap");
    assert_eq!((call.held(), call.charges(NanoDollars(1)).len()), (None, 2));
    // The same key, with a cap now.
    let account = governance.accounts().open(
        (before.accounts.last().expect("the key").subject.clone(), None),
        (Arc::new(capped(100)), Timestamp::now()),
        &*directory,
    );
    let account = account.await.expect("the directory answers");
    call.settle(NanoDollars(90), 1);
    assert_eq!(account.spent(Timestamp::now()), Some(NanoDollars(90)));
}

#[tokio::test]
async fn what_is_not_capped_is_charged_without_a_counter() {
    let node = caller(parts(Terms::default())).await;
    let call = spend(&node, 5, 7).await;
    let charges = call.charges(NanoDollars(7));
    let of = |charge: &llm_governance::ChargeRef<'_>| {
        let charge = charge.to_charge();
        (charge.subject, charge.period, charge.amount.0)
    };
    let key = node.1.accounts.last().expect("the key");
    assert_eq!(
        charges.iter().map(of).collect::<Vec<_>>(),
        [(Subject::global(), Period::EVER, 7), (key.subject.clone(), Period::EVER, 7)]
    );
    assert_eq!(node.0.accounts().meters(), 0);
    assert_eq!(key.spent(Timestamp::now()), Some(NanoDollars(7)), "for those who look");
}

#[tokio::test]
async fn meters_of_limits_are_forgotten_when_they_know_nothing() {
    let terms = Terms { rpm_limit: Some(5), ..Terms::default() };
    let (governance, caller) = caller(parts(terms.clone())).await;
    let now = Timestamp::now();
    governance.admit(&caller, &want("m", 1)).await.expect("room");
    let somebody = (Subject::new(Scope::Tag, "somebody"), None);
    let directory = People::of([]);
    let account = governance.accounts().open(somebody, (Arc::new(terms), now), &*directory).await;
    assert_eq!(governance.accounts().meters(), 2);
    drop(account);
    governance.accounts().sweep(Timestamp(now.0 + 61_000_000), now);
    assert_eq!(governance.accounts().meters(), 1, "the one of the caller that is in memory");
}

#[tokio::test]
async fn a_tag_of_the_caller_pays_as_one_of_the_request_does() {
    let terms = Terms { tags: vec!["batch".to_owned()], ..Terms::default() };
    let people = People::of([key("sk-one", terms)]);
    let made = Timestamp::now();
    let tag = Tag {
        name: "batch".to_owned(),
        description: None,
        terms: capped(10),
        created_by: None,
        created_at: made,
        updated_at: made,
    };
    people.tags.lock().insert("batch".to_owned(), tag);
    let (governance, caller) = caller(GovernanceParts { directory: people, ..parts(capped(1)) }).await;
    let tags = ["batch".to_owned()];
    let mut call = governance.admit(&caller, &Want { tags: &tags, ..want("m", 10) }).await.expect("10 of 10");
    let scopes = call.charges(NanoDollars(1)).into_iter().map(|charge| charge.scope.name());
    assert_eq!(scopes.collect::<Vec<_>>(), ["global", "key", "tag"], "once, though it was named twice");
    call.settle(NanoDollars(10), 1);
    let refused =
        governance.admit(&caller, &want("m", 1)).await.expect_err("nobody names it, and it is there");
    assert_eq!(refused.refusal().expect("a budget").subject, Subject::new(Scope::Tag, "batch"));
}

#[tokio::test]
async fn books_are_forgotten_when_the_directory_knows_as_much() {
    let governance = Governance::new(GovernanceParts::default());
    let now = Timestamp::now();
    let later = Timestamp(now.0 + 2_000_000);
    let subject = (Subject::new(Scope::Team, "t"), None);
    let team = governance.accounts().open(subject, (Arc::new(capped(100)), now), &NoDirectory).await;
    let mut caller = Principal::administrator(None);
    caller.accounts = Box::new([team.expect("it does not fail")]);
    let caller = Arc::new(caller);
    let meters = |stored: Timestamp| {
        governance.accounts().sweep(later, stored);
        governance.accounts().meters()
    };
    let mut call = governance.admit(&caller, &want("m", 10)).await.expect("room");
    drop(caller);
    assert_eq!(meters(later), 1, "a call is under way");
    call.settle(NanoDollars(7), 1);
    drop(call);
    assert_eq!(meters(now), 1, "its row is on the way");
    assert_eq!(meters(later), 0);
}
