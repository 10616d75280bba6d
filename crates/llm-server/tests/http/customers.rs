//! Customers and tags that calls name: whose budget and limits they are, and what they spend.

use serde_json::{Value, json};

use crate::asks::nanos;
use crate::money::{MASTER, Node, chat, folder, send};

const CONFIG: &str = "
model_list:
  - model_name: one
    litellm_params: {model: mock/echo, input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}
general_settings:
  master_key: sk-master-of-the-tests
  user_header_mappings: [{header_name: x-my-customer, litellm_user_role: customer}]
";

/// A request for a customer.
fn of_customer(name: &str) -> Value {
    let mut body = chat("one");
    body["user"] = json!(name);
    body
}

/// What a chat costs here, in dollars.
fn cost(node: &Node, key: &str) -> f64 {
    node.ask(key, &chat("one")).cost().to_string().parse().expect("a number")
}

/// The status of a request that names a customer in a header.
fn by_header(node: &Node, key: &str, header: &str, name: &str) -> u16 {
    // A header more, behind the path's version: the client of these tests has no place for one.
    let what = format!("POST /v1/chat/completions HTTP/1.1\r\n{header}: {name}\r\nx-rest:");
    send(&node.address, &what, key, &chat("one")).expect("it answers").status
}

#[test]
fn a_customer_spends_until_its_budget_is_used_up_whoever_asks_for_it() {
    let folder = folder("customer-budget");
    let node = Node::start_with(&folder, CONFIG);
    let (one, other) = (node.key(&json!({})), node.key(&json!({})));
    let cost = cost(&node, &one);
    // What is held for a call is more than what it costs: there is room for three, and not for five.
    let made =
        node.manage("/customer/new", &json!({"user_id": "shop", "alias": "Shop", "max_budget": cost * 4.5}));
    assert_eq!(made["user_id"], "shop", "{made}");
    let mut served = 0;
    let refused = loop {
        let answer = node.ask(if served % 2 == 0 { &one } else { &other }, &of_customer("shop"));
        if answer.status != 200 {
            break answer;
        }
        served += 1;
        assert!(served < 5, "the budget is passed");
    };
    assert!(served >= 2, "{served}");
    assert_eq!(refused.json()["error"]["type"], "budget_exceeded", "{}", refused.body);
    assert!(refused.body.contains("shop"), "{}", refused.body);
    node.manage("/customer/update", &json!({"user_id": "shop", "max_budget": cost}));
    for header in ["x-litellm-end-user-id", "x-litellm-customer-id", "x-my-customer"] {
        assert_eq!(by_header(&node, &one, header, "shop"), 422, "{header}");
        assert_eq!(by_header(&node, &one, header, "somebody-else"), 200, "{header}");
    }
    assert_eq!(node.ask(&one, &chat("one")).status, 200, "without a customer");

    let rows = node.rows(1 + served + 4 + 4);
    let own = rows.iter().filter(|row| row["end_user"] == "shop" && row["status"] == "success").count();
    assert_eq!(own, served, "{rows:?}");
    let info = node.look("/customer/info?end_user_id=shop");
    assert_eq!(
        nanos(&info["spend"]),
        nanos(&json!(cost * f64::from(u8::try_from(served).expect("few")))),
        "{info}"
    );
    assert_eq!(info["alias"], "Shop");

    node.manage("/customer/update", &json!({"user_id": "shop", "max_budget": 100}));
    assert_eq!(node.ask(&one, &of_customer("shop")).status, 200, "the very next call");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn customers_are_blocked_limited_and_deleted() {
    let folder = folder("customer-block");
    let node = Node::start_with(&folder, CONFIG);
    let key = node.key(&json!({}));
    assert_eq!(node.ask(&key, &of_customer("early")).status, 200);
    node.manage("/customer/block", &json!({"user_ids": ["early", "unheard-of"]}));
    for name in ["early", "unheard-of"] {
        let answer = node.ask(&key, &of_customer(name));
        assert!(answer.status == 401 || answer.status == 403, "{}", answer.body);
        assert!(answer.body.contains(name), "{}", answer.body);
        assert_ne!(by_header(&node, &key, "x-litellm-end-user-id", name), 200);
    }
    node.manage("/customer/unblock", &json!({"user_ids": ["early"]}));
    assert_eq!(node.ask(&key, &of_customer("early")).status, 200);

    node.manage("/budget/new", &json!({"budget_id": "slow", "rpm_limit": 2}));
    node.manage("/customer/new", &json!({"user_id": "limited", "budget_id": "slow"}));
    let statuses: Vec<u16> = (0..4).map(|_| node.ask(&key, &of_customer("limited")).status).collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
    node.manage("/budget/update", &json!({"budget_id": "slow", "rpm_limit": 3}));
    assert_eq!(node.ask(&key, &of_customer("limited")).status, 200, "the row of the budget holds at once");
    assert_eq!(node.ask(&key, &of_customer("limited")).status, 429);
    node.manage("/customer/delete", &json!({"user_ids": ["limited"]}));
    assert_eq!(node.ask(&key, &of_customer("limited")).status, 200, "a name as any other");
    let gone = node.get("/customer/info?end_user_id=limited", MASTER);
    assert!(gone.status == 404 || gone.status == 400, "{}", gone.body);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn a_tag_has_a_budget_and_tells_what_was_spent_under_it() {
    let folder = folder("tag-budget");
    let node = Node::start_with(&folder, CONFIG);
    let (key, tagged) = (node.key(&json!({})), node.key(&json!({"tags": ["project"]})));
    let cost = cost(&node, &key);
    node.manage("/tag/new", &json!({"name": "project", "max_budget": cost * 3.5}));
    let mut asked = chat("one");
    asked["metadata"] = json!({"tags": ["project", "other"]});
    let mut served = 0;
    for turn in 0..6 {
        let answer = if turn % 2 == 0 { node.ask(&key, &asked) } else { node.ask(&tagged, &chat("one")) };
        match answer.status {
            200 => served += 1,
            422 => assert!(answer.body.contains("project"), "{}", answer.body),
            other => panic!("{other}: {}", answer.body),
        }
    }
    assert!((1..=3).contains(&served), "{served}");
    assert_eq!(by_header(&node, &key, "x-litellm-tags", "project"), 422);
    assert_eq!(by_header(&node, &key, "x-litellm-tags", "other"), 200);
    node.rows(1 + 6 + 2);
    let told = node.manage("/tag/info", &json!({"names": ["project"]}));
    assert_eq!(nanos(&told["project"]["spend"]), nanos(&json!(cost * f64::from(served))), "{told}");
    let list = node.look("/tag/list");
    let names: Vec<&Value> = list.as_array().expect("a list").iter().map(|tag| &tag["name"]).collect();
    assert!(names.contains(&&json!("project")) && names.contains(&&json!("other")), "{list}");
    node.manage("/tag/delete", &json!({"name": "project"}));
    assert_eq!(node.ask(&tagged, &chat("one")).status, 200, "the very next call");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
