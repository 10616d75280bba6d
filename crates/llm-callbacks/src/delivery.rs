//! The thread that delivers calls. Each callback has a queue and a task of its own, so that one that hangs holds up no
//! other.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use llm_core::{BoxFuture, random};
use llm_gateway::{CallLog, LogCounts, LoggedCall};
use llm_governance::LedgerRow;
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep, timeout_at};

use crate::file::File;
use crate::http::Http;
use crate::langfuse::Langfuse;
use crate::objects::Objects;
use crate::otel::Otel;
use crate::own::{self, Own};
use crate::queue::{Counts, Queue, Waiting};
use crate::settings::{Callback, CallbackSettings, Place};
use crate::words::Words;

/// How long it waits before each further attempt; up to a half more, so that gateways do not come all at once.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(8), Duration::from_secs(30)];

/// The longest wait that an address may ask for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the last calls may take when the gateway ends.
const LAST: Duration = Duration::from_secs(5);

/// Takes note of calls.
pub struct Callbacks {
    queues: Vec<Queue>,
    own: Option<Own>,
    anonymous: bool,
    ending: Notify,
}

/// Delivers calls until it is dropped; whoever drops it waits a moment for the last ones.
pub struct CallbackThread {
    /// Who takes note of them.
    pub callbacks: Arc<Callbacks>,
    thread: Option<JoinHandle<()>>,
}

/// A way to deliver calls.
pub(crate) trait Sink: Send {
    /// Delivers some. Gives back how many of them were refused for themselves.
    fn send<'a>(&'a mut self, batch: &'a [Waiting]) -> BoxFuture<'a, Result<usize, Undelivered>>;
}

/// Why calls were not delivered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Undelivered {
    /// In words without addresses and credentials.
    pub why: String,
    /// Another attempt may help.
    pub again: bool,
    /// When, as the other side says.
    pub after: Option<Duration>,
}

impl CallbackThread {
    /// Begins to deliver; nothing where nobody is to be told.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(settings: &CallbackSettings) -> io::Result<Option<Self>> {
        if settings.callbacks.is_empty() && settings.own.is_none() {
            return Ok(None);
        }
        let (mut queues, mut deliveries) = (Vec::new(), Vec::new());
        for callback in &settings.callbacks {
            let (queue, waiting, counts) = Queue::new(&callback.name, callback.wanted, callback.content);
            queues.push(queue);
            deliveries.push((callback.clone(), waiting, counts));
        }
        // No more than that are begun before the thread has taken them.
        let (sender, more) = channel(own::MOST);
        let own = settings.own.as_ref().map(|make| Own::new(make, sender));
        let callbacks = Callbacks { queues, own, anonymous: settings.anonymous, ending: Notify::new() };
        let callbacks = Arc::new(callbacks);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let known = Arc::clone(&callbacks);
        let run = move || runtime.block_on(deliver_all(deliveries, more, &known.ending));
        let thread = std::thread::Builder::new().name("callbacks".to_owned()).spawn(run)?;
        Ok(Some(Self { callbacks, thread: Some(thread) }))
    }
}

impl CallLog for Callbacks {
    fn log(&self, mut call: LoggedCall) {
        if self.anonymous {
            call.row = anonymous(call.row);
        }
        let own = match &self.own {
            Some(own) if !call.also.is_empty() => own.of(&call.also),
            _ => Vec::new(),
        };
        call.also = Vec::new();
        let all = self.queues.iter().chain(own.iter().map(|queue| &**queue));
        let wanting: Vec<&Queue> = all.filter(|queue| queue.wants(&call)).collect();
        let content = call.content.take();
        let (with, without): (Vec<&Queue>, Vec<&Queue>) =
            wanting.into_iter().partition(|queue| content.is_some() && queue.wants_content());
        if !without.is_empty() {
            let mut bare = call.clone();
            if content.is_some() {
                // A vendor's words may quote the prompt.
                bare.error.iter_mut().for_each(|error| error.message = None);
            }
            let bare = Arc::new(bare);
            without.into_iter().for_each(|queue| queue.put(&bare));
        }
        if !with.is_empty() {
            call.content = content;
            let call = Arc::new(call);
            with.into_iter().for_each(|queue| queue.put(&call));
        }
    }

    fn is_for_all(&self) -> bool {
        !self.queues.is_empty()
    }

    fn wants_content(&self) -> bool {
        self.queues.iter().any(Queue::wants_content) || self.own.as_ref().is_some_and(Own::may_have_content)
    }

    fn counts(&self) -> Vec<LogCounts> {
        let own = self.own.as_ref().map(Own::counts).unwrap_or_default();
        self.queues.iter().map(Queue::counts).chain(own).collect()
    }
}

impl Drop for CallbackThread {
    fn drop(&mut self) {
        self.callbacks.queues.iter().for_each(Queue::ends);
        self.callbacks.own.iter().for_each(Own::ends);
        self.callbacks.ending.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say, not even that it panicked: that is in the log.
            let _ = thread.join();
        }
    }
}

/// A row without whoever asked.
fn anonymous(row: LedgerRow) -> LedgerRow {
    LedgerRow {
        key: None,
        key_alias: None,
        user_id: None,
        team_id: None,
        team_alias: None,
        organization_id: None,
        customer: None,
        ip: None,
        ..row
    }
}

pub(crate) type Delivery = (Callback, Receiver<Option<Waiting>>, Arc<Counts>);

/// Delivers until the last one has ended: those that are there, and those that come until nobody can send more.
async fn deliver_all(deliveries: Vec<Delivery>, mut more: Receiver<Delivery>, ending: &Notify) {
    let (ended, mut endings) = channel::<()>(1);
    for delivery in deliveries {
        begin(delivery, ended.clone());
    }
    tokio::spawn(async move {
        while let Some(delivery) = more.recv().await {
            begin(delivery, ended.clone());
        }
    });
    let late = async {
        ending.notified().await;
        sleep(LAST).await;
    };
    tokio::select! {
        () = late => {}
        _ = endings.recv() => {}
    }
}

fn begin((callback, queue, counts): Delivery, ended: Sender<()>) {
    tokio::spawn(async move {
        let mut sink = sink(&callback.place);
        deliver(&callback, &mut *sink, queue, &counts).await;
        drop(ended);
    });
}

fn sink(place: &Place) -> Box<dyn Sink> {
    match place.clone() {
        Place::File { path, max_bytes, keep } => Box::new(File::new(path, max_bytes, keep)),
        Place::Http { url, headers, format } => Box::new(Http::new(url, &headers, format)),
        Place::Otel(to) => Box::new(Otel::new(to)),
        Place::Langfuse { host, public_key, secret_key } => {
            Box::new(Langfuse::new(&host, &public_key, &secret_key))
        }
        Place::Objects { url, prefix, signer } => Box::new(Objects::new(url, prefix, signer)),
        Place::Words(store) => Box::new(Words::new(store)),
    }
}

async fn deliver(
    callback: &Callback,
    sink: &mut dyn Sink,
    mut queue: Receiver<Option<Waiting>>,
    counts: &Counts,
) {
    while let Some(Some(first)) = queue.recv().await {
        let mut batch = vec![first];
        let is_last = gather(callback, &mut queue, &mut batch).await;
        let failed = send(callback, sink, &batch).await;
        counts.done(&batch, failed);
        if is_last {
            return;
        }
    }
}

/// Waits for more calls to go together. Whether nothing follows them.
async fn gather(
    callback: &Callback,
    queue: &mut Receiver<Option<Waiting>>,
    batch: &mut Vec<Waiting>,
) -> bool {
    let until = Instant::now() + callback.interval;
    while batch.len() < callback.batch {
        match timeout_at(until, queue.recv()).await {
            Ok(Some(Some(call))) => batch.push(call),
            Ok(_) => return true,
            Err(_) => break,
        }
    }
    false
}

/// Delivers, again where that may help. How many were not.
async fn send(callback: &Callback, sink: &mut dyn Sink, batch: &[Waiting]) -> usize {
    let name = callback.name.as_str();
    for pause in PAUSES.map(Some).into_iter().chain([None]) {
        let failure = match sink.send(batch).await {
            Ok(0) => return 0,
            Ok(refused) => {
                tracing::warn!(target: "llm_callbacks", callback = name, refused, "calls were refused");
                return refused;
            }
            Err(failure) => failure,
        };
        let pause = pause.filter(|_| failure.again);
        let (why, calls, is_final) = (failure.why.as_str(), batch.len(), pause.is_none());
        tracing::warn!(target: "llm_callbacks", callback = name, calls, why, is_final, "calls were not delivered");
        let Some(pause) = pause else { break };
        let half = u64::try_from(pause.as_millis() / 2).unwrap_or(0);
        let pause = pause + Duration::from_millis(random::below(half + 1));
        sleep(failure.after.map_or(pause, |after| after.min(PATIENCE))).await;
    }
    batch.len()
}
