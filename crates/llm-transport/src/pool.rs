//! Idle connections, kept apart for each thread so that cores neither wait for each other nor wake each other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use llm_core::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use tokio::runtime::{Handle, Id, RuntimeFlavor};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::connect::Connector;
use crate::connection::{Http1, Http2, Http2Stream};
use crate::deadline::connect_expired;
use crate::options::Options;

/// The connections of one upstream.
pub(crate) struct Pool {
    shards: Box<[Arc<Shard>]>,
    /// The peer was asked and does not speak HTTP/2: connections need not wait for each other.
    only_http1: AtomicBool,
}

/// One thread's connections, on cache lines of their own.
#[repr(align(128))]
pub(crate) struct Shard {
    state: Mutex<State>,
    /// Held while an HTTP/2 connection is made, so that calls which would share it do not each make one.
    making: tokio::sync::Mutex<()>,
    most_idle: usize,
    idle_timeout: Duration,
}

#[derive(Default)]
struct State {
    /// The one used last is at the end, and used next.
    idle: Vec<Http1>,
    shared: Vec<Http2>,
    reaper: Option<AbortHandle>,
    closed: bool,
}

/// A connection in use by one call.
pub(crate) enum Lease {
    /// A connection of one's own.
    Http1(Http1Lease),
    /// A stream among others.
    Http2(Http2Stream),
}

/// An HTTP/1.1 connection in use; cut when dropped, because nobody knows where in the answer it stands.
pub(crate) struct Http1Lease {
    connection: Option<Http1>,
    shard: Arc<Shard>,
    /// Whether the connection served a call before this one.
    pub(crate) reused: bool,
}

impl Lease {
    /// The answer was read to its end: the connection may serve another call.
    pub(crate) fn give_back(self) {
        if let Self::Http1(mut lease) = self
            && let Some(connection) = lease.connection.take()
        {
            lease.shard.keep(connection);
        }
    }

    /// Whether a call that failed here may have met a connection that was closed long before. `unsent`: the request
    /// never left.
    pub(crate) fn may_be_stale(&self, unsent: bool) -> bool {
        match self {
            Self::Http1(lease) => {
                lease.reused && (unsent || lease.connection.as_ref().is_some_and(|own| !own.answered()))
            }
            Self::Http2(stream) => stream.reused && unsent,
        }
    }
}

impl Http1Lease {
    /// The connection.
    pub(crate) fn connection(&mut self) -> Result<&mut Http1> {
        self.connection.as_mut().ok_or_else(|| Error::internal("a connection was used after its call"))
    }
}

impl Drop for Http1Lease {
    fn drop(&mut self) {
        self.connection.take().into_iter().for_each(Http1::cut);
    }
}

impl Pool {
    /// An empty pool.
    pub(crate) fn new(options: &Options) -> Self {
        // More shards than cores, because other threads than the serving ones take numbers too.
        let cores = available_parallelism().map_or(1, usize::from);
        let shards = (4 * cores).next_power_of_two();
        let shard = || {
            Arc::new(Shard {
                state: Mutex::default(),
                making: tokio::sync::Mutex::new(()),
                most_idle: options.max_idle_per_core,
                idle_timeout: options.idle_timeout,
            })
        };
        Self { shards: (0..shards).map(|_| shard()).collect(), only_http1: AtomicBool::new(false) }
    }

    /// A connection that can be used at once, if there is one.
    pub(crate) fn idle(&self) -> Option<Lease> {
        let runtime = Handle::current();
        let id = runtime.id();
        if let Some(lease) = self.shard().take(id) {
            return Some(lease);
        }
        // Tasks of a work-stealing runtime change threads, and would leave connections behind everywhere.
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return None;
        }
        self.shards.iter().find_map(|shard| shard.take(id))
    }

    /// A new connection, or a stream of one that another call made meanwhile.
    pub(crate) async fn open(&self, connector: &Connector, limit: Option<Duration>) -> Result<Lease> {
        let (shard, limit) = (self.shard(), connector.limit(limit));
        if !connector.may_be_http2() || self.only_http1.load(Ordering::Relaxed) {
            return self.make(connector, limit, shard).await;
        }
        let _making = timeout(limit, shard.making.lock()).await.map_err(|_| connect_expired(limit))?;
        let made = shard.state.lock().stream(Handle::current().id());
        match made {
            Some(stream) => Ok(Lease::Http2(stream)),
            None => self.make(connector, limit, shard).await,
        }
    }

    async fn make(&self, connector: &Connector, limit: Duration, shard: &Arc<Shard>) -> Result<Lease> {
        let (stream, speaks_http2) = connector.connect(limit).await?;
        if speaks_http2 {
            let opened = timeout(limit, Http2::open(stream)).await.map_err(|_| connect_expired(limit))?;
            let mut connection = opened?;
            let lease = connection.stream(false);
            shard.share(connection);
            return lease.map(Lease::Http2).ok_or_else(|| {
                Error::new(ErrorKind::Connection, "the vendor's HTTP/2 connection takes no calls")
            });
        }
        self.only_http1.store(connector.may_be_http2(), Ordering::Relaxed);
        let connection = Some(Http1::open(stream).await?);
        Ok(Lease::Http1(Http1Lease { connection, shard: Arc::clone(shard), reused: false }))
    }

    fn shard(&self) -> &Arc<Shard> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
        }
        let thread = THREAD.with(|thread| *thread);
        // The number of shards is a power of two and at least one.
        &self.shards[thread & (self.shards.len() - 1)]
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for shard in &self.shards {
            let mut state = shard.state.lock();
            state.closed = true;
            state.reaper.take().into_iter().for_each(|reaper| reaper.abort());
            state.idle.clear();
            state.shared.clear();
        }
    }
}

impl Shard {
    /// Takes the connection used last; closed and expired ones go.
    fn take(self: &Arc<Self>, runtime: Id) -> Option<Lease> {
        let mut state = self.state.lock();
        if let Some(stream) = state.stream(runtime) {
            return Some(Lease::Http2(stream));
        }
        for place in (0..state.idle.len()).rev() {
            let connection = &state.idle[place];
            if connection.is_closed() || connection.idle_since.elapsed() >= self.idle_timeout {
                state.idle.remove(place);
            } else if connection.runtime == runtime && connection.is_ready() {
                let connection = Some(state.idle.remove(place));
                return Some(Lease::Http1(Http1Lease { connection, shard: Arc::clone(self), reused: true }));
            }
        }
        None
    }

    fn keep(self: &Arc<Self>, mut connection: Http1) {
        connection.idle_since = Instant::now();
        let mut state = self.state.lock();
        if !state.closed && state.idle.len() < self.most_idle {
            state.idle.push(connection);
            self.reap_later(&mut state);
        }
    }

    fn share(self: &Arc<Self>, connection: Http2) {
        let mut state = self.state.lock();
        if !state.closed {
            state.shared.push(connection);
            self.reap_later(&mut state);
        }
    }

    /// Starts the task that closes idle connections when no call comes along to do it.
    fn reap_later(self: &Arc<Self>, state: &mut State) {
        // It is also finished when its runtime was shut down.
        if state.reaper.as_ref().is_some_and(|reaper| !reaper.is_finished()) {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let reaper = runtime.spawn(reap(Arc::downgrade(self), self.idle_timeout));
            state.reaper = Some(reaper.abort_handle());
        }
    }

    /// Closes what has been idle for too long; whether there is anything left to come back for.
    fn close_expired(&self) -> bool {
        let mut state = self.state.lock();
        let expired = |since: Instant| since.elapsed() >= self.idle_timeout;
        state.idle.retain(|connection| !connection.is_closed() && !expired(connection.idle_since));
        state.shared.retain(|connection| {
            let unused = connection.is_idle() && expired(connection.used);
            !(connection.is_closed() || unused)
        });
        let more = !(state.idle.is_empty() && state.shared.is_empty());
        if !more {
            state.reaper = None;
        }
        more
    }
}

impl State {
    /// A free stream of an HTTP/2 connection; closed ones go.
    fn stream(&mut self, runtime: Id) -> Option<Http2Stream> {
        self.shared.retain(|connection| !connection.is_closed());
        let mut ours = self.shared.iter_mut().filter(|connection| connection.runtime == runtime);
        ours.find_map(|connection| connection.stream(true))
    }
}

async fn reap(shard: Weak<Shard>, period: Duration) {
    loop {
        sleep(period).await;
        if !shard.upgrade().is_some_and(|shard| shard.close_expired()) {
            return;
        }
    }
}
