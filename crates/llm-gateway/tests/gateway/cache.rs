//! The cache of answers in the life of a request, against vendors that are scripted.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use http::HeaderMap;
use llm_core::event::Event;
use llm_core::operation::Operation;
use llm_core::response::FinishReason;
use llm_core::{Error, ErrorKind, Provider};
use llm_gateway::{
    AccountSpec, Answer, AnswerBody, AnswerCache, CacheSettings, Gateway, GatewayParts, Incoming,
    MemoryAnswers,
};
use llm_router::{Deployment, DeploymentSpec, Router, RouterSettings};
use llm_testkit::fake::{FakeProvider, PlainIngress, Script, answer, piece, preamble};

struct House {
    gateway: Arc<Gateway>,
    provider: Arc<FakeProvider>,
}

impl House {
    fn new(script: impl IntoIterator<Item = Script>) -> Self {
        Self::with(script, CacheSettings::default())
    }

    fn with(script: impl IntoIterator<Item = Script>, settings: CacheSettings) -> Self {
        let provider = FakeProvider::new(script);
        let deployment = Arc::new(Deployment::new(DeploymentSpec {
            full_name: "openai/gpt-4o".into(),
            vendor: "openai".into(),
            num_retries: Some(0),
            ..DeploymentSpec::new("d1", "m", "gpt-4o", Arc::clone(&provider) as Arc<dyn Provider>)
        }));
        let account = AccountSpec { price_provider: "openai".into(), ..AccountSpec::default() };
        let settings_of_router = RouterSettings { num_retries: 0, ..RouterSettings::default() };
        let cache = AnswerCache::new(Arc::new(MemoryAnswers::new(1 << 20)), settings);
        let gateway = Arc::new(Gateway::new(GatewayParts {
            accounts: HashMap::from([("d1".to_owned(), account)]),
            cache: Some(Arc::new(cache)),
            ..GatewayParts::new(
                Router::new([deployment], HashMap::new(), settings_of_router),
                vec![Arc::new(PlainIngress)],
            )
        }));
        Self { gateway, provider }
    }

    async fn ask(&self, body: &str) -> Answer {
        self.gateway.handle(incoming(body)).await
    }

    async fn says(&self, body: &str) -> String {
        text(self.ask(body).await).await
    }

    fn calls(&self) -> usize {
        self.provider.calls().len()
    }
}

fn incoming(body: &str) -> Incoming {
    Incoming {
        ingress: Arc::new(PlainIngress),
        asked: Operation::Chat.into(),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        received: Instant::now(),
        call_id: None,
        uri: http::Uri::default(),
        address: None,
    }
}

async fn text(answer: Answer) -> String {
    let bytes = match answer.body {
        AnswerBody::Whole(body) => body.joined().to_vec(),
        AnswerBody::Stream(stream) => {
            stream.map(|item| item.expect("told inside")).collect::<Vec<Bytes>>().await.concat()
        }
    };
    String::from_utf8(bytes).expect("UTF-8")
}

const ASK: &str = r#"{"model":"m","text":"x"}"#;
const STREAM: &str = r#"{"model":"m","text":"x","stream":true}"#;

fn key(answer: &Answer) -> Option<&str> {
    answer.headers.get("x-litellm-cache-key").map(|key| key.to_str().expect("text"))
}

#[tokio::test]
async fn the_second_request_costs_nothing() {
    let house = House::new([Script::Answer("hi"), Script::Answer("never")]);
    let first = house.ask(ASK).await;
    assert_eq!(
        (key(&first), &first.headers["x-litellm-response-cost"]),
        (None, &"0.0000275".parse().expect("text"))
    );
    let second = house.ask(ASK).await;
    assert_eq!(key(&second).map(str::len), Some(64));
    assert_eq!(second.headers["x-litellm-response-cost"], "0.0");
    assert_eq!(second.headers["x-litellm-model-id"], "d1");
    assert_eq!(second.headers["age"], "0");
    assert_eq!((text(second).await, house.calls()), ("hi".to_owned(), 1));
    let metrics = house.gateway.render_metrics();
    for line in [
        "litellm_cache_hits_metric_total{requested_model=\"m\",route=\"/plain\"} 1",
        "litellm_cache_misses_metric_total{requested_model=\"m\",route=\"/plain\"} 1",
        "litellm_cached_tokens_metric_total{requested_model=\"m\",route=\"/plain\"} 5",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn streams_and_whole_answers_are_one_entry() {
    let house = House::new([Script::Stream(vec![
        Ok(preamble()),
        Ok(piece("some ")),
        Ok(piece("words")),
        Ok(vec![
            Event::PartEnd { choice: 0, part: 0 },
            Event::Finish { choice: 0, reason: FinishReason::Stop },
            Event::End,
        ]),
    ])]);
    assert_eq!(house.says(STREAM).await, "some \nwords\nend\n");
    assert_eq!(house.says(ASK).await, "some words");
    let again = house.ask(STREAM).await;
    assert!(key(&again).is_some());
    assert_eq!(text(again).await, "some words\nend\n");
    assert_eq!(house.calls(), 1);
}

#[tokio::test]
async fn a_stream_that_breaks_off_or_is_left_is_never_kept() {
    let cut = || {
        Script::Stream(vec![Ok(preamble()), Ok(piece("some")), Err(Error::new(ErrorKind::Truncated, "cut"))])
    };
    let house = House::new([cut(), Script::Answer("whole"), Script::Answer("never")]);
    assert!(house.says(STREAM).await.contains("error"));
    let left = House::new([
        Script::StreamThenSilence(vec![Ok(preamble()), Ok(piece("some"))]),
        Script::Answer("whole"),
    ]);
    let AnswerBody::Stream(mut stream) = left.ask(STREAM).await.body else {
        panic!("a stream was asked for")
    };
    assert!(stream.next().await.is_some());
    drop(stream);
    for house in [house, left] {
        assert_eq!(house.says(ASK).await, "whole");
        assert_eq!(house.says(ASK).await, "whole");
        assert_eq!(house.calls(), 2);
    }
}

#[tokio::test]
async fn refusals_cut_answers_and_errors_are_never_kept() {
    for reason in [FinishReason::ContentFilter, FinishReason::Refusal, FinishReason::Length] {
        let told = || {
            let mut response = answer("no");
            response.choices[0].finish = Some(reason.clone());
            Script::Stream(vec![Ok(llm_core::event::unfold(response))])
        };
        let house =
            House::new([told(), told(), Script::Fail(Error::new(ErrorKind::UpstreamFailure, "down"))]);
        for _ in 0..4 {
            house.ask(STREAM).await;
        }
        for _ in 0..4 {
            let _ = house.says(STREAM).await;
        }
        // The last ones are good: all but the first of them come out of the cache.
        assert!(house.calls() >= 4, "{reason:?}: {} calls", house.calls());
    }
}

#[tokio::test]
async fn a_hundred_equal_requests_cost_one_call() {
    let slow = vec![
        Ok(preamble()),
        Ok(piece("one")),
        Ok(vec![Event::Finish { choice: 0, reason: FinishReason::Stop }, Event::End]),
    ];
    let house = House::new([Script::Stream(slow)]);
    // The leader's stream is not read on until all others have joined.
    let leader = house.ask(STREAM).await;
    let others = join_all((0..99).map(|number| {
        let body = if number % 2 == 0 { ASK } else { STREAM };
        house.says(body)
    }));
    let (others, first) = futures_util::future::join(others, text(leader)).await;
    assert_eq!(first, "one\nend\n");
    assert!(others.iter().all(|said| said == "one" || said == "one\nend\n"), "{others:?}");
    assert_eq!(house.calls(), 1);
}

#[tokio::test]
async fn when_the_first_one_fails_the_next_one_asks() {
    let down = || Script::Fail(Error::new(ErrorKind::UpstreamFailure, "down"));
    let house = House::new([down(), Script::Answer("hi")]);
    let answers = join_all((0..20).map(|_| house.ask(ASK))).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(good >= 19, "{good} of 20");
    assert_eq!(house.calls(), 2);
}

#[tokio::test]
async fn a_leader_whose_client_hangs_up_fails_nobody() {
    let house = Arc::new(House::new([Script::Silence, Script::Answer("hi")]));
    let leader = tokio::spawn({
        let house = Arc::clone(&house);
        async move { house.says(ASK).await }
    });
    while house.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (0..10)
        .map(|_| {
            let house = Arc::clone(&house);
            tokio::spawn(async move { house.says(ASK).await })
        })
        .collect();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.calls(), 1);
    leader.abort();
    for other in others {
        assert_eq!(other.await.expect("it ends"), "hi");
    }
    assert_eq!(house.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_wait_no_longer_than_they_may() {
    let house = Arc::new(House::new([Script::Silence]));
    let leader = tokio::spawn({
        let house = Arc::clone(&house);
        async move { house.says(ASK).await }
    });
    while house.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let waits = house.ask(r#"{"model":"m","text":"x","timeout":2}"#).await;
    assert_eq!(waits.status, 408);
    assert!(!leader.is_finished());
    leader.abort();
}

#[tokio::test]
async fn a_request_says_what_it_wants_of_the_cache() {
    let house = House::new(["a", "b", "c", "d", "e"].map(Script::Answer));
    let says = |cache: &str| format!(r#"{{"model":"m","text":"x","cache":{cache}}}"#);
    assert_eq!(house.says(&says(r#"{"no-store":true}"#)).await, "a");
    assert_eq!(house.says(ASK).await, "b");
    assert_eq!(house.says(&says(r#"{"no-store":true}"#)).await, "b");
    assert_eq!(house.says(&says(r#"{"namespace":"n"}"#)).await, "c");
    let named = house.ask(&says(r#"{"namespace":"n"}"#)).await;
    assert!(key(&named).is_some_and(|key| key.starts_with("n:")));
    assert!(named.headers.get("x-llm-dropped").is_none());
    assert_eq!(house.says(&says(r#"{"no-cache":true}"#)).await, "d");
    // The new answer took the place of the old one.
    assert_eq!(house.says(ASK).await, "d");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(house.says(&says(r#"{"s-maxage":0.01}"#)).await, "e");
    assert_eq!(house.ask(&says(r#"{"ttl":"long"}"#)).await.status, 400);
}

#[tokio::test]
async fn only_those_who_ask_for_it_where_it_is_off() {
    let settings = CacheSettings { default_on: false, ..CacheSettings::default() };
    let house = House::with(["a", "b", "c"].map(Script::Answer), settings);
    let wanted = r#"{"model":"m","text":"x","cache":{"use-cache":true}}"#;
    assert_eq!((house.says(ASK).await, house.says(ASK).await), ("a".to_owned(), "b".to_owned()));
    assert_eq!((house.says(wanted).await, house.says(wanted).await), ("c".to_owned(), "c".to_owned()));
    assert_eq!(house.calls(), 3);
}

#[tokio::test]
async fn nothing_stays_beyond_its_time() {
    let settings = CacheSettings { life: Some(Duration::from_millis(50)), ..CacheSettings::default() };
    let house = House::with(["a", "b", "c"].map(Script::Answer), settings);
    assert_eq!((house.says(ASK).await, house.says(ASK).await), ("a".to_owned(), "a".to_owned()));
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(house.says(ASK).await, "b");
    let longer = r#"{"model":"m","text":"y","cache":{"ttl":60}}"#;
    assert_eq!(house.says(longer).await, "c");
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(house.says(longer).await, "c");
}
