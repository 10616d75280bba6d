//! Tokens that expire: kept until shortly before, and fetched once however many requests wait for one.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Shared;
use llm_core::{BoxFuture, Result, Secret};
use parking_lot::Mutex;
use tokio::time::Instant;

/// How long before a token expires the next one is fetched; at most half of its life.
const EARLY: Duration = Duration::from_secs(5 * 60);

/// A token with its times.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    value: Secret,
    refresh: Instant,
    expires: Instant,
}

impl Token {
    /// A token that lives this long from now on.
    pub(crate) fn living(value: Secret, lifetime: Duration) -> Self {
        let now = Instant::now();
        Self {
            value,
            refresh: now + lifetime.saturating_sub(EARLY.min(lifetime / 2)),
            expires: now + lifetime,
        }
    }
}

type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Token>> + Send + Sync>;
type Fetching = Shared<BoxFuture<'static, Result<Token>>>;

/// The token of one credential.
pub(crate) struct Tokens {
    fetch: Fetch,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    fetching: Option<Fetching>,
}

enum Turn {
    Have(Secret),
    /// Wait for this; the older token still serves when it fails.
    Wait(Fetching, Option<Token>),
}

impl Tokens {
    pub(crate) fn new(fetch: impl Fn() -> BoxFuture<'static, Result<Token>> + Send + Sync + 'static) -> Self {
        Self { fetch: Box::new(fetch), state: Mutex::default() }
    }

    /// A token that is valid now.
    ///
    /// # Errors
    /// When none could be fetched.
    pub(crate) async fn get(&self) -> Result<Secret> {
        let (fetching, older) = match self.turn() {
            Turn::Have(token) => return Ok(token),
            Turn::Wait(fetching, older) => (fetching, older),
        };
        let fetched = fetching.clone().await;
        let mut state = self.state.lock();
        // Whoever comes back first clears the way; a fetch that was begun since then stays.
        if state.fetching.as_ref().is_some_and(|current| current.ptr_eq(&fetching)) {
            state.fetching = None;
            if let Ok(token) = &fetched {
                state.token = Some(token.clone());
            }
        }
        match (fetched, older) {
            (Ok(token), _) | (Err(_), Some(token)) => Ok(token.value),
            (Err(error), None) => Err(error),
        }
    }

    /// The token was refused: the next request fetches another.
    pub(crate) fn forget(&self) {
        self.state.lock().token = None;
    }

    fn turn(&self) -> Turn {
        let now = Instant::now();
        let mut state = self.state.lock();
        let valid = state.token.clone().filter(|token| token.expires > now);
        if let Some(token) = valid.as_ref().filter(|token| token.refresh > now) {
            return Turn::Have(token.value.clone());
        }
        match (valid, &state.fetching) {
            // Somebody is at it. A fetch that all who waited for it have left goes on with this request.
            (Some(token), Some(fetching)) if fetching.strong_count() > Some(1) => Turn::Have(token.value),
            (older, Some(fetching)) => Turn::Wait(fetching.clone(), older),
            (older, None) => {
                let fetching = (self.fetch)().shared();
                state.fetching = Some(fetching.clone());
                Turn::Wait(fetching, older)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use llm_core::{Error, ErrorKind};

    use super::*;

    /// Numbers its tokens; those from `fails_from` on cannot be had.
    fn numbered(lifetime: Duration, fails_from: u32) -> (Tokens, Arc<AtomicU32>) {
        let fetches = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&fetches);
        let tokens = Tokens::new(move || {
            let number = counted.fetch_add(1, Ordering::Relaxed) + 1;
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                if number >= fails_from {
                    return Err(Error::new(ErrorKind::UpstreamAuth, "no token"));
                }
                Ok(Token::living(Secret::new(number.to_string()), lifetime))
            })
        });
        (tokens, fetches)
    }

    async fn got(tokens: &Tokens) -> Option<String> {
        tokens.get().await.ok().map(|token| token.expose().clone())
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_wait_make_one_fetch() {
        let (tokens, fetches) = numbered(Duration::from_secs(3600), 9);
        let all = futures_util::future::join_all((0..20).map(|_| got(&tokens))).await;
        assert!(all.iter().all(|token| token.as_deref() == Some("1")), "{all:?}");
        assert_eq!(got(&tokens).await.as_deref(), Some("1"));
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_aging_token_is_replaced_and_serves_while_none_can_be_had() {
        let (tokens, _) = numbered(Duration::from_millis(40), 2);
        assert_eq!(got(&tokens).await.as_deref(), Some("1"));
        tokio::time::sleep(Duration::from_millis(22)).await;
        assert_eq!(got(&tokens).await.as_deref(), Some("1"), "the fetch of the second one failed");
        tokio::time::sleep(Duration::from_millis(25)).await;
        assert_eq!(got(&tokens).await, None, "the first one is over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_not_shown_again() {
        let (tokens, _) = numbered(Duration::from_secs(3600), 9);
        assert_eq!(got(&tokens).await.as_deref(), Some("1"));
        tokens.forget();
        assert_eq!(got(&tokens).await.as_deref(), Some("2"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_was_left_is_taken_up_again() {
        let (tokens, fetches) = numbered(Duration::from_secs(3600), 9);
        let left = tokio::time::timeout(Duration::from_millis(1), tokens.get()).await;
        assert!(left.is_err());
        assert_eq!(got(&tokens).await.as_deref(), Some("1"));
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
    }
}
