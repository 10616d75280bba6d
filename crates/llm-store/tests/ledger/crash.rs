//! A gateway that is killed with SIGKILL while it records and books, twenty times.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use llm_governance::Ledger;
use llm_store::{Database, Drain, DrainSettings, Journal, JournalSettings};

use crate::common::{drain, ids, journal, row, sums_are_those_of_the_rows};
use crate::places::{Folder, Place, everywhere, settings};

const PLACE: &str = "LLM_TEST_LEDGER";

/// How often the gateway is killed.
const TIMES: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_under_load_each_answered_call_has_one_row() {
    for place in everywhere("killed_twenty_times_under_load").await {
        if !place.lasts() {
            continue;
        }
        let database = place.open().await;
        let folder = Folder::new();
        let folder = folder.file("journal");
        let mut answered = BTreeSet::new();
        for run in 0..TIMES {
            answered.extend(serve_until_killed(&place, &folder, run));
        }
        assert!(answered.len() > TIMES * 10, "{}: {} were answered", place.kind, answered.len());
        let before = ids(&database).await.len();
        assert!(before > 0, "{}: rows were booked while it was killed", place.kind);
        let journal = journal(&folder);
        drain(&journal, &database).recover().await.expect("it is booked");
        let found: BTreeSet<String> = ids(&database).await.into_iter().collect();
        let lost: Vec<_> = answered.difference(&found).collect();
        assert_eq!(lost, Vec::<&String>::new(), "{}", place.kind);
        // At most those that four threads had recorded and not yet answered.
        assert!(found.len() - answered.len() <= TIMES * 4, "{} of {}", found.len(), answered.len());
        sums_are_those_of_the_rows(&database).await;
    }
}

/// Starts a gateway, kills it after some answers, and returns which calls it answered.
fn serve_until_killed(place: &Place, folder: &std::path::Path, run: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "crash::serves_until_it_is_killed", "--ignored", "--nocapture", "--test-threads=1"])
        .env(PLACE, format!("{run}|{}|{}", folder.display(), place.settings.url.expose()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut next = || {
        let mut lines = lines.by_ref().map_while(Result::ok);
        let line = lines.find_map(|line| line.strip_prefix("row ").map(str::to_owned));
        line.filter(|line| line.ends_with('.'))
    };
    let mut answered: Vec<String> = (0..50 + run * 137 % 700).filter_map(|_| next()).collect();
    child.kill().expect("it is killed");
    child.wait().expect("it ended");
    answered.extend(std::iter::from_fn(next));
    answered
}

#[tokio::test]
#[ignore = "the other process of the test above"]
async fn serves_until_it_is_killed() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let mut parts = place.splitn(3, '|');
    let mut part = || parts.next().expect("a number, a folder, an address");
    let (run, folder, url) = (part(), part(), part());
    let mut journal = JournalSettings::new(folder);
    journal.segment_bytes = 30_000;
    let journal = Arc::new(Journal::open(journal).expect("the journal opens"));
    let database = Database::open(&settings(url)).await.expect("the database opens");
    let often = DrainSettings { every: Duration::from_millis(1), ..DrainSettings::default() };
    let drain = Arc::new(Drain::new(Arc::clone(&journal), database, often));
    drain.recover().await.expect("what was left is booked");
    let _thread = drain.start().expect("a thread");
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let journal = &journal;
            threads.spawn(move || {
                for number in 0.. {
                    let id = format!("{run}-{thread}-{number}.");
                    journal.record(&row(&id, number).borrowed()).expect("there is room");
                    // One write, so that a line is told of whole or not at all.
                    let line = format!("row {id}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).expect("somebody reads");
                }
            });
        }
    });
}
