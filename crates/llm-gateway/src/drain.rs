//! Answers whose clients went away, read to their end where the operator wants that: the vendor says there what was used.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use llm_core::provider::BoxFuture;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::answer::{Answer, Incoming};
use crate::bill::Purse;
use crate::books::Books;
use crate::calls::OnDisconnect;
use crate::gateway::State;

/// How many answers are read for nobody. It outlives changes of the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drains(Arc<AtomicUsize>);

/// One of them; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drains {
    /// A place for an answer whose client went away, where the operator wants it to be read and there is room.
    pub(crate) fn place(books: &Books) -> Option<Place> {
        if books.calls.on_disconnect != OnDisconnect::Drain || std::thread::panicking() {
            return None;
        }
        let (count, most) = (&books.drains.0, books.calls.drains.at_a_time);
        let enter = |drains: usize| (drains < most).then_some(drains + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).ok()?;
        Some(Place(Arc::clone(count)))
    }
}

impl Place {
    /// Does the work in the background, for so long. The end of the program ends it too; dropping the work settles it.
    pub(crate) fn work(self, time: Duration, work: impl Future<Output = ()> + Send + 'static) {
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            // It lives as long as its work.
            let _place = self;
            if timeout(time, work).await.is_err() {
                tracing::debug!("an answer took too long to be read for nobody");
            }
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A call until its answer begins. When it is dropped while a vendor is asked, the answer is waited for all the same.
pub(crate) struct Watched {
    work: Option<BoxFuture<'static, Answer>>,
    purse: Arc<Purse>,
    books: Arc<Books>,
}

impl Watched {
    pub(crate) fn new(state: Arc<State>, incoming: Incoming) -> Self {
        let (purse, books) = (Arc::<Purse>::default(), Arc::clone(&state.books));
        let work = state.serve(incoming, Some(Arc::clone(&purse)));
        Self { work: Some(Box::pin(work)), purse, books }
    }
}

impl Future for Watched {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let answer = ready!(work.as_mut().poll(context));
        self.work = None;
        Poll::Ready(answer)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else { return };
        // Nobody is asked for a client that is gone.
        if self.purse.under_way.is_empty() {
            return;
        }
        let Some(place) = Drains::place(&self.books) else { return };
        self.purse.leave();
        place.work(self.books.calls.drains.time, async move {
            // A stream that begins now is dropped, and drained in its turn.
            drop(work.await);
        });
    }
}
