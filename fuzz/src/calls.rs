//! Whole calls: headers and bodies of clients given to a gateway that serves the built-in mock.

use std::sync::LazyLock;
use std::time::Instant;

use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use llm_config::{Flags, Options, build, load};
use llm_core::operation::Operation;
use llm_gateway::{AnswerBody, Gateway, Incoming};

use crate::sample::{Draws, request_body};
use crate::{dialects, streams};

const PATHS: [&str; 4] =
    ["/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens", "/v1/responses"];

static OPEN: LazyLock<Gateway> = LazyLock::new(|| gateway(None));
static LOCKED: LazyLock<Gateway> = LazyLock::new(|| gateway(Some("the-master-key-of-fuzzing")));

fn gateway(master_key: Option<&str>) -> Gateway {
    let key = master_key.map(|key| ("LLM_MASTER_KEY".to_owned(), key.to_owned()));
    let options = Options {
        variables: key.into_iter().collect(),
        flags: Flags::default(),
        directory: crate::configuration::FOLDER.clone(),
        ..Options::default()
    };
    let loaded = load(&options).unwrap_or_else(|report| panic!("{report}"));
    Gateway::new(build(&loaded).unwrap_or_else(|report| panic!("{report}")))
}

/// Header lines, an empty line, a body (or a body alone) get an answer in the client's dialect, within the time
/// limits; nobody comes in without the key.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let (headers, body) = read(data);
    let path = *Draws::of(data).one(&PATHS);
    let builder = &mut tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime can be made");
    let authorised = runtime.block_on(LOCKED.authorise(&headers, None, (path, false))).is_ok();
    let known = headers.values().any(|value| value.as_bytes().ends_with(b"the-master-key-of-fuzzing"));
    assert!(!authorised || known, "a wrong key is let in");
    let (ingress, asked) = OPEN.route(path, None).expect("every path is served");
    let incoming = Incoming {
        ingress: ingress.clone(),
        asked: asked.clone(),
        headers,
        body: request_body(body),
        received: Instant::now(),
        call_id: None,
        uri: http::Uri::from_static(path),
        address: None,
    };
    let (status, whole, bytes) = runtime.block_on(async {
        let answer = OPEN.handle(incoming).await;
        match answer.body {
            AnswerBody::Whole(body) => (answer.status, true, body.joined().to_vec()),
            AnswerBody::Stream(stream) => {
                let frames: Vec<_> = stream.collect().await;
                let frames: Result<Vec<_>, _> = frames.into_iter().collect();
                (answer.status, false, frames.expect("errors are told inside").concat())
            }
        }
    });
    assert!((200..600).contains(&status), "{status} is no status");
    if whole {
        serde_json::from_slice::<serde_json::Value>(&bytes).expect("a whole answer is JSON");
    } else {
        assert_eq!(asked.operation, Operation::Chat, "only answers are streamed");
        streams::frames_of(&*ingress, &bytes);
    }
    assert!(status != 500, "a mistake of our own: {}", bytes.escape_ascii());
    assert!(dialects::clients().iter().any(|client| client.id() == ingress.id()));
}

/// Splits the input at the first empty line, unless it begins as a body.
fn read(data: &[u8]) -> (HeaderMap, &[u8]) {
    let mut headers = HeaderMap::new();
    if data.first() == Some(&b'{') {
        return (headers, data);
    }
    let at = data.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = at.map_or((data, &b""[..]), |at| (&data[..at], &data[at + 2..]));
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..colon]), value) {
            headers.append(name, value);
        }
    }
    (headers, body)
}
