//! How fast rows are booked, and how fast pages are. Run with
//! `cargo test --release -p llm-store --features postgres --test ledger -- --ignored --nocapture speed`;
//! `LLM_TEST_ROWS` says of how many rows (100,000).
#![expect(clippy::print_stdout, reason = "whoever measures wants to read it")]

use std::time::Instant;

use llm_governance::{
    ActivityQuery, Day, Dimension, Ledger, Reports, RowField, RowQuery, RowSort, Scope, Timestamp,
};
use llm_store::Books;

use crate::common::{MIDNIGHT, drain, journal, row};
use crate::places::{Folder, everywhere};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn speed() {
    let rows: i64 = std::env::var("LLM_TEST_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(100_000);
    for place in everywhere("speed").await {
        let database = place.open().await;
        let folder = Folder::new();
        let journal = journal(&folder.file("journal"));
        let drain = drain(&journal, &database);
        let began = Instant::now();
        for number in 0..rows {
            journal.record(&row(&format!("{number:032}"), number).borrowed()).expect("there is room");
            if number % 100_000 == 99_999 {
                drain.recover().await.expect("it is booked");
            }
        }
        drain.recover().await.expect("it is booked");
        let took = began.elapsed();
        println!(
            "{}: {rows} rows recorded and booked in {took:?}: {:.0} a second",
            place.kind,
            rows as f64 / took.as_secs_f64()
        );
        let books = Books::new(database);
        let page = RowQuery { limit: 50, ..RowQuery::default() };
        let team = RowQuery { only: vec![(RowField::Team, vec!["team".to_owned()])], ..page.clone() };
        let tag = RowQuery { tags: vec!["a".to_owned()], ..page.clone() };
        let dear = RowQuery { sort: RowSort::Cost, from: Some(Timestamp(MIDNIGHT)), ..page.clone() };
        for (name, query) in [("latest", page), ("of a team", team), ("of a tag", tag), ("dearest", dear)] {
            let began = Instant::now();
            let page = books.rows(&query).await.expect("a page");
            println!("{}: page {name}: {:?}, {} rows", place.kind, began.elapsed(), page.rows.len());
        }
        let today = Day::of(Timestamp(MIDNIGHT));
        let daily = ActivityQuery::new(
            Scope::Key,
            (Day(today.0 - 30), Day(today.0 + 365)),
            [Dimension::Day, Dimension::Subject, Dimension::ModelGroup],
        );
        let began = Instant::now();
        let sums = books.activity(&daily).await.expect("sums");
        println!("{}: sums by day, key and model: {:?}, {} of them", place.kind, began.elapsed(), sums.len());
    }
}
