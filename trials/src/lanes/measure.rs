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
    /// Times of calls at half of `rate`, from when they were due.
    pub(crate) half: Times,
}

/// Microseconds at the median and at the 99th percentile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Requests for one address.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) request: Vec<u8>,
}

impl Load {
    /// So many calls by so many clients, each of which asks when it has its answer.
    pub(crate) async fn closed(&self, clients: usize, calls: usize) -> Result<Times> {
        let begun = Instant::now();
        self.all(clients, calls, move |_| begun, false).await
    }

    /// So many calls, so many of them a second, whether answers have come or not.
    pub(crate) async fn paced(&self, rate: f64, calls: usize) -> Result<Times> {
        let (begun, gap) = (Instant::now(), 1.0 / rate.max(1.0));
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let due = move |number: usize| begun + Duration::from_secs_f64(gap * number as f64);
        self.all(PACED_CLIENTS, calls, due, true).await
    }

    async fn all(
        &self,
        clients: usize,
        calls: usize,
        due: impl Fn(usize) -> Instant + Clone + 'static,
        is_paced: bool,
    ) -> Result<Times> {
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
        let mut times = times.take();
        times.sort_by(f64::total_cmp);
        let at =
            |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1))).copied();
        Ok(Times { p50: at(50).context("no call")?, p99: at(99).context("no call")? })
    }

    async fn client(
        &self,
        calls: usize,
        next: &Cell<usize>,
        times: &RefCell<Vec<f64>>,
        due: impl Fn(usize) -> Instant,
        is_paced: bool,
    ) -> Result<()> {
        let mut client = Client::connect(self.address).await?;
        while next.get() < calls {
            let number = next.replace(next.get() + 1);
            let mut begun = Instant::now();
            if is_paced {
                begun = due(number);
                sleep_until(begun.into()).await;
            }
            let answer = client.ask(&self.request).await?;
            times.borrow_mut().push(begun.elapsed().as_secs_f64() * 1e6);
            ensure!(answer.status() == 200, "status {}: {}", answer.status(), answer.text());
        }
        Ok(())
    }
}

/// The middle one.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
