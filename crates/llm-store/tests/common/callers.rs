//! Gateways as far as they share limits and budgets of callers: governance over one key, and a connection to a server
//! that they share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::Secret;
use llm_core::money::NanoDollars;
use llm_governance::entity::VirtualKey;
use llm_governance::{
    Admission, Directory, Governance, GovernanceParts, MemoryStore, Principal, Records, Refused,
    SharedCounters, Terms, Timestamp, Want, WithoutShared,
};
use llm_store::shared::{CounterLeases, SharedCallCounters};
use llm_store::{Database, DatabaseSettings, RedisSettings};
use llm_testkit::postgres::PostgresServer;
use llm_testkit::redis::RedisServer;

/// What gateways share.
pub(crate) enum Server {
    Redis(RedisServer),
    Postgres(PostgresServer),
}

impl Server {
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Redis(redis) => redis.url(),
            Self::Postgres(postgres) => postgres.url(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Redis(redis) => redis.port(),
            Self::Postgres(postgres) => postgres.port(),
        }
    }

    /// The same by way of another port.
    pub(crate) fn url_by(&self, port: u16) -> String {
        self.url().replace(&format!(":{}/", self.port()), &format!(":{port}/"))
    }

    /// Ends it as a crash does: what is shared is lost.
    pub(crate) fn kill(&mut self) {
        match self {
            Self::Redis(redis) => redis.kill(),
            Self::Postgres(postgres) => postgres.kill(),
        }
    }

    pub(crate) fn resume(&mut self) {
        match self {
            Self::Redis(redis) => redis.resume(),
            Self::Postgres(postgres) => postgres.resume(),
        }
    }

    pub(crate) fn hang(&self, hangs: bool) {
        match self {
            Self::Redis(redis) => redis.hang(hangs),
            Self::Postgres(postgres) => postgres.hang(hangs),
        }
    }
}

/// A gateway, and its one caller.
pub(crate) struct Node {
    pub(crate) counters: Arc<SharedCallCounters>,
    pub(crate) governance: Governance,
    pub(crate) caller: Arc<Principal>,
}

/// The counters of the server at this address.
pub(crate) async fn counters(url: &str, leases: CounterLeases) -> SharedCallCounters {
    let secret = Secret::new(url.to_owned());
    if url.starts_with("redis") {
        let (url, timeout) = (Some(secret), Duration::from_millis(300));
        let settings = RedisSettings { url, timeout, ..RedisSettings::default() };
        return SharedCallCounters::through_redis(&settings, leases).expect("a thread");
    }
    let settings = DatabaseSettings::new(secret);
    drop(Database::open(&settings).await.expect("it makes its tables"));
    SharedCallCounters::through_postgres(&settings, leases).expect("a thread")
}

pub(crate) fn short() -> CounterLeases {
    CounterLeases { slots: Duration::from_millis(900), holds: Duration::from_millis(900) }
}

impl Node {
    /// One whose key has these terms.
    pub(crate) async fn start(url: String, terms: &Terms, leases: CounterLeases) -> Self {
        let store = MemoryStore::default();
        store.insert(&[key(terms.clone())], &[]).await.expect("it is new");
        let directory: Arc<dyn Directory> = Arc::new(store);
        let counters = Arc::new(counters(&url, leases).await);
        let governance = Governance::new(GovernanceParts {
            master_key: Some(Secret::new("sk-master".to_owned())),
            directory,
            shared: Some(Arc::<SharedCallCounters>::clone(&counters)),
            without_shared: WithoutShared::Local,
            ..GovernanceParts::default()
        });
        let caller = governance.identify(Some(b"sk-one"), None).await.expect("a key");
        until("connected", || counters.is_connected()).await;
        Self { counters, governance, caller }
    }

    pub(crate) async fn admit(&self, cost: i64) -> Result<Admission, Refused> {
        self.governance.admit(&self.caller, &want(cost)).await
    }
}

pub(crate) async fn three(url: &str, terms: &Terms, leases: CounterLeases) -> [Node; 3] {
    let one = || Node::start(url.to_owned(), terms, leases);
    [one().await, one().await, one().await]
}

pub(crate) fn want(cost: i64) -> Want<'static> {
    let cost = Some(NanoDollars(cost));
    Want { model: "m", customer: None, tags: &[], tokens: 1, cost, at: Timestamp::now() }
}

pub(crate) fn key(terms: Terms) -> VirtualKey {
    llm_testkit::keys::key("sk-one", terms)
}

/// What the server has of the one budget: spent, and held.
pub(crate) async fn money(url: &str) -> (i64, i64) {
    if !url.starts_with("redis") {
        return money_of_postgres(url).await;
    }
    let client = redis::Client::open(url).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("it is there");
    let keys: Vec<String> =
        redis::cmd("KEYS").arg("*{calls}:key:*-*:").query_async(&mut connection).await.expect("keys");
    let [key] = keys.as_slice() else { panic!("one budget: {keys:?}") };
    let mut ask = redis::cmd("HMGET");
    ask.arg(key).arg("base").arg("since").arg("held");
    let is: Vec<Option<i64>> = ask.query_async(&mut connection).await.expect("numbers");
    let is = |at: usize| is[at].unwrap_or(0);
    (is(0) + is(1), is(2))
}

async fn money_of_postgres(url: &str) -> (i64, i64) {
    let settings = DatabaseSettings::new(Secret::new(url.to_owned()));
    let database = Database::connect(&settings).expect("an address");
    let text = "SELECT base + since AS spent, held, CAST((SELECT coalesce(sum(amount), 0) FROM llm_shared_holds \
                WHERE key = one.key) AS BIGINT) AS holds FROM llm_shared_counters AS one WHERE key LIKE 'key:%-%:'";
    let rows = database.query(text, &[]).await.expect("it is there");
    let [row] = rows.as_slice() else { panic!("one budget: {}", rows.len()) };
    let held = row.get("held").expect("a number");
    assert_eq!(held, row.get::<i64>("holds").expect("a number"), "what is held is the sum of the holds");
    (row.get("spent").expect("a number"), held)
}

/// Waits a few seconds at most.
pub(crate) async fn until(what: &str, happens: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !happens() {
        assert!(began.elapsed() < Duration::from_secs(15), "{what} does not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}
