//! Hooks, logs of calls and prompts inside a gateway: what they see, what they may change, what is paid for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt as _;
use http::HeaderMap;
use llm_core::guard::Action;
use llm_core::{BoxFuture, Error, ErrorKind, Operation, Part, Result};
use llm_gateway::{
    AccountSpec, Answer, AnswerBody, Answers, CallLog, Gateway, GatewayParts, GuardrailSpec, Hook,
    HookedAnswer, HookedCall, Incoming, Instruction, LoggedCall, Modes, Position, Prompts, Wants,
};
use llm_router::{Deployment, DeploymentSpec, Router, RouterSettings};
use llm_testkit::fake::{FakeProvider, PlainIngress, Script, piece, preamble};
use parking_lot::Mutex;

#[expect(dead_code, reason = "its `main` is for people")]
#[path = "../../examples/hook.rs"]
mod example;

#[tokio::test]
async fn the_example_gives_a_rule_mends_a_stream_and_counts_failures() {
    let (asked, told, failures) = example::run().await;
    assert_eq!(asked, "You work for the house.|hello, You work for the house.|hello again");
    assert_eq!(told, "dear it\nend\n");
    assert_eq!(failures, 1);
}

/// Keeps what it is told of.
#[derive(Default)]
struct Log {
    calls: Mutex<Vec<LoggedCall>>,
    content: bool,
}

impl CallLog for Log {
    fn log(&self, call: LoggedCall) {
        self.calls.lock().push(call);
    }

    fn wants_content(&self) -> bool {
        self.content
    }
}

fn gateway(
    script: impl IntoIterator<Item = Script>,
    more: impl FnOnce(&mut GatewayParts),
) -> (Gateway, Arc<FakeProvider>) {
    let vendor = FakeProvider::new(script);
    let spec = DeploymentSpec::new("d1", "m", "gpt-4o", Arc::clone(&vendor) as _);
    let spec = DeploymentSpec { num_retries: Some(0), full_name: "openai/gpt-4o".into(), ..spec };
    let router = Router::new([Arc::new(Deployment::new(spec))], HashMap::new(), RouterSettings::default());
    let mut parts = GatewayParts::new(router, vec![Arc::new(PlainIngress)]);
    let account = AccountSpec { price_provider: "openai".into(), ..AccountSpec::default() };
    parts.accounts = HashMap::from([("d1".to_owned(), account)]);
    more(&mut parts);
    (Gateway::new(parts), vendor)
}

async fn ask(gateway: &Gateway, body: &'static str) -> (u16, String) {
    let incoming = Incoming {
        ingress: Arc::new(PlainIngress),
        asked: Operation::Chat.into(),
        headers: HeaderMap::new(),
        body: body.into(),
        received: Instant::now(),
        call_id: Some("call-7".into()),
        uri: http::Uri::default(),
        address: None,
    };
    let Answer { status, body, .. } = gateway.handle(incoming).await;
    let bytes = match body {
        AnswerBody::Whole(body) => body.joined().to_vec(),
        AnswerBody::Stream(stream) => {
            stream.map(|item| item.expect("told inside")).collect::<Vec<_>>().await.concat()
        }
    };
    (status, String::from_utf8(bytes).expect("UTF-8"))
}

#[tokio::test]
async fn a_call_is_logged_once_and_without_its_words() {
    let log = Arc::new(Log::default());
    let known = Arc::clone(&log);
    let (gateway, _) = gateway([Script::Answer("canary answer")], |parts| parts.log = Some(known));
    ask(&gateway, r#"{"model":"m","text":"canary prompt"}"#).await;
    let calls = log.calls.lock();
    let [call] = &calls[..] else { panic!("one call, not {}", calls.len()) };
    assert_eq!((call.call_id.as_str(), call.row.deployment.as_str()), ("call-7", "d1"));
    assert!(call.row.cost.0 > 0 && call.content.is_none() && call.error.is_none());
    assert!(!format!("{call:?}").contains("canary"), "{call:?}");
}

#[tokio::test]
async fn what_was_said_is_kept_where_somebody_wants_it_whole_and_streamed() {
    let log = Arc::new(Log { content: true, ..Log::default() });
    let known = Arc::clone(&log);
    let (gateway, _) = gateway([Script::Answer("hi"), Script::Answer("hi")], |parts| parts.log = Some(known));
    ask(&gateway, r#"{"model":"m","text":"x"}"#).await;
    ask(&gateway, r#"{"model":"m","text":"x","stream":true}"#).await;
    let calls = log.calls.lock();
    let said = |call: &LoggedCall| {
        let content = call.content.as_deref().expect("it is kept");
        (String::from_utf8(content.answer.concat()).expect("UTF-8"), content.is_stream)
    };
    assert_eq!(
        calls.iter().map(said).collect::<Vec<_>>(),
        [("hi".into(), false), ("hi\nend\n".into(), true)]
    );
}

#[tokio::test]
async fn what_is_written_down_is_masked_by_those_who_look_at_logs() {
    let log = Arc::new(Log { content: true, ..Log::default() });
    let known = Arc::clone(&log);
    let script = || Script::Answer(r#"{"text":"dear Ann"}"#);
    let judge = crate::guards::word("Ann", Action::Mask);
    let modes = Modes { logging_only: true, ..Modes::default() };
    let guard = GuardrailSpec { modes, default_on: true, ..GuardrailSpec::new("logs", judge) };
    let (gateway, vendor) = gateway([script(), script()], |parts| {
        parts.log = Some(known);
        parts.guardrails = vec![guard];
    });
    let (_, told) = ask(&gateway, r#"{"model":"m","text":"I am Ann"}"#).await;
    ask(&gateway, r#"{"model":"m","text":"I am Ann","stream":true}"#).await;
    assert_eq!(told, r#"{"text":"dear Ann"}"#, "the client and the vendor see all");
    assert_eq!(vendor.requests()[0].messages[0].joined_text(), "I am Ann");
    let calls = log.calls.lock();
    let written = |call: &LoggedCall| {
        let content = call.content.as_deref().expect("it is kept");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&content.request), text(&content.answer.concat()), content.is_cut)
    };
    let all: Vec<_> = calls.iter().map(written).collect();
    let streamed = (r#"{"model":"m","text":"I am <WORD>","stream":true}"#.into(), String::new(), true);
    let whole = (r#"{"model":"m","text":"I am <WORD>"}"#.into(), r#"{"text":"dear <WORD>"}"#.into(), false);
    assert_eq!(all, [whole, streamed]);
}

/// Refuses or changes whole answers.
struct Editor(Result<&'static str>);

impl Hook for Editor {
    fn name(&self) -> &str {
        "editor"
    }

    fn wants(&self) -> Wants {
        Wants { answers: Answers::All, canonical: true, ..Wants::default() }
    }

    fn after<'a>(&'a self, _: &'a HookedCall, answer: &'a mut HookedAnswer<'_>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let text = self.0.clone()?;
            let chat = answer.chat().expect("canonical");
            chat.choices[0].message.parts = vec![Part::text(text)];
            Ok(())
        })
    }
}

#[tokio::test]
async fn an_answer_is_changed_whole_and_a_stream_is_held_back_for_it() {
    let (gateway, _) = gateway([Script::Answer("hi"), Script::Answer("hi")], |parts| {
        parts.hooks = vec![Arc::new(Editor(Ok("better")))];
    });
    assert_eq!(ask(&gateway, r#"{"model":"m","text":"x"}"#).await, (200, "better".into()));
    assert_eq!(
        ask(&gateway, r#"{"model":"m","text":"x","stream":true}"#).await,
        (200, "better\nend\n".into())
    );
    assert_eq!(gateway.status().providers[0].total_tokens, 10);
}

#[tokio::test]
async fn an_answer_that_is_refused_is_paid_for_and_nobody_is_blamed() {
    for stream in [r#"{"model":"m","text":"x"}"#, r#"{"model":"m","text":"x","stream":true}"#] {
        let log = Arc::new(Log::default());
        let known = Arc::clone(&log);
        let refusal = Error::new(ErrorKind::PermissionDenied, "not that");
        let (gateway, _) = gateway([Script::Answer("hi")], |parts| {
            parts.hooks = vec![Arc::new(Editor(Err(refusal)))];
            parts.log = Some(known);
        });
        assert_eq!(ask(&gateway, stream).await, (403, "error: not that".into()));
        assert!(log.calls.lock()[0].row.cost.0 > 0);
        assert_eq!(gateway.status().providers[0].in_flight, 0);
    }
}

#[tokio::test]
async fn a_stream_that_breaks_while_it_is_held_back_is_an_error() {
    let broken = vec![Ok(preamble()), Ok(piece("some")), Err(Error::new(ErrorKind::Truncated, "it was cut"))];
    let (gateway, _) =
        gateway([Script::Stream(broken)], |parts| parts.hooks = vec![Arc::new(Editor(Ok("x")))]);
    let (status, body) = ask(&gateway, r#"{"model":"m","text":"x","stream":true}"#).await;
    assert_eq!((status, body.as_str()), (502, "error: it was cut"));
}

#[tokio::test]
async fn a_model_is_told_what_it_must_be() {
    let one = Instruction { text: "be kind".into(), position: Position::Before };
    let (gateway, vendor) = gateway([], |parts| {
        parts.prompts =
            Prompts { instructions: HashMap::from([("m".to_owned(), one)]), ..Prompts::default() };
    });
    assert_eq!(ask(&gateway, r#"{"model":"m","text":"hi"}"#).await.0, 200);
    assert_eq!(vendor.requests()[0].messages[0].joined_text(), "be kind|hi");
}
