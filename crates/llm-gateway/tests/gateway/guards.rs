//! Guardrails around calls: what is refused, what is masked on the way in and put back on the way out, and what a stream
//! never lets through.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::HeaderMap;
use llm_core::event::Event;
use llm_core::guard::{Action, Finding, Found, Inspection, Inspector, Judge, Piece, Scanner};
use llm_core::operation::Operation;
use llm_core::provider::BoxFuture;
use llm_core::{Error, ErrorKind, Provider, Result};
use llm_gateway::{
    Answer, AnswerBody, Gateway, GatewayParts, GuardrailSpec, GuardrailTally, Incoming, Modes, OnError,
};
use llm_router::{Deployment, DeploymentSpec, Router, RouterSettings};
use llm_testkit::fake::{FakeProvider, PlainIngress, Script, piece, preamble};

const PRE: Modes = Modes { pre_call: true, during_call: false, post_call: false, logging_only: false };
const DURING: Modes = Modes { pre_call: false, during_call: true, post_call: false, logging_only: false };
const POST: Modes = Modes { pre_call: false, during_call: false, post_call: true, logging_only: false };

/// Finds a word.
struct Word(&'static str, Action);

impl Word {
    fn find(&self, text: &str) -> Vec<Finding> {
        let found = text.match_indices(self.0).map(|(start, word)| Finding {
            range: start..start + word.len(),
            rule: "word".into(),
            action: self.1,
            replacement: "<WORD>".into(),
        });
        found.collect()
    }
}

impl Scanner for Word {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        findings.extend(self.find(&piece.text));
    }

    fn reach(&self) -> usize {
        self.0.len()
    }
}

/// The same, asked for; or one that cannot be asked.
struct Elsewhere(Word, AtomicUsize, bool);

impl Inspector for Elsewhere {
    fn inspect<'a>(&'a self, inspection: Inspection<'a>) -> BoxFuture<'a, Result<Vec<Found>>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            tokio::task::yield_now().await;
            if self.2 {
                return Err(Error::new(ErrorKind::Connection, "nobody is there"));
            }
            let pieces = inspection.pieces.iter().enumerate();
            Ok(pieces
                .flat_map(|(piece, of)| {
                    self.0.find(&of.text).into_iter().map(move |finding| Found { piece, finding })
                })
                .collect())
        })
    }
}

pub(crate) fn word(word: &'static str, action: Action) -> Judge {
    Judge::Scanner(Arc::new(Word(word, action)))
}

fn elsewhere(word: &'static str, action: Action, fails: bool) -> Judge {
    Judge::Inspector(Arc::new(Elsewhere(Word(word, action), AtomicUsize::new(0), fails)))
}

fn guardrail(name: &str, judge: Judge, modes: Modes) -> GuardrailSpec {
    GuardrailSpec { modes, default_on: true, ..GuardrailSpec::new(name, judge) }
}

struct Guarded {
    gateway: Gateway,
    vendor: Arc<FakeProvider>,
}

fn guarded(script: impl IntoIterator<Item = Script>, guardrails: Vec<GuardrailSpec>) -> Guarded {
    let vendor = FakeProvider::new(script);
    let provider: Arc<dyn Provider> = Arc::clone(&vendor) as _;
    let deployment = Arc::new(Deployment::new(DeploymentSpec {
        num_retries: Some(0),
        ..DeploymentSpec::new("d1", "m", "model", provider)
    }));
    let router = Router::new([deployment], std::collections::HashMap::new(), RouterSettings::default());
    let gateway = Gateway::new(GatewayParts {
        guardrails,
        accounts: std::collections::HashMap::from([("d1".to_owned(), llm_gateway::AccountSpec::default())]),
        ..GatewayParts::new(router, vec![Arc::new(PlainIngress)])
    });
    Guarded { gateway, vendor }
}

impl Guarded {
    async fn ask(&self, body: &str) -> (u16, String, String) {
        let Answer { status, headers, body } = self
            .gateway
            .handle(Incoming {
                ingress: Arc::new(PlainIngress),
                asked: Operation::Chat.into(),
                headers: HeaderMap::new(),
                body: Bytes::copy_from_slice(body.as_bytes()),
                received: Instant::now(),
                call_id: None,
                uri: http::Uri::default(),
                address: None,
            })
            .await;
        let applied = headers.get("x-litellm-applied-guardrails").map(|names| names.to_str().expect("names"));
        let applied = applied.unwrap_or_default().to_owned();
        let bytes = match body {
            AnswerBody::Whole(body) => body.joined().to_vec(),
            AnswerBody::Stream(stream) => {
                stream.map(|item| item.expect("told inside")).collect::<Vec<Bytes>>().await.concat()
            }
        };
        (status, applied, String::from_utf8(bytes).expect("UTF-8"))
    }

    /// What the vendor was asked, the last time.
    fn asked(&self) -> Option<String> {
        self.vendor.requests().last().and_then(|request| Some(request.messages.first()?.joined_text()))
    }

    fn tally(&self) -> GuardrailTally {
        self.gateway.guardrails().first().expect("a guardrail").counts
    }
}

/// What a client reads of a stream, without the lines of the fake format.
fn told(text: &str) -> String {
    text.lines().filter(|line| *line != "end").collect()
}

#[tokio::test]
async fn a_blocked_request_never_reaches_the_vendor_and_is_not_echoed() {
    for judge in [word("hunter2", Action::Block), elsewhere("hunter2", Action::Block, false)] {
        let guarded = guarded([], vec![guardrail("secrets", judge, PRE)]);
        let (status, applied, text) = guarded.ask(r#"{"model":"m","text":"it is hunter2 now"}"#).await;
        assert_eq!((status, applied.as_str()), (400, "secrets"));
        assert!(text.contains("blocked by the guardrail `secrets`: rule `word`"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(guarded.asked(), None);
        assert_eq!(guarded.tally(), GuardrailTally { checked: 1, blocked: 1, ..GuardrailTally::default() });
        assert_eq!(guarded.ask(r#"{"model":"m","text":"all is well"}"#).await.0, 200);
    }
}

#[tokio::test]
async fn what_is_masked_on_the_way_in_stands_in_the_answer_again() {
    let script = || [Script::Answer(r#"{"text":"dear <WORD_1>, not <WORD_2>"}"#)];
    let masks = |restores| {
        let judge = word("Ann", Action::Mask);
        guarded(script(), vec![GuardrailSpec { restores, ..guardrail("pii", judge, PRE) }])
    };
    let forgets = masks(false);
    let (_, applied, text) = forgets.ask(r#"{"model":"m","text":"I am Ann, Ann!"}"#).await;
    assert_eq!(forgets.asked().as_deref(), Some("I am <WORD>, <WORD>!"));
    assert_eq!((applied.as_str(), text.as_str()), ("pii", r#"{"text":"dear <WORD_1>, not <WORD_2>"}"#));

    let restores = masks(true);
    let (.., text) = restores.ask(r#"{"model":"m","text":"I am Ann, Ann!"}"#).await;
    assert_eq!(restores.asked().as_deref(), Some("I am <WORD_1>, <WORD_1>!"));
    assert_eq!(text, r#"{"text":"dear Ann, not <WORD_2>"}"#);
}

#[tokio::test]
async fn a_stream_is_restored_although_masks_are_split() {
    let pieces = ["dear <WO", "RD_", "1>, or <WORD", "_1", ">"].map(|text| Ok(piece(text)));
    let script =
        Script::Stream([Ok(preamble())].into_iter().chain(pieces).chain([Ok(vec![Event::End])]).collect());
    let judge = word("Ann", Action::Mask);
    let guarded = guarded([script], vec![GuardrailSpec { restores: true, ..guardrail("pii", judge, PRE) }]);
    let (.., text) = guarded.ask(r#"{"model":"m","stream":true,"text":"Ann"}"#).await;
    assert_eq!(told(&text), "dear Ann, or Ann");
}

#[tokio::test]
async fn answers_are_masked_or_refused_whole_and_streamed() {
    for judge in [word, |of, action| elsewhere(of, action, false)] {
        let asks = [r#"{"model":"m"}"#, r#"{"model":"m","stream":true}"#];
        for ask in asks {
            let masked = guarded(
                [Script::Answer(r#"{"text":"the code is 0000, again 0000."}"#)],
                vec![guardrail("codes", judge("0000", Action::Mask), POST)],
            );
            let (status, applied, text) = masked.ask(ask).await;
            assert_eq!((status, applied.as_str()), (200, "codes"));
            assert_eq!(told(&text), r#"{"text":"the code is <WORD>, again <WORD>."}"#, "{ask}");

            let blocked = guarded(
                [Script::Answer(r#"{"text":"the code is 0000"}"#)],
                vec![guardrail("codes", judge("0000", Action::Block), POST)],
            );
            let (.., text) = blocked.ask(ask).await;
            assert!(text.contains("the answer was blocked by the guardrail `codes`"), "{ask}: {text}");
            assert!(!text.contains("0000") && blocked.tally().blocked == 1, "{text}");
        }
    }
}

#[tokio::test]
async fn a_passage_that_is_split_over_chunks_is_masked() {
    let chunks = ["it", " is 0", "0", "00 or 000", "0 and then a lot of other words that follow it", " 00"];
    let stream = [Ok(preamble())].into_iter().chain(chunks.map(|text| Ok(piece(text))));
    let script =
        Script::Stream(stream.chain([Ok(vec![Event::PartEnd { choice: 0, part: 0 }, Event::End])]).collect());
    let guarded = guarded([script], vec![guardrail("codes", word("0000", Action::Mask), POST)]);
    let (.., text) = guarded.ask(r#"{"model":"m","stream":true}"#).await;
    assert_eq!(told(&text), "it is <WORD> or <WORD> and then a lot of other words that follow it 00");
}

#[tokio::test]
async fn a_guard_beside_the_call_has_the_vendor_stopped() {
    let judge = elsewhere("bad", Action::Block, false);
    let guarded = guarded([Script::Silence], vec![guardrail("beside", judge, DURING)]);
    let (status, applied, _) = guarded.ask(r#"{"model":"m","text":"bad"}"#).await;
    assert_eq!((status, applied.as_str()), (400, "beside"));
    assert_eq!(guarded.gateway.status().providers[0].in_flight, 0);
    assert_eq!(guarded.ask(r#"{"model":"m","text":"good"}"#).await, (200, "beside".into(), "ok".into()));
}

#[tokio::test]
async fn a_judge_that_cannot_be_asked_closes_or_opens_as_configured() {
    for (on_error, expected) in [(OnError::Refuse, 503), (OnError::Pass, 200)] {
        let judge = elsewhere("x", Action::Block, true);
        let guarded = guarded([], vec![GuardrailSpec { on_error, ..guardrail("away", judge, PRE) }]);
        assert_eq!(guarded.ask(r#"{"model":"m","text":"x"}"#).await.0, expected);
        assert_eq!(guarded.tally().failed, 1);
    }
}

#[tokio::test]
async fn guardrails_are_chosen_by_request_and_never_missing_silently() {
    let optional = GuardrailSpec { default_on: false, ..guardrail("extra", word("x", Action::Block), PRE) };
    let guarded = guarded([], vec![optional, guardrail("usual", word("y", Action::Block), PRE)]);
    assert_eq!(guarded.ask(r#"{"model":"m","text":"x"}"#).await.1, "usual");
    for list in [r#"["extra"]"#, r#"[{"extra":{"a":1}}]"#, r#"{"extra":true}"#] {
        let (status, applied, _) =
            guarded.ask(&format!(r#"{{"model":"m","text":"x","guardrails":{list}}}"#)).await;
        assert_eq!((status, applied.as_str()), (400, "extra"), "{list}");
    }
    // Nobody can leave out what is on for all.
    let (status, ..) = guarded.ask(r#"{"model":"m","text":"y","guardrails":{"usual":false}}"#).await;
    assert_eq!(status, 400);
    let (status, _, text) = guarded.ask(r#"{"model":"m","text":"z","guardrails":["nosuch"]}"#).await;
    assert!(status == 400 && text.contains("`nosuch`") && text.contains("extra, usual"), "{text}");
}

#[tokio::test]
async fn a_guardrail_that_only_flags_changes_nothing() {
    let flags = GuardrailSpec { only_flags: true, ..guardrail("watch", word("x", Action::Block), PRE) };
    let guarded = guarded([], vec![flags]);
    assert_eq!(guarded.ask(r#"{"model":"m","text":"x x"}"#).await.0, 200);
    assert_eq!(guarded.asked().as_deref(), Some("x x"));
    assert_eq!(guarded.tally(), GuardrailTally { checked: 1, flagged: 2, ..GuardrailTally::default() });
}
