//! A request body on its way in: one [`Bytes`], bounded in size, in time and in what all of them hold together.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use llm_core::hush::hushed;
use llm_core::{Error, ErrorKind, Fault, Result, Retry};
use tokio::time::{Instant, sleep_until};

use crate::limits::Limits;

/// The most memory that is set aside because a client says that so much will come; the rest once this much came.
const TRUSTED: usize = 8 << 20;

/// What any body's errors must be able to become.
pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// A body that arrived.
pub(crate) struct Collected {
    /// The body.
    pub bytes: Bytes,
    /// Keeps the body counted for as long as the request is worked on.
    pub held: Held,
}

/// A body that is arriving. A body that comes in one piece is not copied.
pub(crate) struct Arriving<'a, B> {
    body: &'a mut B,
    limits: &'a Limits,
    budget: &'a Arc<Budget>,
    announced: Option<usize>,
    received: usize,
    first: Bytes,
    rest: BytesMut,
    held: Held,
}

impl<'a, B> Arriving<'a, B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    /// Nothing is read yet.
    ///
    /// # Errors
    /// When the announced length is above the limit.
    pub(crate) fn new(body: &'a mut B, limits: &'a Limits, budget: &'a Arc<Budget>) -> Result<Self> {
        let announced = body.size_hint().exact().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if let Some(length) = announced.filter(|length| *length > limits.body) {
            return Err(too_large(&format!("has {length} bytes"), limits));
        }
        let (first, rest, held) = (Bytes::new(), BytesMut::new(), Held::default());
        Ok(Self { body, limits, budget, announced, received: 0, first, rest, held })
    }

    /// Takes what is there. Nearly every body is complete then: it came with its head.
    ///
    /// # Errors
    /// When the body is too large, or broke off.
    pub(crate) async fn what_is_there(&mut self) -> Result<Option<Collected>> {
        poll_fn(|context| match self.poll(context) {
            Poll::Ready(done) => Poll::Ready(done.map(Some)),
            Poll::Pending => Poll::Ready(Ok(None)),
        })
        .await
    }

    /// Waits for the rest, as long as it keeps coming.
    ///
    /// # Errors
    /// When the body is too large, too slow, or broke off, or when too much is being read already.
    pub(crate) async fn the_rest(mut self) -> Result<Collected> {
        let began = Instant::now();
        let mut deadline = pin!(sleep_until(began + self.limits.body_grace));
        poll_fn(|context| {
            if let Poll::Ready(done) = self.poll(context) {
                return Poll::Ready(done);
            }
            loop {
                ready!(deadline.as_mut().poll(context));
                let earned = Duration::from_secs((self.received / self.limits.body_rate.max(1)) as u64);
                let allowed = began + self.limits.body_grace.max(earned);
                if allowed <= Instant::now() {
                    return Poll::Ready(Err(too_slow(self.received)));
                }
                deadline.as_mut().reset(allowed);
            }
        })
        .await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Collected>> {
        while !self.body.is_end_stream() {
            let (frame, connection) = hushed(|| Pin::new(&mut *self.body).poll_frame(context));
            if self.body.is_end_stream() {
                connection.forget();
            } else {
                connection.wake();
            }
            match ready!(frame) {
                // Trailers mean nothing here.
                Some(Ok(frame)) => frame.into_data().map_or(Ok(()), |piece| self.take(piece))?,
                Some(Err(error)) => return Poll::Ready(Err(broken(&error.into()))),
                None => break,
            }
        }
        Poll::Ready(Ok(self.finish()))
    }

    fn take(&mut self, piece: Bytes) -> Result<()> {
        self.received += piece.len();
        if self.received > self.limits.body {
            return Err(too_large("is longer", self.limits));
        }
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = piece;
            return Ok(());
        }
        self.held.add(self.budget, self.received)?;
        self.make_room(piece.len());
        if !self.first.is_empty() {
            self.rest.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&piece);
        Ok(())
    }

    fn make_room(&mut self, piece: usize) {
        let missing = self.first.len() + piece;
        if self.rest.capacity() - self.rest.len() >= missing {
            return;
        }
        let announced = self.announced.unwrap_or(0).saturating_sub(self.rest.len());
        let trusted = if self.rest.is_empty() { announced.min(TRUSTED) } else { announced };
        self.rest.reserve(missing.max(trusted));
    }

    fn finish(&mut self) -> Collected {
        let first = std::mem::take(&mut self.first);
        let bytes = if self.rest.is_empty() { first } else { self.rest.split().freeze() };
        Collected { bytes, held: std::mem::take(&mut self.held) }
    }
}

/// How many bytes of bodies may be held at once.
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0) }
    }

    #[cfg(test)]
    fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// A share of a [`Budget`], given back on drop.
#[derive(Default)]
pub(crate) struct Held(Option<(Arc<Budget>, usize)>);

impl Held {
    /// Raises the share to `total` bytes.
    fn add(&mut self, budget: &Arc<Budget>, total: usize) -> Result<()> {
        let (budget, share) = self.0.get_or_insert_with(|| (Arc::clone(budget), 0));
        let more = total - *share;
        let used = budget.used.fetch_add(more, Ordering::Relaxed) + more;
        *share = total;
        if used > budget.limit { Err(too_busy(budget.limit)) } else { Ok(()) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((budget, share)) = self.0.take() {
            budget.used.fetch_sub(share, Ordering::Relaxed);
        }
    }
}

fn too_large(what: &str, limits: &Limits) -> Error {
    let limit = limits.body;
    Error::new(
        ErrorKind::PayloadTooLarge,
        format!(
            "the request body {what}, but at most {limit} are read: send less, or raise the gateway's body limit"
        ),
    )
}

fn too_slow(received: usize) -> Error {
    let message = format!(
        "the request body came too slowly: gave up after {received} bytes, send it again over a faster line"
    );
    Error::new(ErrorKind::Timeout, message).with_fault(Fault::Client).with_retry(Retry::Never)
}

fn broken(cause: &BoxError) -> Error {
    Error::invalid(format!("the request body could not be read: {cause}")).with_param("request_body")
}

fn too_busy(limit: usize) -> Error {
    let message =
        format!("the gateway already holds {limit} bytes of request bodies: send the request again later");
    Error::new(ErrorKind::Overloaded, message)
        .with_fault(Fault::Gateway)
        .with_retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    fn limits(body: usize) -> Limits {
        Limits { body, ..Limits::default() }
    }

    fn pieces(
        pieces: Vec<&'static str>,
    ) -> StreamBody<impl futures_core::Stream<Item = Result<Frame<Bytes>, Infallible>> + Unpin> {
        let frames = pieces.into_iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
        StreamBody::new(futures_util::stream::iter(frames))
    }

    #[tokio::test]
    async fn one_piece_is_not_copied() {
        let (limits, budget) = (limits(10), Arc::new(Budget::new(0)));
        let bytes = Bytes::from(vec![b'x'; 10]);
        let mut body = Full::new(bytes.clone());
        let mut arriving = Arriving::new(&mut body, &limits, &budget).expect("within the limit");
        let collected = arriving.what_is_there().await.expect("whole").expect("there");
        assert_eq!(collected.bytes.as_ptr(), bytes.as_ptr());
    }

    #[tokio::test]
    async fn pieces_are_joined_and_counted_until_the_request_is_done() {
        let (limits, budget) = (limits(10), Arc::new(Budget::new(100)));
        let mut body = pieces(vec!["ab", "", "cd", "e"]);
        let arriving = Arriving::new(&mut body, &limits, &budget).expect("no length is announced");
        let collected = arriving.the_rest().await.expect("whole");
        assert_eq!(collected.bytes, "abcde");
        assert_eq!(budget.used(), 5);
        drop(collected.held);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn the_limit_holds_without_an_announced_length() {
        let (limits, budget) = (limits(4), Arc::new(Budget::new(100)));
        let mut body = pieces(vec!["ab", "cd", "e"]);
        let arriving = Arriving::new(&mut body, &limits, &budget).expect("no length is announced");
        let error = arriving.the_rest().await.err().expect("too large");
        assert_eq!(error.status(), 413);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn an_exhausted_budget_refuses_for_now() {
        let (limits, budget) = (limits(10), Arc::new(Budget::new(3)));
        let mut body = pieces(vec!["ab", "cd"]);
        let arriving = Arriving::new(&mut body, &limits, &budget).expect("no length is announced");
        let error = arriving.the_rest().await.err().expect("too much");
        assert_eq!((error.status(), error.retry_after()), (503, Some(Duration::from_secs(1))));
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_coming_is_given_up() {
        let (limits, budget) = (limits(10), Arc::new(Budget::new(100)));
        let frame = futures_util::stream::once(async { Ok::<_, Infallible>(Frame::data(Bytes::from("ab"))) });
        let stream = futures_util::StreamExt::chain(Box::pin(frame), futures_util::stream::pending());
        let mut body = StreamBody::new(stream);
        let arriving = Arriving::new(&mut body, &limits, &budget).expect("no length is announced");
        let error = arriving.the_rest().await.err().expect("too slow");
        assert_eq!(error.status(), 408);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_that_keeps_coming_is_read() {
        let (limits, budget) = (limits(10 << 20), Arc::new(Budget::new(10 << 20)));
        let frames = futures_util::stream::unfold(0, |sent| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let frame = Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; 20 << 10])));
            (sent < 100).then_some((frame, sent + 1))
        });
        let mut body = StreamBody::new(Box::pin(frames));
        let arriving = Arriving::new(&mut body, &limits, &budget).expect("no length is announced");
        assert_eq!(arriving.the_rest().await.expect("whole").bytes.len(), 100 * (20 << 10));
    }
}
