//! How much the gateway itself has to do, and who is turned away when that is too much: the less important first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use llm_core::{Error, ErrorKind, Fault, Result};

/// A call that is turned away may come back after this long: by then others have ended.
const COME_BACK: Duration = Duration::from_secs(1);

/// Calls in progress, where their number is limited. It outlives changes of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Load(Arc<AtomicUsize>);

/// A call in progress; dropping it ends it.
#[derive(Debug)]
pub(crate) struct InProgress(Arc<AtomicUsize>);

impl Load {
    /// Lets a call in, of at most `most` at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Overloaded`] when calls of this importance have all places that they may have.
    pub(crate) fn enter(&self, most: Option<usize>, priority: i64) -> Result<Option<InProgress>> {
        let Some(most) = most else { return Ok(None) };
        let may_have = share(most, priority);
        let enter = |calls: usize| (calls < may_have).then_some(calls + 1);
        if self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).is_err() {
            return Err(full());
        }
        Ok(Some(InProgress(Arc::clone(&self.0))))
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many places may be taken when a call of this importance takes one more: all by the most important (0), a tenth
/// less by each class after it, and half by the fifth and all later ones. At least one.
fn share(most: usize, priority: i64) -> usize {
    let tenths = usize::try_from(priority.clamp(0, 5)).unwrap_or(0);
    (most - most.saturating_mul(tenths) / 10).max(most.min(1))
}

fn full() -> Error {
    let message = "the gateway serves as many requests as it may: come back in a second";
    Error::new(ErrorKind::Overloaded, message).with_fault(Fault::Gateway).with_retry_after(COME_BACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_share_and_the_most_important_has_all() {
        assert_eq!([-3, 0, 1, 2, 5, 99].map(|priority| share(100, priority)), [100, 100, 90, 80, 50, 50]);
        assert_eq!([0, 1, 5].map(|priority| share(1, priority)), [1, 1, 1]);
        assert_eq!(share(0, 0), 0);
    }

    #[test]
    fn the_less_important_are_turned_away_first_and_places_come_back() {
        let load = Load::default();
        let mut inside: Vec<_> = (0..9).map(|_| load.enter(Some(10), 1).expect("room")).collect();
        let refused = load.enter(Some(10), 1).expect_err("nine tenths are taken");
        assert_eq!((refused.status(), refused.retry_after()), (503, Some(COME_BACK)));
        inside.push(load.enter(Some(10), 0).expect("the last tenth"));
        assert!(load.enter(Some(10), 0).is_err());
        inside.truncate(8);
        assert!(load.enter(Some(10), 1).is_ok());
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let load = Load::default();
        assert!(load.enter(None, 9).expect("no limit").is_none());
        assert_eq!(load.0.load(Ordering::Relaxed), 0);
    }
}
