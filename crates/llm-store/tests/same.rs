//! Counters in Redis and PostgreSQL answer as those in memory do that governance is tested with.
#![cfg(all(feature = "redis", feature = "postgres"))]

#[path = "../../llm-governance/tests/governance/counters.rs"]
#[expect(dead_code, reason = "governance's own tests look at more of it")]
mod counters;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use llm_core::Secret;
use llm_core::money::NanoDollars;
use llm_governance::{
    Period, Scope, SharedCounters, SharedLease, SharedLimit, SharedVerdict, SharedWant, Subject, Timestamp,
};
use llm_store::shared::{CounterLeases, SharedCallCounters};
use llm_store::{Database, DatabaseSettings, RedisSettings};
use llm_testkit::postgres::PostgresServer;
use llm_testkit::redis::RedisServer;
use proptest::collection::vec;
use proptest::prelude::*;

use counters::InMemory;

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    Reserve(Vec<SharedWant>),
    Raise(prop::sample::Index, Vec<SharedWant>),
    Settle(prop::sample::Index, u64, i64),
    Drop(prop::sample::Index),
}

fn limit(kind: usize, subject: usize, amount: u64) -> SharedLimit {
    let room = 40 + 10 * u64::try_from(subject).expect("a few");
    let money = |number: u64| NanoDollars(i64::try_from(number).expect("little"));
    let end = [Some(Timestamp::now().after(Duration::from_secs(86_400))), None][subject % 2];
    match kind {
        0 => SharedLimit::Requests { limit: room / 8 },
        1 => SharedLimit::Tokens { limit: room, amount, window: Duration::from_secs(60) },
        2 => SharedLimit::Tokens { limit: 2 * room, amount, window: Duration::from_secs(86_400) },
        3 => SharedLimit::Slot { limit: 3 },
        _ => SharedLimit::Budget {
            cap: (subject != 2).then(|| money(room)),
            amount: money(amount),
            period: Period {
                start: Timestamp(0),
                end: end.map(|end| Timestamp(end.0 / 86_400_000_000 * 86_400_000_000)),
            },
            known: NanoDollars(0),
        },
    }
}

fn wants() -> impl Strategy<Value = Vec<SharedWant>> {
    let one = (0usize..3, 0usize..5, 0u64..25);
    vec(one, 1..6).prop_map(|all| {
        let mut wants: Vec<SharedWant> = Vec::new();
        for (subject, kind, amount) in all {
            let of = limit(kind, subject, amount);
            let (subject, model) = (Subject::new(Scope::Key, format!("k{subject}")), None);
            let is_same = |one: &SharedWant| {
                one.subject == subject && std::mem::discriminant(&one.of) == std::mem::discriminant(&of)
            };
            if !wants.iter().any(is_same) {
                wants.push(SharedWant { subject, model, of });
            }
        }
        wants
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => wants().prop_map(Step::Reserve),
        2 => (any::<prop::sample::Index>(), wants()).prop_map(|(at, wants)| Step::Raise(at, wants)),
        2 => (any::<prop::sample::Index>(), 0u64..30, 0i64..30)
            .prop_map(|(at, tokens, cost)| Step::Settle(at, tokens, cost)),
        1 => any::<prop::sample::Index>().prop_map(Step::Drop),
    ]
}

/// What is to be compared of an answer.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Granted(Vec<u64>),
    Refused(usize, u64),
    Unknown,
}

fn said<L>(verdict: &SharedVerdict<L>, wants: &[SharedWant]) -> Said {
    let is_capped = |want: &SharedWant| !matches!(want.of, SharedLimit::Budget { cap: None, .. });
    match verdict {
        SharedVerdict::Granted { left, .. } => {
            assert_eq!(left.len(), wants.len());
            let all = left.iter().zip(wants).filter(|(_, want)| is_capped(want));
            Said::Granted(all.map(|(left, _)| *left).collect())
        }
        SharedVerdict::Refused { index, left, .. } => Said::Refused(*index, *left),
        SharedVerdict::Unknown => Said::Unknown,
    }
}

async fn run(steps: Vec<Step>, shared: &SharedCallCounters, memory: &InMemory) {
    let mut leases: Vec<(Box<dyn SharedLease>, Box<dyn SharedLease>)> = Vec::new();
    for step in steps {
        match step {
            Step::Reserve(wants) => {
                let (one, other) = (shared.reserve(&wants).await, memory.reserve(&wants).await);
                assert_eq!(said(&one, &wants), said(&other, &wants), "{wants:?}");
                if let (SharedVerdict::Granted { lease, .. }, SharedVerdict::Granted { lease: other, .. }) =
                    (one, other)
                {
                    leases.push((lease, other));
                }
            }
            _ if leases.is_empty() => {}
            Step::Raise(at, wants) => {
                let at = at.index(leases.len());
                let (one, other) = &mut leases[at];
                let (one, other) = (one.raise(&wants).await, other.raise(&wants).await);
                assert_eq!(said(&one, &wants), said(&other, &wants), "raised: {wants:?}");
            }
            Step::Settle(at, tokens, cost) => {
                let (mut one, mut other) = leases.swap_remove(at.index(leases.len()));
                one.settle(tokens, NanoDollars(cost));
                other.settle(tokens, NanoDollars(cost));
            }
            Step::Drop(at) => drop(leases.swap_remove(at.index(leases.len()))),
        }
    }
}

fn compare(cases: u32, server: &mut dyn FnMut(usize) -> SharedCallCounters) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let server = std::cell::RefCell::new(server);
    proptest!(config, |(steps in vec(step(), 1..40))| {
        let counters = (server.borrow_mut())(NEXT.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            while !counters.is_connected() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            run(steps, &counters, &InMemory::default()).await;
        });
    });
}

#[test]
fn counters_in_redis_answer_as_those_in_memory() {
    let Some(redis) = RedisServer::start("counters_in_redis_answer_as_those_in_memory") else { return };
    compare(100, &mut |number| {
        let (url, timeout) = (Some(Secret::new(redis.url())), Duration::from_secs(2));
        let settings =
            RedisSettings { url, timeout, prefix: format!("case{number}"), ..RedisSettings::default() };
        SharedCallCounters::through_redis(&settings, CounterLeases::default()).expect("a thread")
    });
}

#[test]
fn counters_in_postgres_answer_as_those_in_memory() {
    let test = "counters_in_postgres_answer_as_those_in_memory";
    let Some(postgres) = PostgresServer::start(test) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let whole = DatabaseSettings::new(Secret::new(postgres.url()));
    let database = runtime.block_on(Database::open(&whole)).expect("it makes its tables");
    compare(60, &mut |number| {
        // Each case has a schema of its own.
        let schema = format!("case{number}");
        let made = runtime.block_on(database.execute(&format!("CREATE SCHEMA {schema}"), &[]));
        made.expect("it is new");
        let settings = DatabaseSettings::new(Secret::new(format!("{}?schema={schema}", postgres.url())));
        drop(runtime.block_on(Database::open(&settings)).expect("it makes its tables"));
        SharedCallCounters::through_postgres(&settings, CounterLeases::default()).expect("a thread")
    });
}
