//! Segments: rows in order, over restarts, with torn tails and damage.

use std::time::Duration;

use llm_governance::Ledger;
use llm_store::{Durability, Journal};

use crate::common::{Folder, ids, record, row};

#[test]
fn rows_are_there_in_order_after_a_restart() {
    let folder = Folder::new();
    let journal = folder.open();
    record(&journal, &["a", "b"]);
    assert_eq!(journal.status().rows, 2);
    drop(journal);
    let journal = folder.open();
    record(&journal, &["c"]);
    assert_eq!(ids(&journal), ["a", "b", "c"]);
    let status = journal.status();
    assert_eq!((status.rows, status.segments, status.recorded), (3, 2, 1));
    let on_disk: u64 = folder.segments().iter().map(|file| file.metadata().expect("a file").len()).sum();
    assert_eq!(status.bytes, on_disk);
    assert!(status.oldest.is_some());
}

#[test]
fn a_segment_that_is_long_enough_is_followed_by_another() {
    let folder = Folder::new();
    let mut settings = folder.settings();
    settings.segment_bytes = 400;
    let journal = Journal::open(settings).expect("the journal opens");
    let names: Vec<String> = (0..40).map(|number| format!("row {number:02}")).collect();
    record(&journal, &names.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(folder.segments().len() >= 4, "{:?}", folder.segments());
    assert!(folder.segments().iter().all(|file| file.metadata().expect("a file").len() <= 400));
    assert_eq!(ids(&journal), names);
    for segment in journal.segments() {
        journal.remove(&segment, false).expect("it is removed");
    }
    assert_eq!(folder.segments(), Vec::<std::path::PathBuf>::new());
    let status = journal.status();
    assert_eq!((status.rows, status.bytes, status.oldest), (0, 0, None));
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_the_row_that_was_not_taken() {
    let folder = Folder::new();
    let journal = folder.open();
    record(&journal, &["a", "b"]);
    let file = folder.segments().remove(0);
    let two = file.metadata().expect("a file").len();
    record(&journal, &["c"]);
    drop(journal);
    let whole = std::fs::read(&file).expect("a file");
    for cut in 0..whole.len() {
        std::fs::write(&file, &whole[..cut]).expect("it is written");
        let journal = folder.open();
        let found = ids(&journal);
        assert!(
            ["a", "b"].starts_with(&found.iter().map(String::as_str).collect::<Vec<_>>()),
            "cut at {cut}"
        );
        assert_eq!(found.len() == 2, cut as u64 >= two, "cut at {cut}");
        drop(journal);
        let left = folder.segments().first().map_or(0, |file| file.metadata().expect("a file").len());
        assert!(left <= cut as u64, "the tail was cut off at {cut}");
    }
}

#[test]
fn a_damaged_segment_gives_its_other_rows_and_is_put_aside() {
    let folder = Folder::new();
    let journal = folder.open();
    record(&journal, &["first", "second", "third"]);
    drop(journal);
    let file = folder.segments().remove(0);
    let mut bytes = std::fs::read(&file).expect("a file");
    let place = bytes.windows(6).position(|window| window == b"second").expect("it is there");
    bytes[place] = b'S';
    std::fs::write(&file, &bytes).expect("it is written");
    let journal = folder.open();
    assert_eq!(ids(&journal), ["first", "third"]);
    let segment = journal.segments().remove(0);
    let mut reader = journal.read(&segment).expect("it opens");
    while !reader.next_rows(1).expect("it is read").is_empty() {}
    assert!(reader.damaged());
    journal.remove(&segment, reader.damaged()).expect("it is put aside");
    let kept = std::fs::read_dir(folder.path()).expect("the folder is there");
    let kept = kept.filter(|file| {
        file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|ending| ending == "damaged"))
    });
    assert_eq!(kept.count(), 1);
    assert_eq!(journal.status().bytes, 0);
}

#[test]
fn a_folder_is_of_one_journal() {
    let folder = Folder::new();
    let journal = folder.open();
    let error = Journal::open(folder.settings()).expect_err("it is in use").to_string();
    assert!(error.contains("in use by another gateway"), "{error}");
    drop(journal);
    folder.open();
}

#[tokio::test]
async fn strict_rows_are_awaited_until_the_disk_has_them() {
    let folder = Folder::new();
    let mut settings = folder.settings();
    settings.durability = Durability::Strict;
    let journal = Journal::open(settings).expect("the journal opens");
    let mut waits = Vec::new();
    for number in 0..50 {
        waits.push(
            journal
                .record(&row(&number.to_string()).borrowed())
                .expect("there is room")
                .expect("it is strict"),
        );
    }
    for wait in waits {
        wait.await.expect("the disk has it");
    }
    let last = journal.record(&row("last").borrowed()).expect("there is room").expect("it is strict");
    drop(journal);
    last.await.expect("closing a journal syncs it");
}

#[test]
fn the_disk_is_told_no_more_often_than_wanted() {
    let folder = Folder::new();
    let mut settings = folder.settings();
    settings.sync_every = Duration::from_secs(3_600);
    let journal = Journal::open(settings).expect("the journal opens");
    for _ in 0..50 {
        record(&journal, &["a"]);
        std::thread::park_timeout(Duration::from_millis(2));
    }
    assert!(journal.status().syncs <= 1, "at once for the first row, and much later for all others");
    drop(journal);
    assert_eq!(ids(&folder.open()).len(), 50);
}
