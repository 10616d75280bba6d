//! Rows that are let go of become Parquet files, day by day, each in one file, whatever ends in between.

use std::fs;
use std::path::PathBuf;

use llm_governance::{ExportFormat, LedgerRow, ParquetFile, Timestamp};
use llm_store::{Archive, Books, Database};

use crate::common::{MIDNIGHT, book, ids, row};
use crate::places::{Folder, everywhere};

const DAY: i64 = 86_400_000_000;

/// An archive in a folder of its own, and the ledger that it is of.
struct World {
    archive: Archive,
    database: Database,
    books: Books,
    _folder: Folder,
}

impl World {
    fn new(database: Database) -> Self {
        let folder = Folder::new();
        let archive = Archive { directory: folder.file("old"), format: ExportFormat::Parquet };
        Self { archive, books: Books::new(database.clone()), database, _folder: folder }
    }

    /// Books a row that came so many days after midnight of the 21st.
    async fn book(&self, id: &str, days: i64) {
        book(&self.database, &[of_day(id, days)]).await;
    }

    /// Lets go of all rows that came before so many days after that.
    async fn forget(&self, days: i64) -> Result<u64, String> {
        let moment = Timestamp(MIDNIGHT + days * DAY);
        self.books.forget_before(moment, Some(&self.archive)).await.map_err(|error| error.to_string())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.archive.directory.join(format!("ledger-2026-11-{name}"))
    }

    /// What is in the folder: days, and what they are.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.archive.directory).expect("a folder");
        let names = entries.map(|entry| entry.expect("a file").file_name().into_string().expect("text"));
        let mut names: Vec<_> =
            names.filter_map(|name| name.strip_prefix("ledger-2026-11-").map(str::to_owned)).collect();
        names.sort();
        names
    }

    /// How often the id stands in a file as a value of its own.
    fn times(&self, name: &str, id: &str) -> usize {
        let value = [&u32::try_from(id.len()).expect("it is short").to_le_bytes(), id.as_bytes()].concat();
        let file = fs::read(self.path(name)).expect("a file");
        assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"), "{name}");
        file.windows(value.len()).filter(|part| **part == value).count()
    }
}

fn of_day(id: &str, days: i64) -> LedgerRow {
    LedgerRow { started: Timestamp(MIDNIGHT + days * DAY + 1), ..row(id, 1) }
}

/// The file that these rows must become.
fn parquet(rows: &[LedgerRow]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut file = ParquetFile::begin(&mut out);
    rows.iter().for_each(|row| file.add(row, &mut out).expect("a row"));
    file.end(&mut out);
    out
}

#[tokio::test]
async fn a_day_becomes_a_file_when_it_is_over() {
    for place in everywhere("a_day_becomes_a_file_when_it_is_over").await {
        let world = World::new(place.open().await);
        let rows: Vec<_> = (0..1_100).map(|number| row(&format!("row {number:04}"), number)).collect();
        book(&world.database, &rows).await;
        world.book("before", -1).await;
        let moment = Timestamp(MIDNIGHT + 1_000 * 1_000_000);
        let gone = world.books.forget_before(moment, Some(&world.archive)).await.expect("they go");
        assert_eq!(gone, 1_001, "{}", place.kind);
        assert_eq!(world.files(), ["20.parquet", "21.parquet.jsonl"], "{}", place.kind);
        assert_eq!(fs::read(world.path("20.parquet")).expect("a file"), parquet(&[of_day("before", -1)]));
        let lines = fs::read_to_string(world.path("21.parquet.jsonl")).expect("a file");
        assert_eq!(lines.lines().count(), 1_000, "{}", place.kind);

        assert_eq!(world.forget(1).await, Ok(100), "{}", place.kind);
        assert_eq!(world.files(), ["20.parquet", "21.parquet"], "{}", place.kind);
        assert_eq!(fs::read(world.path("21.parquet")).expect("a file"), parquet(&rows), "{}", place.kind);
    }
}

#[tokio::test]
async fn rows_that_come_late_are_another_part() {
    for place in everywhere("rows_that_come_late_are_another_part").await {
        let world = World::new(place.open().await);
        for (number, id) in ["early", "late", "later"].into_iter().enumerate() {
            world.book(id, 0).await;
            assert_eq!(world.forget(1).await, Ok(1), "{}", place.kind);
            assert_eq!(world.files().len(), number + 1, "{}", place.kind);
        }
        assert_eq!(world.files(), ["21-2.parquet", "21-3.parquet", "21.parquet"], "{}", place.kind);
        assert_eq!(world.times("21.parquet", "early"), 1);
        assert_eq!(world.times("21-2.parquet", "late"), 1);
        assert_eq!(world.times("21-3.parquet", "later"), 1);
    }
}

#[tokio::test]
async fn a_gateway_that_is_killed_in_between_leaves_each_row_in_one_file() {
    for place in everywhere("a_gateway_that_is_killed_in_between_leaves_each_row_in_one_file").await {
        let world = World::new(place.open().await);
        world.book("one", 0).await;
        world.book("rest", 1).await;
        let moment = Timestamp(MIDNIGHT + DAY / 2);
        let gone = world.books.forget_before(moment, Some(&world.archive)).await;
        assert_eq!((gone, world.files()), (Ok(1), vec!["21.parquet.jsonl".to_owned()]), "{}", place.kind);
        let lines = fs::read(world.path("21.parquet.jsonl")).expect("a file");

        // While the file was being written.
        fs::write(world.path("21.parquet.new"), "PAR1 and a half").expect("it is written");
        assert_eq!(world.forget(1).await, Ok(0), "{}", place.kind);
        assert_eq!(world.files(), ["21.parquet"], "{}", place.kind);
        let file = fs::read(world.path("21.parquet")).expect("a file");
        assert_eq!(file, parquet(&[of_day("one", 0)]), "{}", place.kind);

        // When the file had its name, and the lines were still there; rows come late before the next turn.
        fs::write(world.path("21.parquet.jsonl"), &lines).expect("it is written");
        world.book("late", 0).await;
        assert_eq!(world.forget(1).await, Ok(1), "{}", place.kind);
        assert_eq!(world.files(), ["21-2.parquet", "21.parquet"], "{}", place.kind);
        assert_eq!(fs::read(world.path("21.parquet")).expect("a file"), file, "{}", place.kind);
        assert_eq!((world.times("21-2.parquet", "late"), world.times("21-2.parquet", "one")), (1, 0));

        // While a line was being written: its row is still in the database.
        let half = &lines[..lines.len() / 2];
        fs::write(world.path("22.parquet.jsonl"), half).expect("it is written");
        assert_eq!(world.forget(2).await, Ok(1), "{}", place.kind);
        assert_eq!(world.times("22.parquet", "rest"), 1, "{}", place.kind);
        assert_eq!(world.times("22.parquet", "one"), 0, "{}", place.kind);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_made_keeps_its_lines() {
    for place in everywhere("a_file_that_cannot_be_made_keeps_its_lines").await {
        let world = World::new(place.open().await);
        world.book("one", 0).await;
        world.book("two", 1).await;
        fs::create_dir_all(world.path("21.parquet.new")).expect("it is made");
        let error = world.forget(3).await.expect_err("it is a folder");
        assert!(error.contains("the archive of the ledger cannot be written"), "{error}");
        assert_eq!(ids(&world.database).await, [""; 0], "{}", place.kind);
        let files = ["21.parquet.jsonl", "21.parquet.new", "22.parquet"];
        assert_eq!(world.files(), files, "{}: other days are made", place.kind);

        fs::remove_dir(world.path("21.parquet.new")).expect("it is empty");
        let lines = fs::read_to_string(world.path("21.parquet.jsonl")).expect("a file");
        fs::write(world.path("21.parquet.jsonl"), format!("{lines}no row\n")).expect("it is written");
        let error = world.forget(3).await.expect_err("it is no row");
        assert!(error.contains("line 2 of `") && error.contains("21.parquet.jsonl` is no row"), "{error}");
        assert_eq!(world.files(), ["21.parquet.jsonl", "22.parquet"], "{}", place.kind);

        fs::write(world.path("21.parquet.jsonl"), lines).expect("it is written");
        assert_eq!(world.forget(3).await, Ok(0), "{}", place.kind);
        assert_eq!(world.files(), ["21.parquet", "22.parquet"], "{}", place.kind);
        assert_eq!(world.times("21.parquet", "one"), 1, "{}", place.kind);
    }
}
