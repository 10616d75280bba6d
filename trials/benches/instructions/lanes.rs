//! The lanes: each makes what it needs, and gives the round that is counted.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt as _;
use llm_core::framing::Splitter;
use llm_core::guard::{Piece, Place, Scanner};
use llm_core::money::NanoDollars;
use llm_core::wire::Framing;
use llm_core::{Envelope, Provider, Usage};
use llm_governance::{
    Account, Governance, GovernanceParts, NoDirectory, Principal, Scope, Subject, Terms, Timestamp, Want,
};
use llm_metrics::PriceBook;
use llm_router::{Ask, BuiltIn, Candidates, Deployment, DeploymentSpec};
use llm_testkit::fake::FakeProvider;
use serde_json::Value;

use crate::calls::{Asked, Crowd, Feature, calls, crowded};
use crate::formats::{chat, messages, streamed};
use crate::material::prose;

/// A round that is counted.
type Round = Box<dyn FnMut()>;

/// A name, and what makes its round.
type Lane = (&'static str, fn() -> Round);

/// All lanes, in the order of the table.
pub(crate) const LANES: [Lane; 21] = [
    ("passthrough-1k", || calls(Asked::Same, 1 << 10, &[])),
    ("passthrough-32k", || calls(Asked::Same, 32 << 10, &[])),
    ("translation-1k", || calls(Asked::Translated, 1 << 10, &[])),
    ("translation-32k", || calls(Asked::Translated, 32 << 10, &[])),
    ("guard-off-1k", || calls(Asked::Same, 1 << 10, &[Feature::Unguarded])),
    ("governed-1k", || calls(Asked::Same, 1 << 10, &[Feature::Governed])),
    ("governed-of-2-deployments", || crowded(Crowd { deployments: 2, keys: 1 })),
    ("governed-of-1000-deployments", || crowded(Crowd { deployments: 1_000, keys: 1 })),
    ("governed-of-10-keys", || crowded(Crowd { deployments: 1, keys: 10 })),
    ("governed-of-20000-keys", || crowded(Crowd { deployments: 1, keys: 20_000 })),
    ("cache-hit-1k", || calls(Asked::Same, 1 << 10, &[Feature::Kept])),
    ("governed-cache-hit-1k", || calls(Asked::Same, 1 << 10, &[Feature::Governed, Feature::Kept])),
    ("100-chunks-passed", || streamed(&chat(), &chat(), true)),
    ("100-chunks-translated", || streamed(&chat(), &messages(), false)),
    ("100-chunks-translated-back", || streamed(&messages(), &chat(), false)),
    ("guards-32k", guards),
    ("envelope-200k", envelope),
    ("framing-64k", framing),
    ("pick-of-10", picks),
    ("price", price),
    ("admit-and-settle", limiter),
];

fn guards() -> Round {
    let kinds = ["secrets", "pii", "prompt_injection"];
    let build = |kind: &str| llm_guardrails::build(kind, &Value::Null).ok().flatten();
    let judges: Vec<Arc<dyn Scanner>> = kinds.iter().map(|kind| build(kind).expect("a judge")).collect();
    let piece = Piece { text: prose(32 << 10).into(), place: Place::User };
    let mut findings = Vec::new();
    Box::new(move || {
        findings.clear();
        judges.iter().for_each(|judge| judge.scan(black_box(&piece), &mut findings));
        black_box(&findings);
    })
}

fn envelope() -> Round {
    let text = Value::from(prose(200 << 10));
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":{text}}}],"stream":true}}"#);
    let body = Bytes::from(body);
    Box::new(move || {
        black_box(Envelope::scan(black_box(&body)).expect("an object"));
    })
}

fn framing() -> Round {
    let frame =
        b"data: {\"id\":\"c-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" some words\"}}]}\n\n";
    let stream = Bytes::from(frame.iter().copied().cycle().take(64 << 10).collect::<Vec<_>>());
    Box::new(move || {
        let mut splitter = Splitter::new(Framing::Sse);
        // As reads of a socket cut it.
        for start in (0..stream.len()).step_by(1_400) {
            splitter.push(stream.slice(start..stream.len().min(start + 1_400))).expect("small");
            while let Some(frame) = splitter.next_frame() {
                black_box(frame);
            }
        }
    })
}

/// Every strategy once.
fn picks() -> Round {
    let provider: Arc<dyn Provider> = FakeProvider::new([]);
    let spec = |id: usize| DeploymentSpec::new(id.to_string(), "m", "m", Arc::clone(&provider));
    let level: Vec<_> = (0..10).map(|id| Arc::new(Deployment::new(spec(id)))).collect();
    let strategies: Vec<_> = BuiltIn::ALL.iter().map(|strategy| strategy.make(&level)).collect();
    let ask = Ask::at(Instant::now());
    Box::new(move || {
        let is_out = |_: usize| false;
        for strategy in &strategies {
            black_box(strategy.pick(&Candidates::new(&level, &is_out), &ask));
        }
    })
}

fn price() -> Round {
    let entry = PriceBook::embedded().lookup("openai", "gpt-4o").expect("a model of the table");
    let usage = Usage { input: Some(900), cache_read: Some(100), output: Some(200), ..Usage::default() };
    Box::new(move || {
        black_box(entry.price.cost(black_box(&usage)));
    })
}

/// A key of a team behind a gateway, ten limits in all.
fn limiter() -> Round {
    let governance = Governance::new(GovernanceParts::default());
    let three = Terms {
        max_budget: Some(NanoDollars(i64::MAX)),
        rpm_limit: Some(u64::MAX),
        tpm_limit: Some(u64::MAX),
        ..Terms::default()
    };
    let ten = [three.clone(), three.clone(), Terms { max_parallel_requests: Some(1_000), ..three }];
    let subjects = [Subject::global(), Subject::new(Scope::Team, "t"), Subject::new(Scope::Key, "k")];
    let open = |(subject, terms): (Subject, Terms)| -> Arc<Account> {
        let terms = (Arc::new(terms), Timestamp(0));
        let opened = governance.accounts().open((subject, None), terms, &NoDirectory).now_or_never();
        opened.expect("nothing to wait for").expect("no directory fails")
    };
    let mut caller = Principal::administrator(None);
    caller.accounts = subjects.into_iter().zip(ten).map(open).collect();
    let caller = Arc::new(caller);
    Box::new(move || {
        let cost = Some(NanoDollars(10));
        let at = Timestamp(1_763_700_000_000_000);
        let want = Want { model: "gpt-4o", customer: None, tags: &[], tokens: 100, cost, at };
        let admitted = governance.admit(&caller, &want).now_or_never().expect("nothing to wait for");
        let mut admission = admitted.expect("there is room");
        admission.settle(NanoDollars(7), 50);
        black_box(&admission);
    })
}
