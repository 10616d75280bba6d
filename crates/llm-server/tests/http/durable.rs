//! Rows that are safe before their answer ends.

use std::path::Path;

use llm_core::Secret;
use llm_governance::{LedgerRow, Reports as _, RowQuery};
use llm_store::{Books, Database, DatabaseSettings};
use serde_json::{Value, json};

use crate::asks::Reading;
use crate::money::{MASTER, Node, chat, folder};

const CONFIG: &str = "
model_list:
  - model_name: one
    litellm_params: {model: mock/echo, input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}
general_settings: {master_key: sk-master-of-the-tests}
ledger: {durability: DURABILITY}
";

/// The rows that a gateway left which does not run.
pub(crate) fn left(folder: &Path) -> Vec<LedgerRow> {
    let url = format!("sqlite:{}", folder.join("data/llm-server.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let database = Database::open(&DatabaseSettings::new(Secret::new(url))).await.expect("it opens");
        let query = RowQuery { limit: 1_000, ascending: true, ..RowQuery::default() };
        Books::new(database).rows(&query).await.expect("an answer").rows
    })
}

/// Kills a gateway at once, and lets another one book what it left.
fn kill(mut node: Node, folder: &Path, config: &str) {
    node.run.child.kill().expect("it runs");
    drop(node);
    drop(Node::start_with(folder, config));
}

#[test]
fn a_gateway_that_is_killed_behind_the_last_byte_has_the_row() {
    for durability in ["strict", "process"] {
        let config = CONFIG.replace("DURABILITY", durability);
        let folder = folder(&format!("killed-{durability}"));
        let mut ids = Vec::new();
        for round in 0..3 {
            let node = Node::start_with(&folder, &config);
            let answer = node.ask(MASTER, &chat("one"));
            ids.push(answer.header("x-litellm-call-id").expect("an id").to_owned());
            if round == 1 {
                kill(node, &folder, &config);
                continue;
            }
            let mut body = chat("one");
            body["stream"] = json!(true);
            let read = Reading::begin(&node, MASTER, &body).until("data: [DONE]").read;
            let id = read.lines().find_map(|line| line.strip_prefix("x-litellm-call-id: ")).expect("an id");
            ids.push(id.trim().to_owned());
            kill(node, &folder, &config);
        }
        let rows = left(&folder);
        let found: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(found, ids, "{durability}");
        assert!(rows.iter().all(|row| row.cost.0 > 0), "{rows:?}");
        std::fs::remove_dir_all(folder).expect("it was there");
    }
}

#[test]
fn a_budget_knows_after_a_kill_what_was_spent_before_it() {
    let config = CONFIG.replace("DURABILITY", "strict");
    let folder = folder("killed-budget");
    let mut node = Node::start_with(&folder, &config);
    let free = node.key(&json!({}));
    let cost: f64 = node.ask(&free, &chat("one")).cost().to_string().parse().expect("a number");
    let key = node.key(&json!({"max_budget": cost * 6.5, "budget_duration": "30d"}));
    let mut served: i32 = 0;
    while served < 20 {
        let status = node.ask(&key, &chat("one")).status;
        if status != 200 {
            assert_eq!(status, 422);
            break;
        }
        served += 1;
        kill(node, &folder, &config);
        node = Node::start_with(&folder, &config);
    }
    assert!((2..=6).contains(&served), "{served}");
    let info: Value = node.get("/key/info", &key).json();
    let spend = info["info"]["spend"].as_f64().expect("dollars");
    assert!((spend - cost * f64::from(served)).abs() < 1e-9, "{info}");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
