//! A million keys in the database: what a start and the first calls of some of them take.
//!
//! `LLM_TEST_PROGRAM` names another build of the program than the one beside the tests.

use std::path::Path;
use std::time::{Duration, Instant};

use llm_core::Secret;
use llm_core::money::NanoDollars;
use llm_governance::entity::VirtualKey;
use llm_governance::{Records as _, Terms};
use llm_store::{Database, DatabaseSettings, Entities};

use crate::money::{MASTER, Node, chat, folder};

const KEYS: u32 = 1_000_000;
const AT_ONCE: u32 = 10_000;
/// How many of the keys ask, from all over the table.
const ASK: u32 = 2_000;

fn shown(number: u32) -> String {
    format!("sk-{number:032}")
}

fn key(number: u32) -> VirtualKey {
    let terms = Terms {
        max_budget: Some(NanoDollars(1_000_000_000 + i64::from(number))),
        models: vec!["one".to_owned()],
        ..Terms::default()
    };
    VirtualKey {
        alias: Some(format!("key-{number}")),
        user_id: Some(format!("user-{}", number % 10_000)),
        ..llm_testkit::keys::key(&shown(number), terms)
    }
}

/// Writes the keys as a gateway would, into its file.
async fn write_keys(folder: &Path) {
    let url = format!("sqlite:{}", folder.join("data/llm-server.db").display());
    let database = Database::open(&DatabaseSettings::new(Secret::new(url))).await.expect("it opens");
    let entities = Entities::new(database);
    for from in (0..KEYS).step_by(AT_ONCE as usize) {
        let keys: Vec<VirtualKey> = (from..from + AT_ONCE).map(key).collect();
        entities.insert(&keys, &[]).await.expect("they are new");
    }
}

/// Resident memory in kilobytes.
fn resident(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.run.child.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[expect(clippy::print_stderr, reason = "the figures are for who runs it")]
#[test]
#[ignore = "a million keys take minutes to write"]
fn a_million_keys_are_no_burden() {
    let folder = folder("million");
    std::fs::create_dir_all(folder.join("data")).expect("a folder for files");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(write_keys(&folder));

    let began = Instant::now();
    let node = Node::start_with(&folder, CONFIG);
    let first = node.post("/v1/chat/completions", &shown(KEYS - 1), &chat("one")).expect("it answers");
    let started = began.elapsed();
    assert_eq!(first.status, 200, "{}", first.body);
    let at_rest = resident(&node);
    for number in 0..ASK {
        let shown = shown(number * (KEYS / ASK));
        let answer = node.post("/v1/chat/completions", &shown, &chat("one")).expect("it answers");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let page =
        crate::money::send(&node.address, "GET /key/list?page=40000&size=25", MASTER, &serde_json::json!({}));
    assert_eq!(page.expect("it answers").json()["total_count"], KEYS);
    let used = resident(&node);
    eprintln!(
        "a million keys: {started:.0?} from the start to the first answered call, {at_rest} kB then, {used} kB after calls of \
         {ASK} keys and a page of the list"
    );
    assert!(started < Duration::from_secs(2), "{started:?}");
    assert!(used < 400 * 1024, "{used} kB");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

const CONFIG: &str = "
model_list:
  - model_name: one
    litellm_params: {model: mock/echo, input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}
general_settings: {master_key: sk-master-of-the-tests}
";
