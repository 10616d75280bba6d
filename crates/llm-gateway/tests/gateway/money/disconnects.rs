//! Clients that hang up: nobody gets an answer, or a part of one, for nothing.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use llm_core::Usage;
use llm_core::event::Event;
use llm_gateway::{AnswerBody, AnswerStream, CallSettings, DrainLimits, OnDisconnect};
use llm_governance::Ending;
use llm_testkit::fake::{FakeProvider, Script, piece, preamble};

use super::vendors::{Passing, USED, greedy};
use super::{House, INPUT, OUTPUT, Setup, capped, house_of};

const BODY: &str = r#"{"model":"m","text":"tell me a story","stream":true}"#;
const PROMPT: i64 = 13;

async fn stream(house: &House) -> Box<AnswerStream> {
    match house.ask(BODY).await.body {
        AnswerBody::Stream(stream) => stream,
        AnswerBody::Whole(_) => panic!("a stream was asked for"),
    }
}

fn setup(on_disconnect: OnDisconnect) -> Setup {
    let calls = CallSettings { on_disconnect, ..CallSettings::default() };
    Setup { calls, terms: capped(1 << 40), ..Setup::default() }
}

const WORDS: [&str; 5] = [
    "Once",
    " upon a time there was a fox who was quick",
    " and",
    " brown",
    " and he jumped over a lazy dog",
];

/// Tokens of what was delivered, by four letters each.
fn tokens(words: &[&str]) -> u64 {
    words.iter().map(|words| words.len() as u64).sum::<u64>().div_ceil(4)
}

#[tokio::test]
async fn a_client_that_hangs_up_pays_for_what_passed_to_it() {
    // After each frame, the one before what was used among them; then after that one, and after the end.
    for taken in 0..=WORDS.len() + 2 {
        let house = house_of(setup(OnDisconnect::Cancel), Arc::new(Passing { words: WORDS.to_vec() })).await;
        let mut stream = stream(&house).await;
        for _ in 0..taken {
            assert!(stream.next().await.is_some());
        }
        drop(stream);
        let row = house.row();
        assert_eq!(house.budget().await, (row.cost.0, 0));
        assert_eq!(row.vendor_id.as_deref(), Some("vendor-9"));
        if taken > WORDS.len() {
            assert_eq!((row.prompt_tokens, row.completion_tokens, row.estimated), (11, 7, false), "{taken}");
            assert_eq!(row.cost.0, 11 * INPUT + 7 * OUTPUT);
            continue;
        }
        let delivered = tokens(WORDS.get(..taken).expect("so many"));
        assert_eq!((row.ending, row.status), (Ending::Cancelled, 499));
        assert!(row.completion_tokens >= delivered, "{taken}: {} of {delivered}", row.completion_tokens);
        assert!(row.completion_tokens <= delivered + 2, "{taken}: {} of {delivered}", row.completion_tokens);
        if taken > 0 {
            assert!(row.estimated);
            assert_eq!(row.prompt_tokens, PROMPT as u64);
            assert!(row.cost.0 >= PROMPT * INPUT);
        }
    }
}

#[tokio::test]
async fn a_client_of_another_dialect_that_hangs_up_pays_for_what_was_written_to_it() {
    let usage = Event::Usage(Usage { input: Some(40), output: Some(30), ..Usage::default() });
    for taken in 1..=WORDS.len() {
        let mut items = vec![Ok(preamble())];
        items.extend(WORDS.iter().map(|words| Ok(piece(words))));
        items.push(Ok(vec![usage.clone()]));
        items.push(Ok(vec![Event::End]));
        let house = house_of(setup(OnDisconnect::Cancel), FakeProvider::new([Script::Stream(items)])).await;
        let mut stream = stream(&house).await;
        for _ in 0..taken {
            assert!(stream.next().await.is_some());
        }
        drop(stream);
        let row = house.row();
        let delivered = tokens(WORDS.get(..taken).expect("so many"));
        assert!(row.estimated && row.completion_tokens >= delivered, "{taken}: {row:?}");
        assert_eq!((row.ending, row.cost.0 >= PROMPT * INPUT), (Ending::Cancelled, true));
    }
}

#[tokio::test]
async fn an_answer_is_read_to_its_end_where_the_operator_wants_that() {
    for taken in 0..=WORDS.len() {
        let house = house_of(setup(OnDisconnect::Drain), Arc::new(Passing { words: WORDS.to_vec() })).await;
        let mut stream = stream(&house).await;
        for _ in 0..taken {
            assert!(stream.next().await.is_some());
        }
        drop(stream);
        assert!(house.rows().is_empty(), "it is read in the background");
        tokio::task::yield_now().await;
        let row = house.row();
        assert_eq!((row.ending, row.status, row.estimated), (Ending::Drained, 499, false));
        assert_eq!(row.completion_tokens, USED.output.expect("set"));
        assert_eq!(house.budget().await, (row.cost.0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_has_its_limits() {
    let silent = || {
        let items = vec![Ok(preamble()), Ok(piece("four words are delivered"))];
        FakeProvider::new([Script::StreamThenSilence(items.clone()), Script::StreamThenSilence(items)])
    };
    let limits = DrainLimits { time: Duration::from_secs(5), at_a_time: 1, ..DrainLimits::default() };
    let calls =
        CallSettings { on_disconnect: OnDisconnect::Drain, drains: limits, ..CallSettings::default() };
    let setup = Setup { calls, terms: capped(1 << 40), ..Setup::default() };
    let house = house_of(setup, silent()).await;
    let (mut one, mut other) = (stream(&house).await, stream(&house).await);
    assert!(one.next().await.is_some() && other.next().await.is_some());
    drop((one, other));
    assert_eq!(house.rows().len(), 1, "only one is read at a time");
    assert!(house.budget().await.1 > 0, "what the other may cost is held");
    tokio::time::sleep(Duration::from_secs(6)).await;
    let rows = house.rows();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.ending == Ending::Cancelled && row.estimated && row.cost.0 > 0));
    assert_eq!(house.budget().await.1, 0);

    let calls = CallSettings {
        on_disconnect: OnDisconnect::Drain,
        drains: DrainLimits { bytes: 100, ..DrainLimits::default() },
        ..CallSettings::default()
    };
    let setup = Setup { calls, terms: capped(1 << 40), ..Setup::default() };
    let house = house_of(setup, Arc::new(Passing { words: WORDS.to_vec() })).await;
    drop(stream(&house).await);
    tokio::task::yield_now().await;
    let row = house.row();
    assert!(row.ending == Ending::Cancelled && row.estimated && row.completion_tokens > 0, "{row:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_wait_for_a_whole_answer_pays_for_the_prompt() {
    let house = house_of(setup(OnDisconnect::Cancel), greedy()).await;
    let body = r#"{"model":"m","text":"tell me","limit":10}"#;
    let call = house.ask(body);
    assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err());
    let row = house.row();
    let prompt = i64::try_from(body.len().div_ceil(4)).expect("short");
    assert_eq!((row.ending, row.status, row.estimated), (Ending::Cancelled, 499, true));
    assert_eq!((row.cost.0, row.attempts), (prompt * INPUT, 1));
    assert_eq!(house.budget().await, (row.cost.0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_waited_for_where_the_operator_wants_that() {
    let house = house_of(setup(OnDisconnect::Drain), greedy()).await;
    let body = r#"{"model":"m","text":"tell me","limit":10}"#;
    let call = house.ask(body);
    assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err());
    assert!(house.rows().is_empty());
    tokio::time::sleep(Duration::from_millis(50)).await;
    let row = house.row();
    let most = i64::try_from(body.len()).expect("short") * INPUT + 10 * OUTPUT;
    assert_eq!((row.ending, row.status, row.cost.0, row.estimated), (Ending::Drained, 499, most, false));
    assert_eq!(house.budget().await, (most, 0));
}

#[tokio::test]
async fn a_call_that_is_given_up_before_anybody_was_asked_costs_nothing() {
    let house = house_of(setup(OnDisconnect::Drain), greedy()).await;
    // Not even begun.
    drop(house.ask(r#"{"model":"m"}"#));
    assert!(house.rows().is_empty());
    let answered = house.ask(r#"{"model":"nosuch"}"#).now_or_never().expect("nobody is waited for");
    assert_eq!(answered.status, 400);
    assert_eq!(house.row().cost.0, 0);
}
