//! Reading on after an early refusal, so that the client gets to see it.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;

/// How long a refused body is read on.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the rest of a body that was refused, and forgets it.
///
/// Closing a connection while the client still writes resets it, and a reset destroys the answer that the client
/// has not read yet: most clients look at it only when they have sent everything.
pub(crate) fn discard<B>(mut body: B)
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    tokio::spawn(async move {
        let rest = poll_fn(|context| {
            loop {
                match Pin::new(&mut body).poll_frame(context) {
                    std::task::Poll::Ready(Some(Ok(_))) => {}
                    std::task::Poll::Ready(_) => return std::task::Poll::Ready(()),
                    std::task::Poll::Pending => return std::task::Poll::Pending,
                }
            }
        });
        let _ = tokio::time::timeout(PATIENCE, rest).await;
    });
}
