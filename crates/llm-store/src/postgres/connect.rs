//! How a connection is opened: on the thread that drives it.

use deadpool_postgres::Connect;
use llm_core::BoxFuture;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error};

use super::address::Address;
use super::driver::Driver;
use super::tls::Tls;
use crate::database::DatabaseError;
use crate::settings::DatabaseSettings;

/// Opens connections.
pub(super) struct Connector {
    driver: Driver,
    tls: Tls,
    /// What every connection is told first.
    greeting: Option<String>,
}

impl Connector {
    pub(super) fn new(
        address: &Address,
        driver: &Driver,
        settings: &DatabaseSettings,
    ) -> Result<Self, DatabaseError> {
        let tls = Tls::new(&address.trust)?;
        Ok(Self { driver: driver.clone(), tls, greeting: greeting(address, settings) })
    }
}

/// The limits of statements, and where tables are. A pooler that shares its sessions between clients would give them to
/// others too.
pub(super) fn greeting(address: &Address, settings: &DatabaseSettings) -> Option<String> {
    if address.shares_sessions {
        return None;
    }
    let limit = settings.statement_timeout.as_millis();
    // A gateway that vanished within a transaction holds its locks no longer than that.
    let mut greeting =
        format!("SET statement_timeout = {limit}; SET idle_in_transaction_session_timeout = {}", limit * 2);
    if let Some(schema) = &address.schema {
        greeting.push_str(&format!("; SET search_path = \"{}\"", schema.replace('"', "\"\"")));
    }
    Some(greeting)
}

impl Connect for Connector {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        let (config, tls, greeting) = (config.clone(), self.tls.clone(), self.greeting.clone());
        let opened = self.driver.spawn(async move {
            let (client, connection) = config.connect(tls).await?;
            let task = tokio::spawn(async move {
                // Why it ended is told to those who wait for an answer on it.
                let _ = connection.await;
            });
            if let Some(greeting) = greeting {
                client.batch_execute(&greeting).await?;
            }
            Ok((client, task))
        });
        Box::pin(async move { opened.await.expect("the driver lives as long as its connector") })
    }
}
