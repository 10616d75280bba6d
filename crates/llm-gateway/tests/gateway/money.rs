//! Keys, budgets and rows in the life of a request: a key in memory, a ledger in memory, vendors that are scripted.

mod budgets;
mod disconnects;
mod endings;
mod relays;
mod vendors;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use llm_core::Provider;
use llm_core::money::NanoDollars;
use llm_core::operation::Operation;
use llm_core::relay::RelayBase;
use llm_gateway::{
    AccountSpec, Answer, AnswerBody, CallSettings, Gateway, GatewayParts, Incoming, RelayRoute, RelayTarget,
};
use llm_governance::entity::VirtualKey;
use llm_governance::{
    BudgetMode, Durable, Governance, GovernanceParts, Ledger, LedgerRow, MemoryStore, Records, RowRef,
    StoreError, Terms, Timestamp,
};
use llm_router::{Deployment, DeploymentSpec, Router, RouterSettings};
use llm_testkit::fake::PlainIngress;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Nano-dollars of a token of the prompt and of the answer: those of `gpt-4o`.
pub(crate) const INPUT: i64 = 2_500;
pub(crate) const OUTPUT: i64 = 10_000;

const KEY: &str = "sk-one";

/// A ledger in memory.
#[derive(Default)]
pub(crate) struct Rows {
    rows: Mutex<Vec<LedgerRow>>,
    /// Rows are safe when this is told.
    safe: Option<Arc<Notify>>,
    /// No row can be written, for this reason.
    broken: Mutex<Option<StoreError>>,
}

impl Ledger for Rows {
    fn record(&self, row: &RowRef<'_>) -> Result<Option<Durable>, StoreError> {
        self.rows.lock().push(row.to_row());
        let safe = self.safe.clone();
        Ok(safe.map(|safe| -> Durable {
            Box::pin(async move {
                safe.notified().await;
                Ok(())
            })
        }))
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.broken.lock().clone().map_or(Ok(()), Err)
    }
}

/// How a gateway is set up.
pub(crate) struct Setup {
    pub terms: Terms,
    pub mode: BudgetMode,
    pub calls: CallSettings,
    pub settings: RouterSettings,
    /// A ledger whose rows are safe when this is told.
    pub safe: Option<Arc<Notify>>,
    /// Requests pass to the first vendor on paths that begin so.
    pub relay: Option<(&'static str, RelayBase)>,
    /// All vendors are as good: not one after the other.
    pub at_once: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            terms: Terms::default(),
            mode: BudgetMode::Strict,
            calls: CallSettings::default(),
            settings: RouterSettings { num_retries: 0, ..RouterSettings::default() },
            safe: None,
            relay: None,
            at_once: false,
        }
    }
}

/// A gateway with one key.
pub(crate) struct House {
    pub gateway: Gateway,
    rows: Arc<Rows>,
    pub governance: Arc<Governance>,
}

pub(crate) fn capped(cap: i64) -> Terms {
    Terms { max_budget: Some(NanoDollars(cap)), ..Terms::default() }
}

/// A gateway of these groups: their names, the models of their vendors, and the vendors.
pub(crate) async fn house(setup: Setup, groups: &[(&str, &str, Arc<dyn Provider>)]) -> House {
    let store = MemoryStore::default();
    let key = VirtualKey { alias: Some("one".to_owned()), ..llm_testkit::keys::key(KEY, setup.terms) };
    Records::<VirtualKey>::insert(&store, &[key], &[]).await.expect("a new key");
    let rows = Arc::new(Rows { safe: setup.safe, ..Rows::default() });
    let governance = Arc::new(Governance::new(GovernanceParts {
        master_key: Some(llm_core::Secret::new("sk-master".to_owned())),
        directory: Arc::new(store),
        ledger: Arc::clone(&rows) as _,
        mode: setup.mode,
        ..GovernanceParts::default()
    }));
    let deployments = groups.iter().enumerate().map(|(at, (group, model, provider))| {
        Arc::new(Deployment::new(DeploymentSpec {
            full_name: format!("openai/{model}"),
            vendor: "openai".into(),
            api_base: "http://vendor.test".into(),
            order: if setup.at_once { 0 } else { u32::try_from(at).expect("few") },
            facts: llm_router::Facts { can: llm_router::Needs::ASSISTANT_PREFILL, ..Default::default() },
            ..DeploymentSpec::new(format!("d{at}"), *group, *model, Arc::clone(provider))
        }))
    });
    let account = || AccountSpec { price_provider: "openai".into(), ..AccountSpec::default() };
    let accounts = (0..groups.len()).map(|at| (format!("d{at}"), account())).collect();
    let deployments: Vec<_> = deployments.collect();
    let first = deployments.first().map(Arc::clone).expect("a group");
    let relay = |(prefix, base)| {
        let targets = vec![RelayTarget { names: vec!["one".to_owned()], deployment: Arc::clone(&first) }];
        RelayRoute { prefix, becomes: "", base, targets, remedy: String::new(), endpoint: None }
    };
    let relays = setup.relay.map(relay).into_iter().collect();
    let router = Router::new(deployments, HashMap::new(), setup.settings);
    let gateway = Gateway::new(GatewayParts {
        governance: Arc::clone(&governance),
        calls: setup.calls,
        accounts,
        relays,
        ..GatewayParts::new(router, vec![Arc::new(PlainIngress)])
    });
    House { gateway, rows, governance }
}

/// A gateway whose model `m` is `gpt-4o` of one vendor.
pub(crate) async fn house_of(setup: Setup, provider: Arc<dyn Provider>) -> House {
    house(setup, &[("m", "gpt-4o", provider)]).await
}

impl House {
    pub(crate) async fn ask(&self, body: &str) -> Answer {
        self.gateway.handle(incoming(body, KEY)).await
    }

    pub(crate) fn rows(&self) -> Vec<LedgerRow> {
        self.rows.rows.lock().clone()
    }

    /// The only row.
    #[track_caller]
    pub(crate) fn row(&self) -> LedgerRow {
        let mut rows = self.rows();
        assert_eq!(rows.len(), 1, "exactly one row for a call: {rows:#?}");
        rows.remove(0)
    }

    /// What the key has spent, and what is held for calls under way.
    pub(crate) async fn budget(&self) -> (i64, i64) {
        let caller = self.governance.identify(Some(KEY.as_bytes()), None).await.expect("a key");
        let key = caller.account(llm_governance::Scope::Key).expect("its account");
        let standing = key.budgets(Timestamp::now());
        let first = standing.first().expect("a budget");
        (first.spent.0, first.held.0)
    }

    pub(crate) fn breaks(&self) {
        *self.rows.broken.lock() = Some(StoreError::Failed("the disk is full".to_owned()));
    }
}

pub(crate) fn incoming(body: &str, key: &str) -> Incoming {
    let key = HeaderValue::from_str(key).expect("a header value");
    Incoming {
        ingress: Arc::new(PlainIngress),
        asked: Operation::Chat.into(),
        headers: HeaderMap::from_iter([(HeaderName::from_static("x-api-key"), key)]),
        body: Bytes::copy_from_slice(body.as_bytes()),
        received: Instant::now(),
        call_id: None,
        uri: http::Uri::from_static("/plain"),
        address: "10.1.2.3".parse().ok(),
    }
}

pub(crate) async fn text(answer: Answer) -> String {
    let bytes = match answer.body {
        AnswerBody::Whole(body) => body.joined().to_vec(),
        AnswerBody::Stream(stream) => {
            stream.map(|item| item.expect("told inside")).collect::<Vec<Bytes>>().await.concat()
        }
    };
    String::from_utf8(bytes).expect("UTF-8")
}

pub(crate) fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
}
