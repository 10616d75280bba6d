//! Exactly one row for every call, however it ends.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use http::HeaderValue;
use llm_core::event::Event;
use llm_core::operation::Operation;
use llm_core::{Error, ErrorKind, Usage};
use llm_gateway::AnswerBody;
use llm_governance::Ending;
use llm_router::{GroupSettings, HedgeAfter, HedgeSettings, MidStream, RouterSettings};
use llm_testkit::fake::{FakeProvider, Script, piece, preamble};
use serde_json::json;
use tokio::sync::Notify;

use super::vendors::Panicking;
use super::{INPUT, OUTPUT, Setup, capped, house, house_of, incoming, text};

const COST: i64 = 3 * INPUT + 2 * OUTPUT;

#[tokio::test]
async fn a_row_tells_who_asked_who_answered_and_what_it_cost() {
    let house = house_of(Setup::default(), FakeProvider::new([])).await;
    let mut asked = incoming(
        r#"{"model":"m","text":"x","user":"ann","tags":["a"],"metadata":{"tags":["b"],"session_id":"s","job":7}}"#,
        "sk-one",
    );
    asked.headers.insert("user-agent", HeaderValue::from_static("curl/8"));
    asked.call_id = Some("mine".to_owned());
    assert_eq!(house.gateway.handle(asked).await.status, 200);
    let row = house.row();
    assert_eq!((row.call_type.as_str(), row.dialect.as_str()), ("acompletion", "test.plain"));
    assert_eq!((row.key_alias.as_deref(), row.customer.as_deref()), (Some("one"), Some("ann")));
    assert_eq!((row.tags, row.session_id.as_deref()), (vec!["a".to_owned(), "b".to_owned()], Some("s")));
    assert_eq!((row.ip.as_deref(), row.user_agent.as_deref()), (Some("10.1.2.3"), Some("curl/8")));
    assert_eq!((row.model.as_str(), row.model_group.as_str(), row.deployment.as_str()), ("m", "m", "d0"));
    assert_eq!((row.upstream_model.as_str(), row.provider.as_str()), ("openai/gpt-4o", "openai"));
    assert_eq!((row.vendor_id.as_deref(), row.attempts, row.fallbacks), (Some("fake-1"), 1, 0));
    assert_eq!(serde_json::Value::from(row.usage), json!({"input": 3, "output": 2}));
    assert_eq!(serde_json::Value::from(row.prices), json!({"input": 2_500_000, "output": 10_000_000}));
    assert_eq!((row.prompt_tokens, row.completion_tokens, row.estimated, row.cost.0), (3, 2, false, COST));
    assert_eq!((row.status, row.ending, row.stream, row.error), (200, Ending::Complete, false, None));
    assert_eq!((&row.metadata["job"], &row.metadata["call_id"]), (&json!(7), &json!("mine")));
    assert_ne!(row.id, "mine", "a client does not choose which of its calls are the same");
    assert!(row.charges.iter().all(|charge| charge.amount.0 == COST) && !row.charges.is_empty());
}

#[tokio::test]
async fn whoever_shows_no_good_key_leaves_no_row() {
    let house = house_of(Setup::default(), FakeProvider::new([])).await;
    assert_eq!(house.gateway.handle(incoming(r#"{"model":"m"}"#, "sk-wrong")).await.status, 401);
    assert!(house.rows().is_empty());
}

#[tokio::test]
async fn calls_that_fail_leave_a_row_that_costs_nothing() {
    for (body, status, error, group) in [
        ("{", 400, "invalid_request", ""),
        (r#"{"model":"m","stream":7}"#, 400, "invalid_request", ""),
        // Names that clients make up are no groups, and make no sums of days.
        (r#"{"model":"nosuch"}"#, 400, "unknown_model", ""),
        (r#"{"model":"m"}"#, 502, "upstream_failure", "m"),
    ] {
        let fail = Script::Fail(Error::new(ErrorKind::UpstreamFailure, "down"));
        let house =
            house_of(Setup { terms: capped(1 << 40), ..Setup::default() }, FakeProvider::new([fail])).await;
        assert_eq!(house.ask(body).await.status, status, "{body}");
        let row = house.row();
        assert_eq!((row.status, row.ending, row.cost.0), (status, Ending::Failed, 0), "{body}");
        assert_eq!((row.error.as_deref(), row.model_group.as_str()), (Some(error), group), "{body}");
        assert_eq!(house.budget().await, (0, 0));
    }
}

#[tokio::test]
async fn streams_leave_their_row_when_they_end_well_or_badly() {
    let cut = || Error::new(ErrorKind::Truncated, "the stream was cut");
    for (script, ending, status) in [
        (Script::Answer("hi"), Ending::Complete, 200),
        (Script::Stream(vec![Ok(preamble()), Ok(piece("some words")), Err(cut())]), Ending::Failed, 502),
        (
            Script::Stream(vec![Ok(preamble()), Ok(piece("some words")), Ok(vec![Event::Error(cut())])]),
            Ending::Failed,
            502,
        ),
    ] {
        let house =
            house_of(Setup { terms: capped(1 << 40), ..Setup::default() }, FakeProvider::new([script])).await;
        text(house.ask(r#"{"model":"m","stream":true}"#).await).await;
        let row = house.row();
        assert_eq!((row.ending, row.status, row.stream), (ending, status, true));
        assert!(row.cost.0 > 0 && row.first_content_micros.is_some());
        assert_eq!(house.budget().await, (row.cost.0, 0), "what was delivered is paid");
    }
}

#[tokio::test]
async fn a_stream_that_fails_costs_what_its_vendor_counted_until_then() {
    let counted = Event::Usage(Usage { input: Some(3), output: Some(2), ..Usage::default() });
    let error = Error::new(ErrorKind::Overloaded, "too busy");
    let script = Script::Stream(vec![Ok(preamble()), Ok(piece("some ")), Ok(vec![counted]), Err(error)]);
    let settings = RouterSettings { num_retries: 0, ..RouterSettings::default() };
    let setup = Setup { settings, terms: capped(1 << 40), ..Setup::default() };
    let house = house_of(setup, FakeProvider::new([script])).await;
    text(house.ask(r#"{"model":"m","text":"x","stream":true}"#).await).await;
    let row = house.row();
    assert_eq!((row.status, row.ending, row.estimated, row.cost.0), (503, Ending::Failed, false, COST));
    assert_eq!(house.budget().await, (COST, 0));
}

#[tokio::test]
async fn a_panic_leaves_a_row_and_holds_nothing() {
    let house = house_of(Setup { terms: capped(1 << 40), ..Setup::default() }, Arc::new(Panicking)).await;
    let call = AssertUnwindSafe(house.ask(r#"{"model":"m"}"#));
    assert!(call.catch_unwind().await.is_err());
    let row = house.row();
    assert_eq!((row.status, row.ending), (500, Ending::Failed));
    assert_eq!(house.budget().await.1, 0);
}

#[tokio::test]
async fn other_kinds_of_calls_leave_rows_too() {
    let house = house_of(Setup::default(), FakeProvider::new([])).await;
    let mut count = incoming(r#"{"model":"m","text":"abcdefgh"}"#, "sk-one");
    count.asked = Operation::CountTokens.into();
    assert_eq!(text(house.gateway.handle(count).await).await, "9");
    let row = house.row();
    assert_eq!((row.call_type.as_str(), row.cost.0, row.status), ("acount_tokens", 0, 200));
}

#[tokio::test(start_paused = true)]
async fn the_slower_of_two_attempts_is_part_of_the_cost() {
    let hedge = HedgeSettings { after: HedgeAfter::Fixed(Duration::from_millis(50)), budget: 1.0 };
    let own = GroupSettings { hedge: Some(hedge), ..GroupSettings::default() };
    let groups = [("m".to_owned(), own)].into();
    let settings = RouterSettings { num_retries: 0, groups, ..RouterSettings::default() };
    // Whoever is asked first says nothing.
    let vendor = FakeProvider::new([Script::Silence]);
    let vendors = [("m", "gpt-4o", Arc::clone(&vendor) as _), ("m", "gpt-4o", vendor as _)];
    let setup = Setup { settings, terms: capped(1 << 40), at_once: true, ..Setup::default() };
    let house = house(setup, &vendors).await;
    let body = r#"{"model":"m","stream":true,"text":"twenty letters long."}"#;
    assert_eq!(text(house.ask(body).await).await, "ok\nend\n");
    let row = house.row();
    let prompt = i64::try_from(body.len().div_ceil(4)).expect("short");
    assert_eq!((row.cost.0, row.estimated), (COST + prompt * INPUT, true));
    assert_eq!(house.budget().await, (row.cost.0, 0));
}

#[tokio::test]
async fn an_answer_that_is_gone_on_with_elsewhere_is_one_call() {
    let cut = Error::new(ErrorKind::Truncated, "the stream was cut");
    let first = Script::Stream(vec![Ok(preamble()), Ok(piece("some words ")), Err(cut)]);
    let vendors = [
        ("m", "gpt-4o", FakeProvider::new([first]) as _),
        ("m", "gpt-4o", FakeProvider::new([Script::Answer("more")]) as _),
    ];
    let settings = RouterSettings { mid_stream: MidStream::Continue, ..RouterSettings::default() };
    let house = house(Setup { settings, terms: capped(1 << 40), ..Setup::default() }, &vendors).await;
    let answer = house.ask(r#"{"model":"m","text":"x","stream":true}"#).await;
    assert_eq!(text(answer).await, "some words \nmore\nend\n");
    let row = house.row();
    assert!(row.cost.0 > COST && row.estimated && row.attempts == 2, "{row:?}");
    assert_eq!((row.status, row.deployment.as_str()), (200, "d1"));
    assert_eq!(house.budget().await, (row.cost.0, 0));
}

#[tokio::test]
async fn a_broken_answer_is_not_gone_on_with_when_the_budget_does_not_pay_for_both() {
    let cut = Error::new(ErrorKind::Truncated, "the stream was cut");
    let first = Script::Stream(vec![Ok(preamble()), Ok(piece("some words ")), Err(cut)]);
    let second = FakeProvider::new([]);
    let vendors =
        [("m", "gpt-4o", FakeProvider::new([first]) as _), ("m", "gpt-4o", Arc::clone(&second) as _)];
    let body = r#"{"model":"m","text":"x","stream":true,"limit":20}"#;
    let most = i64::try_from(body.len()).expect("short") * INPUT + 20 * OUTPUT;
    let settings = RouterSettings { mid_stream: MidStream::Continue, ..RouterSettings::default() };
    let house = house(Setup { settings, terms: capped(most), ..Setup::default() }, &vendors).await;
    let told = text(house.ask(body).await).await;
    assert!(told.contains("error: the stream was cut"), "{told}");
    assert!(second.calls().is_empty());
    let row = house.row();
    assert!(row.cost.0 > 0 && row.cost.0 <= most);
    assert_eq!(house.budget().await, (row.cost.0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_answer_waits_until_its_row_is_safe() {
    let safe = Arc::new(Notify::new());
    let setup = || Setup { safe: Some(Arc::clone(&safe)), ..Setup::default() };
    let soon = Duration::from_secs(1);
    let house = house_of(setup(), FakeProvider::new([])).await;
    let mut call = Box::pin(house.ask(r#"{"model":"m"}"#));
    assert!(tokio::time::timeout(soon, &mut call).await.is_err());
    assert_eq!(house.rows().len(), 1);
    safe.notify_one();
    assert_eq!(call.await.status, 200);

    let script = Script::Stream(vec![Ok(preamble()), Ok(piece("a")), Ok(piece("b")), Ok(vec![Event::End])]);
    let house = house_of(setup(), FakeProvider::new([script])).await;
    let AnswerBody::Stream(mut stream) = house.ask(r#"{"model":"m","stream":true}"#).await.body else {
        panic!("a stream was asked for")
    };
    assert!(stream.next().await.is_some() && stream.next().await.is_some());
    assert!(tokio::time::timeout(soon, stream.next()).await.is_err(), "the last frame waits");
    assert_eq!((house.rows().len(), stream.is_done()), (1, false));
    safe.notify_one();
    assert_eq!(stream.next().await.expect("the end").expect("told"), "end\n");
    assert!(stream.is_done());
}
