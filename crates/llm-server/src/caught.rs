//! Futures whose panics are caught, so that one bad request costs one answer and not a connection.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// A future panicked. What it said is for the panic hook alone: it may quote a prompt.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs a future to its end or its panic.
///
/// What the future shared must stay sound when it stops half-way, as it must when a client hangs up; hence
/// [`AssertUnwindSafe`].
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_after_a_wait_is_caught() {
        let future = async {
            tokio::task::yield_now().await;
            if true {
                panic!("on purpose");
            }
        };
        assert!(caught(future).await.is_err());
    }

    #[tokio::test]
    async fn an_output_passes() {
        assert_eq!(caught(async { 7 }).await.expect("no panic"), 7);
    }
}
