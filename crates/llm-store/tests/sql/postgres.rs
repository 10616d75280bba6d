//! A PostgreSQL that goes away, refuses, or encrypts.

use std::path::Path;
use std::time::{Duration, Instant};

use llm_store::Database;
use llm_store::database::DatabaseErrorKind;
use llm_testkit::postgres::PostgresServer;

use crate::places::settings;

async fn answers(database: &Database) -> bool {
    database.query("SELECT COUNT(*) AS n FROM llm_settings", &[]).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_went_away_is_used_again_when_it_is_back() {
    let Some(mut server) = PostgresServer::start("a_server_that_went_away_is_used_again_when_it_is_back")
    else {
        return;
    };
    let database = Database::open(&settings(&server.url())).await.expect("it is there");
    let busy = futures_util::future::join_all((0..10).map(|_| answers(&database))).await;
    assert!(busy.into_iter().all(|answered| answered));
    for crash in [false, true] {
        let mut open = database.begin().await.expect("a transaction");
        open.execute("INSERT INTO llm_settings VALUES ('a', 'b', 0)", &[]).await.expect("a row");
        if crash {
            server.kill();
        } else {
            server.stop();
        }
        let began = Instant::now();
        let error = database.query("SELECT 1 AS one", &[]).await.expect_err("it is gone");
        assert_eq!(error.kind(), DatabaseErrorKind::Unreachable, "{error}");
        assert!(error.may_pass() && began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let error = open.commit().await.expect_err("it went with the server");
        assert!(error.may_pass(), "{error}");
        server.resume();
        // Every connection of the pool was broken: all of the next statements go well all the same.
        for _ in 0..20 {
            assert!(answers(&database).await, "after {}", if crash { "a crash" } else { "a stop" });
        }
        let row = database.query_one("SELECT COUNT(*) AS n FROM llm_settings", &[]).await.expect("an answer");
        assert_eq!(row.expect("a row").get::<i64>("n").expect("a number"), 0, "it was not committed");
        let mut again = database.begin().await.expect("a transaction");
        again.execute("DELETE FROM llm_settings", &[]).await.expect("a change");
        again.commit().await.expect("it lasts");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_repeated() {
    let Some(server) = PostgresServer::start("a_wrong_password_is_refused_and_not_repeated") else { return };
    let error = Database::open(&settings(&server.url_with("mistaken"))).await.expect_err("a wrong password");
    assert_eq!(error.kind(), DatabaseErrorKind::Denied, "{error}");
    assert!(!error.to_string().contains("mistaken"), "{error}");
    let gone = settings("postgres://u:mistaken@127.0.0.1:1/d");
    let error = Database::open(&gone).await.expect_err("nobody listens");
    assert_eq!(error.kind(), DatabaseErrorKind::Unreachable, "{error}");
    assert!(!error.to_string().contains("mistaken"), "{error}");
}

#[tokio::test]
async fn a_pool_that_is_used_up_says_so_in_time() {
    let Some(server) = PostgresServer::start("a_pool_that_is_used_up_says_so_in_time") else { return };
    let mut few = settings(&format!("{}?connection_limit=2", server.url()));
    few.wait_timeout = Duration::from_millis(200);
    let database = Database::open(&few).await.expect("it opens");
    let held = (database.begin().await.expect("one"), database.begin().await.expect("two"));
    let error = database.query("SELECT 1 AS one", &[]).await.expect_err("there are only two");
    assert_eq!(error.kind(), DatabaseErrorKind::Busy, "{error}");
    drop(held);
    assert!(answers(&database).await, "they come back");
}

#[tokio::test]
async fn transactions_that_are_given_up_give_their_connection_back_clean() {
    let name = "transactions_that_are_given_up_give_their_connection_back_clean";
    let Some(server) = PostgresServer::start(name) else { return };
    let one = settings(&format!("{}?connection_limit=1", server.url()));
    let database = Database::open(&one).await.expect("it opens");
    for wait in 0..20 {
        let work = async {
            let mut open = database.begin().await.expect("a transaction");
            open.execute("INSERT INTO llm_settings VALUES ('a', 'b', 0)", &[]).await.expect("a row");
            std::future::pending::<()>().await;
        };
        let given_up = tokio::time::timeout(Duration::from_micros(wait * 200), work).await;
        assert!(given_up.is_err());
        let row = database.query_one("SELECT COUNT(*) AS n FROM llm_settings", &[]).await.expect("an answer");
        assert_eq!(row.expect("a row").get::<i64>("n").expect("a number"), 0);
    }
}

#[tokio::test]
async fn tables_may_be_in_a_schema_and_sessions_may_be_shared() {
    let Some(server) = PostgresServer::start("tables_may_be_in_a_schema_and_sessions_may_be_shared") else {
        return;
    };
    let admin = Database::connect(&settings(&server.url())).expect("an address");
    admin.execute("CREATE SCHEMA \"Other\"", &[]).await.expect("a schema");
    let there = settings(&format!("{}?schema=Other", server.url()));
    Database::open(&there).await.expect("it opens");
    let found = admin.query("SELECT schemaname FROM pg_tables WHERE tablename = 'llm_settings'", &[]).await;
    let found = found.expect("rows");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].get::<&str>("schemaname").expect("text"), "Other");

    let shared = Database::open(&settings(&format!("{}?pgbouncer=true&connection_limit=1", server.url())))
        .await
        .expect("it opens");
    let text = "INSERT INTO llm_settings (id, document, updated_at) VALUES ($1, $2, $3)";
    let values = ["a".into(), "b".into(), 5.into()];
    assert_eq!(shared.execute(text, &values).await.expect("a row"), 1);
    let prepared = shared.query("SELECT name FROM pg_prepared_statements", &[]).await.expect("rows");
    assert!(prepared.is_empty(), "{prepared:?}");
    let row = shared.query_one("SELECT updated_at FROM llm_settings WHERE id = $1", &["a".into()]).await;
    let row = row.expect("an answer").expect("a row");
    assert_eq!(row.get::<i64>("updated_at").expect("a number"), 5);
}

#[tokio::test]
async fn connections_are_encrypted_and_trust_whom_they_are_told_to() {
    let name = "connections_are_encrypted_and_trust_whom_they_are_told_to";
    let Some(mut server) = PostgresServer::start(name) else { return };
    let url = server.url();
    let required = settings(&format!("{url}?sslmode=require"));
    let error = Database::open(&required).await.expect_err("it does not encrypt");
    assert_eq!(error.kind(), DatabaseErrorKind::Unreachable, "{error}");

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../llm-transport/tests/transport/certificates");
    server.encrypt(&folder.join("server.pem"), &folder.join("server.key"));
    let authority = folder.join("authority.pem").display().to_string();
    let stranger = folder.join("client.pem").display().to_string();
    for (parameters, encrypted) in [
        ("sslmode=disable".to_owned(), false),
        ("sslmode=prefer".to_owned(), true),
        ("sslmode=require".to_owned(), true),
        // Logging in is bound to the certificate: both ends have seen the same one.
        ("sslmode=require&channel_binding=require".to_owned(), true),
        (format!("sslmode=verify-ca&sslrootcert={authority}"), true),
        (format!("sslmode=verify-full&sslrootcert={authority}"), true),
    ] {
        let database = Database::open(&settings(&format!("{url}?{parameters}"))).await;
        let database = database.unwrap_or_else(|error| panic!("{parameters}: {error}"));
        let text = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let row = database.query_one(text, &[]).await.expect("an answer").expect("a row");
        assert_eq!(row.get::<bool>("ssl").expect("0 or 1"), encrypted, "{parameters}");
    }
    for parameters in ["sslmode=verify-full".to_owned(), format!("sslmode=verify-ca&sslrootcert={stranger}")]
    {
        let opened = Database::open(&settings(&format!("{url}?{parameters}"))).await;
        let error = opened.expect_err("nobody vouches for it");
        assert_eq!(error.kind(), DatabaseErrorKind::Unreachable, "{parameters}: {error}");
    }
}
