//! What came in: requests by route, model and status, and how many are in flight.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::cells::{Striped, add};

/// A route and the public model name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RouteLabels {
    pub(crate) route: &'static str,
    pub(crate) requested_model: Box<str>,
}

/// The statuses that are counted apart; others count as their class (`4xx`).
pub(crate) const STATUSES: [u16; 20] =
    [200, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431, 499, 500, 501, 502, 503, 504, 529];

const CLASSES: [&str; 6] = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// How many places there are for a status.
pub(crate) const PLACES: usize = STATUSES.len() + CLASSES.len();

/// What else is counted of a route: behind the places of statuses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kept {
    /// Answers that were kept.
    Hits = PLACES as isize,
    /// Calls for which none was kept.
    Misses,
    /// Tokens of answers that were kept.
    Tokens,
}

const CELLS: usize = Kept::Tokens as usize + 1;

/// The counters of a route and model. Cloning gives another handle to the same ones.
#[derive(Clone, Debug, Default)]
pub struct RouteMetrics(Arc<Striped<CELLS>>);

impl RouteMetrics {
    /// Counts a request by the status that its client got.
    pub fn finished(&self, status: u16) {
        add(&self.0.own()[place(status)], 1);
    }

    /// Counts an answer that came out of the cache of answers, and the tokens that it would have used.
    pub fn cache_hit(&self, tokens: u64) {
        let cells = self.0.own();
        add(&cells[Kept::Hits as usize], 1);
        add(&cells[Kept::Tokens as usize], tokens);
    }

    /// Counts a call that was looked for in the cache of answers in vain.
    pub fn cache_missed(&self) {
        add(&self.0.own()[Kept::Misses as usize], 1);
    }

    /// What was counted of the cache of answers.
    pub(crate) fn kept(&self, what: Kept) -> u64 {
        self.0.sum(what as usize)
    }

    /// How many requests ended with a place's status.
    pub(crate) fn at(&self, place: usize) -> u64 {
        self.0.sum(place)
    }

    /// Whether anybody but the registry holds this handle.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

fn place(status: u16) -> usize {
    STATUSES.binary_search(&status).unwrap_or_else(|_| {
        let class = usize::from(status / 100);
        STATUSES.len() + if class < CLASSES.len() { class } else { 0 }
    })
}

/// The label of a place.
pub(crate) fn status_label(place: usize) -> String {
    match STATUSES.get(place) {
        Some(status) => status.to_string(),
        None => CLASSES.get(place - STATUSES.len()).copied().unwrap_or_default().to_owned(),
    }
}

/// Whether a place counts failures.
pub(crate) fn is_failure(place: usize) -> bool {
    match STATUSES.get(place) {
        Some(status) => *status >= 400,
        None => matches!(place - STATUSES.len(), 0 | 4 | 5),
    }
}

/// A request that is being served; dropping it says that it is done.
#[derive(Debug)]
pub struct InFlight(Arc<Striped<1>>);

impl InFlight {
    pub(crate) fn new(gauge: Arc<Striped<1>>) -> Self {
        gauge.own()[0].fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // Perhaps another thread's stripe than the one that was added to: the sum is right.
        self.0.own()[0].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_statuses_have_a_label_of_their_own_and_others_their_class() {
        for (status, label, failure) in [
            (200, "200", false),
            (204, "2xx", false),
            (418, "4xx", true),
            (429, "429", true),
            (599, "5xx", true),
            (999, "other", true),
            (0, "other", true),
        ] {
            assert_eq!(status_label(place(status)), label);
            assert_eq!(is_failure(place(status)), failure, "{status}");
        }
        assert!(STATUSES.is_sorted());
    }
}
