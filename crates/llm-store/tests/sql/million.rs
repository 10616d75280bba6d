//! A million keys in a file: made, found and listed. Slow, and about time: run it alone and optimised, with
//! `cargo test --release -p llm-store --all-features --test sql million -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use llm_governance::entity::VirtualKey;
use llm_governance::{Directory, Filter, KeyHash, ListQuery, Page, Records, Terms};
use llm_store::{Database, Entities};

use crate::places::{Folder, file};
use crate::samples::key;

const KEYS: i64 = 1_000_000;

fn one(number: i64) -> VirtualKey {
    let terms = Terms { rpm_limit: Some(100), ..Terms::default() };
    VirtualKey {
        team_id: Some(format!("team-{}", number % 1_000)),
        terms,
        ..key(&number.to_string(), number)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute, and is about time"]
#[expect(clippy::print_stdout, reason = "whoever runs it wants the numbers")]
async fn a_million_keys_are_found_and_listed() {
    let folder = Folder::new();
    let path = folder.file("gateway.db");
    let entities = Entities::new(Database::open(&file(&path)).await.expect("it opens"));
    let began = Instant::now();
    for from in (0..KEYS).step_by(50_000) {
        let keys: Vec<_> = (from..from + 50_000).map(one).collect();
        entities.insert(&keys, &[]).await.expect("they are new");
    }
    let size = std::fs::metadata(&path).expect("the file is there").len() / 1_000_000;
    println!("made in {:?}, {size} MB", began.elapsed());

    let reopened = Entities::new(Database::open(&file(&path)).await.expect("it opens"));
    let began = Instant::now();
    for number in 0..10_000 {
        let hash = KeyHash::of((number * 97 % KEYS).to_string().as_bytes());
        assert!(reopened.holder(&hash).await.expect("an answer").is_some());
    }
    let each = began.elapsed() / 10_000;
    println!("found in {each:?} each");
    assert!(each < Duration::from_millis(1), "{each:?}");

    let team = vec![("team_id", Filter::Is("team-7".into()))];
    let like = vec![("alias", Filter::Contains("99999".to_owned()))];
    for (name, filters, sort, offset) in [
        ("latest", vec![], None, 0),
        ("last page", vec![], None, 999_900),
        ("by alias", vec![], Some(("alias", false)), 0),
        ("of a team", team, None, 0),
        ("search", like, None, 0),
    ] {
        let began = Instant::now();
        let query = ListQuery { filters, sort, offset, limit: 100 };
        let page: Page<VirtualKey> = reopened.list(&query).await.expect("a list");
        println!("{name}: {} of {} in {:?}", page.items.len(), page.total, began.elapsed());
        assert!(!page.items.is_empty() && began.elapsed() < Duration::from_secs(3), "{name}");
    }
}
