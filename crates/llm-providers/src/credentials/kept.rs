//! Something that expires: kept until shortly before, and fetched once however many wait for it.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Shared;
use llm_core::{BoxFuture, Result};
use parking_lot::Mutex;
use tokio::time::Instant;

/// How long before its end it is fetched anew; at most half of its life.
const EARLY: Duration = Duration::from_secs(5 * 60);

/// What was fetched, with its life from now on; `None`: it does not end.
pub(crate) type Fetched<T> = (T, Option<Duration>);

type Fetch<T> = Box<dyn Fn() -> BoxFuture<'static, Result<Fetched<T>>> + Send + Sync>;
type Fetching<T> = Shared<BoxFuture<'static, Result<Fetched<T>>>>;

/// Keeps what a fetch gives.
pub(crate) struct Kept<T: Clone> {
    fetch: Fetch<T>,
    state: Mutex<State<T>>,
}

struct State<T: Clone> {
    have: Option<Have<T>>,
    fetching: Option<Fetching<T>>,
}

#[derive(Clone)]
struct Have<T> {
    value: T,
    /// From when on it is fetched anew, and until when it can be used.
    times: Option<(Instant, Instant)>,
}

impl<T> Have<T> {
    fn is_fresh(&self, now: Instant) -> bool {
        self.times.is_none_or(|(renew, _)| now < renew)
    }

    fn is_usable(&self, now: Instant) -> bool {
        self.times.is_none_or(|(_, end)| now < end)
    }
}

impl<T: Clone + Send + Sync + 'static> Kept<T> {
    pub(crate) fn new(
        fetch: impl Fn() -> BoxFuture<'static, Result<Fetched<T>>> + Send + Sync + 'static,
    ) -> Self {
        Self { fetch: Box::new(fetch), state: Mutex::new(State { have: None, fetching: None }) }
    }

    /// What is good now.
    ///
    /// # Errors
    /// What the fetch says, when nothing older is good either.
    pub(crate) async fn get(&self) -> Result<T> {
        let (fetching, older) = {
            let (now, mut state) = (Instant::now(), self.state.lock());
            let older = state.have.clone().filter(|have| have.is_usable(now));
            match (older, &state.fetching) {
                (Some(have), _) if have.is_fresh(now) => return Ok(have.value),
                (older, Some(fetching)) => (fetching.clone(), older),
                (older, None) => {
                    let fetching = (self.fetch)().shared();
                    state.fetching = Some(fetching.clone());
                    (fetching, older)
                }
            }
        };
        let fetched = fetching.clone().await;
        self.settle(&fetching, &fetched);
        match (fetched, older) {
            (Ok((value, _)), _) => Ok(value),
            (Err(_), Some(older)) => Ok(older.value),
            (Err(error), None) => Err(error),
        }
    }

    /// The first of those who waited puts it away.
    fn settle(&self, fetching: &Fetching<T>, fetched: &Result<Fetched<T>>) {
        let mut state = self.state.lock();
        if !state.fetching.as_ref().is_some_and(|current| current.ptr_eq(fetching)) {
            return;
        }
        state.fetching = None;
        if let Ok((value, life)) = fetched {
            let now = Instant::now();
            let times = life.map(|life| (now + life.saturating_sub(EARLY.min(life / 2)), now + life));
            state.have = Some(Have { value: value.clone(), times });
        }
    }

    /// It was refused: the next one who asks gets another.
    pub(crate) fn forget(&self) {
        self.state.lock().have = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use llm_core::{Error, ErrorKind};

    use super::*;

    /// Counts its fetches; those from `fails_from` on fail.
    fn counting(life: Duration, fails_from: u32) -> (Kept<u32>, Arc<AtomicU32>) {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let kept = Kept::new(move || {
            let number = counted.fetch_add(1, Ordering::Relaxed) + 1;
            Box::pin(async move {
                tokio::task::yield_now().await;
                if number < fails_from {
                    Ok((number, Some(life)))
                } else {
                    Err(Error::new(ErrorKind::UpstreamAuth, "no credentials"))
                }
            })
        });
        (kept, count)
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_wait_make_one_fetch_and_a_refusal_makes_another() {
        let (kept, count) = counting(Duration::from_secs(3600), 9);
        let all = futures_util::future::join_all((0..20).map(|_| kept.get())).await;
        assert!(all.iter().all(|got| got.as_ref().is_ok_and(|number| *number == 1)));
        kept.forget();
        assert_eq!(kept.get().await.ok(), Some(2));
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_renewed_early_and_the_old_one_serves_while_there_is_none() {
        let (kept, _) = counting(Duration::from_secs(3600), 3);
        assert_eq!(kept.get().await.ok(), Some(1));
        tokio::time::advance(Duration::from_secs(3301)).await;
        assert_eq!(kept.get().await.ok(), Some(2));
        tokio::time::advance(Duration::from_secs(3301)).await;
        assert_eq!(kept.get().await.ok(), Some(2), "the third could not be had");
        tokio::time::advance(Duration::from_secs(300)).await;
        assert!(kept.get().await.is_err(), "the second one is over");
    }
}
