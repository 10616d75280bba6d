//! The channel of Redis in which gateways tell each other what was changed.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{FutureExt, LocalBoxFuture};
use llm_core::Result;
use redis::{Client, RedisResult};
use tokio::task::{JoinHandle, spawn_local};

use super::line::Line;
use crate::settings::RedisSettings;
use crate::shared::notices::{Ear, Hear, NoticeLine, NoticeServer, Notices};
use crate::shared::talk::Lost;

impl Notices {
    /// Through Redis. `hear` is told [`llm_governance::Changed::Everything`] with each connection.
    ///
    /// # Errors
    /// When the address is none, or the system gives no thread.
    pub fn through_redis(settings: &RedisSettings, hear: Hear) -> Result<Self> {
        Self::start(hear, |ear| {
            let (client, timeout) = (settings.client()?, settings.timeout);
            let (channel, ear) = (format!("{}:changed", settings.prefix), Arc::clone(ear));
            let connect = move |lost| {
                open(client.clone(), timeout, channel.clone(), Arc::clone(&ear), lost).boxed_local()
            };
            Ok(NoticeServer { name: "redis", connect: Box::new(connect) })
        })
    }
}

/// A line to say things, and what reads the channel.
struct RedisNotices {
    line: Line,
    channel: String,
    listening: JoinHandle<()>,
}

async fn open(
    client: Client,
    timeout: Duration,
    channel: String,
    ear: Arc<Ear>,
    lost: Lost,
) -> Result<Rc<dyn NoticeLine>, String> {
    let line = Line::open(&client, timeout, lost.clone()).await?;
    let subscribe = async {
        let mut heard = client.get_async_pubsub().await?;
        heard.subscribe(&channel).await?;
        RedisResult::Ok(heard.into_on_message())
    };
    let limit = timeout.max(Duration::from_secs(1));
    let heard = tokio::time::timeout(limit, subscribe).await.map_err(|error| error.to_string())?;
    let mut heard = heard.map_err(|error| error.to_string())?;
    let listening = spawn_local(async move {
        while let Some(message) = heard.next().await {
            ear.listen(&message.get_payload::<String>().unwrap_or_default());
        }
        lost.give_up(&"the channel ended");
    });
    Ok(Rc::new(RedisNotices { line, channel, listening }))
}

impl NoticeLine for RedisNotices {
    fn publish(&self, all: Vec<String>) -> LocalBoxFuture<'static, bool> {
        let mut pipe = redis::pipe();
        if all.is_empty() {
            pipe.cmd("PING").ignore();
        }
        for said in all {
            pipe.cmd("PUBLISH").arg(&self.channel).arg(said).ignore();
        }
        let line = self.line.clone();
        async move { line.ask::<()>(pipe).await.is_some() }.boxed_local()
    }
}

impl Drop for RedisNotices {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
