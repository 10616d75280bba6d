//! Requests, so many at a time, until they are done or the time is over.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use indicatif::ProgressBar;

use crate::ask::{Answer, Question, cost_of};
use crate::backend::Backend;
use crate::failure::Failure;
use crate::progress;
use crate::terminal::Terminal;

/// When no more requests are begun.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// After so many.
    After(u64),
    /// After that time.
    At(Duration),
}

/// The load on a model.
pub(super) struct Load {
    pub question: Question,
    pub end: End,
    pub concurrency: u16,
    pub stream: bool,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Measured {
    pub answers: Vec<Answer>,
    pub failures: Vec<Failure>,
    pub took: Duration,
    /// Dollars for all of it, where prices are known.
    pub cost: Option<f64>,
}

impl Load {
    /// Makes the load.
    pub(super) async fn make(&self, backend: &Backend, terminal: Terminal) -> Measured {
        let model = self.question.model.as_deref().unwrap_or_default();
        let bar = match self.end {
            End::After(requests) => progress::bar(terminal, requests, model),
            End::At(time) => progress::bar(terminal, time.as_secs().max(1), model),
        };
        let (begun, measured) = (Cell::new(0_u64), RefCell::new(Measured::default()));
        let began = Instant::now();
        let worker = || async {
            while self.goes_on(&begun, began) {
                let answer = self.once(backend).await;
                let mut measured = measured.borrow_mut();
                match answer {
                    Ok(answer) => measured.answers.push(answer),
                    Err(failure) => measured.failures.push(failure),
                }
                self.note(&bar, began);
            }
        };
        join_all((0..self.concurrency).map(|_| worker())).await;
        bar.finish_and_clear();
        let mut measured = measured.take();
        measured.took = began.elapsed();
        measured.cost = self.cost(&measured, backend).await;
        measured
    }

    fn goes_on(&self, begun: &Cell<u64>, began: Instant) -> bool {
        let so_far = begun.get();
        begun.set(so_far + 1);
        match self.end {
            End::After(requests) => so_far < requests,
            End::At(time) => began.elapsed() < time,
        }
    }

    fn note(&self, bar: &ProgressBar, began: Instant) {
        match self.end {
            End::After(_) => bar.inc(1),
            End::At(time) => bar.set_position(began.elapsed().min(time).as_secs()),
        }
    }

    /// One request. What it costs is asked for once, at the end.
    async fn once(&self, backend: &Backend) -> Result<Answer, Failure> {
        if !self.stream {
            return self.question.ask(backend).await;
        }
        let mut answering = self.question.stream(backend).await?;
        while answering.next().await?.is_some() {}
        Ok(answering.unpriced())
    }

    async fn cost(&self, measured: &Measured, backend: &Backend) -> Option<f64> {
        let told: Vec<f64> = measured.answers.iter().filter_map(|answer| answer.cost).collect();
        if !told.is_empty() && told.len() == measured.answers.len() {
            return Some(told.iter().sum());
        }
        let (input, output) = measured.tokens();
        cost_of(backend, self.question.model.as_deref()?, input, output).await
    }
}

impl Measured {
    /// Tokens of all prompts, and of all answers.
    pub(super) fn tokens(&self) -> (u64, u64) {
        let sum = |of: fn(&Answer) -> Option<u64>| self.answers.iter().filter_map(of).sum();
        (sum(|answer| answer.input), sum(|answer| answer.output))
    }
}
