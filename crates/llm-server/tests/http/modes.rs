//! What is held of a budget before a call, by the operator's choice, and models whose price nobody knows.

use serde_json::{Value, json};

use crate::asks::{Reading, nanos};
use crate::money::{MASTER, Node, folder};

/// A model that says more than it is let, one that always says the same, and one without a price. A token of an answer
/// costs 1,000 nano-dollars, one of a prompt 100.
fn config(governance: &str) -> String {
    let priced = "input_cost_per_token: 0.0000001, output_cost_per_token: 0.000001";
    format!(
        "model_list:\n  - {{model_name: talks, litellm_params: {{model: mock/long-1000, {priced}}}}}\n  \
         - {{model_name: echo, litellm_params: {{model: mock/echo, {priced}}}}}\n  \
         - {{model_name: secret, litellm_params: {{model: mock/echo}}}}\n\
         general_settings: {{master_key: {MASTER}}}\ngovernance: {{{governance}}}\n"
    )
}

fn body(model: &str, fields: &Value) -> Value {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "Tell me a tale."}]});
    body.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
    body
}

fn tokens(answer: &Value) -> i64 {
    answer["usage"]["completion_tokens"].as_i64().unwrap_or_else(|| panic!("no usage: {answer}"))
}

#[test]
fn a_strict_budget_refuses_what_could_pass_it_and_says_how_much_is_left() {
    let folder = folder("mode-strict");
    let node = Node::start_with(&folder, &config("budget_mode: strict"));
    let key = node.key(&json!({"max_budget": 0.0005}));
    let refused = node.ask(&key, &body("talks", &json!({"max_tokens": 600})));
    assert_eq!(refused.status, 422, "{}", refused.body);
    let error = &refused.json()["error"];
    assert_eq!(error["type"], "budget_exceeded", "{error}");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("Max budget: 0.0005") && message.contains("0.0005 is left"), "{message}");
    let served = node.ask(&key, &body("talks", &json!({"max_tokens": 400})));
    assert_eq!((served.status, tokens(&served.json())), (200, 400), "{}", served.body);
    assert_eq!(node.ask(&key, &body("talks", &json!({"max_tokens": 400}))).status, 422);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn a_clamped_answer_is_as_long_as_the_rest_of_the_budget_pays() {
    let folder = folder("mode-clamp");
    let node = Node::start_with(&folder, &config("budget_mode: clamp"));
    let key = node.key(&json!({"max_budget": 0.0005}));
    let served = node.ask(&key, &body("talks", &json!({"max_tokens": 600})));
    assert_eq!(served.status, 200, "{}", served.body);
    let short = tokens(&served.json());
    assert!((300..500).contains(&short), "{}", served.body);
    assert_eq!(served.json()["choices"][0]["finish_reason"], "length", "{}", served.body);
    assert!(served.cost().0 <= 500_000, "{}", served.cost());

    // The same of one that says no limit, streamed, and of another dialect.
    let key = node.key(&json!({"max_budget": 0.0003}));
    let options = json!({"stream": true, "stream_options": {"include_usage": true}});
    let read = Reading::begin(&node, &key, &body("talks", &options)).until("[DONE]").read;
    assert!(read.contains(r#""finish_reason":"length""#), "{read}");
    let key = node.key(&json!({"max_budget": 0.0003}));
    let answer =
        node.post("/v1/messages", &key, &body("talks", &json!({"max_tokens": 900}))).expect("it answers");
    assert_eq!(
        (answer.status, &answer.json()["stop_reason"]),
        (200, &json!("max_tokens")),
        "{}",
        answer.body
    );
    let rows = node.rows(3);
    assert!(
        rows[..2].iter().all(|row| nanos(&row["spend"]) <= 300_000 && nanos(&row["spend"]) > 100_000),
        "{rows:?}"
    );

    // Nothing is said in less than a few tokens.
    let mut answers = Vec::new();
    while answers.last() != Some(&422) {
        assert!(answers.len() < 20, "the budget is passed");
        answers.push(node.ask(&key, &body("talks", &json!({"max_tokens": 900}))).status);
    }
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn an_estimate_holds_what_such_calls_cost_on_average() {
    let folder = folder("mode-estimate");
    let node = Node::start_with(&folder, &config("budget_mode: estimate"));
    let fields = json!({"max_tokens": 1_000});
    // Before so many calls nobody knows what is usual.
    let usual = node.key(&json!({}));
    for _ in 0..8 {
        assert_eq!(node.ask(&usual, &body("echo", &fields)).status, 200);
    }
    // Much less than the longest answer would cost: a strict budget has no room for one.
    let key = node.key(&json!({"max_budget": 0.00005}));
    let mut served = 0;
    while node.ask(&key, &body("echo", &fields)).status == 200 {
        served += 1;
        assert!(served < 50, "the budget never ends");
    }
    assert!(served >= 2, "{served}");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn models_without_a_price_are_refused_where_there_is_a_budget_or_free_by_choice() {
    for (choice, of_budget) in [("refuse", 400), ("free", 200)] {
        let folder = folder(&format!("unpriced-{choice}"));
        let node = Node::start_with(&folder, &config(&format!("unpriced: {choice}")));
        let (free, capped) = (node.key(&json!({})), node.key(&json!({"max_budget": 1})));
        assert_eq!(node.ask(&free, &body("secret", &json!({}))).status, 200);
        let answer = node.ask(&capped, &body("secret", &json!({})));
        assert_eq!(answer.status, of_budget, "{}", answer.body);
        if of_budget == 400 {
            assert!(
                answer.body.contains("input_cost_per_token") && answer.body.contains("unpriced"),
                "{}",
                answer.body
            );
        } else {
            assert_eq!(nanos(&node.rows(2)[0]["spend"]), 0);
        }
        drop(node);
        std::fs::remove_dir_all(folder).expect("it was there");
    }
}
