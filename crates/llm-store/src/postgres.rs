//! PostgreSQL: a pool of connections to a server that several gateways share.
//!
//! One thread of its own drives the connections, so that none depends on the worker of a server that happened to open
//! it.

mod address;
mod connect;
mod driver;
mod error;
mod session;
mod shared;
mod tls;
mod value;

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use llm_core::BoxFuture;

use crate::database::{DatabaseError, DatabaseKind, Engine, Outcome, Session, Statement};
use crate::settings::DatabaseSettings;
use address::Address;
use connect::Connector;
use driver::Driver;
use session::{Asking, PostgresSession};

/// How much longer than the server may take a statement waits before its connection counts as gone.
const GRACE: Duration = Duration::from_secs(2);

/// A PostgreSQL database.
pub(crate) struct Postgres {
    pool: Pool,
    driver: Driver,
    asking: Asking,
}

impl Postgres {
    pub(crate) fn new(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let address = Address::read(settings)?;
        let driver = Driver::start()?;
        let asking =
            Asking { prepares: !address.shares_sessions, patience: settings.statement_timeout + GRACE };
        let connections = address.connections.unwrap_or(settings.connections).max(1);
        let connector = Connector::new(&address, &driver, settings)?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let timeouts = Timeouts {
            wait: Some(settings.wait_timeout),
            create: Some(settings.connect_timeout),
            recycle: Some(settings.connect_timeout),
        };
        let pool = Pool::builder(Manager::from_connect(address.config, connector, recycling))
            .max_size(connections)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| DatabaseError::settings(format!("postgresql: {error}")))?;
        Ok(Self { pool, driver, asking })
    }

    async fn client(&self) -> Result<Object, DatabaseError> {
        self.pool.get().await.map_err(error::explain_pool)
    }

    async fn ask(&self, statement: Statement) -> Result<Outcome, DatabaseError> {
        let mut client = self.client().await?;
        match self.asking.run(&mut client, &statement).await {
            Err(error) if error.is_stale(&statement) => {
                client.statement_cache.clear();
                drop(client);
                let mut client = self.client().await?;
                self.asking.run(&mut client, &statement).await.map_err(|error| error.explain(client))
            }
            outcome => outcome.map_err(|error| error.explain(client)),
        }
    }

    async fn open_session(&self) -> Result<Box<dyn Session>, DatabaseError> {
        let begin = async || PostgresSession::begin(self.client().await?, &self.driver, self.asking).await;
        let session = match begin().await {
            // A connection that broke while nobody used it: the next one is new.
            Err(error) if error.kind() == crate::database::DatabaseErrorKind::Unreachable => begin().await,
            session => session,
        };
        Ok(Box::new(session?))
    }
}

impl Engine for Postgres {
    fn kind(&self) -> DatabaseKind {
        DatabaseKind::Postgres
    }

    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Outcome, DatabaseError>> {
        Box::pin(self.ask(statement))
    }

    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn Session>, DatabaseError>> {
        Box::pin(self.open_session())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.pool.close();
        Box::pin(std::future::ready(()))
    }
}
