//! Load: as fast as answers come, or at a pace of its own.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::LocalSet;
use tokio::time::sleep_until;

use crate::client::Client;

/// Clients that a pace may occupy.
const PACED_CLIENTS: usize = 64;

/// What a round of a lane gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// CPU time of the target for a call, in microseconds.
    pub(crate) cpu: f64,
    /// Calls a second, eight at a time.
    pub(crate) rate: f64,
    /// Times of calls one after the other.
    pub(crate) alone: Times,
    /// Until the first bytes of their bodies came, of the same calls: the first token of a stream.
    pub(crate) first: Times,
    /// Times of calls at half of `rate`, from when they were due.
    pub(crate) half: Times,
}

/// Bounds of the 99th percentile in microseconds, for which the highest rate is looked for.
pub(crate) const BOUNDS: [f64; 3] = [1_000.0, 5_000.0, 10_000.0];

/// Microseconds at the median and at the 99th percentile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Times of calls, to their ends and to their beginnings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timed {
    pub(crate) whole: Times,
    pub(crate) first: Times,
}

/// Requests for one address.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) request: Vec<u8>,
    /// Keys of one length, the first of which is in the request: calls have them in turns.
    pub(crate) keys: Rc<[String]>,
}

impl Load {
    /// So many calls by so many clients, each of which asks when it has its answer.
    pub(crate) async fn closed(&self, clients: usize, calls: usize) -> Result<Timed> {
        let begun = Instant::now();
        self.all(clients, calls, move |_| begun, false).await
    }

    /// So many calls, so many of them a second, whether answers have come or not.
    pub(crate) async fn paced(&self, rate: f64, calls: usize) -> Result<Times> {
        let (begun, gap) = (Instant::now(), 1.0 / rate.max(1.0));
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let due = move |number: usize| begun + Duration::from_secs_f64(gap * number as f64);
        Ok(self.all(PACED_CLIENTS, calls, due, true).await?.whole)
    }

    /// The highest rates with a 99th percentile within `BOUNDS`: paces of so long each, slower and faster than what
    /// eight clients reach.
    pub(crate) async fn within_bounds(&self, eight: f64, each: Duration) -> Result<[f64; BOUNDS.len()]> {
        let mut highest = [0.0; BOUNDS.len()];
        for tenths in 1..=13_u8 {
            let rate = eight * f64::from(tenths) / 10.0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
            let calls = (rate * each.as_secs_f64()) as usize + 8;
            let times = self.paced(rate, calls).await?;
            let holds = highest.iter_mut().zip(BOUNDS).filter(|(_, bound)| times.p99 <= *bound);
            if holds.map(|(highest, _)| *highest = rate).count() == 0 && tenths > 5 {
                break;
            }
        }
        Ok(highest)
    }

    async fn all(
        &self,
        clients: usize,
        calls: usize,
        due: impl Fn(usize) -> Instant + Clone + 'static,
        is_paced: bool,
    ) -> Result<Timed> {
        let next = Rc::new(Cell::new(0));
        let times = Rc::new(RefCell::new(Vec::with_capacity(calls)));
        let fault = Rc::new(RefCell::new(None));
        let set = LocalSet::new();
        for _ in 0..clients.min(calls) {
            let (load, next, times) = (self.clone(), Rc::clone(&next), Rc::clone(&times));
            let (fault, due) = (Rc::clone(&fault), due.clone());
            set.spawn_local(async move {
                if let Err(error) = load.client(calls, &next, &times, due, is_paced).await {
                    fault.borrow_mut().get_or_insert(error);
                }
            });
        }
        set.await;
        if let Some(fault) = fault.take() {
            return Err(fault);
        }
        let (whole, first) = times.take().into_iter().unzip();
        Ok(Timed { whole: Times::of(whole)?, first: Times::of(first)? })
    }

    async fn client(
        &self,
        calls: usize,
        next: &Cell<usize>,
        times: &RefCell<Vec<(f64, f64)>>,
        due: impl Fn(usize) -> Instant,
        is_paced: bool,
    ) -> Result<()> {
        let mut client = Client::connect(self.address).await?;
        let mut request = self.request.clone();
        while next.get() < calls {
            let number = next.replace(next.get() + 1);
            let mut begun = Instant::now();
            if is_paced {
                begun = due(number);
                sleep_until(begun.into()).await;
            }
            self.put_key(&mut request, number);
            client.send(&request).await?;
            let (answer, first) = client.timed_answer().await?;
            let since_due = |at: Instant| at.duration_since(begun).as_secs_f64() * 1e6;
            times.borrow_mut().push((since_due(Instant::now()), since_due(first)));
            ensure!(answer.status() == 200, "status {}: {}", answer.status(), answer.text());
        }
        Ok(())
    }

    /// Puts the key of a call into its request.
    fn put_key(&self, request: &mut [u8], number: usize) {
        let [first, _, ..] = &*self.keys else { return };
        let key = &self.keys[number % self.keys.len()];
        let at = self.request.windows(first.len()).position(|window| window == first.as_bytes());
        if let Some(place) = at.and_then(|at| request.get_mut(at..at + key.len())) {
            place.copy_from_slice(key.as_bytes());
        }
    }
}

impl Times {
    fn of(mut times: Vec<f64>) -> Result<Self> {
        times.sort_by(f64::total_cmp);
        let at =
            |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1))).copied();
        Ok(Self { p50: at(50).context("no call")?, p99: at(99).context("no call")? })
    }
}

/// The middle one.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_the_keys_in_turns() {
        let keys: Rc<[String]> = ["sk-1".to_owned(), "sk-2".to_owned()].into();
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let load = Load { address, request: b"authorization: Bearer sk-1\r\n\r\nsk-1".to_vec(), keys };
        let mut request = load.request.clone();
        load.put_key(&mut request, 3);
        assert_eq!(request, b"authorization: Bearer sk-2\r\n\r\nsk-1");
        load.put_key(&mut request, 4);
        assert_eq!(request, load.request);
    }
}
