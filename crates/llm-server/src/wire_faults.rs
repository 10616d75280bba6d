//! Answers of the mock vendor that break on the wire, for `llm-server mock`: what no error in a dialect can tell.
//!
//! The mock gives a good answer and says in a header what is to become of it; here it becomes so.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use llm_core::wire::WireBody;

use crate::outgoing::Outgoing;
use crate::server::pulse::Pulse;

/// The mock's header as the gateway passes it on.
const HEADER: &str = "llm_provider-x-mock-wire";

const PAGE: &[u8] = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n\
    <body><h1>502 Bad Gateway</h1><p>This is the built-in mock.</p></body></html>\n";

/// A frame that is whole and holds half of a JSON object.
const MALFORMED: &[u8] = b"data: {\"id\": \"mock\", \"choices\": [{\n\n";

/// How the last frames of streams begin that have frames only to say that they end.
const TERMINATORS: [&[u8]; 2] = [b"data: [DONE]", b"event: message_stop"];

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The connection is reset.
    Reset,
    /// The connection is closed in the middle of a frame, or of a body whose length was told.
    Cut,
    /// A frame, or the body, is half of what it should be.
    Malformed,
    /// A web page comes in its place.
    Page,
    /// The last frame is missing.
    Unended,
    /// It says that it is plain text.
    Mistyped,
}

/// The connection is to end here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the mock breaks the connection off")
    }
}

impl std::error::Error for Broken {}

/// Lets happen to an answer what its header says.
///
/// # Errors
/// When not even its head is to come.
pub(crate) fn befall(answer: Response<Outgoing>, pulse: &Pulse) -> Result<Response<Outgoing>, Broken> {
    let Some((what, after)) = told(answer.headers()) else { return Ok(answer) };
    if what == What::Reset {
        pulse.reset_at_the_end();
        if after.is_none() {
            return Err(Broken);
        }
    }
    let (mut head, body) = answer.into_parts();
    head.headers.remove(HEADER);
    let typed = match what {
        What::Page => Some("text/html; charset=utf-8"),
        What::Mistyped => Some("text/plain"),
        _ => None,
    };
    if let Some(typed) = typed {
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(typed));
    }
    head.headers.remove(CONTENT_LENGTH);
    let body = match (what, body) {
        (What::Page, _) => {
            head.status = StatusCode::OK;
            Outgoing::Whole(Bytes::from_static(PAGE).into())
        }
        (What::Mistyped, body) => body,
        (what, Outgoing::Whole(whole)) => halved(what, whole),
        (what, stream) => Outgoing::Breaking(Box::new(Breaking::new(stream, what, after.unwrap_or(0), None))),
    };
    Ok(Response::from_parts(head, body))
}

/// `cut; after=3`.
fn told(headers: &HeaderMap) -> Option<(What, Option<usize>)> {
    let mut words = headers.get(HEADER)?.to_str().ok()?.split("; after=");
    let what = match words.next()? {
        "reset" => What::Reset,
        "cut" => What::Cut,
        "malformed" => What::Malformed,
        "page" => What::Page,
        "unended" => What::Unended,
        "mistyped" => What::Mistyped,
        _ => return None,
    };
    Some((what, words.next().and_then(|after| after.parse().ok())))
}

/// What is left of an answer of one piece.
fn halved(what: What, whole: WireBody) -> Outgoing {
    let bytes = whole.joined();
    let length = bytes.len();
    let half: WireBody = bytes.slice(..length / 2).into();
    match what {
        What::Malformed => Outgoing::Whole(half),
        What::Reset | What::Cut => {
            let promised = Some(length as u64);
            Outgoing::Breaking(Box::new(Breaking::new(Outgoing::Whole(half), what, 1, promised)))
        }
        _ => Outgoing::Whole(whole),
    }
}

/// A body that breaks.
pub(crate) struct Breaking {
    body: Outgoing,
    what: What,
    /// Pieces that still come as they should.
    good: usize,
    /// The length that the head tells.
    promised: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// What was written reaches the wire before the connection breaks.
    Flushing,
    Breaking,
    /// It is over, as far as anybody can see.
    Over,
}

impl Breaking {
    fn new(body: Outgoing, what: What, good: usize, promised: Option<u64>) -> Self {
        Self { body, what, good, promised, state: State::Good }
    }

    /// What comes of a piece.
    fn piece(&mut self, piece: Bytes) -> Bytes {
        if self.what == What::Unended {
            let at =
                TERMINATORS.iter().filter_map(|end| piece.windows(end.len()).position(|part| part == *end));
            let Some(at) = at.min() else { return piece };
            self.state = State::Over;
            return piece.slice(..at);
        }
        if self.good > 0 {
            self.good -= 1;
            return piece;
        }
        match self.what {
            What::Malformed => {
                self.good = usize::MAX;
                [MALFORMED, &piece].concat().into()
            }
            What::Cut => {
                self.state = State::Flushing;
                piece.slice(..piece.len() / 2)
            }
            _ => {
                self.state = State::Flushing;
                Bytes::new()
            }
        }
    }
}

impl Body for Breaking {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            match self.state {
                State::Good => {}
                State::Flushing => {
                    self.state = State::Breaking;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                State::Breaking => {
                    self.state = State::Over;
                    return Poll::Ready(Some(Err(axum::Error::new(Broken))));
                }
                State::Over => return Poll::Ready(None),
            }
            let next = ready!(Pin::new(&mut self.body).poll_frame(context)?);
            match next.map(Frame::into_data) {
                Some(Ok(piece)) => {
                    let piece = self.piece(piece);
                    if !piece.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(piece))));
                    }
                }
                Some(Err(_)) => {}
                None if matches!(self.what, What::Reset | What::Cut) => self.state = State::Flushing,
                None => return Poll::Ready(None),
            }
        }
    }

    /// What breaks has no end.
    fn is_end_stream(&self) -> bool {
        false
    }

    fn size_hint(&self) -> SizeHint {
        self.promised.map(SizeHint::with_exact).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn the_header_of_the_mock_is_read() {
        assert_eq!(told(&headers("cut; after=3")), Some((What::Cut, Some(3))));
        assert_eq!(told(&headers("reset")), Some((What::Reset, None)));
        assert_eq!(told(&headers("burn")), None);
        assert_eq!(told(&HeaderMap::new()), None);
    }

    #[test]
    fn a_terminator_is_found_behind_other_frames() {
        let mut body = Breaking::new(Outgoing::Whole(WireBody::default()), What::Unended, 0, None);
        assert_eq!(body.piece(Bytes::from_static(b"data: {}\n\n")), "data: {}\n\n");
        assert_eq!(body.piece(Bytes::from_static(b"data: {}\n\ndata: [DONE]\n\n")), "data: {}\n\n");
        assert!(body.state == State::Over);
    }
}
