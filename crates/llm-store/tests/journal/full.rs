//! The bound of the journal, and a disk without room.

use std::process::Command;

use llm_governance::Ledger;
use llm_store::{Journal, JournalSettings, WhenFull};

use crate::common::{Folder, ids, record, row};

#[test]
fn at_its_bound_rows_and_calls_are_refused_until_it_was_drained() {
    let folder = Folder::new();
    let mut settings = folder.settings();
    settings.max_bytes = 40_000;
    let journal = Journal::open(settings).expect("the journal opens");
    let (mut taken, mut while_ready) = (0, 0);
    while journal.record(&row("a row").borrowed()).is_ok() {
        taken += 1;
        while_ready += u32::from(journal.ready().is_ok());
    }
    assert!(while_ready < taken, "there is room for the rows of calls under way: {while_ready} of {taken}");
    let message = journal.ready().expect_err("it is full").to_string();
    assert!(message.contains("at its bound"), "{message}");
    let status = journal.status();
    assert!(status.bytes <= 40_000 && status.trouble.is_some(), "{status:?}");
    assert_eq!((status.rows, status.refused), (u64::from(taken), 1));
    journal.close_segment();
    journal.remove(&journal.segments()[0], false).expect("it is removed");
    journal.ready().expect("there is room again");
    record(&journal, &["b"]);
    assert_eq!(ids(&journal), ["b"]);
}

#[test]
fn an_operator_may_want_calls_that_are_not_booked() {
    let folder = Folder::new();
    let mut settings = folder.settings();
    settings.max_bytes = 1;
    settings.when_full = WhenFull::Serve;
    let journal = Journal::open(settings).expect("the journal opens");
    journal.record(&row("a").borrowed()).map(|_| ()).expect_err("there is no room");
    journal.ready().expect("calls are served");
    assert_eq!(journal.status().refused, 1);
}

const PLACE: &str = "LLM_TEST_FULL_DISK";

#[expect(clippy::print_stderr, reason = "whoever runs the tests must see what was left out")]
#[test]
fn a_full_disk_refuses_and_recovers_without_a_torn_row() {
    let folder = Folder::new();
    let program = std::env::current_exe().expect("this program");
    // A small disk of its own, in a name space of its own.
    let script =
        "mount -t tmpfs -o size=300k tmpfs \"$0\" && exec \"$1\" --exact full::fills_a_small_disk --ignored";
    let made = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .arg(folder.path())
        .arg(program)
        .env(PLACE, folder.path())
        .output();
    let allowed = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this system makes no name spaces, so there is no small disk to fill");
        return;
    }
    let made = made.expect("it ran");
    let output = String::from_utf8_lossy(&made.stdout);
    assert!(made.status.success() && output.contains("1 passed"), "{output}");
}

#[test]
#[ignore = "the other process of the test above"]
fn fills_a_small_disk() {
    let Ok(folder) = std::env::var(PLACE) else { return };
    let filler = std::path::Path::new(&folder).join("filler");
    std::fs::write(&filler, vec![0; 100_000]).expect("there is room");
    let mut settings = JournalSettings::new(&folder);
    settings.segment_bytes = 50_000;
    let journal = Journal::open(settings).expect("the journal opens");
    let mut taken = Vec::new();
    for number in 0.. {
        let id = number.to_string();
        journal.record(&row(&id).borrowed()).map(|_| ()).expect("it is written, or held");
        taken.push(id);
        if journal.status().held == 3 {
            break;
        }
    }
    let status = journal.status();
    assert!(taken.len() > 50 && status.refused == 0, "{status:?}");
    assert_eq!((status.rows + 3, status.recorded), (taken.len() as u64, taken.len() as u64));
    let message = journal.ready().expect_err("the disk is full").to_string();
    assert!(message.contains("disk is full"), "{message}");
    std::fs::remove_file(filler).expect("it is removed");
    // Calls that are refused leave rows: it recovers while they come, and not only when nobody asks.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    for number in 0.. {
        if journal.ready().is_ok() {
            break;
        }
        assert!(std::time::Instant::now() < until, "it does not recover while rows come");
        let id = format!("refused-{number}");
        if journal.record(&row(&id).borrowed()).is_ok() {
            taken.push(id);
        }
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    record(&journal, &["after"]);
    taken.push("after".to_owned());
    assert_eq!(journal.status().held, 0, "what was held is written");
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(ids(&journal)), sorted(taken.clone()));
    drop(journal);
    let journal = Journal::open(JournalSettings::new(&folder)).expect("the journal opens");
    assert_eq!(sorted(ids(&journal)), sorted(taken));
}
