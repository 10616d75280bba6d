//! The life of a request against fake vendors: answers, streams, refusals, and what is booked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use llm_core::event::Event;
use llm_core::operation::Operation;
use llm_core::{Error, ErrorKind, Message, Provider, Secret};
use llm_gateway::{AccountSpec, Answer, AnswerBody, Gateway, GatewayParts, Incoming};
use llm_governance::{Governance, GovernanceParts};
use llm_router::{Deployment, DeploymentSpec, Facts, MidStream, Needs, QuotaSpec, Router, RouterSettings};
use llm_testkit::fake::{FakeProvider, PlainIngress, Script, piece, preamble};

fn gateway(script: impl IntoIterator<Item = Script>, master_key: Option<&str>) -> Gateway {
    let provider: Arc<dyn Provider> = FakeProvider::new(script);
    let deployment = Arc::new(Deployment::new(DeploymentSpec {
        full_name: "openai/gpt-4o".into(),
        vendor: "openai".into(),
        api_base: "http://vendor.test".into(),
        num_retries: Some(0),
        ..DeploymentSpec::new("d1", "m", "gpt-4o", provider)
    }));
    let account = AccountSpec { price_provider: "openai".into(), ..AccountSpec::default() };
    Gateway::new(GatewayParts {
        governance: Arc::new(Governance::new(GovernanceParts {
            master_key: master_key.map(|key| Secret::new(key.to_owned())),
            ..GovernanceParts::default()
        })),
        accounts: HashMap::from([("d1".to_owned(), account)]),
        ..GatewayParts::new(
            Router::new([deployment], HashMap::new(), RouterSettings::default()),
            vec![Arc::new(PlainIngress)],
        )
    })
}

fn incoming(body: &str) -> Incoming {
    Incoming {
        ingress: Arc::new(PlainIngress),
        asked: Operation::Chat.into(),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        received: Instant::now(),
        call_id: Some("call-7".into()),
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

#[tokio::test]
async fn an_answer_carries_its_headers_and_its_exact_cost() {
    let gateway = gateway([Script::Answer("hi")], None);
    let answer = gateway.handle(incoming(r#"{"model":"m","text":"x"}"#)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["x-litellm-call-id"], "call-7");
    assert_eq!(answer.headers["x-litellm-model-id"], "d1");
    assert_eq!(answer.headers["x-litellm-model-group"], "m");
    assert_eq!(answer.headers["x-litellm-attempted-retries"], "0");
    // Three tokens at 2.5 and two at 10 dollars a million.
    assert_eq!(answer.headers["x-litellm-response-cost"], "0.0000275");
    assert_eq!(text(answer).await, "hi");
    let status = gateway.status();
    assert_eq!(status.providers[0].total_cost, "0.0000275");
    assert_eq!(status.providers[0].total_tokens, 5);
    assert_eq!(status.providers[0].in_flight, 0);
}

#[tokio::test]
async fn a_stream_is_settled_when_it_ends() {
    let gateway = gateway([Script::Answer("hi")], None);
    let answer = gateway.handle(incoming(r#"{"model":"m","stream":true}"#)).await;
    assert_eq!(gateway.status().providers[0].in_flight, 1);
    assert_eq!(text(answer).await, "hi\nend\n");
    let status = gateway.status();
    assert_eq!((status.providers[0].in_flight, status.providers[0].total_tokens), (0, 5));
}

#[tokio::test]
async fn a_stream_cut_after_content_ends_with_an_error_and_without_an_end() {
    let script = Script::Stream(vec![
        Ok(preamble()),
        Ok(piece("some")),
        Err(Error::new(ErrorKind::Truncated, "the stream was cut")),
    ]);
    let gateway = gateway([script], None);
    let answer = gateway.handle(incoming(r#"{"model":"m","stream":true}"#)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(text(answer).await, "some\nerror: the stream was cut\nend\n");
    let metrics = gateway.render_metrics();
    assert!(metrics.contains("litellm_proxy_failed_requests_metric_total"), "{metrics}");
}

#[tokio::test]
async fn a_stream_that_the_client_drops_is_settled_with_an_estimate() {
    let script = Script::StreamThenSilence(vec![Ok(preamble()), Ok(piece("four words are delivered"))]);
    let gateway = gateway([script], None);
    let answer = gateway.handle(incoming(r#"{"model":"m","stream":true}"#)).await;
    let AnswerBody::Stream(mut stream) = answer.body else { panic!("a stream was asked for") };
    assert!(stream.next().await.is_some());
    drop(stream);
    let status = gateway.status();
    assert_eq!(status.providers[0].in_flight, 0);
    assert!(status.providers[0].total_tokens >= 6, "{}", status.providers[0].total_tokens);
    assert!(gateway.render_metrics().contains("status_code=\"499\""));
}

/// Two deployments that continue what an assistant began, asked in their order.
fn pair(first: Script, second: Script, mid_stream: MidStream) -> (Gateway, [Arc<FakeProvider>; 2]) {
    let providers = [FakeProvider::new([first]), FakeProvider::new([second])];
    let deployment = |(index, provider): (usize, &Arc<FakeProvider>)| {
        let provider: Arc<dyn Provider> = Arc::clone(provider) as _;
        let id = ["d1", "d2"][index];
        Arc::new(Deployment::new(DeploymentSpec {
            full_name: "openai/gpt-4o".into(),
            vendor: "openai".into(),
            order: u32::try_from(index).expect("small"),
            facts: Facts { can: Needs::ASSISTANT_PREFILL, ..Facts::default() },
            ..DeploymentSpec::new(id, "m", "gpt-4o", provider)
        }))
    };
    let deployments: Vec<_> = providers.iter().enumerate().map(deployment).collect();
    let account = || AccountSpec { price_provider: "openai".into(), ..AccountSpec::default() };
    let settings = RouterSettings { mid_stream, ..RouterSettings::default() };
    let gateway = Gateway::new(GatewayParts {
        accounts: HashMap::from([("d1".to_owned(), account()), ("d2".to_owned(), account())]),
        ..GatewayParts::new(Router::new(deployments, HashMap::new(), settings), vec![Arc::new(PlainIngress)])
    });
    (gateway, providers)
}

fn cut() -> Script {
    let cut = Error::new(ErrorKind::Truncated, "the stream was cut");
    Script::Stream(vec![Ok(preamble()), Ok(piece("some ")), Err(cut)])
}

#[tokio::test]
async fn a_stream_that_broke_off_is_gone_on_with_elsewhere() {
    let (gateway, providers) = pair(cut(), Script::Answer(" more"), MidStream::Continue);
    let answer = gateway.handle(incoming(r#"{"model":"m","text":"x","stream":true}"#)).await;
    assert_eq!(text(answer).await, "some \nmore\nend\n");
    let asked = &providers[1].requests()[0].messages;
    assert_eq!(
        asked.last().map(Message::joined_text).as_deref(),
        Some("some"),
        "it begins with what was said"
    );
    let status = gateway.status();
    let tokens = |index: usize| status.providers[index].total_tokens;
    assert!(tokens(0) > 0, "what the first one said is booked");
    assert_eq!(tokens(1), 5);
    assert_eq!(status.providers.iter().map(|one| one.in_flight).sum::<u32>(), 0);
}

#[tokio::test]
async fn an_error_inside_a_stream_is_gone_on_with_too_and_the_first_one_is_told_when_nobody_can() {
    let in_band = || {
        let error = Error::new(ErrorKind::Overloaded, "too much to do");
        Script::Stream(vec![Ok(preamble()), Ok(piece("some")), Ok(vec![Event::Error(error)])])
    };
    let (gateway, _) = pair(in_band(), Script::Answer(" more"), MidStream::Continue);
    let answer = gateway.handle(incoming(r#"{"model":"m","text":"x","stream":true}"#)).await;
    assert_eq!(text(answer).await, "some\n more\nend\n");

    let refuses = Script::Fail(Error::invalid("no assistant message may stand last"));
    let (gateway, providers) = pair(in_band(), refuses, MidStream::Continue);
    let answer = gateway.handle(incoming(r#"{"model":"m","text":"x","stream":true}"#)).await;
    assert_eq!(text(answer).await, "some\nerror: too much to do\nend\n");
    assert_eq!(providers.map(|provider| provider.calls().len()), [1, 1]);
}

#[tokio::test]
async fn a_stream_that_is_held_back_is_whole_or_begun_again() {
    let (gateway, _) = pair(cut(), Script::Answer("all of it"), MidStream::Restart);
    let answer = gateway.handle(incoming(r#"{"model":"m","text":"x","stream":true}"#)).await;
    assert_eq!(answer.headers["x-litellm-model-id"], "d2");
    assert_eq!(text(answer).await, "all of it\nend\n");

    let (gateway, _) = pair(cut(), cut(), MidStream::Error);
    let answer = gateway.handle(incoming(r#"{"model":"m","text":"x","stream":true}"#)).await;
    assert_eq!(text(answer).await, "some \nerror: the stream was cut\nend\n");
}

#[tokio::test]
async fn bad_requests_are_refused_with_what_is_wrong() {
    for (body, says) in [
        ("{", "invalid JSON payload"),
        ("[]", "expected a JSON object"),
        ("{}", "names no model"),
        (r#"{"model":7}"#, "invalid `model`"),
        (r#"{"model":"m","stream":"yes"}"#, "invalid `stream`"),
        (r#"{"model":"nosuch"}"#, "unknown model `nosuch`"),
        (r#"{"model":"m","timeout":-1}"#, "invalid `timeout`"),
        (r#"{"model":"m","load_balance_strategy":"fastest"}"#, "unknown load balance strategy"),
        (r#"{"model":"m","on_loss":"cry"}"#, "invalid `on_loss`"),
        (r#"{"model":"m","guardrails":["pii"]}"#, "which this gateway does not have"),
    ] {
        let answer = gateway([], None).handle(incoming(body)).await;
        assert_eq!(answer.status, 400, "{body}");
        let told = text(answer).await;
        assert!(told.starts_with("error: ") && told.contains(says), "{body}: {told}");
    }
}

#[tokio::test]
async fn a_master_key_must_be_shown() {
    let gateway = gateway([Script::Answer("hi")], Some("sk-1"));
    assert_eq!(gateway.handle(incoming(r#"{"model":"m"}"#)).await.status, 401);
    let mut shown = incoming(r#"{"model":"m"}"#);
    shown.headers.insert(HeaderName::from_static("x-api-key"), HeaderValue::from_static("sk-1"));
    assert_eq!(gateway.handle(shown).await.status, 200);
}

#[tokio::test]
async fn a_vendors_hint_when_to_come_back_reaches_the_client() {
    let limited = Error::new(ErrorKind::RateLimited, "slow down")
        .with_retry_after(std::time::Duration::from_millis(1_200));
    let answer = gateway([Script::Fail(limited)], None).handle(incoming(r#"{"model":"m"}"#)).await;
    assert_eq!((answer.status, &answer.headers["retry-after"]), (429, &HeaderValue::from_static("2")));
}

#[tokio::test]
async fn fields_that_are_not_acted_on_are_named() {
    let gateway = gateway([Script::Answer("hi")], None);
    let answer =
        gateway.handle(incoming(r#"{"model":"m","cache":{"no-cache":true},"api_base":"http://x"}"#)).await;
    assert_eq!(answer.headers["x-llm-dropped"], "cache,api_base");
}

#[tokio::test]
async fn tokens_are_counted_roughly_where_the_vendor_cannot() {
    let mut count = incoming(r#"{"model":"m","text":"abcdefgh"}"#);
    count.asked = Operation::CountTokens.into();
    assert_eq!(text(gateway([], None).handle(count).await).await, "9");
}

#[tokio::test]
async fn a_replaced_configuration_serves_the_next_call() {
    let old = gateway([], None);
    assert_eq!(old.handle(incoming(r#"{"model":"m"}"#)).await.status, 200);
    old.replace(GatewayParts::new(
        Router::new([], HashMap::new(), RouterSettings::default()),
        vec![Arc::new(PlainIngress)],
    ));
    assert_eq!(old.handle(incoming(r#"{"model":"m"}"#)).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_that_comes_back_when_it_was_told_to_is_answered() {
    let provider: Arc<dyn Provider> = FakeProvider::new([]);
    let quota = QuotaSpec { rpm: Some(10), ..QuotaSpec::default() };
    let deployment = Arc::new(Deployment::new(DeploymentSpec {
        quota,
        ..DeploymentSpec::new("d1", "m", "gpt-4o", provider)
    }));
    let gateway = Gateway::new(GatewayParts::new(
        Router::new([deployment], HashMap::new(), RouterSettings::default()),
        vec![Arc::new(PlainIngress)],
    ));
    let ask = || gateway.handle(incoming(r#"{"model":"m"}"#));
    let mut refused = None;
    for call in 0..25 {
        let answer = ask().await;
        assert_eq!(answer.status, if call < 10 { 200 } else { 429 });
        refused = Some(answer);
    }
    let hint = refused.expect("calls were made").headers["retry-after"].to_str().expect("a number").parse();
    let hint: u64 = hint.expect("a number of seconds");
    assert_eq!(gateway.status().providers[0].attempts, 10);
    tokio::time::advance(std::time::Duration::from_secs(hint - 2)).await;
    assert_eq!(ask().await.status, 429);
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    assert_eq!(ask().await.status, 200);
}
