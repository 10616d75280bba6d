//! Three gateways that share a PostgreSQL and a Redis: what holds for one holds for all of them together, and what goes
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

use crate::money::{Answer, Node, chat, folder};

const PATH: &str = "/v1/chat/completions";

/// Three gateways with folders of their own.
fn three(test: &str, postgres: &PostgresServer, redis: &RedisServer) -> Vec<Node> {
    let shared = [("DATABASE_URL", postgres.url()), ("REDIS_URL", redis.url())];
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
    let nodes = three("shared", &postgres, &redis);
    let free = nodes[0].key(&json!({}));
    let cost = nodes[0].post(PATH, &free, &chat("one")).expect("it answers").cost();
    let cap = NanoDollars(cost.0 * 50);
    let dollars: f64 = cap.to_string().parse().expect("a number");

    let capped = nodes[0].key(&json!({"max_budget": dollars}));
    let answers = ask(&nodes, &capped, 23);
    let spent: i64 = answers.iter().filter(|one| one.status == 200).map(|one| one.cost().0).sum();
    let served = count(&answers, 200);
    assert!((20..=50).contains(&served) && spent <= cap.0, "{served} were served for {spent} of {}", cap.0);
    assert_eq!(served + count(&answers, 422), 9 * 23);

    let limited = nodes[1].key(&json!({"rpm_limit": 40}));
    let answers = ask(&nodes, &limited, 12);
    assert_eq!((count(&answers, 200), count(&answers, 429)), (40, 9 * 12 - 40));
}

#[test]
fn stores_that_go_away_fail_no_call_of_who_is_known_and_lose_no_row() {
    let test = "stores_that_go_away_fail_no_call_of_who_is_known_and_lose_no_row";
    let Some((mut postgres, mut redis)) = servers(test) else { return };
    let nodes = three("outage", &postgres, &redis);
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
