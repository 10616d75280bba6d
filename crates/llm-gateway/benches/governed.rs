//! What governance adds to a call: `cargo bench --package llm-gateway`.

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::collections::HashMap;
use std::future::ready;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use llm_core::dialect::DialectId;
use llm_core::money::NanoDollars;
use llm_core::operation::Operation;
use llm_core::provider::{BoxFuture, Call, Provider, Reply, ReplyBody};
use llm_core::{Result, Secret};
use llm_gateway::{AccountSpec, AnswerCache, CacheSettings, Gateway, GatewayParts, Incoming, MemoryAnswers};
use llm_governance::entity::VirtualKey;
use llm_governance::{
    Durable, Governance, GovernanceParts, KeyHash, Ledger, MemoryStore, Records, RowRef, StoreError, Terms,
    Timestamp,
};
use llm_metrics::ModelEntry;
use llm_router::{Deployment, DeploymentSpec, Router, RouterSettings};
use llm_testkit::fake::{PlainIngress, answer};

/// Calls of a run; another number may be given, for those who count instructions.
const ROUNDS: u32 = 5_000;

struct Instantly;

impl Provider for Instantly {
    fn dialect(&self) -> DialectId {
        DialectId::new("test.instantly")
    }

    fn chat<'a>(&'a self, _call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        let body = ReplyBody::Decoded(Box::new(answer("hi")));
        Box::pin(ready(Ok(Reply { headers: HeaderMap::new(), losses: Vec::new(), body })))
    }
}

/// Takes rows, and looks at none.
struct Taken;

impl Ledger for Taken {
    fn record(&self, row: &RowRef<'_>) -> Result<Option<Durable>, StoreError> {
        black_box(row);
        Ok(None)
    }

    fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn key(terms: Terms) -> VirtualKey {
    VirtualKey {
        hash: KeyHash::of(b"sk-one"),
        name: "sk-...one".to_owned(),
        alias: Some("one".to_owned()),
        user_id: None,
        team_id: None,
        organization_id: None,
        kind: llm_governance::entity::KeyKind::Default,
        service_account: false,
        expires: None,
        replaced: None,
        former: Vec::new(),
        terms,
        created_by: None,
        created_at: Timestamp(0),
        updated_by: None,
        updated_at: Timestamp(0),
    }
}

fn governed(terms: Terms) -> GovernanceParts {
    let store = MemoryStore::default();
    let inserted = Records::<VirtualKey>::insert(&store, &[key(terms)], &[]).now_or_never();
    assert!(inserted.is_some_and(|inserted| inserted.is_ok()));
    GovernanceParts {
        master_key: Some(Secret::new("sk-master".to_owned())),
        directory: Arc::new(store),
        ledger: Arc::new(Taken),
        ..GovernanceParts::default()
    }
}

fn gateway(governance: GovernanceParts, keeps: bool) -> Gateway {
    let deployment = Arc::new(Deployment::new(DeploymentSpec {
        full_name: "acme/large".into(),
        vendor: "acme".into(),
        api_base: "https://vendor.test/v1".into(),
        ..DeploymentSpec::new("d1", "m", "large", Arc::new(Instantly))
    }));
    let mut entry = ModelEntry::default();
    let prices = [("input_cost_per_token", "0.0000025"), ("output_cost_per_token", "0.00001")];
    entry.set(prices).expect("prices");
    let account = AccountSpec { entry: Some(entry), ..AccountSpec::default() };
    let cache = || AnswerCache::new(Arc::new(MemoryAnswers::new(1 << 20)), CacheSettings::default());
    Gateway::new(GatewayParts {
        cache: keeps.then(|| Arc::new(cache())),
        governance: Arc::new(Governance::new(governance)),
        accounts: HashMap::from([("d1".to_owned(), account)]),
        ..GatewayParts::new(
            Router::new([deployment], HashMap::new(), RouterSettings::default()),
            vec![Arc::new(PlainIngress)],
        )
    })
}

fn incoming(body: &Bytes) -> Incoming {
    let key = HeaderValue::from_static("Bearer sk-one");
    let agent = HeaderValue::from_static("sdk/2.8.1");
    let headers =
        [(HeaderName::from_static("authorization"), key), (HeaderName::from_static("user-agent"), agent)];
    Incoming {
        ingress: Arc::new(PlainIngress),
        asked: Operation::Chat.into(),
        headers: headers.into_iter().collect(),
        body: body.clone(),
        received: Instant::now(),
        call_id: None,
        uri: http::Uri::from_static("/plain"),
        address: "10.0.0.1".parse().ok(),
    }
}

/// The fastest of nine runs, for one call.
fn fastest(gateway: &Gateway, body: &Bytes, rounds: u32) -> Duration {
    let round = || {
        let answer = gateway.handle(incoming(body)).now_or_never();
        assert!(answer.is_some_and(|answer| answer.status == 200));
    };
    let run = |_| {
        let began = Instant::now();
        (0..rounds).for_each(|_| round());
        began.elapsed() / rounds
    };
    (0..9).map(run).min().unwrap_or_default()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    let limited = Terms {
        max_budget: Some(NanoDollars(i64::MAX / 2)),
        rpm_limit: Some(u64::MAX / 2),
        tpm_limit: Some(u64::MAX / 2),
        max_parallel_requests: Some(1_000),
        ..Terms::default()
    };
    let long = format!(r#"{{"model":"m","text":"{}","user":"ann"}}"#, "words of a prompt. ".repeat(1_000));
    let bodies = [
        ("short", Bytes::from_static(br#"{"model":"m","text":"hello","limit":100}"#)),
        ("19 KB", long.into()),
    ];
    let mut given = std::env::args().filter_map(|argument| argument.parse::<u32>().ok());
    let (rounds, only) = (given.next().unwrap_or(ROUNDS), given.next());
    println!("{:<40} {:>12} {:>12}", "a call of", "short", "19 KB");
    for (at, (name, parts, keeps)) in (0..).zip([
        ("anyone", GovernanceParts::default(), false),
        ("a key without limits, rows kept", governed(Terms::default()), false),
        ("a key with limits and a budget", governed(limited), false),
        ("anyone, a kept answer", GovernanceParts::default(), true),
        ("a key without limits, a kept answer", governed(Terms::default()), true),
    ]) {
        if only.is_some_and(|only| only != at) {
            continue;
        }
        let gateway = gateway(parts, keeps);
        let times = bodies.each_ref().map(|(_, body)| format!("{:.0?}", fastest(&gateway, body, rounds)));
        println!("{name:<40} {:>12} {:>12}", times[0], times[1]);
    }
}
