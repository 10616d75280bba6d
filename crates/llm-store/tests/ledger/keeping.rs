//! Old rows are let go of, and rows become files.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_governance::{
    ActivityQuery, Day, Export, ExportFormat, LedgerRow, Reports, RowQuery, Scope, Timestamp,
};
use llm_store::{Archive, Books, Drain, DrainSettings, Words};
use serde_json::json;

use crate::common::{MIDNIGHT, book, ids, journal, number, row};
use crate::places::{Folder, everywhere};

#[tokio::test]
async fn rows_go_and_their_sums_stay() {
    for place in everywhere("rows_go_and_their_sums_stay").await {
        let database = place.open().await;
        let rows: Vec<_> = (0..2_500).map(|number| row(&format!("row {number:04}"), number)).collect();
        book(&database, &rows).await;
        let books = Books::new(database.clone());
        let moment = Timestamp(MIDNIGHT + 2_400 * 1_000_000);
        assert_eq!(books.forget_before(moment, None).await.expect("they go"), 2_400, "{}", place.kind);
        let left = ids(&database).await;
        assert_eq!((left.len(), left[0].as_str()), (100, "row 2400"), "{}", place.kind);
        let orphans = "SELECT COUNT(*) AS n FROM llm_ledger_tags WHERE id NOT IN (SELECT id FROM llm_ledger)";
        assert_eq!(number(&database, orphans).await, 0, "{}", place.kind);
        let all = ActivityQuery::new(Scope::Global, (Day::of(moment), Day::of(moment)), []);
        let sums = books.activity(&all).await.expect("an answer");
        assert_eq!(sums[0].sums.requests, 2_500, "{}", place.kind);
    }
}

#[tokio::test]
async fn what_was_said_is_kept_beside_its_row_and_goes_with_it() {
    for place in everywhere("what_was_said_is_kept_beside_its_row_and_goes_with_it").await {
        let database = place.open().await;
        let rows: Vec<_> = (0..3).map(|number| row(&format!("row {number}"), number)).collect();
        book(&database, &rows).await;
        let books = Books::new(database.clone());
        let said = |number: i64| Words {
            id: format!("row {number}"),
            started: Timestamp(MIDNIGHT + number * 1_000_000),
            request: Some(format!(
                r#"{{"messages": ["question {number}"], "long": "{}"}}"#,
                "x".repeat(60_000)
            )),
            response: (number != 1).then(|| r#"{"text": "\u0000"}"#.to_owned()),
        };
        // The last one has no row: its call was never booked.
        books.keep_words(&[said(0), said(1), said(-5)]).await.expect("it is kept");
        books.keep_words(&[said(0)]).await.expect("once is enough");
        let read = books.row("row 0").await.expect("an answer").expect("a row");
        let asked = json!({"messages": ["question 0"], "long": "x".repeat(60_000)});
        assert_eq!(read.request, Some(asked), "{}", place.kind);
        assert_eq!(read.response, Some(json!({"text": "\u{0}"})), "{}", place.kind);
        let by_vendor = books.row("vendor-row 1").await.expect("an answer").expect("a row");
        assert_eq!((by_vendor.request.is_some(), by_vendor.response), (true, None), "{}", place.kind);
        assert_eq!(books.row("row 2").await.expect("an answer").expect("a row"), rows[2], "{}", place.kind);

        books.forget_before(Timestamp(MIDNIGHT + 1), None).await.expect("they go");
        assert_eq!(
            number(&database, "SELECT COUNT(*) AS n FROM llm_ledger_words").await,
            1,
            "{}",
            place.kind
        );
    }
}

#[tokio::test]
async fn rows_go_into_files_by_day() {
    for place in everywhere("rows_go_into_files_by_day").await {
        let database = place.open().await;
        let mut rows: Vec<_> = (0..1_100).map(|number| row(&format!("row {number:04}"), number)).collect();
        rows[0].started = Timestamp(MIDNIGHT - 1);
        book(&database, &rows).await;
        let books = Books::new(database.clone());
        for format in [ExportFormat::JsonLines, ExportFormat::Csv] {
            book(&database, &rows).await;
            let folder = Folder::new();
            let archive = Archive { directory: folder.file("old"), format };
            let moment = Timestamp(MIDNIGHT + 1_000 * 1_000_000);
            let gone = books.forget_before(moment, Some(&archive)).await.expect("they go");
            assert_eq!(gone, 1_000, "{}", place.kind);
            let lines = |day: &str| {
                let file = archive.directory.join(format!("ledger-2026-11-{day}.{}", format.ending()));
                let text = std::fs::read_to_string(file).expect("a file");
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            };
            let heads = usize::from(format == ExportFormat::Csv);
            assert_eq!((lines("20").len(), lines("21").len()), (1 + heads, 999 + heads), "{}", place.kind);
            if format == ExportFormat::JsonLines {
                let kept: Vec<LedgerRow> =
                    lines("21").iter().map(|line| serde_json::from_str(line).expect("a row")).collect();
                assert_eq!(kept, rows[1..1_000], "{}", place.kind);
            }
        }
    }
}

#[tokio::test]
async fn what_drains_lets_go_of_old_rows_beside() {
    for place in everywhere("what_drains_lets_go_of_old_rows_beside").await {
        let database = place.open().await;
        let old = |number| LedgerRow { started: Timestamp(1), ..row(&format!("old {number}"), number) };
        let today = LedgerRow { started: Timestamp::now(), ..row("new", 1) };
        book(&database, &(0..20).map(old).chain([today]).collect::<Vec<_>>()).await;
        let folder = Folder::new();
        let settings = DrainSettings { keep: Some(Duration::ZERO), ..DrainSettings::default() };
        let drain = Drain::new(journal(&folder.file("journal")), database.clone(), settings);
        let _thread = Arc::new(drain).start().expect("a thread");
        let began = Instant::now();
        while ids(&database).await.len() > 1 {
            assert!(began.elapsed() < Duration::from_secs(30), "{}", place.kind);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(ids(&database).await, ["new"], "a day is kept at least");
    }
}

#[tokio::test]
async fn an_archive_that_cannot_be_written_keeps_the_rows() {
    for place in everywhere("an_archive_that_cannot_be_written_keeps_the_rows").await {
        let database = place.open().await;
        book(&database, &[row("one", 1)]).await;
        let folder = Folder::new();
        std::fs::write(folder.file("taken"), "a file").expect("it is written");
        for format in ExportFormat::ALL {
            let archive = Archive { directory: folder.file("taken"), format };
            let books = Books::new(database.clone());
            let gone = books.forget_before(Timestamp(i64::MAX), Some(&archive)).await;
            let error = gone.expect_err("it is a file");
            assert!(error.to_string().contains("archive"), "{error}");
            assert_eq!(ids(&database).await, ["one"], "{}", place.kind);
        }
    }
}

#[tokio::test]
async fn exports_have_every_row_in_order() {
    for place in everywhere("exports_have_every_row_in_order").await {
        let database = place.open().await;
        let rows: Vec<_> = (0..1_203).map(|number| row(&format!("row {number:04}"), number)).collect();
        book(&database, &rows).await;
        let reports: Arc<dyn Reports> = Arc::new(Books::new(database));
        let query = RowQuery { ascending: true, ..RowQuery::default() };
        let mut export = Export::new(Arc::clone(&reports), query.clone(), ExportFormat::JsonLines);
        let mut pieces = 0;
        let mut lines = Vec::new();
        while let Some(piece) = export.next().await.expect("a piece") {
            pieces += 1;
            lines.extend(String::from_utf8(piece).expect("text").lines().map(str::to_owned));
        }
        let read: Vec<LedgerRow> =
            lines.iter().map(|line| serde_json::from_str(line).expect("a row")).collect();
        assert_eq!((read.len(), pieces), (1_203, 3), "{}", place.kind);
        assert_eq!(read, rows, "{}", place.kind);
        let mut export = Export::new(reports, query, ExportFormat::Csv);
        let mut table = String::new();
        while let Some(piece) = export.next().await.expect("a piece") {
            table.push_str(std::str::from_utf8(&piece).expect("text"));
        }
        assert_eq!(table.matches("\r\n").count(), 1_204, "{}", place.kind);
        assert!(table.starts_with("id,vendor_id,started,"), "{table:.100}");
        assert!(table.contains("\r\nrow 0003,vendor-row 0003,2026-11-21T00:00:03.000Z,"), "{table:.500}");
        assert!(table.contains(",0.000003,"), "money is in dollars");
    }
}
