//! What gateways share through PostgreSQL alone: connections of threads that talk, beside those of the pool.

mod counters;
mod notices;

use std::fmt::Display;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Socket};

use super::address::Address;
use super::connect::greeting;
use super::error::explain;
use super::tls::{Encrypted, Tls};
use crate::database::DatabaseError;
use crate::settings::DatabaseSettings;
use crate::shared::talk::{Lost, PATIENCE};

/// What people call the server.
const NAME: &str = "postgresql";

/// How a thread reaches the server.
#[derive(Clone)]
struct Way {
    config: Config,
    tls: Tls,
    greeting: Option<String>,
    /// Whether statements are prepared, and a session is one's own.
    prepares: bool,
    patience: Duration,
}

/// A connection that is read on this thread until it is dropped.
struct Line {
    client: Client,
    /// How long it may take until the session is as it should be.
    patience: Duration,
    lost: Lost,
    reading: JoinHandle<()>,
}

impl Way {
    fn new(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let address = Address::read(settings)?;
        Ok(Self {
            tls: Tls::new(&address.trust)?,
            greeting: greeting(&address, settings),
            prepares: !address.shares_sessions,
            patience: settings.connect_timeout,
            config: address.config,
        })
    }

    /// Connects; what is said in channels that the session listens to is told to `hear`.
    async fn open(self, lost: Lost, hear: impl Fn(&str) + 'static) -> Result<Line, String> {
        let connected = timeout(self.patience, self.config.connect(self.tls)).await.map_err(in_words)?;
        let (client, connection) = connected.map_err(|error| explain(&error).to_string())?;
        let reading = spawn_local(read(connection, lost.clone(), hear));
        let line = Line { client, patience: self.patience, lost, reading };
        if let Some(greeting) = &self.greeting {
            line.tell(greeting).await?;
        }
        Ok(line)
    }
}

/// Reads a connection to its end.
async fn read(mut connection: Connection<Socket, Encrypted>, lost: Lost, hear: impl Fn(&str)) {
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(said))) => hear(said.payload()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return lost.give_up(&explain(&error)),
            None => return lost.give_up(&"the connection was closed"),
        }
    }
}

impl Line {
    /// Several statements without values, before anything else: tables may have to be made first.
    async fn tell(&self, text: &str) -> Result<(), String> {
        let told = timeout(self.patience, self.client.batch_execute(text)).await.map_err(in_words)?;
        told.map_err(|error| explain(&error).to_string())
    }

    /// What comes of asking; `None`: the server does not answer, and the connection is given up.
    async fn wait<A>(
        self: Rc<Self>,
        asked: impl Future<Output = Result<A, tokio_postgres::Error>>,
    ) -> Option<A> {
        match timeout(PATIENCE, asked).await {
            Ok(answer) => answer.map_err(|error| self.lost.give_up(&explain(&error))).ok(),
            Err(slow) => {
                self.lost.give_up(&in_words(slow));
                None
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

fn in_words(slow: impl Display) -> String {
    format!("it did not answer in time: {slow}")
}
