//! What an administrator changes at one gateway holds at the other within a second.

use std::time::{Duration, Instant};

use llm_testkit::postgres::PostgresServer;
use llm_testkit::redis::RedisServer;
use serde_json::{Value, json};

use crate::asks::eventually;
use crate::money::{Node, chat, folder};

/// Two gateways that share a PostgreSQL and a Redis.
fn two(test: &str, postgres: &PostgresServer, redis: &RedisServer) -> [Node; 2] {
    let shared = [("DATABASE_URL", postgres.url()), ("REDIS_URL", redis.url())];
    [0, 1].map(|number| Node::with(&folder(&format!("{test}-{number}")), &shared))
}

/// Waits until a key's calls end with a status at a gateway: less than a second.
fn soon(node: &Node, key: &str, body: &Value, status: u16, what: &str) {
    let begun = Instant::now();
    eventually(what, || (node.ask(key, body).status == status).then_some(()));
    assert!(begun.elapsed() < Duration::from_secs(1), "{what} after {:?}", begun.elapsed());
}

#[test]
fn what_is_changed_at_one_gateway_holds_at_the_other() {
    let test = "what_is_changed_at_one_gateway_holds_at_the_other";
    let (Some(postgres), Some(redis)) = (PostgresServer::start(test), RedisServer::start(test)) else {
        return;
    };
    let [here, there] = two("notices", &postgres, &redis);
    let asked = chat("one");
    let key = here.key(&json!({"key_alias": "shared"}));
    let known =
        |key: &str| assert_eq!((here.ask(key, &asked).status, there.ask(key, &asked).status), (200, 200));
    known(&key);
    here.manage("/key/block", &json!({"key": key}));
    assert_eq!(here.ask(&key, &asked).status, 401, "at once");
    soon(&there, &key, &asked, 401, "a block");
    there.manage("/key/unblock", &json!({"key": key}));
    soon(&here, &key, &asked, 200, "an end of it");

    here.manage("/key/update", &json!({"key": key, "max_budget": 0.000001}));
    assert_eq!(here.ask(&key, &asked).status, 422, "at once");
    soon(&there, &key, &asked, 422, "a budget");
    there.manage("/key/update", &json!({"key": key, "max_budget": 100}));
    soon(&here, &key, &asked, 200, "a higher one");
    here.manage("/key/update", &json!({"key": key, "models": ["other"]}));
    soon(&there, &key, &asked, 403, "models");
    here.manage("/key/delete", &json!({"keys": [key]}));
    soon(&there, &key, &asked, 401, "a key that is deleted");

    here.manage("/team/new", &json!({"team_id": "red"}));
    let of_team = there.key(&json!({"team_id": "red"}));
    known(&of_team);
    there.manage("/team/block", &json!({"team_id": "red"}));
    soon(&here, &of_team, &asked, 401, "a team's block");
    let of_all = here.key(&json!({}));
    let mut of_customer = asked.clone();
    of_customer["user"] = json!("shop");
    assert_eq!(there.ask(&of_all, &of_customer).status, 200);
    here.manage("/customer/new", &json!({"user_id": "shop", "max_budget": 0.000001}));
    soon(&there, &of_all, &of_customer, 422, "a customer's budget");
}

#[test]
fn a_budget_is_one_for_both_gateways_and_changes_for_both() {
    let test = "a_budget_is_one_for_both_gateways_and_changes_for_both";
    let (Some(postgres), Some(redis)) = (PostgresServer::start(test), RedisServer::start(test)) else {
        return;
    };
    let nodes = two("one-budget", &postgres, &redis);
    let asked = chat("one");
    let free = nodes[0].key(&json!({}));
    let cost: f64 = nodes[0].ask(&free, &asked).cost().to_string().parse().expect("a number");
    let key = nodes[0].key(&json!({"max_budget": cost * 5.5}));
    let mut served: u8 = 0;
    let turn = |turn: u8| nodes[usize::from(turn % 2)].ask(&key, &asked).status;
    while turn(served) == 200 {
        served += 1;
        assert!(served <= 5, "the budget is passed");
    }
    assert!(served >= 2, "{served}");
    nodes[1].manage("/key/update", &json!({"key": key, "max_budget": cost * 20.5}));
    soon(&nodes[0], &key, &asked, 200, "a higher budget");
    // The call that was waited for is one more.
    served += 1;
    while turn(served) == 200 {
        served += 1;
        assert!(served <= 20, "the higher budget is passed");
    }
    assert!(served >= 10, "{served}");
}
