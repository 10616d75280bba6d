//! A connection to Redis, and how it is made.

use std::time::Duration;

use futures_util::future::FutureExt;
use llm_core::Result;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline};

use crate::settings::RedisSettings;
use crate::shared::talk::{Connect, Lost};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(1);

/// A connection, and who is told when it is of no use any more.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) connection: MultiplexedConnection,
    lost: Lost,
}

impl Line {
    /// Connects, or says why not.
    pub(crate) async fn open(client: &Client, timeout: Duration, lost: Lost) -> Result<Self, String> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(timeout));
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        Ok(Self { connection: connection.map_err(|error| error.to_string())?, lost })
    }

    /// How connections of these settings are made.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) fn connect(settings: &RedisSettings) -> Result<Connect<Self>> {
        let (client, timeout) = (settings.client()?, settings.timeout);
        Ok(Box::new(move |lost| {
            let client = client.clone();
            async move { Self::open(&client, timeout, lost).await }.boxed_local()
        }))
    }

    /// What Redis answers; `None`: it does not, and the connection is given up.
    pub(crate) async fn ask<A: FromRedisValue>(mut self, pipe: Pipeline) -> Option<A> {
        let answer = pipe.query_async(&mut self.connection).await;
        answer.map_err(|error| self.lost.give_up(&error)).ok()
    }
}
