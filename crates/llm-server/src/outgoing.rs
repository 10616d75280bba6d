//! The body of an answer on its way out: pieces that are there, a stream that is still coming, or a cold route's.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body as ColdBody;
use bytes::Bytes;
use futures_core::Stream as _;
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use llm_core::wire::WireBody;
use llm_gateway::{Answer, AnswerBody, AnswerStream};

use crate::wire_faults::Breaking;

/// The body of an answer. Dropping it cancels what still comes.
pub(crate) enum Outgoing {
    /// All there: its length is announced, its pieces are written without being joined.
    Whole(WireBody),
    /// As it comes: each item is one frame, written and flushed at once.
    Stream(Box<AnswerStream>),
    /// The answer of a cold route.
    Cold(ColdBody),
    /// An answer that breaks.
    Breaking(Box<Breaking>),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let bytes = match self.get_mut() {
            Self::Whole(body) => body.pop_front().map(Ok),
            Self::Stream(stream) => ready!(Pin::new(&mut **stream).poll_next(context)),
            Self::Cold(body) => return Pin::new(body).poll_frame(context),
            Self::Breaking(body) => return Pin::new(&mut **body).poll_frame(context),
        };
        Poll::Ready(bytes.map(|bytes| bytes.map(Frame::data).map_err(axum::Error::new)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_empty(),
            Self::Stream(stream) => stream.is_done(),
            Self::Cold(body) => body.is_end_stream(),
            Self::Breaking(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.len() as u64),
            Self::Stream(_) => SizeHint::default(),
            Self::Cold(body) => body.size_hint(),
            Self::Breaking(body) => body.size_hint(),
        }
    }
}

/// The gateway's answer as one of HTTP.
pub(crate) fn response(answer: Answer) -> Response<Outgoing> {
    let body = match answer.body {
        AnswerBody::Whole(body) => Outgoing::Whole(body),
        AnswerBody::Stream(stream) => Outgoing::Stream(stream),
    };
    let mut response = Response::new(body);
    // A number that is no status would be a mistake of ours; the body still says what happened.
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = answer.headers;
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn pieces_leave_in_order_with_their_length_known() {
        let mut body = WireBody::default();
        body.push(Bytes::from_static(b"one "));
        body.push(Bytes::from_static(b"two"));
        let body = Outgoing::Whole(body);
        assert_eq!(body.size_hint().exact(), Some(7));
        assert_eq!(body.collect().await.expect("never fails").to_bytes(), "one two");
    }
}
