//! Several gateways and a real Redis or PostgreSQL: limits and budgets of callers are exact together.
#![cfg(all(feature = "redis", feature = "postgres"))]

#[path = "common/callers.rs"]
mod callers;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use llm_core::money::NanoDollars;
use llm_governance::{Lacking, Scope, SharedCounters, Subject, Terms};
use llm_store::shared::CounterLeases;
use llm_testkit::postgres::PostgresServer;
use llm_testkit::redis::RedisServer;

use callers::{Node, Server, money, short, three, until, want};

fn budget(of: i64) -> Terms {
    Terms { max_budget: Some(NanoDollars(of)), ..Terms::default() }
}

/// What is settled is told on the side.
async fn told() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

async fn two_hundred_calls_on_a_budget_for_fifty_never_pass_it(server: Server) {
    let nodes = three(&server.url(), &budget(500), CounterLeases::default()).await;
    let first = nodes[0].admit(10).await.expect("there is room");
    drop(first);
    let calls = (0..200).map(|number| {
        let node = &nodes[number % 3];
        async move {
            let Ok(mut call) = node.admit(10).await else { return 0 };
            tokio::time::sleep(Duration::from_millis(5)).await;
            call.settle(NanoDollars(10), 1);
            1
        }
    });
    let url = server.url();
    let watch = tokio::spawn(async move {
        for _ in 0..20 {
            let (spent, held) = money(&url).await;
            assert!(spent + held <= 500, "{spent} and {held}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let served: i32 = join_all(calls).await.into_iter().sum();
    told().await;
    assert!(served <= 50, "{served}");
    watch.await.expect("never passed");
    while let Ok(mut call) = nodes[1].admit(10).await {
        call.settle(NanoDollars(10), 1);
    }
    told().await;
    assert_eq!(money(&server.url()).await, (500, 0));
}

async fn three_gateways_admit_exactly_so_many_requests_a_minute(server: Server) {
    let terms = Terms { rpm_limit: Some(100), ..Terms::default() };
    let nodes = three(&server.url(), &terms, CounterLeases::default()).await;
    let calls = nodes.iter().flat_map(|node| (0..90).map(|_| node.admit(1)));
    let outcomes = join_all(calls).await;
    assert_eq!(outcomes.iter().filter(|one| one.is_ok()).count(), 100);
    let refused = outcomes.into_iter().find_map(Result::err).expect("most are");
    let refusal = refused.refusal().expect("a limit");
    assert_eq!(refusal.lack, Lacking::Requests { limit: 100 });
    let wait = refusal.at.until(refusal.until.expect("known"));
    assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(61), "{wait:?}");
}

async fn a_call_goes_on_dearer_takes_what_is_left_and_settles_to_the_truth(server: Server) {
    let terms = Terms { rpm_limit: Some(2), tpm_limit: Some(1_000), tpd_limit: Some(2_000), ..budget(100) };
    let [one, other, _] = three(&server.url(), &terms, CounterLeases::default()).await;
    let mut call = one.admit(20).await.expect("there is room");
    let other_call = other.admit(50).await.expect("there is room");
    one.governance.raise(&mut call, &want(60), None).await.expect_err("50 and 60");
    assert_eq!((money(&server.url()).await, call.held()), ((0, 70), Some(NanoDollars(20))));
    drop(other_call);
    told().await;
    one.governance.raise(&mut call, &want(60), None).await.expect("60 of 100");
    assert_eq!(money(&server.url()).await, (0, 60), "going on is no request");
    call.settle(NanoDollars(55), 700);
    told().await;
    assert_eq!(money(&server.url()).await, (55, 0));
    let refused = other.admit(1).await.expect_err("three in a minute");
    assert_eq!(refused.refusal().expect("a limit").lack, Lacking::Requests { limit: 2 });
    let left: Vec<u64> = refused.refusal().expect("a limit").limits.iter().map(|one| one.left).collect();
    assert!(!left.is_empty());
}

async fn tokens_of_calls_elsewhere_count_as_they_were_used(server: Server) {
    let terms = Terms { tpm_limit: Some(1_000), ..Terms::default() };
    let [one, other, _] = three(&server.url(), &terms, CounterLeases::default()).await;
    let tokens = |tokens| llm_governance::Want { tokens, ..want(0) };
    let mut call = one.governance.admit(&one.caller, &tokens(900)).await.expect("there is room");
    let refused = other.governance.admit(&other.caller, &tokens(200)).await.expect_err("900 and 200");
    let lack = refused.refusal().expect("a limit").lack;
    assert_eq!(lack, Lacking::Tokens { limit: 1_000, left: 100, wanted: 200, is_daily: false });
    call.settle(NanoDollars(0), 300);
    told().await;
    let held = other.governance.admit(&other.caller, &tokens(700)).await.expect("600 came back");
    assert!(one.governance.admit(&one.caller, &tokens(1)).await.is_err());
    drop(held);
}

async fn what_a_gateway_that_is_gone_had_comes_back_and_what_it_spent_stays(server: Server) {
    let terms = Terms { max_parallel_requests: Some(2), ..budget(100) };
    let (port, cut) = way_to(server.port(), Duration::ZERO).await;
    let way = server.url_by(port);
    let node = Node::start(server.url(), &terms, short()).await;
    let gone = Node::start(way, &terms, short()).await;
    gone.admit(30).await.expect("room").settle(NanoDollars(30), 1);
    let _held = (gone.admit(30).await.expect("room"), gone.admit(40).await.expect("room"));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(money(&server.url()).await, (30, 70), "they are renewed");
    assert!(node.admit(0).await.is_err(), "two are under way");
    cut.abort();
    let began = Instant::now();
    let call = loop {
        match node.admit(70).await {
            Ok(call) => break call,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        assert!(began.elapsed() < Duration::from_secs(5), "nothing comes back");
    };
    assert_eq!(money(&server.url()).await, (30, 70));
    drop(call);
}

async fn a_slow_server_and_a_slow_first_connection_are_waited_for(server: Server) {
    let (port, _way) = way_to(server.port(), Duration::from_millis(300)).await;
    let node = Node::start(server.url_by(port), &budget(100), CounterLeases::default()).await;
    let _first = node.admit(10).await.expect("there is room");
    assert_eq!(money(&server.url()).await, (0, 10), "it did not go by what it knows");
    server.hang(true);
    let later = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.hang(false);
    };
    let (second, ()) = tokio::join!(node.admit(10), later);
    let _second = second.expect("there is room");
    assert_eq!(money(&server.url()).await, (0, 20), "nor did it when the answer was late");
}

/// A way to a port of this machine that can be cut, and is so long.
async fn way_to(port: u16, long: Duration) -> (u16, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let way_port = listener.local_addr().expect("an address").port();
    let way = tokio::spawn(async move {
        let mut all = tokio::task::JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            all.spawn(async move {
                tokio::time::sleep(long).await;
                let mut server = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("there");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (way_port, way)
}

async fn a_server_that_hangs_dies_and_comes_back_empty_under_load_fails_no_call_and_loses_no_money(
    mut server: Server,
) {
    let terms = Terms { rpm_limit: Some(1_000_000), max_parallel_requests: Some(1_000), ..budget(1 << 40) };
    let nodes = Arc::new(three(&server.url(), &terms, short()).await);
    let (spent, stop) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let load: Vec<_> = (0..3)
        .map(|number| {
            let (nodes, spent, stop) = (Arc::clone(&nodes), Arc::clone(&spent), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut slowest = Duration::ZERO;
                while stop.load(SeqCst) == 0 {
                    let began = Instant::now();
                    let mut call = nodes[number].admit(10).await.expect("there is room for all");
                    slowest = slowest.max(began.elapsed());
                    tokio::time::sleep(Duration::from_millis(3)).await;
                    call.settle(NanoDollars(7), 1);
                    spent.fetch_add(7, SeqCst);
                }
                slowest
            })
        })
        .collect();
    let are = async |connected: bool| {
        for node in nodes.iter() {
            until("a change of the connection", || node.counters.is_connected() == connected).await;
        }
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.hang(true);
    are(false).await;
    server.hang(false);
    are(true).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.kill();
    are(false).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.resume();
    are(true).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(1, SeqCst);
    for one in load {
        let slowest = one.await.expect("no call failed");
        assert!(slowest < Duration::from_secs(4), "a server that hangs is waited for once: {slowest:?}");
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    drop(nodes[0].admit(1).await.expect("room"));
    told().await;
    let (truth, (known, held)) = (spent.load(SeqCst), money(&server.url()).await);
    assert!(truth > 500 * 7, "{truth}");
    assert_eq!(held, 0, "what nobody heard of is over");
    // A settlement whose answer was lost with the server may have been told to somebody else before.
    assert!(known >= truth && known <= truth + 3 * 7, "{known} of {truth}");
}

async fn what_is_settled_while_the_server_hangs_is_booked_once(server: Server) {
    let nodes = three(&server.url(), &budget(1 << 40), CounterLeases::default()).await;
    let calls = nodes.iter().flat_map(|node| (0..60).map(|_| node.admit(10)));
    let calls = join_all(calls).await;
    assert_eq!(money(&server.url()).await, (0, 1_800));
    server.hang(true);
    for call in calls {
        call.expect("room").settle(NanoDollars(7), 1);
    }
    for node in &nodes {
        until("gone", || !node.counters.is_connected()).await;
        node.admit(10).await.expect("its own numbers").settle(NanoDollars(5), 1);
    }
    // It does now what it was told before, and is told it again.
    server.hang(false);
    for node in &nodes {
        until("back", || node.counters.is_connected()).await;
    }
    assert_eq!(money(&server.url()).await, (180 * 7 + 3 * 5, 0));
}

async fn a_server_that_comes_back_empty_goes_on_where_it_was(mut server: Server) {
    let nodes = three(&server.url(), &budget(100), CounterLeases::default()).await;
    for (node, cost) in nodes.iter().zip([30, 20, 10]) {
        node.admit(cost).await.expect("room").settle(NanoDollars(cost), 1);
        told().await;
    }
    server.kill();
    for node in &nodes {
        until("gone", || !node.counters.is_connected()).await;
    }
    nodes[0].admit(5).await.expect("its own numbers").settle(NanoDollars(5), 1);
    server.resume();
    for node in &nodes {
        until("back", || node.counters.is_connected()).await;
    }
    // The first gateway has heard of 30, the last one of 60.
    drop(nodes[0].admit(1).await.expect("room"));
    told().await;
    nodes[2].admit(40).await.expect_err("35 are left");
    drop(nodes[2].admit(35).await.expect("35 are left"));
    told().await;
    assert_eq!(money(&server.url()).await, (65, 0));
    nodes[0].admit(36).await.expect_err("35 are left");
}

async fn a_clamped_call_takes_what_others_leave_and_every_key_expires(server: Server) {
    let terms = Terms {
        rpm_limit: Some(9),
        tpm_limit: Some(1_000),
        tpd_limit: Some(2_000),
        max_parallel_requests: Some(3),
        budget_duration: llm_governance::BudgetDuration::parse("30d"),
        ..budget(100)
    };
    let [one, other, _] = three(&server.url(), &terms, CounterLeases::default()).await;
    let _holds = one.admit(60).await.expect("there is room");
    let within =
        async |least| other.governance.admit_within(&other.caller, &want(60), Some(NanoDollars(least))).await;
    within(41).await.expect_err("40 are left");
    let clamped = within(10).await.expect("a shorter one");
    assert_eq!(clamped.held(), Some(NanoDollars(40)));
    within(1).await.expect_err("nothing is left");

    if let Server::Redis(redis) = &server {
        every_key_expires(redis);
    }
}

fn every_key_expires(redis: &RedisServer) {
    let client = redis::Client::open(redis.url()).expect("an address");
    let mut connection = client.get_connection().expect("it is there");
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).expect("keys");
    assert_eq!(keys.len(), 6 + 3, "four of limits, two of money, one of each gateway: {keys:?}");
    for key in &keys {
        let left: i64 = redis::cmd("PTTL").arg(key).query(&mut connection).expect("a number");
        assert!(key.starts_with("llm:{calls}:") && left > 0, "{key}: {left}");
        assert!(left <= 31 * 86_400_000, "{key}: {left}");
    }
}

async fn what_was_spent_is_corrected_for_all(server: Server) {
    let nodes = three(&server.url(), &budget(100), CounterLeases::default()).await;
    let mut held = nodes[1].admit(15).await.expect("room");
    for node in &nodes {
        node.admit(20).await.expect("room").settle(NanoDollars(20), 1);
        told().await;
    }
    nodes[0].admit(60).await.expect_err("25 are left");
    let key = nodes[0].caller.key().expect("a key");
    let subject = Subject::new(Scope::Key, key.hex());
    for node in &nodes {
        node.governance.forget(&llm_governance::Changed::Spent(subject.clone()));
        node.counters.forget(&subject);
    }
    told().await;
    let again = |node: usize| nodes[node].governance.identify(Some(b"sk-one"), None);
    let caller = again(0).await.expect("a key");
    let mut call = nodes[0].governance.admit(&caller, &want(60)).await.expect("nothing was spent");
    assert_eq!(money(&server.url()).await, (0, 75), "what is held stays");
    call.settle(NanoDollars(60), 1);
    held.settle(NanoDollars(15), 1);
    told().await;
    assert_eq!(money(&server.url()).await, (75, 0));
}

macro_rules! through_each_server {
    ($($name:ident),* $(,)?) => {
        mod through_redis {
            use super::{RedisServer, Server};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let Some(server) = RedisServer::start(stringify!($name)) else { return };
                super::$name(Server::Redis(server)).await;
            })*
        }

        mod through_postgres {
            use super::{PostgresServer, Server};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let Some(server) = PostgresServer::start(stringify!($name)) else { return };
                super::$name(Server::Postgres(server)).await;
            })*
        }
    };
}

through_each_server!(
    two_hundred_calls_on_a_budget_for_fifty_never_pass_it,
    three_gateways_admit_exactly_so_many_requests_a_minute,
    a_call_goes_on_dearer_takes_what_is_left_and_settles_to_the_truth,
    tokens_of_calls_elsewhere_count_as_they_were_used,
    what_a_gateway_that_is_gone_had_comes_back_and_what_it_spent_stays,
    a_slow_server_and_a_slow_first_connection_are_waited_for,
    a_server_that_hangs_dies_and_comes_back_empty_under_load_fails_no_call_and_loses_no_money,
    what_is_settled_while_the_server_hangs_is_booked_once,
    a_server_that_comes_back_empty_goes_on_where_it_was,
    a_clamped_call_takes_what_others_leave_and_every_key_expires,
    what_was_spent_is_corrected_for_all,
);

/// What a round trip costs. Run with `--ignored --nocapture --test-threads=1` in a release build.
#[expect(clippy::print_stdout, reason = "the figures are the result")]
async fn measured(server: Server) {
    let terms = Terms {
        rpm_limit: Some(10_000_000),
        tpm_limit: Some(1_000_000_000),
        max_parallel_requests: Some(1_000),
        ..budget(1 << 50)
    };
    let node = Node::start(server.url(), &terms, CounterLeases::default()).await;
    let mut all = Vec::new();
    for _ in 0..3_000 {
        let began = Instant::now();
        let mut call = node.admit(10).await.expect("room");
        all.push(began.elapsed());
        call.settle(NanoDollars(10), 1);
    }
    all.sort_unstable();
    println!("alone: half {:?}, 99 of 100 {:?}", all[1_500], all[2_970]);
    let began = Instant::now();
    for _ in 0..100 {
        join_all((0..200).map(|_| node.admit(10))).await.into_iter().for_each(|call| {
            call.expect("room").settle(NanoDollars(10), 1);
        });
    }
    println!("200 at a time: {:.0} calls a second", 20_000.0 / began.elapsed().as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn figures_of_redis() {
    let Some(server) = RedisServer::start("figures_of_redis") else { return };
    measured(Server::Redis(server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn figures_of_postgres() {
    let Some(server) = PostgresServer::start("figures_of_postgres") else { return };
    measured(Server::Postgres(server)).await;
}
