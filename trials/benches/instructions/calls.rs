//! Whole calls through a gateway, in front of a vendor that answers at once from bytes: everything of a request but
//! sockets.

use std::collections::HashMap;
use std::future::ready;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use llm_core::dialect::{DialectId, Seen, Target};
use llm_core::guard::Judge;
use llm_core::money::NanoDollars;
use llm_core::operation::Operation;
use llm_core::provider::{BoxFuture, Call, Provider, Reply, ReplyBody};
use llm_core::wire::WireResponse;
use llm_core::{Dialect, Ingress, Result, Secret};
use llm_gateway::{
    AccountSpec, AnswerCache, CacheSettings, Gateway, GatewayParts, GuardrailSpec, Incoming, MemoryAnswers,
};
use llm_governance::entity::VirtualKey;
use llm_governance::{
    Durable, Governance, GovernanceParts, Ledger, MemoryStore, Records, RowRef, StoreError, Terms,
};
use llm_metrics::ModelEntry;
use llm_router::{BuiltIn, Chosen, Deployment, DeploymentSpec, Router, RouterSettings};
use serde_json::Value;

use crate::{formats, material};

/// Which vendor is behind the client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// One of the client's own format.
    Same,
    /// One of another format.
    Translated,
}

/// What the gateway does besides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// A key with limits and a budget, and a row of each call.
    Governed,
    /// The answer is kept from the first round.
    Kept,
    /// A guardrail is configured that nobody asks for.
    Unguarded,
}

/// How many there are of what calls choose from.
#[derive(Clone, Copy)]
pub(crate) struct Crowd {
    /// Deployments of the model.
    pub(crate) deployments: usize,
    /// Keys, which ask in turns; every one is known before the rounds that count.
    pub(crate) keys: usize,
}

/// One of each.
const ALONE: Crowd = Crowd { deployments: 1, keys: 1 };

/// A round of one call with a prompt of this length.
pub(crate) fn calls(asked: Asked, prompt: usize, features: &[Feature]) -> Box<dyn FnMut()> {
    round(asked, prompt, features, ALONE)
}

/// A round of one governed call with a prompt of 1 KiB, among many.
pub(crate) fn crowded(crowd: Crowd) -> Box<dyn FnMut()> {
    round(Asked::Same, 1 << 10, &[Feature::Governed], crowd)
}

fn round(asked: Asked, prompt: usize, features: &[Feature], crowd: Crowd) -> Box<dyn FnMut()> {
    let has = |feature| features.contains(&feature);
    let (client, vendor) =
        (formats::chat(), if asked == Asked::Same { formats::chat() } else { formats::messages() });
    let request = material::request(prompt, false);
    let body = llm_core::dialect::body_of(&*client.dialect, &request).expect("a request");
    let answer = vendor.ingress.encode(&material::response(1 << 10), &request);
    let (client, vendor) = (client.ingress, Arc::new(AtOnce { dialect: vendor.dialect, answer }));
    let governance = Arc::new(Governance::new(if has(Feature::Governed) {
        governed(crowd.keys)
    } else {
        Default::default()
    }));
    for number in 0..crowd.keys {
        let known = governance.identify(Some(shown(number).as_bytes()), None).now_or_never();
        assert!(known.is_some_and(|known| known.is_ok()), "the key is not known");
    }
    let gateway = gateway(&vendor, &client, governance, features, crowd.deployments);
    let mut number = 0;
    let mut round = move || {
        // Far apart, so that nothing of the last caller helps the next one.
        number = (number + 6_113) % crowd.keys;
        let answer =
            gateway.handle(incoming(&client, &body, number)).now_or_never().expect("nothing to wait for");
        assert_eq!(answer.status, 200);
        black_box(answer);
    };
    // What a deployment takes once, its metrics for example, is no part of what a call among many takes.
    (1..crowd.deployments).for_each(|_| round());
    Box::new(round)
}

/// A key as its holder shows it.
fn shown(number: usize) -> String {
    format!("sk-{number:06}")
}

/// A vendor that needs no time and no network.
struct AtOnce {
    dialect: Arc<dyn Dialect>,
    answer: Bytes,
}

impl AtOnce {
    fn answer(&self, call: &Call<'_>) -> Result<Reply> {
        let target = Target { model: call.model.to_owned(), ..Target::default() };
        let (inbound, body) = (call.inbound, self.answer.clone());
        // An answer that is to be kept is wanted in the canonical form.
        let (encoded, body) = if inbound.dialect() == self.dialect.id() && !call.canonical {
            let encoded = self.dialect.forward(&inbound.body, &inbound.envelope, &target)?;
            let peek = self.dialect.peek(&body)?;
            let (content, ended) = (true, true);
            let seen = Seen { content, ended, usage: peek.usage, finish: peek.finish, error: None };
            (encoded, ReplyBody::Native { body: body.into(), seen: Box::new(seen) })
        } else {
            let encoded = self.dialect.encode(inbound.decoded()?, &target)?;
            let reply = WireResponse { status: 200, headers: HeaderMap::new(), body };
            (encoded, ReplyBody::Decoded(Box::new(self.dialect.decode(&reply)?)))
        };
        black_box(&encoded.request);
        Ok(Reply { headers: HeaderMap::new(), losses: encoded.losses, body })
    }
}

impl Provider for AtOnce {
    fn dialect(&self) -> DialectId {
        self.dialect.id()
    }

    fn chat<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(ready(self.answer(&call)))
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

fn gateway(
    vendor: &Arc<AtOnce>,
    client: &Arc<dyn Ingress>,
    governance: Arc<Governance>,
    features: &[Feature],
    deployments: usize,
) -> Gateway {
    let has = |feature| features.contains(&feature);
    let deployment = |number: usize| {
        Arc::new(Deployment::new(DeploymentSpec {
            full_name: "acme/large".into(),
            vendor: "acme".into(),
            api_base: "https://vendor.test/v1".into(),
            ..DeploymentSpec::new(format!("d{number}"), "some-model-large", "large", Arc::clone(vendor) as _)
        }))
    };
    let mut entry = ModelEntry::default();
    let prices = [("input_cost_per_token", "0.0000025"), ("output_cost_per_token", "0.00001")];
    entry.set(prices).expect("prices");
    let account =
        |number| (format!("d{number}"), AccountSpec { entry: Some(entry.clone()), ..AccountSpec::default() });
    let cache = || AnswerCache::new(Arc::new(MemoryAnswers::new(1 << 20)), CacheSettings::default());
    let guardrail = || {
        let secrets = llm_guardrails::build("secrets", &Value::Null).ok().flatten().expect("a judge");
        GuardrailSpec::new("secrets", Judge::Scanner(secrets))
    };
    // In turns, so that as many calls as there are deployments meet each of them.
    let in_turns =
        RouterSettings { strategy: Chosen::BuiltIn(BuiltIn::RoundRobin), ..RouterSettings::default() };
    let router = Router::new((0..deployments).map(deployment), HashMap::new(), in_turns);
    Gateway::new(GatewayParts {
        cache: has(Feature::Kept).then(|| Arc::new(cache())),
        guardrails: has(Feature::Unguarded).then(guardrail).into_iter().collect(),
        governance,
        accounts: (0..deployments).map(account).collect(),
        ..GatewayParts::new(router, vec![Arc::clone(client)])
    })
}

fn governed(keys: usize) -> GovernanceParts {
    let limited = Terms {
        max_budget: Some(NanoDollars(i64::MAX / 2)),
        rpm_limit: Some(u64::MAX / 2),
        tpm_limit: Some(u64::MAX / 2),
        max_parallel_requests: Some(1_000),
        ..Terms::default()
    };
    let store = MemoryStore::default();
    let keys: Vec<VirtualKey> = (0..keys).map(|number| key(number, limited.clone())).collect();
    let inserted = Records::<VirtualKey>::insert(&store, &keys, &[]).now_or_never();
    assert!(inserted.is_some_and(|inserted| inserted.is_ok()));
    GovernanceParts {
        master_key: Some(Secret::new("sk-master".to_owned())),
        directory: Arc::new(store),
        ledger: Arc::new(Taken),
        ..GovernanceParts::default()
    }
}

fn key(number: usize, terms: Terms) -> VirtualKey {
    let alias = Some(format!("key-{number}"));
    VirtualKey { alias, ..llm_testkit::keys::key(&shown(number), terms) }
}

fn incoming(client: &Arc<dyn Ingress>, body: &Bytes, number: usize) -> Incoming {
    let key = HeaderValue::try_from(format!("Bearer {}", shown(number))).expect("plain");
    let agent = HeaderValue::from_static("sdk/2.8.1");
    let headers =
        [(HeaderName::from_static("authorization"), key), (HeaderName::from_static("user-agent"), agent)];
    Incoming {
        ingress: Arc::clone(client),
        asked: Operation::Chat.into(),
        headers: headers.into_iter().collect(),
        body: body.clone(),
        received: Instant::now(),
        call_id: None,
        uri: http::Uri::from_static("/v1/chat/completions"),
        address: "10.0.0.1".parse().ok(),
    }
}
