//! Three gateways that share a PostgreSQL and a Redis, or a PostgreSQL alone: what holds for one holds for all of them together, and what goes
//! away comes back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use llm_core::Secret;
use llm_core::money::NanoDollars;
use llm_governance::{Directory as _, Period, Reports as _, Spent, Subject};
use llm_store::{Books, Database, DatabaseSettings, Entities};
use llm_testkit::postgres::PostgresServer;
use llm_testkit::redis::RedisServer;
use parking_lot::Mutex;
use serde_json::json;

use crate::money::{Answer, MASTER, Node, chat, folder};

const PATH: &str = "/v1/chat/completions";

/// Three gateways with folders of their own.
fn three(test: &str, postgres: &PostgresServer, redis: Option<&RedisServer>) -> Vec<Node> {
    let mut shared = vec![("DATABASE_URL", postgres.url())];
    shared.extend(redis.map(|redis| ("REDIS_URL", redis.url())));
    (0..3).map(|number| Node::with(&folder(&format!("{test}-{number}")), &shared)).collect()
}

fn servers(test: &str) -> Option<(PostgresServer, RedisServer)> {
    Some((PostgresServer::start(test)?, RedisServer::start(test)?))
}

/// Asks all gateways at once, `each` times by each of nine clients.
fn ask(nodes: &[Node], key: &str, each: usize) -> Vec<Answer> {
    let answers = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for client in 0..9 {
            let (answers, node) = (&answers, &nodes[client % nodes.len()]);
            scope.spawn(move || {
                for _ in 0..each {
                    let answer = node.post(PATH, key, &chat("one")).expect("it answers");
                    answers.lock().push(answer);
                }
            });
        }
    });
    answers.into_inner()
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[test]
fn three_gateways_pass_no_budget_and_no_rate() {
    let Some((postgres, redis)) = servers("three_gateways_pass_no_budget_and_no_rate") else { return };
    pass_no_budget_and_no_rate(&three("shared", &postgres, Some(&redis)));
}

fn pass_no_budget_and_no_rate(nodes: &[Node]) {
    let free = nodes[0].key(&json!({}));
    let cost = nodes[0].post(PATH, &free, &chat("one")).expect("it answers").cost();
    let cap = NanoDollars(cost.0 * 50);
    let dollars: f64 = cap.to_string().parse().expect("a number");

    let capped = nodes[0].key(&json!({"max_budget": dollars}));
    let answers = ask(nodes, &capped, 23);
    let spent: i64 = answers.iter().filter(|one| one.status == 200).map(|one| one.cost().0).sum();
    let served = count(&answers, 200);
    assert!((20..=50).contains(&served) && spent <= cap.0, "{served} were served for {spent} of {}", cap.0);
    assert_eq!(served + count(&answers, 422), 9 * 23);

    let limited = nodes[1].key(&json!({"rpm_limit": 40}));
    let answers = ask(nodes, &limited, 12);
    assert_eq!((count(&answers, 200), count(&answers, 429)), (40, 9 * 12 - 40));
}

#[test]
fn stores_that_go_away_fail_no_call_of_who_is_known_and_lose_no_row() {
    let test = "stores_that_go_away_fail_no_call_of_who_is_known_and_lose_no_row";
    let Some((mut postgres, mut redis)) = servers(test) else { return };
    let nodes = three("outage", &postgres, Some(&redis));
    let key = nodes[0].key(&json!({"max_budget": 100, "rpm_limit": 100_000}));
    assert_eq!(count(&ask(&nodes, &key, 1), 200), 9, "every gateway knows the key");
    let (asked, cost) = (AtomicUsize::new(9), Mutex::new(0));
    let ask_all = |what: &str| {
        let answers = ask(&nodes, &key, 5);
        let wrong = answers.iter().find(|answer| answer.status != 200);
        assert!(wrong.is_none(), "{what}: {}", wrong.map_or("", |answer| answer.body.as_str()));
        asked.fetch_add(answers.len(), Ordering::Relaxed);
        *cost.lock() += answers.iter().map(|answer| answer.cost().0).sum::<i64>();
    };
    postgres.kill();
    ask_all("without postgres");
    redis.kill();
    ask_all("without either");
    postgres.resume();
    ask_all("without redis");
    redis.resume();
    ask_all("with both");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let booked = runtime.block_on(booked(&postgres, asked.load(Ordering::Relaxed)));
    assert_eq!(booked.0, asked.load(Ordering::Relaxed), "rows");
    assert!(booked.1 >= *cost.lock(), "what was spent is booked");
}

#[test]
fn three_gateways_that_share_a_postgres_alone_pass_no_budget_and_no_rate_and_tell_each_other_of_changes() {
    let test = "three_gateways_that_share_a_postgres_alone";
    let Some(postgres) = PostgresServer::start(test) else { return };
    let nodes = three("alone", &postgres, None);
    pass_no_budget_and_no_rate(&nodes);

    let key = nodes[0].key(&json!({}));
    assert_eq!(count(&ask(&nodes, &key, 1), 200), 9, "every gateway knows the key");
    let blocked = nodes[0].post("/key/block", MASTER, &json!({"key": key})).expect("it answers");
    assert_eq!(blocked.status, 200, "{}", blocked.body);
    let began = Instant::now();
    for node in &nodes[1..] {
        while node.post(PATH, &key, &chat("one")).expect("it answers").status == 200 {
            assert!(began.elapsed() < Duration::from_secs(1), "the others do not hear of it");
        }
    }
}

#[test]
fn a_postgres_that_stops_and_starts_fails_no_call_of_who_is_known_and_loses_and_doubles_nothing() {
    let test = "a_postgres_that_stops_and_starts_fails_no_call_of_who_is_known_and_loses_and_doubles_nothing";
    let Some(mut postgres) = PostgresServer::start(test) else { return };
    let nodes = three("alone-outage", &postgres, None);
    let free = nodes[0].key(&json!({}));
    let price = nodes[0].post(PATH, &free, &chat("one")).expect("it answers").cost();
    let dollars: f64 = NanoDollars(price.0 * 100).to_string().parse().expect("a number");
    let key = nodes[0].key(&json!({"max_budget": dollars, "rpm_limit": 100_000}));
    let served = AtomicUsize::new(0);
    let ask_all = |each: usize, what: &str| {
        let answers = ask(&nodes, &key, each);
        let wrong = answers.iter().find(|answer| answer.status != 200);
        assert!(wrong.is_none(), "{what}: {}", wrong.map_or("", |answer| answer.body.as_str()));
        served.fetch_add(answers.len(), Ordering::Relaxed);
    };
    ask_all(1, "at first");
    postgres.stop();
    ask_all(1, "while it is stopped");
    postgres.resume();
    thread::park_timeout(Duration::from_secs(3));
    ask_all(1, "when it is back");
    // What is shared is not written ahead: after a crash it begins with the ledger and what gateways had heard.
    thread::park_timeout(Duration::from_secs(2));
    postgres.kill();
    ask_all(1, "while it is gone");
    postgres.resume();
    thread::park_timeout(Duration::from_secs(4));
    let rest = ask(&nodes, &key, 12);
    let spent = served.load(Ordering::Relaxed) + count(&rest, 200);
    assert!((90..=100).contains(&spent), "{spent} calls on a budget for 100");
    assert_eq!(count(&rest, 200) + count(&rest, 422), rest.len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // Those that were refused leave a row as well.
    let all = 1 + served.load(Ordering::Relaxed) + rest.len();
    let (rows, cost) = runtime.block_on(booked(&postgres, all));
    assert_eq!(rows, all, "each call leaves one row");
    assert_eq!(cost, price.0 * i64::try_from(spent + 1).expect("a few"), "each call is booked once");
}

/// How many rows there are in the end, and what all of them cost by the counters; waits until all gateways have booked.
async fn booked(postgres: &PostgresServer, wanted: usize) -> (usize, i64) {
    let url = Secret::new(postgres.url());
    let database = Database::open(&DatabaseSettings::new(url)).await.expect("it is back");
    let (books, entities) = (Books::new(database.clone()), Entities::new(database));
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let query = llm_governance::RowQuery { limit: 1_000, ..llm_governance::RowQuery::default() };
        let rows = books.rows(&query).await.expect("an answer").rows;
        if rows.len() >= wanted || Instant::now() > patience {
            let subject = Subject::global();
            let mut spent = [Spent { subject, model: None, period: Period::EVER, amount: NanoDollars(0) }];
            entities.spent(&mut spent).await.expect("an answer");
            assert_eq!(spent[0].amount.0, rows.iter().map(|row| row.cost.0).sum::<i64>());
            return (rows.len(), spent[0].amount.0);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
