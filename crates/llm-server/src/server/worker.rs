//! A worker: one thread with one runtime that serves its connections from accept to close.

use std::net::TcpStream as StdTcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::limits::Limits;
use crate::origins::Origins;
use crate::server::Phase;
use crate::server::connection::{Cold, Service};
use crate::server::pulse::{Clock, Order, Pulse};

/// How often connections are looked at, at most and at least.
const TICK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));
/// The same while draining.
const DRAIN_TICK: Duration = Duration::from_millis(50);
/// How long a connection without a request may bring one while draining: a client that asks again and again is told on
/// the answer that it was the last, and loses no request to a connection that closes.
const DRAIN_REST: Duration = Duration::from_millis(500);

/// Sockets that wait for a worker to take them.
const QUEUE: usize = 1024;

/// The way to a worker.
#[derive(Clone)]
pub(crate) struct Door {
    sockets: Sender<StdTcpStream>,
    open: Arc<AtomicUsize>,
}

impl Door {
    /// The way to a worker that is yet to come, and the end that it takes sockets from.
    pub(crate) fn new() -> (Self, Receiver<StdTcpStream>) {
        let (sockets, taken) = mpsc::channel(QUEUE);
        (Self { sockets, open: Arc::default() }, taken)
    }

    /// Connections that the worker has or is about to get.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Sends a socket in. Waits while the worker has too many to take: further connections are then held by the
    /// kernel, in the listener's backlog.
    pub(crate) async fn admit(&self, socket: StdTcpStream) {
        self.open.fetch_add(1, Ordering::Relaxed);
        if self.sockets.send(socket).await.is_err() {
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A worker before and while it runs.
pub(crate) struct Worker {
    service: Arc<Service>,
    limits: Limits,
    clock: Arc<Clock>,
    began: Instant,
    open: Arc<AtomicUsize>,
    gone: Arc<Notify>,
    pulses: Vec<Arc<Pulse>>,
}

impl Worker {
    pub(crate) fn new(app: Arc<App>, (origins, cold): (Arc<Origins>, Arc<Cold>), door: &Door) -> Self {
        Self {
            limits: app.limits.clone(),
            service: Arc::new(Service::new(app, origins, cold)),
            clock: Arc::default(),
            began: Instant::now(),
            open: Arc::clone(&door.open),
            gone: Arc::default(),
            pulses: Vec::new(),
        }
    }

    /// Serves until the server is stopped, or has drained.
    pub(crate) async fn run(
        mut self,
        mut sockets: Receiver<StdTcpStream>,
        mut phase: watch::Receiver<Phase>,
    ) {
        let mut tick = interval(self.tick());
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(socket) = sockets.recv() => self.admit(socket),
                _ = tick.tick() => self.look_after(),
                changed = phase.changed() => match *phase.borrow_and_update() {
                    Phase::Serving | Phase::Closing if changed.is_ok() => {}
                    Phase::Draining if changed.is_ok() => break,
                    _ => return,
                },
            }
        }
        self.drain(sockets, phase).await;
    }

    async fn drain(&mut self, mut sockets: Receiver<StdTcpStream>, mut phase: watch::Receiver<Phase>) {
        let mut tick = interval(DRAIN_TICK);
        self.look_after();
        let began = self.clock.now();
        while self.open.load(Ordering::Relaxed) > 0 {
            self.finish(began);
            tokio::select! {
                Some(socket) = sockets.recv() => self.admit(socket),
                () = self.gone.notified() => {}
                _ = tick.tick() => self.look_after(),
                // Stopped, or the server is gone.
                _ = phase.changed() => return,
            }
        }
    }

    /// Tells all connections that the next answer is the last, and those that have rested long enough to close.
    fn finish(&self, began: u32) {
        for pulse in &self.pulses {
            let rests = pulse.rests_for(DRAIN_REST, began);
            pulse.tell(if rests { Order::Rest } else { Order::Finish });
        }
    }

    fn admit(&mut self, socket: StdTcpStream) {
        let gone = Gone { open: Arc::clone(&self.open), gone: Arc::clone(&self.gone) };
        let socket = match TcpStream::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => return tracing::error!(%error, "cannot serve a connection"),
        };
        let pulse = Arc::new(Pulse::new(Arc::clone(&self.clock)));
        self.remember(Arc::clone(&pulse));
        let service = Arc::clone(&self.service);
        // Made inside the task: a future that is captured and then awaited has room there twice.
        tokio::spawn(async move {
            let _gone = gone;
            service.serve(socket, pulse).await;
        });
    }

    fn remember(&mut self, pulse: Arc<Pulse>) {
        if self.pulses.len() >= 64 + 2 * self.open.load(Ordering::Relaxed) {
            self.forget_ended();
        }
        self.pulses.push(pulse);
    }

    fn forget_ended(&mut self) {
        // A connection that ended has dropped its share of its pulse.
        self.pulses.retain(|pulse| Arc::strong_count(pulse) > 1);
    }

    /// Advances the clock and closes the connections of clients that take too long.
    fn look_after(&mut self) {
        self.clock.set(self.began.elapsed());
        self.forget_ended();
        for pulse in self.pulses.iter().filter(|pulse| pulse.is_overdue(&self.limits)) {
            pulse.tell(Order::Close);
        }
    }

    fn tick(&self) -> Duration {
        let Limits { head_time, idle, stall, .. } = self.limits;
        (head_time.min(idle).min(stall) / 4).clamp(TICK.0, TICK.1)
    }
}

/// Counts a connection as gone when it is dropped, however it ended.
struct Gone {
    open: Arc<AtomicUsize>,
    gone: Arc<Notify>,
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.gone.notify_one();
    }
}
