//! The tables, version by version: a gateway brings a database up to date when it opens it, and never back.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};

use super::{Database, DatabaseError, DatabaseErrorKind, DatabaseKind, Transaction, Value};

/// One step. Once it was in a release, its text stays what it is.
struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
}

const MIGRATIONS: [Migration; 6] = [
    Migration { version: 1, name: "entities", text: include_str!("../../migrations/0001_entities.sql") },
    Migration { version: 2, name: "ledger", text: include_str!("../../migrations/0002_ledger.sql") },
    Migration { version: 3, name: "seconds", text: include_str!("../../migrations/0003_seconds.sql") },
    Migration { version: 4, name: "words", text: include_str!("../../migrations/0004_words.sql") },
    Migration { version: 5, name: "packed", text: include_str!("../../migrations/0005_packed.sql") },
    Migration { version: 6, name: "subjects", text: include_str!("../../migrations/0006_subjects.sql") },
];

/// What keeps two gateways that start together apart: any number, the same for all of them.
const LOCK: &str = "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(7308324466020549997)";

const TABLE: &str = "CREATE TABLE llm_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, \
                     checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/// Brings the tables up to date: all steps that are missing, or none.
pub(super) async fn apply(database: &Database) -> Result<(), DatabaseError> {
    let mut transaction = database.begin().await?;
    if database.kind() == DatabaseKind::Postgres {
        transaction.script(LOCK).await?;
    }
    let present = version(&mut transaction, database.kind()).await?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > present) {
        migration.apply(&mut transaction).await?;
    }
    transaction.commit().await
}

/// The version of the tables; 0 where there are none. Refuses tables that this program does not know.
async fn version(transaction: &mut Transaction, kind: DatabaseKind) -> Result<i64, DatabaseError> {
    let there = match kind {
        DatabaseKind::Sqlite => {
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'llm_migrations'"
        }
        DatabaseKind::Postgres => {
            "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'llm_migrations'"
        }
    };
    if transaction.query_one(there, &[]).await?.is_none() {
        transaction.script(TABLE).await?;
        return Ok(0);
    }
    let applied = "SELECT version, name, checksum FROM llm_migrations ORDER BY version";
    let mut latest = 0;
    for row in transaction.query(applied, &[]).await? {
        latest = row.get("version")?;
        check(latest, row.get("name")?, row.get("checksum")?)?;
    }
    Ok(latest)
}

fn check(version: i64, name: &str, checksum: &str) -> Result<(), DatabaseError> {
    let refuse = |message| Err(DatabaseError::new(DatabaseErrorKind::Schema, message));
    match MIGRATIONS.iter().find(|migration| migration.version == version) {
        None => refuse(format!(
            "the database is of a newer gateway: its tables have version {version} (`{name}`), this program knows {}; \
             start the newer program, or give this one a database of its own",
            MIGRATIONS.len()
        )),
        Some(migration) if migration.checksum() != checksum => refuse(format!(
            "the database has another step {version} (`{name}`) than this program (`{}`): they come from different \
             builds; use the program that made the database",
            migration.name
        )),
        Some(_) => Ok(()),
    }
}

impl Migration {
    async fn apply(&self, transaction: &mut Transaction) -> Result<(), DatabaseError> {
        let failed = |error: DatabaseError| {
            DatabaseError::new(error.kind(), format!("migration {:04}_{}: {error}", self.version, self.name))
        };
        transaction.script(self.text).await.map_err(failed)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let values = [
            Value::from(self.version),
            Value::from(self.name),
            Value::from(self.checksum()),
            Value::from(i64::try_from(now).unwrap_or(i64::MAX)),
        ];
        let applied =
            "INSERT INTO llm_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";
        transaction.execute(applied, &values).await.map(|_| ())
    }

    /// The same whichever way the file's lines end.
    fn checksum(&self) -> String {
        let text = self.text.replace("\r\n", "\n");
        let sum = digest(&SHA256, text.as_bytes());
        sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_a_step_and_they_are_numbered_through() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|file| file.expect("a file").file_name().into_string().expect("a name"))
            .collect();
        files.sort_unstable();
        let steps: Vec<_> =
            MIGRATIONS.iter().map(|one| format!("{:04}_{}.sql", one.version, one.name)).collect();
        assert_eq!(files, steps);
        assert!(MIGRATIONS.iter().zip(1..).all(|(one, number)| one.version == number));
    }
}
