//! Rows are booked once: into the ledger, what was spent, and the sums.

use llm_core::money::NanoDollars;
use llm_governance::{Directory, KeyHash, Ledger, LedgerRow, Period, Scope, Spent, Subject};
use llm_store::entities::Entities;

use crate::common::{MONTH, book, drain, ids, journal, number, row, sums_are_those_of_the_rows};
use crate::places::{Folder, everywhere};

#[tokio::test]
async fn rows_that_come_again_are_booked_once() {
    for place in everywhere("rows_that_come_again_are_booked_once").await {
        let database = place.open().await;
        let rows: Vec<_> = (0..700).map(|number| row(&format!("row {number:04}"), number)).collect();
        assert_eq!(book(&database, &rows).await, 700, "{}", place.kind);
        assert_eq!(book(&database, &rows[..300]).await, 0, "{}", place.kind);
        let mixed: Vec<_> = rows[650..].iter().cloned().chain([row("new", 5), row("new", 5)]).collect();
        assert_eq!(book(&database, &mixed).await, 1, "{}", place.kind);
        assert_eq!(ids(&database).await.len(), 701, "{}", place.kind);
        sums_are_those_of_the_rows(&database).await;
        let tags = number(&database, "SELECT COUNT(*) AS n FROM llm_ledger_tags").await;
        assert_eq!(tags, 2 * 234, "{}", place.kind);
    }
}

#[tokio::test]
async fn what_was_spent_is_read_as_budgets_ask_for_it() {
    for place in everywhere("what_was_spent_is_read_as_budgets_ask_for_it").await {
        let database = place.open().await;
        let mut one = row("one", 3);
        // Two budgets of a subject with the same period are one counter.
        one.charges.push(one.charges[0].clone());
        one.charges
            .push(llm_governance::Charge { model: Some("model-1".to_owned()), ..one.charges[0].clone() });
        let long = "ß".repeat(2_000);
        one.customer = Some(long.clone());
        one.user_id = Some("a\0b".to_owned());
        book(&database, &[one.clone()]).await;
        let key = KeyHash::of(b"sk-0").hex();
        let entities = Entities::new(database);
        for (scope, id, model, period) in [
            (Scope::Key, &*key, None, MONTH),
            (Scope::Key, &*key, Some("model-1"), MONTH),
            (Scope::Key, &*key, None, Period::EVER),
            (Scope::User, "a\0b", None, Period::EVER),
            (Scope::Customer, &*long, None, Period::EVER),
            (Scope::Tag, "a", None, Period::EVER),
            (Scope::Global, "", None, Period::EVER),
        ] {
            let subject = Subject::new(scope, id);
            let mut spent = [Spent { subject, model: model.map(Into::into), period, amount: NanoDollars(0) }];
            entities.spent(&mut spent).await.expect("an answer");
            assert_eq!(spent[0].amount, one.cost, "{} {scope:?}", place.kind);
        }
    }
}

#[tokio::test]
async fn a_call_of_a_replaced_key_is_booked_on_the_new_one() {
    for place in everywhere("a_call_of_a_replaced_key_is_booked_on_the_new_one").await {
        let database = place.open().await;
        let (old, new) = (KeyHash::of(b"sk-1"), KeyHash::of(b"sk-new"));
        database
            .execute(
                "INSERT INTO llm_virtual_keys (id, document, name, blocked, replaced_hash, created_at, updated_at) \
                 VALUES ($1, '{}', 'sk-...', 0, $2, 0, 0)",
                &[(&new.hex()).into(), (&old.hex()).into()],
            )
            .await
            .expect("a key");
        let (of_old, other) = (row("one", 1), row("two", 2));
        book(&database, &[of_old.clone(), other]).await;
        let text = format!("SELECT COUNT(*) AS n FROM llm_ledger WHERE key = '{}'", new.hex());
        assert_eq!(number(&database, &text).await, 1, "{}", place.kind);
        sums_are_those_of_the_rows(&database).await;
        let entities = Entities::new(database);
        for (key, amount) in [(new, of_old.cost), (old, NanoDollars(0))] {
            for period in [MONTH, Period::EVER] {
                let subject = Subject::new(Scope::Key, key.hex());
                let mut spent = [Spent { subject, model: None, period, amount: NanoDollars(9) }];
                entities.spent(&mut spent).await.expect("an answer");
                assert_eq!(spent[0].amount, amount, "{} {period:?}", place.kind);
            }
        }
    }
}

#[tokio::test]
async fn a_row_that_the_database_refuses_holds_no_other_up() {
    for place in everywhere("a_row_that_the_database_refuses_holds_no_other_up").await {
        let database = place.open().await;
        let refuse = match place.kind {
            "postgres" => "ALTER TABLE llm_ledger ADD CONSTRAINT no CHECK (model <> 'poison')",
            _ => {
                "CREATE TRIGGER no BEFORE INSERT ON llm_ledger WHEN NEW.model = 'poison' \
                 BEGIN SELECT RAISE(ABORT, 'no'); END"
            }
        };
        database.execute(refuse, &[]).await.expect("a rule");
        let folder = Folder::new();
        let journal = journal(&folder.file("journal"));
        for number in 0..20 {
            let mut row = row(&format!("row {number:02}"), number);
            if number == 7 {
                row.model = "poison".to_owned();
            }
            journal.record(&row.borrowed()).expect("there is room");
        }
        let drain = drain(&journal, &database);
        assert_eq!(drain.recover().await.expect("it is booked"), 19, "{}", place.kind);
        assert_eq!((drain.status().aside, journal.status().rows), (1, 0), "{}", place.kind);
        sums_are_those_of_the_rows(&database).await;
        let aside = std::fs::read_to_string(folder.file("journal").join("aside.jsonl")).expect("a file");
        let kept: LedgerRow = serde_json::from_str(aside.trim_end()).expect("a row");
        assert_eq!(kept.id, "row 07");
    }
}

#[tokio::test]
async fn a_database_that_refuses_all_rows_gets_them_later() {
    for place in everywhere("a_database_that_refuses_all_rows_gets_them_later").await {
        let database = place.open().await;
        let folder = Folder::new();
        let journal = journal(&folder.file("journal"));
        journal.record(&row("one", 1).borrowed()).expect("there is room");
        let drain = drain(&journal, &database);
        database.execute("ALTER TABLE llm_daily RENAME TO away", &[]).await.expect("a change");
        drain.recover().await.expect_err("a table is missing");
        assert_eq!((drain.status().aside, journal.status().rows), (0, 1), "{}", place.kind);
        assert_eq!(ids(&database).await, Vec::<String>::new(), "all or nothing");
        database.execute("ALTER TABLE away RENAME TO llm_daily", &[]).await.expect("a change");
        assert_eq!(drain.recover().await.expect("it is booked"), 1, "{}", place.kind);
        sums_are_those_of_the_rows(&database).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn gateways_that_book_into_the_same_sums_never_block_each_other() {
    for place in everywhere("gateways_that_book_into_the_same_sums_never_block_each_other").await {
        let database = place.open().await;
        let gateways = (0..4).map(|gateway| {
            let database = database.clone();
            tokio::spawn(async move {
                for round in 0..5 {
                    let id = |number| format!("{gateway} {round} {number}");
                    // Each has its own order of subjects.
                    let numbers = (0..100).map(|number| (number * 37 + gateway * 11) % 100);
                    let rows: Vec<_> = numbers.map(|number| row(&id(number), number)).collect();
                    assert_eq!(book(&database, &rows).await, 100);
                }
            })
        });
        for gateway in gateways.collect::<Vec<_>>() {
            gateway.await.expect("it booked all");
        }
        assert_eq!(ids(&database).await.len(), 2_000, "{}", place.kind);
        sums_are_those_of_the_rows(&database).await;
    }
}

/// A segment as programs wrote them until November 2026, with rows as JSON.
fn old_segment(rows: &[LedgerRow]) -> Vec<u8> {
    let mut bytes = b"LLMJRNL1".to_vec();
    bytes.extend_from_slice(&1_795_219_200_000_000_i64.to_le_bytes());
    for row in rows {
        let json = serde_json::to_vec(row).expect("JSON");
        let length = u32::try_from(json.len()).expect("it is short").to_le_bytes();
        bytes.extend_from_slice(&[0xFF, b'R', b'O', 0xFF]);
        bytes.extend_from_slice(&length);
        bytes.extend_from_slice(&crc32fast::hash(&[&length, &*json].concat()).to_le_bytes());
        bytes.extend_from_slice(&json);
    }
    bytes
}

#[tokio::test]
async fn a_journal_of_an_earlier_program_is_booked() {
    for place in everywhere("a_journal_of_an_earlier_program_is_booked").await {
        let database = place.open().await;
        let folder = Folder::new();
        std::fs::create_dir_all(folder.file("journal")).expect("a folder");
        let rows: Vec<_> = (0..20).map(|number| row(&format!("old {number:02}"), number)).collect();
        let file = folder.file("journal").join("00000000000000000007.journal");
        std::fs::write(&file, old_segment(&rows)).expect("a segment");
        let journal = journal(&folder.file("journal"));
        journal.record(&row("new", 3).borrowed()).expect("there is room");
        assert_eq!(drain(&journal, &database).recover().await.expect("it is booked"), 21, "{}", place.kind);
        assert_eq!(ids(&database).await.len(), 21, "{}", place.kind);
        assert_eq!(journal.status().rows, 0, "{}", place.kind);
        sums_are_those_of_the_rows(&database).await;
    }
}
