//! Clients that hang up in the middle of an answer, and what they pay.

use std::time::{Duration, Instant};

use llm_governance::Ending;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::asks::{Reading, eventually, nanos};
use crate::durable::left;
use crate::money::{MASTER, Node, folder};
use crate::program::{Run, program};

/// 100 words of four tokens or so, one each 10 milliseconds: a second.
const LONG: &str = "long-100-pace-10ms";

/// Prices of what is asked and answered, in nano-dollars.
const PRICES: (i64, i64) = (1_000, 3_000);

/// The same model behind vendors of the client's format and of another one, and in this program.
fn config(vendor: &str, governance: &str) -> String {
    let priced = "input_cost_per_token: 0.000001, output_cost_per_token: 0.000003";
    let model = |name: &str, model: &str| {
        format!("  - model_name: {name}\n    litellm_params: {{model: {model}, {priced}}}\n")
    };
    let native = format!("openai/mock/{LONG}, api_key: sk-x, api_base: '{vendor}/v1'");
    let foreign = format!("anthropic/mock/{LONG}, api_key: sk-x, api_base: '{vendor}'");
    let models = [
        model("native", &native),
        model("foreign", &foreign),
        model("direct", &format!("mock/{LONG}")),
        model("slow", "mock/long-100-start-1s"),
        model("endless", "mock/long-100000-pace-5ms"),
        model("thinks", "mock/long-3-start-5s"),
    ];
    format!(
        "model_list:\n{}general_settings: {{master_key: {MASTER}}}\ngovernance: {{{governance}}}\n",
        models.concat()
    )
}

/// The vendor, and a gateway in front of it.
fn start(name: &str, governance: &str) -> (Run, Node, std::path::PathBuf) {
    let mut vendor = Run::of(program(&["mock", "--port", "0"]));
    let address = vendor.line("listening")["address"].as_str().expect("an address").to_owned();
    let folder = folder(name);
    let node = Node::start_with(&folder, &config(&format!("http://{address}"), governance));
    (vendor, node, folder)
}

fn body(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "Tell me a tale."}]})
}

/// Hangs up in the middle of a stream.
fn hang_up(node: &Node, model: &str) {
    drop(Reading::begin(node, MASTER, &body(model, true)).until("word5"));
}

/// Hangs up while the vendor thinks.
fn give_up(node: &Node, model: &str, stream: bool) {
    let reading = Reading::begin(node, MASTER, &body(model, stream));
    eventually("an attempt", || {
        let status = node.look("/v1/providers/status");
        let asked = status["providers"].as_array()?.iter().find(|one| one["model_name"] == model)?;
        (asked["in_flight"].as_i64()? > 0).then_some(())
    });
    drop(reading);
}

/// How a call ended, its tokens, and whether we counted them. It costs what its tokens cost.
fn told(row: &Value) -> (String, i64, i64, bool) {
    let count = |field: &str| row[field].as_i64().expect("a number");
    let (prompt, completion) = (count("prompt_tokens"), count("completion_tokens"));
    assert_eq!(nanos(&row["spend"]), prompt * PRICES.0 + completion * PRICES.1, "{row}");
    let metadata = &row["metadata"];
    (
        metadata["ending"].as_str().expect("a word").to_owned(),
        prompt,
        completion,
        metadata["estimated"] == true,
    )
}

fn of_model<'a>(rows: &'a [Value], model: &str) -> &'a Value {
    rows.iter()
        .find(|row| row["model_group"] == model)
        .unwrap_or_else(|| panic!("no row of {model}: {rows:?}"))
}

#[test]
fn what_was_delivered_is_paid_when_the_vendor_is_told_to_stop() {
    let (_vendor, node, folder) = start("cancelled", "on_disconnect: cancel");
    for model in ["native", "foreign", "direct"] {
        hang_up(&node, model);
    }
    let rows = node.rows(3);
    for model in ["native", "foreign", "direct"] {
        let row = of_model(&rows, model);
        let (ending, prompt, completion, estimated) = told(row);
        assert_eq!((ending.as_str(), estimated), ("cancelled", true), "{row}");
        assert!(prompt > 0 && (5..200).contains(&completion), "{row}");
        assert_eq!(row["metadata"]["status"], 499, "{row}");
    }
    // The vendor may bill the prompt of an answer that nobody waited for.
    give_up(&node, "thinks", false);
    let (ending, prompt, completion, estimated) = told(&node.rows(4)[0]);
    assert_eq!((ending.as_str(), completion, estimated), ("cancelled", 0, true));
    assert!(prompt > 0);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn an_answer_is_read_to_its_end_for_the_vendors_own_count() {
    let (_vendor, node, folder) = start("drained", "on_disconnect: drain");
    let models = ["native", "foreign", "direct"];
    for model in models {
        drop(Reading::begin(&node, MASTER, &body(model, true)).until("word100"));
    }
    let whole = node.rows(3);
    models.iter().for_each(|model| hang_up(&node, model));
    let rows = node.rows(6);
    for model in models {
        let (_, prompt, completion, _) = told(of_model(&whole, model));
        let row = of_model(&rows[..3], model);
        assert_eq!(told(row), ("drained".to_owned(), prompt, completion, false), "{row}");
        assert_eq!(row["metadata"]["status"], 499, "{row}");
    }
    // Nobody waits for an answer that has not begun: it is waited for all the same.
    give_up(&node, "slow", false);
    node.rows(7);
    give_up(&node, "slow", true);
    let rows = node.rows(8);
    for row in &rows[..2] {
        let (ending, _, completion, estimated) = told(row);
        assert_eq!((ending.as_str(), estimated), ("drained", false), "{row}");
        assert!(completion > 100, "{row}");
    }
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn draining_has_limits_and_what_is_beyond_them_is_counted_here() {
    for (name, limit) in
        [("short", "drain_time: 0.3"), ("small", "drain_size_mb: 0.001"), ("none", "drains: 0")]
    {
        let (_vendor, node, folder) =
            start(&format!("drain-{name}"), &format!("on_disconnect: drain, {limit}"));
        let begun = Instant::now();
        hang_up(&node, "endless");
        let rows = node.rows(1);
        let (ending, prompt, completion, estimated) = told(&rows[0]);
        assert_eq!((ending.as_str(), estimated), ("cancelled", true), "{limit}: {rows:?}");
        assert!(prompt > 0 && (5..10_000).contains(&completion), "{limit}: {rows:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{limit}");
        drop(node);
        std::fs::remove_dir_all(folder).expect("it was there");
    }
}

#[test]
fn a_gateway_that_ends_books_what_it_drains_as_far_as_it_came() {
    let (_vendor, mut node, folder) = start("drain-end", "on_disconnect: drain");
    hang_up(&node, "endless");
    give_up(&node, "thinks", false);
    hang_up(&node, "native");
    let begun = Instant::now();
    node.run.signal(Signal::TERM);
    assert_eq!(node.run.end(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let rows = left(&folder);
    assert_eq!(rows.len(), 3, "{rows:?}");
    for row in &rows {
        assert!(row.cost.0 > 0 && row.prompt_tokens > 0, "{row:?}");
        assert!(matches!(row.ending, Ending::Cancelled | Ending::Drained), "{row:?}");
    }
    std::fs::remove_dir_all(folder).expect("it was there");
}
