//! What can be asked of a ledger, over every database.

use llm_core::money::NanoDollars;
use llm_governance::{
    ActivityQuery, Counted, Day, Dimension, KeyHash, LedgerRow, Reports, RowField, RowQuery, RowSort, Scope,
    Timestamp,
};
use llm_store::Books;

use crate::common::{
    MIDNIGHT, book, number, row, subjects_are_those_of_the_sums, sums_are_those_of_the_rows,
};
use crate::places::everywhere;

fn rows() -> Vec<LedgerRow> {
    (0..200).map(|number| row(&format!("row {number:03}"), number * 61 % 200)).collect()
}

/// What a query would choose among rows in memory.
fn chosen(rows: &[LedgerRow], query: &RowQuery) -> Vec<String> {
    let is = |row: &LedgerRow, field: RowField, texts: &[String]| {
        let text = match field {
            RowField::Key => row.key.map(|key| key.hex()),
            RowField::Team => row.team_id.clone(),
            RowField::Customer => row.customer.clone(),
            RowField::Model => Some(row.model.clone()),
            RowField::Ending => Some(row.ending.name().to_owned()),
            _ => None,
        };
        text.is_some_and(|text| texts.contains(&text))
    };
    let mut found: Vec<_> = rows
        .iter()
        .filter(|row| query.from.is_none_or(|from| row.started >= from))
        .filter(|row| query.until.is_none_or(|until| row.started < until))
        .filter(|row| query.only.iter().all(|(field, texts)| is(row, *field, texts)))
        .filter(|row| query.tags.is_empty() || row.tags.iter().any(|tag| query.tags.contains(tag)))
        .filter(|row| query.failed.is_none_or(|failed| failed == (row.status == 500)))
        .filter(|row| query.min_cost.is_none_or(|cost| row.cost >= cost))
        .filter(|row| query.max_cost.is_none_or(|cost| row.cost <= cost))
        .map(|row| {
            let tokens = i64::try_from(row.prompt_tokens).expect("few");
            let value = match query.sort {
                RowSort::Started => row.started.0,
                RowSort::Ended => row.started.0 + i64::try_from(row.took_micros).expect("short"),
                RowSort::Cost => row.cost.0,
                RowSort::PromptTokens => tokens,
                RowSort::CompletionTokens => 2 * tokens,
                RowSort::TotalTokens => 3 * tokens,
                RowSort::Took => 1_000 + tokens,
            };
            (value, row.id.clone())
        })
        .collect();
    found.sort();
    if !query.ascending {
        found.reverse();
    }
    found.into_iter().map(|(_, id)| id).collect()
}

fn queries() -> Vec<RowQuery> {
    let only = |field, texts: &[&str]| RowQuery {
        only: vec![(field, texts.iter().map(|text| (*text).to_owned()).collect())],
        ..RowQuery::default()
    };
    let tags = |tags: &[&str]| RowQuery {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..RowQuery::default()
    };
    let at = |seconds: i64| Some(Timestamp(MIDNIGHT + seconds * 1_000_000));
    let key = KeyHash::of(b"sk-1").hex();
    let mut queries = vec![
        RowQuery::default(),
        RowQuery { from: at(20), until: at(90), ..RowQuery::default() },
        only(RowField::Team, &["team"]),
        only(RowField::Key, &[&key]),
        only(RowField::Key, &[&key, "another"]),
        only(RowField::Key, &[]),
        only(RowField::Model, &["model-1"]),
        only(RowField::Ending, &["failed"]),
        RowQuery { failed: Some(true), ..only(RowField::Customer, &["customer"]) },
        RowQuery { failed: Some(false), min_cost: Some(NanoDollars(2_000)), ..RowQuery::default() },
        RowQuery { max_cost: Some(NanoDollars(0)), ..tags(&["a"]) },
        tags(&["a", "b"]),
        RowQuery { from: at(50), sort: RowSort::Cost, ..tags(&["b"]) },
        tags(&["nobody has it"]),
    ];
    let sorts = [
        RowSort::Ended,
        RowSort::Cost,
        RowSort::PromptTokens,
        RowSort::CompletionTokens,
        RowSort::TotalTokens,
        RowSort::Took,
    ];
    queries.extend(sorts.map(|sort| RowQuery { sort, ..RowQuery::default() }));
    queries
}

#[tokio::test]
async fn pages_together_are_the_list_whatever_the_order() {
    for place in everywhere("pages_together_are_the_list_whatever_the_order").await {
        let database = place.open().await;
        let rows = rows();
        book(&database, &rows).await;
        let books = Books::new(database);
        for (query, ascending) in
            queries().into_iter().flat_map(|query| [(query.clone(), false), (query, true)])
        {
            let mut query = RowQuery { ascending, limit: 7, ..query };
            let expected = chosen(&rows, &query);
            let count = books.count(&query, 1_000).await.expect("an answer");
            let all = Counted { found: expected.len() as u64, is_all: true };
            assert_eq!(count, all, "{} {query:?}", place.kind);
            let mut found = Vec::new();
            loop {
                let page = books.rows(&query).await.expect("a page");
                assert!(page.rows.len() <= 7);
                found.extend(page.rows.into_iter().map(|row| row.id));
                let Some(next) = page.next else { break };
                query.after = Some(next);
            }
            assert_eq!(found, expected, "{} {query:?}", place.kind);
            let third = RowQuery { after: None, offset: 14, ..query.clone() };
            let page = books.rows(&third).await.expect("a page");
            let ids: Vec<_> = page.rows.into_iter().map(|row| row.id).collect();
            assert_eq!(ids, expected.iter().skip(14).take(7).cloned().collect::<Vec<_>>(), "{}", place.kind);
        }
        let some = books.count(&RowQuery::default(), 50).await.expect("an answer");
        assert_eq!(some, Counted { found: 50, is_all: false }, "counted no further");
    }
}

#[tokio::test]
async fn a_row_is_found_by_either_id_and_is_whole() {
    for place in everywhere("a_row_is_found_by_either_id_and_is_whole").await {
        let database = place.open().await;
        let rows = rows();
        book(&database, &rows).await;
        let books = Books::new(database);
        for id in ["row 042", "vendor-row 042"] {
            assert_eq!(books.row(id).await.expect("an answer").as_ref(), Some(&rows[42]), "{}", place.kind);
        }
        assert_eq!(books.row("nothing").await.expect("an answer"), None);
    }
}

#[tokio::test]
async fn sums_are_told_by_whatever_is_asked() {
    for place in everywhere("sums_are_told_by_whatever_is_asked").await {
        let database = place.open().await;
        let mut rows = rows();
        rows[0].started = Timestamp(MIDNIGHT - 1);
        book(&database, &rows).await;
        let books = Books::new(database);
        let today = Day::of(Timestamp(MIDNIGHT));
        let query = ActivityQuery::new(Scope::Global, (Day(today.0 - 1), today), [Dimension::Day]);
        let days = books.activity(&query).await.expect("an answer");
        let shown: Vec<_> =
            days.iter().map(|one| (one.day.map(|day| day.to_string()), one.sums.requests)).collect();
        assert_eq!(shown, [(Some("2026-11-20".to_owned()), 1), (Some("2026-11-21".to_owned()), 199)]);
        let sums = days[1].sums;
        let today_rows = || rows.iter().skip(1);
        let tokens: u64 = today_rows().map(|row| row.prompt_tokens).sum();
        assert_eq!((sums.prompt_tokens, sums.completion_tokens), (tokens as i64, 2 * tokens as i64));
        assert_eq!(sums.failures, today_rows().filter(|row| row.status == 500).count() as i64);
        assert_eq!(sums.cost.0, today_rows().map(|row| row.cost.0).sum::<i64>());
        assert_eq!((sums.cache_read_tokens, sums.first_contents), (199, 99), "{}", place.kind);
        assert_eq!(sums.first_content_micros, 99 * 500);

        let by_key = ActivityQuery {
            scope: Scope::Team,
            subjects: vec!["team".to_owned()],
            by: vec![Dimension::Key, Dimension::ModelGroup],
            from: today,
            ..query.clone()
        };
        let keys = books.activity(&by_key).await.expect("an answer");
        assert_eq!(keys.len(), 3, "{}: three keys, one model", place.kind);
        let requests: i64 = keys.iter().map(|one| one.sums.requests).sum();
        assert_eq!(requests, today_rows().filter(|row| row.team_id.is_some()).count() as i64);

        let dearest = ActivityQuery {
            scope: Scope::User,
            by: vec![Dimension::Subject],
            dearest: Some(2),
            ..query.clone()
        };
        let users = books.activity(&dearest).await.expect("an answer");
        assert_eq!(users.len(), 2);
        assert!(users[0].sums.cost >= users[1].sums.cost && users[0].subject.starts_with("user-"));

        let nothing = ActivityQuery { from: Day(0), until: Day(1), by: Vec::new(), ..query };
        let none = books.activity(&nothing).await.expect("an answer");
        assert_eq!((none.len(), none[0].sums.requests), (1, 0), "{}", place.kind);
    }
}

#[tokio::test]
async fn keys_are_the_subjects_of_their_own_sums() {
    for place in everywhere("keys_are_the_subjects_of_their_own_sums").await {
        let database = place.open().await;
        book(&database, &rows()).await;
        let books = Books::new(database);
        let today = Day::of(Timestamp(MIDNIGHT));
        let all = ActivityQuery::new(Scope::Key, (today, today), [Dimension::Subject]);
        let subjects = books.activity(&all).await.expect("an answer");
        assert_eq!(subjects.len(), 3, "{}", place.kind);
        let by = [vec![Dimension::Key], vec![Dimension::Day, Dimension::Subject, Dimension::Key]];
        for by in by {
            let query = ActivityQuery { by, ..all.clone() };
            let keys = books.activity(&query).await.expect("an answer");
            let sums =
                |found: &[llm_governance::Activity]| found.iter().map(|one| one.sums).collect::<Vec<_>>();
            assert_eq!(sums(&keys), sums(&subjects), "{}", place.kind);
            assert!(keys.iter().zip(&subjects).all(|(key, subject)| key.key == subject.subject));
        }
        let key = subjects[1].subject.clone();
        // Whichever sums answer: of the key as a whole, of its models, of its calls for a team.
        let of_key = ActivityQuery { keys: vec![key.clone()], by: Vec::new(), ..all.clone() };
        let models = ActivityQuery { by: vec![Dimension::ModelGroup], ..of_key.clone() };
        let of_user = ActivityQuery { scope: Scope::User, ..of_key.clone() };
        for query in [&of_key, &models, &of_user] {
            let found = books.activity(query).await.expect("an answer");
            let requests: i64 = found.iter().map(|one| one.sums.requests).sum();
            assert_eq!(requests, subjects[1].sums.requests, "{}: {query:?}", place.kind);
        }
    }
}

#[tokio::test]
async fn sums_of_subjects_are_made_of_those_that_an_earlier_gateway_kept() {
    for place in everywhere("sums_of_subjects_are_made_of_those_that_an_earlier_gateway_kept").await {
        if !place.lasts() {
            continue;
        }
        let database = place.open().await;
        book(&database, &rows()).await;
        for earlier in ["DROP TABLE llm_daily_subjects", "DELETE FROM llm_migrations WHERE version >= 6"] {
            database.execute(earlier, &[]).await.expect("a change");
        }
        drop(database);
        let database = place.open().await;
        subjects_are_those_of_the_sums(&database).await;
        assert!(number(&database, "SELECT COUNT(*) AS n FROM llm_daily_subjects").await > 0);
        let more = row("one more", 3);
        assert_eq!(book(&database, std::slice::from_ref(&more)).await, 1, "{}", place.kind);
        sums_are_those_of_the_rows(&database).await;
    }
}

#[tokio::test]
async fn spans_of_days_tell_what_their_days_tell() {
    for place in everywhere("spans_of_days_tell_what_their_days_tell").await {
        let database = place.open().await;
        let day = 86_400_000_000;
        let of = |number: i64| LedgerRow {
            started: Timestamp(MIDNIGHT + number % 40 * day),
            ..row(&format!("row {number:03}"), number)
        };
        let rows: Vec<_> = (0..120).map(of).collect();
        assert_eq!(book(&database, &rows).await, 120, "{}", place.kind);
        let books = Books::new(database.clone());
        let midnight = Day::of(Timestamp(MIDNIGHT)).0;
        for (from, until) in [(0, 39), (0, 7), (3, 3), (1, 8), (5, 21), (-100, 100), (8, 31), (39, 60)] {
            let query = ActivityQuery::new(
                Scope::User,
                (Day(midnight + from), Day(midnight + until)),
                [Dimension::Subject],
            );
            let whole = books.activity(&query).await.expect("an answer");
            // The model makes it read what is kept of each day and model.
            let by = vec![Dimension::Subject, Dimension::ModelGroup];
            let fine = books.activity(&ActivityQuery { by, ..query.clone() }).await.expect("an answer");
            for one in &whole {
                let mine = || fine.iter().filter(|part| part.subject == one.subject);
                let requests: i64 = mine().map(|part| part.sums.requests).sum();
                let cost: i64 = mine().map(|part| part.sums.cost.0).sum();
                assert_eq!(
                    (one.sums.requests, one.sums.cost.0),
                    (requests, cost),
                    "{} {query:?}",
                    place.kind
                );
            }
            let days = from.max(0)..=until.min(39);
            let wanted = i64::try_from(
                rows.iter().filter(|row| days.contains(&((row.started.0 - MIDNIGHT) / day))).count(),
            );
            let found: i64 = whole.iter().map(|one| one.sums.requests).sum();
            assert_eq!(Ok(found), wanted, "{} {query:?}", place.kind);
        }
        sums_are_those_of_the_rows(&database).await;
    }
}

#[tokio::test]
async fn a_total_is_of_those_that_are_left_out_too() {
    for place in everywhere("a_total_is_of_those_that_are_left_out_too").await {
        let database = place.open().await;
        book(&database, &rows()).await;
        let books = Books::new(database);
        let today = Day::of(Timestamp(MIDNIGHT));
        let dearest = ActivityQuery {
            dearest: Some(2),
            ..ActivityQuery::new(Scope::User, (today, today), [Dimension::Subject])
        };
        let users = books.activity(&dearest).await.expect("an answer");
        let all = ActivityQuery { by: Vec::new(), dearest: None, ..dearest.clone() };
        let all = books.activity(&all).await.expect("an answer")[0].sums;
        let (same, total) = books.activity_and_total(&dearest).await.expect("an answer");
        assert_eq!((same.len(), same, total), (2, users, all), "{}", place.kind);
        let of_nobody = ActivityQuery { subjects: vec!["nobody".to_owned()], ..dearest };
        let (none, total) = books.activity_and_total(&of_nobody).await.expect("an answer");
        assert_eq!((none.len(), total), (0, llm_governance::Sums::default()), "{}", place.kind);
    }
}
