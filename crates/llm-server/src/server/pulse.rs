//! The life signs of a connection: what it is doing since when, kept by the connection and read by its worker.
//!
//! hyper has a timer for heads, but it also runs while a kept-alive connection rests, and is made anew for every
//! request. Here a request costs a few plain stores, and the worker looks at all connections every now and then.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Duration;

use crate::limits::Limits;

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const BUSY: u8 = 2;

const GO_ON: u8 = 0;
const FINISH: u8 = 1;
const REST: u8 = 2;
const CLOSE: u8 = 3;

/// What a worker tells a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The next answer is the last one, and says so.
    Finish,
    /// Close, unless a request came meanwhile: that is answered first.
    Rest,
    /// Close now.
    Close,
}

/// Milliseconds since the worker began, advanced by the worker at its leisure: good enough for deadlines of many
/// seconds, and free to read.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU32);

impl Clock {
    pub(crate) fn set(&self, since_start: Duration) {
        // Starts at 1, wraps after seven weeks: a difference of two readings stays right.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only differences are used, and those are short"
        )]
        self.0.store((since_start.as_millis() as u32).wrapping_add(1), Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn since(&self, then: u32) -> Duration {
        Duration::from_millis(self.now().wrapping_sub(then).into())
    }
}

/// The life signs of one connection.
pub(crate) struct Pulse {
    clock: Arc<Clock>,
    phase: AtomicU8,
    since: AtomicU32,
    /// An answer waits for the client to take it since `stalled_since`.
    stalled: AtomicBool,
    stalled_since: AtomicU32,
    order: AtomicU8,
    to_be_reset: AtomicBool,
    waker: OnceLock<Waker>,
}

impl Pulse {
    pub(crate) fn new(clock: Arc<Clock>) -> Self {
        let since = AtomicU32::new(clock.now());
        Self {
            clock,
            phase: AtomicU8::new(IDLE),
            since,
            stalled: AtomicBool::new(false),
            stalled_since: AtomicU32::new(0),
            order: AtomicU8::new(GO_ON),
            to_be_reset: AtomicBool::new(false),
            waker: OnceLock::new(),
        }
    }

    /// Bytes came in.
    pub(crate) fn read(&self) {
        if self.phase.load(Ordering::Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    /// The client took bytes, or could not.
    pub(crate) fn wrote(&self, taken: bool) {
        if taken {
            self.stalled.store(false, Ordering::Relaxed);
        } else if !self.stalled.load(Ordering::Relaxed) {
            self.stalled_since.store(self.clock.now(), Ordering::Relaxed);
            self.stalled.store(true, Ordering::Relaxed);
        }
    }

    /// The connection is to end with a reset.
    pub(crate) fn reset_at_the_end(&self) {
        self.to_be_reset.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_to_be_reset(&self) -> bool {
        self.to_be_reset.load(Ordering::Relaxed)
    }

    /// A request is there and worked on until the mark is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.enter(BUSY);
        Busy(Arc::clone(self))
    }

    fn enter(&self, phase: u8) {
        self.phase.store(phase, Ordering::Relaxed);
        self.since.store(self.clock.now(), Ordering::Relaxed);
    }

    /// Whether the client takes longer than it may.
    pub(crate) fn is_overdue(&self, limits: &Limits) -> bool {
        let allowed = match self.phase.load(Ordering::Relaxed) {
            IDLE => limits.idle,
            HEAD => limits.head_time,
            _ => Duration::MAX,
        };
        let stalled = self.stalled.load(Ordering::Relaxed)
            && self.clock.since(self.stalled_since.load(Ordering::Relaxed)) > limits.stall;
        stalled || self.clock.since(self.since.load(Ordering::Relaxed)) > allowed
    }

    /// Whether no request is there, and the client has taken all answers.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == IDLE && !self.stalled.load(Ordering::Relaxed)
    }

    /// Whether it has been at rest for this long, and for this long since a reading of the clock. The clock may have
    /// stood still when the connection came, so its own time alone says too much.
    pub(crate) fn rests_for(&self, time: Duration, began: u32) -> bool {
        let since = self.clock.since(self.since.load(Ordering::Relaxed));
        self.is_at_rest() && since.min(self.clock.since(began)) >= time
    }

    /// Whether the next answer is the last one.
    pub(crate) fn is_ending(&self) -> bool {
        self.order.load(Ordering::Relaxed) != GO_ON
    }

    /// Gives an order and wakes the connection for it.
    pub(crate) fn tell(&self, order: Order) {
        let order = match order {
            Order::Finish => FINISH,
            Order::Rest => REST,
            Order::Close => CLOSE,
        };
        // One thread gives and takes orders; fetching the greater one keeps a close from being taken back.
        let before = self.order.fetch_max(order, Ordering::Relaxed);
        if before < order
            && let Some(waker) = self.waker.get()
        {
            waker.wake_by_ref();
        }
    }

    /// The order to follow, asked at each wake-up. The waker is that of the connection's task, always the same.
    pub(crate) fn order(&self, waker: &Waker) -> Option<Order> {
        if self.waker.get().is_none() {
            let _ = self.waker.set(waker.clone());
        }
        match self.order.load(Ordering::Relaxed) {
            GO_ON => None,
            FINISH => Some(Order::Finish),
            REST => Some(Order::Rest),
            _ => Some(Order::Close),
        }
    }
}

/// Marks a connection as busy with a request; moves into the body of the answer.
pub(crate) struct Busy(Arc<Pulse>);

impl Busy {
    /// The life signs of the connection.
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.enter(IDLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(clock: &Clock, seconds: u64) {
        clock.set(Duration::from_secs(seconds));
    }

    #[test]
    fn heads_rests_and_stalls_have_their_own_limits_and_work_has_none() {
        let limits = Limits::default();
        let clock = Arc::new(Clock::default());
        let pulse = Arc::new(Pulse::new(Arc::clone(&clock)));
        at(&clock, 600);
        assert!(!pulse.is_overdue(&limits));
        pulse.read();
        at(&clock, 629);
        assert!(!pulse.is_overdue(&limits));
        at(&clock, 631);
        assert!(pulse.is_overdue(&limits), "a head may take 30 seconds");

        let busy = pulse.begin();
        at(&clock, 10_000);
        assert!(!pulse.is_overdue(&limits), "an answer may take as long as the vendor does");
        pulse.wrote(false);
        at(&clock, 10_121);
        assert!(pulse.is_overdue(&limits), "a client must take what is there");
        pulse.wrote(true);
        assert!(!pulse.is_overdue(&limits));

        drop(busy);
        at(&clock, 10_742);
        assert!(pulse.is_overdue(&limits), "a rest may take 620 seconds");
    }

    #[test]
    fn a_clock_that_stood_still_makes_no_rest() {
        const REST: Duration = Duration::from_millis(500);
        let clock = Arc::new(Clock::default());
        let pulse = Arc::new(Pulse::new(Arc::clone(&clock)));
        at(&clock, 5);
        let began = clock.now();
        assert!(!pulse.rests_for(REST, began), "it came just now, by a clock that was not looked at");
        at(&clock, 6);
        assert!(pulse.rests_for(REST, began));
        pulse.wrote(false);
        assert!(!pulse.rests_for(REST, began), "a client still takes the last answer");
        pulse.wrote(true);
        drop(pulse.begin());
        assert!(!pulse.rests_for(REST, began), "it was busy until now");
    }

    #[test]
    fn an_order_to_close_is_not_taken_back() {
        let pulse = Pulse::new(Arc::default());
        assert_eq!(pulse.order(Waker::noop()), None);
        pulse.tell(Order::Close);
        pulse.tell(Order::Finish);
        assert_eq!(pulse.order(Waker::noop()), Some(Order::Close));
    }
}
