//! What is held before a call, and what becomes of those that nobody can pay.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use llm_core::money::NanoDollars;
use llm_core::{Error, ErrorKind};
use llm_gateway::CallSettings;
use llm_governance::{BudgetMode, Terms};
use llm_router::RouterSettings;
use llm_testkit::fake::{FakeProvider, Script};

use super::vendors::greedy;
use super::{INPUT, OUTPUT, Setup, capped, header, house, house_of, incoming, text};

/// A request and the most that it can cost: its bytes as tokens, and the answer that it allows.
const BODY: &str = r#"{"model":"m","text":"hello","limit":100}"#;

fn most(body: &str, limit: i64) -> i64 {
    i64::try_from(body.len()).expect("short") * INPUT + limit * OUTPUT
}

#[tokio::test(start_paused = true)]
async fn of_two_hundred_calls_at_once_as_many_are_served_as_the_budget_pays() {
    let each = most(BODY, 100);
    let vendor = greedy();
    let house =
        house_of(Setup { terms: capped(50 * each), ..Setup::default() }, Arc::clone(&vendor) as _).await;
    let answers = join_all((0..200).map(|_| house.ask(BODY))).await;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((served, vendor.calls.load(Ordering::Relaxed)), (50, 50));
    let refused = answers.into_iter().find(|answer| answer.status != 200).expect("150 of them");
    assert_eq!(refused.status, 422);
    let told = text(refused).await;
    assert!(told.contains("Budget has been exceeded!") && told.contains("The call may cost"), "{told}");
    let rows = house.rows();
    assert_eq!(rows.len(), 200, "each leaves a row");
    assert_eq!(rows.iter().map(|row| row.cost.0).sum::<i64>(), 50 * each);
    assert_eq!(house.budget().await, (50 * each, 0));
    assert!(rows.iter().filter(|row| row.status != 200).all(|row| row.cost.0 == 0 && row.charges.is_empty()));
}

#[tokio::test]
async fn what_is_not_used_is_given_back_when_the_answer_is_there() {
    let house =
        house_of(Setup { terms: capped(2 * most(BODY, 100)), ..Setup::default() }, FakeProvider::new([]))
            .await;
    for call in 1..=20 {
        let answer = house.ask(BODY).await;
        assert_eq!(answer.status, 200);
        // Three tokens of the prompt, two of the answer.
        assert_eq!(house.budget().await, (call * (3 * INPUT + 2 * OUTPUT), 0));
    }
}

#[tokio::test]
async fn a_clamped_answer_is_as_long_as_the_rest_can_pay() {
    let body = r#"{"model":"m","text":"hello"}"#;
    let vendor = greedy();
    let terms = capped(most(body, 50));
    let setup = Setup { terms, mode: BudgetMode::Clamp, ..Setup::default() };
    let house = house_of(setup, Arc::clone(&vendor) as _).await;
    let answer = house.ask(body).await;
    assert_eq!(answer.status, 200);
    let row = house.row();
    // The vendor sees a body that is longer by the limit, which is not billed by its bytes.
    let output = row.completion_tokens;
    assert_eq!(output, 50);
    let refused = house.ask(body).await;
    assert_eq!(refused.status, 422, "what is left pays for no answer");
}

#[tokio::test]
async fn an_answer_without_a_limit_gets_the_operators_where_a_budget_is_held_for_it() {
    let body = r#"{"model":"m","text":"hello"}"#;
    let calls = CallSettings { default_max_tokens: Some(77), ..CallSettings::default() };
    let limit_seen = async |terms: Terms| {
        let vendor = FakeProvider::new([]);
        let setup = Setup { terms, calls: calls.clone(), ..Setup::default() };
        let house = house_of(setup, Arc::clone(&vendor) as _).await;
        assert_eq!(house.ask(body).await.status, 200);
        vendor.requests()[0].max_output_tokens
    };
    assert_eq!(limit_seen(capped(most(body, 77))).await, Some(77));
    assert_eq!(limit_seen(Terms::default()).await, None, "nobody holds anything");
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_to_who_has_a_budget() {
    let unpriced = |terms| {
        let setup = Setup { terms, ..Setup::default() };
        async { house(setup, &[("m", "no-such-model", FakeProvider::new([]))]).await }
    };
    let answer = unpriced(capped(1_000_000_000)).await.ask(BODY).await;
    assert_eq!(answer.status, 400);
    assert!(text(answer).await.contains("has no price"));
    let free = unpriced(Terms::default()).await;
    assert_eq!(free.ask(BODY).await.status, 200);
    assert_eq!(free.row().cost.0, 0);
}

#[tokio::test]
async fn limits_and_budgets_are_told_in_headers() {
    let terms = Terms { rpm_limit: Some(2), tpm_limit: Some(1_000), ..capped(1_000_000_000) };
    let house = house_of(Setup { terms, ..Setup::default() }, FakeProvider::new([])).await;
    let answer = house.ask(BODY).await;
    assert_eq!(header(&answer, "x-litellm-key-spend"), "0.0000275");
    assert_eq!(header(&answer, "x-litellm-key-max-budget"), "1.0");
    assert_eq!(header(&answer, "x-litellm-key-rpm-limit"), "2");
    assert_eq!(header(&answer, "x-litellm-key-tpm-limit"), "1000");
    assert_eq!(header(&answer, "x-ratelimit-api_key-limit-requests"), "2");
    assert_eq!(header(&answer, "x-ratelimit-api_key-remaining-requests"), "1");
    // A quarter of the bytes, and the limit of the answer.
    assert_eq!(header(&answer, "x-ratelimit-api_key-remaining-tokens"), "890");
    assert_eq!(house.ask(BODY).await.status, 200);
    let refused = house.ask(BODY).await;
    assert_eq!(refused.status, 429);
    assert_eq!(header(&refused, "x-ratelimit-api_key-remaining-requests"), "0");
    assert!(!header(&refused, "retry-after").is_empty());
}

#[tokio::test]
async fn a_key_asks_for_its_own_models_under_its_own_names() {
    let terms = Terms {
        models: vec!["m".to_owned()],
        aliases: BTreeMap::from([("mine".to_owned(), "m".to_owned())]),
        ..Terms::default()
    };
    let fail = Script::Fail(Error::new(ErrorKind::UpstreamFailure, "down"));
    let vendor = FakeProvider::new([Script::Answer("hi"), fail]);
    let settings = RouterSettings {
        num_retries: 0,
        fallbacks: vec![("m".to_owned(), vec!["other".to_owned()])],
        ..RouterSettings::default()
    };
    let other = FakeProvider::new([]);
    let groups = [("m", "gpt-4o", vendor as _), ("other", "gpt-4o", Arc::clone(&other) as _)];
    let house = house(Setup { terms, settings, ..Setup::default() }, &groups).await;
    assert_eq!(house.ask(r#"{"model":"mine","text":"x"}"#).await.status, 200);
    assert_eq!((house.rows()[0].model.as_str(), house.rows()[0].model_group.as_str()), ("mine", "m"));
    let denied = house.ask(r#"{"model":"other","text":"x"}"#).await;
    assert_eq!(denied.status, 403);
    let fallback = house.ask(r#"{"model":"m","text":"x"}"#).await;
    assert!(fallback.status >= 500, "a fallback opens no door");
    assert!(other.calls().is_empty());
    let caller = house.governance.identify(Some(b"sk-one"), None).await.expect("a key");
    let listed: Vec<_> = house.gateway.models(&caller).into_iter().map(|card| card.id).collect();
    assert_eq!(listed, ["m"]);
    let master = house.gateway.handle(incoming(r#"{"model":"other"}"#, "sk-master")).await;
    assert_eq!(master.status, 200);
}

#[tokio::test]
async fn a_dearer_fallback_is_gone_to_when_the_budget_pays_for_it() {
    let body = r#"{"model":"cheap","text":"x","limit":100}"#;
    let dear = most(body, 100);
    let status = async |cap: i64| {
        let fail = Script::Fail(Error::new(ErrorKind::UpstreamFailure, "down"));
        let settings = RouterSettings {
            num_retries: 0,
            fallbacks: vec![("cheap".to_owned(), vec!["dear".to_owned()])],
            ..RouterSettings::default()
        };
        let groups = [
            ("cheap", "gpt-4o-mini", FakeProvider::new([fail]) as _),
            ("dear", "gpt-4o", FakeProvider::new([]) as _),
        ];
        let house = house(Setup { terms: capped(cap), settings, ..Setup::default() }, &groups).await;
        let status = house.ask(body).await.status;
        let row = house.row();
        assert_eq!(house.budget().await, (row.cost.0, 0));
        (status, row.cost)
    };
    assert_eq!(status(dear).await, (200, NanoDollars(3 * INPUT + 2 * OUTPUT)));
    let (refused, cost) = status(dear - 1).await;
    assert!(refused >= 500 && cost.0 == 0, "{refused}");
}

#[tokio::test]
async fn calls_that_cannot_be_booked_are_not_made() {
    let vendor = FakeProvider::new([]);
    let house = house_of(Setup::default(), Arc::clone(&vendor) as _).await;
    house.breaks();
    assert_eq!(house.ask(BODY).await.status, 503);
    assert!(vendor.calls().is_empty());
}

#[tokio::test]
async fn a_budget_must_pay_the_dearest_of_many_deployments() {
    let group = |dear: bool| {
        let cheap = ["gpt-4o-mini"; 3].into_iter();
        let models = cheap.chain(dear.then_some("gpt-4o")).chain(["gpt-4o-mini"]);
        models.map(|model| ("m", model, FakeProvider::new([]) as _)).collect::<Vec<_>>()
    };
    let setup = |cap| Setup { terms: capped(cap), at_once: true, ..Setup::default() };
    let served = async |dear, cap| house(setup(cap), &group(dear)).await.ask(BODY).await.status;
    let dearest = most(BODY, 100);
    assert_eq!(served(true, dearest - 1).await, 422);
    assert_eq!(served(true, dearest).await, 200);
    assert_eq!(served(false, dearest - 1).await, 200);
}
