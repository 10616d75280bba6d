//! Statements on a connection, and transactions.

use std::pin::pin;
use std::time::Duration;

use deadpool_postgres::Object;
use futures_util::TryStreamExt;
use llm_core::BoxFuture;
use tokio::time::timeout;
use tokio_postgres::RowStream;

use super::driver::Driver;
use super::error::{Failure, explain};
use super::value;
use crate::database::{Batch, DatabaseError, Outcome, Row, Session, Statement, Values};

/// How statements are asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// Whether statements are prepared once for each connection.
    pub(super) prepares: bool,
    /// How long an answer may take before the connection counts as gone.
    pub(super) patience: Duration,
}

impl Asking {
    pub(super) async fn run(self, client: &mut Object, statement: &Statement) -> Result<Outcome, Failure> {
        match timeout(self.patience, self.ask(client, statement)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::Silent(self.patience)),
        }
    }

    async fn ask(self, client: &Object, statement: &Statement) -> Result<Outcome, Failure> {
        let Statement { text, values, .. } = statement;
        let stream = if self.prepares {
            let prepared = client.prepare_cached(text).await.map_err(Failure::Server)?;
            if prepared.params().len() != values.len() {
                return Err(Failure::Ours(DatabaseError::statement(format!(
                    "{} values for a statement with {} parameters",
                    values.len(),
                    prepared.params().len()
                ))));
            }
            client.query_raw(&prepared, values).await
        } else {
            let typed = values.iter().map(|one| (one, value::kind(one)));
            client.query_typed_raw(text, typed).await
        };
        collect(stream.map_err(Failure::Server)?, statement.rows).await
    }
}

async fn collect(stream: RowStream, wanted: bool) -> Result<Outcome, Failure> {
    let mut stream = pin!(stream);
    let mut outcome = Outcome::default();
    let mut columns = None;
    while let Some(row) = stream.try_next().await.map_err(Failure::Server)? {
        if wanted {
            let columns = columns
                .get_or_insert_with(|| row.columns().iter().map(|column| column.name().to_owned()).collect());
            outcome
                .rows
                .push(Row::new(std::sync::Arc::clone(columns), value::read(&row).map_err(Failure::Ours)?));
        }
    }
    outcome.affected = stream.rows_affected().unwrap_or(0);
    Ok(outcome)
}

/// A transaction on a connection of its own.
pub(super) struct PostgresSession {
    client: Option<Object>,
    driver: Driver,
    asking: Asking,
}

impl PostgresSession {
    pub(super) async fn begin(
        client: Object,
        driver: &Driver,
        asking: Asking,
    ) -> Result<Self, DatabaseError> {
        // Made first: whoever stops waiting here leaves no connection in a transaction.
        let mut session = Self { client: Some(client), driver: driver.clone(), asking };
        session.tell("BEGIN").await?;
        Ok(session)
    }

    async fn tell(&mut self, text: &str) -> Result<(), DatabaseError> {
        let client = self.client.as_ref().ok_or_else(ended)?;
        client.batch_execute(text).await.map_err(|error| explain(&error))
    }

    async fn ask(&mut self, statement: Statement) -> Result<Outcome, DatabaseError> {
        let client = self.client.as_mut().ok_or_else(ended)?;
        match self.asking.run(client, &statement).await {
            Ok(outcome) => Ok(outcome),
            Err(Failure::Server(error)) => Err(explain(&error)),
            Err(failure) => Err(self.client.take().map_or_else(ended, |client| failure.explain(client))),
        }
    }
}

impl Session for PostgresSession {
    fn run(&mut self, statement: Statement) -> BoxFuture<'_, Result<Outcome, DatabaseError>> {
        Box::pin(self.ask(statement))
    }

    fn insert<'a>(
        &'a mut self,
        batch: Batch<'a>,
        values: Values,
    ) -> BoxFuture<'a, Result<u64, DatabaseError>> {
        Box::pin(async move {
            let mut changed = 0;
            for statement in batch.statements(values) {
                changed += self.ask(statement).await?.affected;
            }
            Ok(changed)
        })
    }

    fn script<'a>(&'a mut self, text: &'a str) -> BoxFuture<'a, Result<(), DatabaseError>> {
        Box::pin(self.tell(text))
    }

    fn commit(mut self: Box<Self>) -> BoxFuture<'static, Result<(), DatabaseError>> {
        Box::pin(async move {
            self.tell("COMMIT").await?;
            self.client = None;
            Ok(())
        })
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let patience = self.asking.patience;
        self.driver.spawn(async move {
            let rolled_back = timeout(patience, client.batch_execute("ROLLBACK")).await;
            if !matches!(rolled_back, Ok(Ok(()))) {
                drop(Object::take(client));
            }
        });
    }
}

fn ended() -> DatabaseError {
    DatabaseError::unreachable("the transaction has ended")
}
