//! A process that is killed with SIGKILL while it writes.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use llm_governance::Ledger;
use llm_store::Durability;

use crate::common::{Folder, ids, row};

const PLACE: &str = "LLM_TEST_JOURNAL";

/// How often the process is killed.
const TIMES: usize = 20;

#[test]
fn killed_twenty_times_while_it_writes_each_row_that_was_taken_is_there_once() {
    let folder = Folder::new();
    let mut taken = Vec::new();
    for run in 0..TIMES {
        taken.extend(write_until_killed(&folder, run));
    }
    assert!(taken.len() > TIMES * 10, "{} rows were taken", taken.len());
    let journal = folder.open();
    let found = ids(&journal);
    let once: HashSet<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(once.len(), found.len(), "no row is there twice");
    let lost: Vec<_> = taken.iter().filter(|id| !once.contains(id.as_str())).collect();
    assert_eq!(lost, Vec::<&String>::new());
    // At most those that four threads had written and not yet told of.
    assert!(found.len() - taken.len() <= TIMES * 4, "{} of {}", found.len(), taken.len());
}

/// Starts a process that writes, kills it after some rows, and returns what it said that it had taken.
fn write_until_killed(folder: &Folder, run: usize) -> Vec<String> {
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program)
        .args(["--exact", "crash::writes_until_it_is_killed", "--ignored", "--nocapture", "--test-threads=1"])
        .env(PLACE, format!("{run}:{}", folder.path().display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut next = || {
        let line = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("row ").map(str::to_owned));
        line.filter(|line| line.ends_with('.'))
    };
    let mut taken: Vec<String> = (0..1 + run * 137 % 700).filter_map(|_| next()).collect();
    child.kill().expect("it is killed");
    child.wait().expect("it ended");
    taken.extend(std::iter::from_fn(next));
    taken
}

#[test]
#[ignore = "the other process of the test above"]
fn writes_until_it_is_killed() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let (run, folder) = place.split_once(':').expect("a number and a folder");
    let mut settings = llm_store::JournalSettings::new(folder);
    settings.segment_bytes = 20_000;
    let strict = run.ends_with('5');
    settings.durability = if strict { Durability::Strict } else { Durability::Process };
    let journal = llm_store::Journal::open(settings).expect("the journal opens");
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let journal = &journal;
            threads.spawn(move || {
                for number in 0.. {
                    let id = format!("{run}-{thread}-{number}.");
                    journal.record(&row(&id).borrowed()).expect("there is room");
                    // One write, so that a line is told of whole or not at all.
                    let line = format!("row {id}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).expect("somebody reads");
                }
            });
        }
    });
}
