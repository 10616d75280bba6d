//! The thread that delivers alerts: each address has a queue of its own, so that one that hangs holds up no other.

use std::io;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use llm_transport::{ColdCall, ask};
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, sleep, sleep_until};

use super::Alerts;
use super::message::Alert;
use crate::settings::{AlertFormat, AlertSettings, AlertTarget};

/// How many alerts may wait for one address.
const QUEUE: usize = 256;

/// How long an address may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long it waits before each further attempt.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(16)];

/// Slack takes one message a second: <https://docs.slack.dev/apis/web-api/rate-limits>.
const PACE: Duration = Duration::from_secs(1);

/// How often it looks for news that had to wait.
const TICK: Duration = Duration::from_secs(1);

/// How long the last alerts may take when the gateway ends.
const LAST: Duration = Duration::from_secs(2);

/// The most bytes of an answer that nobody reads.
const ANSWER: usize = 64 << 10;

/// Delivers alerts until it is dropped; whoever drops it waits a moment for the last ones.
pub(crate) struct AlertThread {
    pub(crate) alerts: Arc<Alerts>,
    thread: Option<JoinHandle<()>>,
}

impl AlertThread {
    /// Begins to deliver; nothing where nobody is to be told.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(crate) fn start(settings: &AlertSettings) -> io::Result<Option<Self>> {
        if settings.targets.is_empty() {
            return Ok(None);
        }
        let (senders, queues): (Vec<_>, Vec<_>) = settings.targets.iter().map(|_| channel(QUEUE)).unzip();
        let targets: Vec<_> = settings.targets.iter().cloned().zip(queues).collect();
        let alerts = Arc::new(Alerts::new(settings.clone(), senders));
        let (weak, ending) = (Arc::downgrade(&alerts), Arc::clone(&alerts.ending));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || runtime.block_on(deliver_all(targets, weak, ending));
        let thread = std::thread::Builder::new().name("alerts".to_owned()).spawn(run)?;
        Ok(Some(Self { alerts, thread: Some(thread) }))
    }
}

impl Drop for AlertThread {
    fn drop(&mut self) {
        // Where a queue is full, the time for the last ones ends it.
        for queue in &self.alerts.queues {
            let _ = queue.try_send(None);
        }
        self.alerts.ending.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say, not even that it panicked: that is in the log.
            let _ = thread.join();
        }
    }
}

/// What waits for one address.
type Queue = Receiver<Option<Arc<Alert>>>;

async fn deliver_all(targets: Vec<(AlertTarget, Queue)>, alerts: Weak<Alerts>, ending: Arc<Notify>) {
    let (ended, mut endings) = channel::<()>(1);
    for (target, queue) in targets {
        let ended = ended.clone();
        tokio::spawn(async move {
            deliver(&target, queue).await;
            drop(ended);
        });
    }
    drop(ended);
    let ticking = async {
        while let Some(alerts) = alerts.upgrade() {
            alerts.tick();
            drop(alerts);
            sleep(TICK).await;
        }
    };
    let late = async {
        ending.notified().await;
        sleep(LAST).await;
    };
    tokio::select! {
        () = late => {}
        () = ticking => {}
        _ = endings.recv() => {}
    }
}

async fn deliver(target: &AlertTarget, mut queue: Queue) {
    let mut next = Instant::now();
    while let Some(Some(alert)) = queue.recv().await {
        sleep_until(next).await;
        send(target, &alert).await;
        next = Instant::now() + if target.format == AlertFormat::Slack { PACE } else { Duration::ZERO };
    }
}

async fn send(target: &AlertTarget, alert: &Alert) {
    let body = Bytes::from(alert.body(target.format).to_string());
    let kind = alert.kind.name();
    for pause in PAUSES.map(Some).into_iter().chain([None]) {
        let Err(failure) = attempt(target, body.clone()).await else { return };
        let is_final = pause.is_none();
        tracing::warn!(target: "llm_config::alerts", kind, failure, is_final, "an alert was not delivered");
        match pause {
            Some(pause) => sleep(pause).await,
            None => return,
        }
    }
}

/// Delivers one, without trying again.
///
/// # Errors
/// Why the address did not take it.
pub(super) async fn once(target: &AlertTarget, alert: &Alert) -> Result<(), String> {
    attempt(target, Bytes::from(alert.body(target.format).to_string())).await
}

async fn attempt(target: &AlertTarget, body: Bytes) -> Result<(), String> {
    match ask(call(target, body)).await {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(format!("it was answered with status {}", answer.status)),
        Err(error) => Err(error.message().to_owned()),
    }
}

fn call(target: &AlertTarget, body: Bytes) -> ColdCall {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let url = target.url.expose().clone();
    ColdCall { method: Method::POST, url, headers, body, size: ANSWER, deadline: DEADLINE }
}
