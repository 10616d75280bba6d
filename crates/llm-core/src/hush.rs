//! Wakers that a task can hush for a moment, because it knows that it would be woken in vain.
//!
//! hyper wakes a connection's task whenever a piece of a body is taken from it, also when that was the last piece and
//! nothing is left to do: that was one poll in three of a usual call, at both connections that it uses.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

thread_local! {
    static MOMENT: Moment = const { Moment { hushed: Cell::new(false), kept: Cell::new(None) } };
}

/// What a thread hushes now.
struct Moment {
    hushed: Cell<bool>,
    /// The first one that was hushed.
    kept: Cell<Option<Arc<Inner>>>,
}

struct Inner(Waker);

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        if let Some(loud) = keep(self) {
            loud.0.wake_by_ref();
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Arc::clone(self).wake();
    }
}

/// Keeps a waker for whoever hushed it; gives it back when nobody did, or one is kept already.
fn keep(waker: Arc<Inner>) -> Option<Arc<Inner>> {
    MOMENT.with(|moment| {
        if !moment.hushed.get() {
            return Some(waker);
        }
        match moment.kept.take() {
            None => {
                moment.kept.set(Some(waker));
                None
            }
            kept => {
                moment.kept.set(kept);
                Some(waker)
            }
        }
    })
}

/// A task's waker in a form that [`hushed`] works on.
#[derive(Default)]
pub struct Hushable {
    task: Option<Waker>,
    ours: Option<Waker>,
}

impl Hushable {
    /// Polls something with such a waker in place of the task's own.
    pub fn poll<T>(&mut self, context: &Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
        if !self.task.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            self.task = Some(context.waker().clone());
            self.ours = Some(Waker::from(Arc::new(Inner(context.waker().clone()))));
        }
        let waker = self.ours.as_ref().unwrap_or(context.waker());
        poll(&mut Context::from_waker(waker))
    }
}

/// A task that was not woken.
#[must_use = "the task that was hushed may have something to do"]
pub struct Hushed(Option<Arc<Inner>>);

impl Hushed {
    /// Wakes it after all.
    pub fn wake(self) {
        if let Some(waker) = self.0 {
            waker.0.wake_by_ref();
        }
    }

    /// There was nothing for it to do.
    pub fn forget(self) {}
}

/// Does something during which a task of this thread is not woken, if its waker is a [`Hushable`] one.
pub fn hushed<T>(work: impl FnOnce() -> T) -> (T, Hushed) {
    /// Ends the moment, also at a panic.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            MOMENT.with(|moment| moment.hushed.set(false));
        }
    }
    MOMENT.with(|moment| moment.hushed.set(true));
    let end = End;
    let done = work();
    drop(end);
    (done, Hushed(MOMENT.with(|moment| moment.kept.take())))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn woken(count: &Count) -> usize {
        count.0.load(Ordering::Relaxed)
    }

    #[test]
    fn only_the_moment_is_hushed_and_the_wake_can_be_made_up_for() {
        let count = Arc::new(Count::default());
        let (task, mut hushable) = (Waker::from(Arc::clone(&count)), Hushable::default());
        let waker = hushable.poll(&Context::from_waker(&task), |context| context.waker().clone());
        let again = hushable.poll(&Context::from_waker(&task), |context| context.waker().clone());
        assert!(waker.will_wake(&again), "the same waker at each poll");

        waker.wake_by_ref();
        assert_eq!(woken(&count), 1);
        let ((), hush) = hushed(|| waker.wake_by_ref());
        hush.forget();
        assert_eq!(woken(&count), 1);
        let ((), hush) = hushed(|| again.wake());
        hush.wake();
        assert_eq!(woken(&count), 2);
        waker.wake();
        assert_eq!(woken(&count), 3);
    }

    #[test]
    fn nobody_is_hushed_for_good() {
        let count = Arc::new(Count::default());
        let (task, mut hushable) = (Waker::from(Arc::clone(&count)), Hushable::default());
        let waker = hushable.poll(&Context::from_waker(&task), |context| context.waker().clone());
        let ((), hush) = hushed(|| {
            waker.wake_by_ref();
            waker.wake_by_ref();
        });
        assert_eq!(woken(&count), 1, "only one can be kept");
        hush.forget();
        assert!(std::panic::catch_unwind(|| hushed(|| panic!("on purpose"))).is_err());
        waker.wake();
        assert_eq!(woken(&count), 2);
    }
}
