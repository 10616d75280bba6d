//! One exchange as it stands in a file, and the name of that file.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use llm_transport::{Asked, Chunk, Told};
use serde::{Deserialize, Serialize};

use super::body::Body;
use super::secrets::Secrets;

/// The form of these files.
const VERSION: u32 = 1;
/// The longest piece of a path in a file's name.
const LONGEST: usize = 60;

/// A recording.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Exchange {
    version: u32,
    pub(crate) vendor: String,
    pub(crate) request: Request,
    response: Response,
}

/// What was asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    #[serde(flatten)]
    pub(crate) body: Body,
}

#[derive(Debug, Serialize, Deserialize)]
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    head_after_ms: u64,
    chunks: Vec<Piece>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Piece {
    after_ms: u64,
    #[serde(flatten)]
    body: Body,
}

impl Request {
    pub(crate) fn of(asked: &Asked, secrets: &Secrets) -> Self {
        Self {
            method: asked.method.as_str().to_owned(),
            path: secrets.blot_path(&asked.path),
            headers: secrets.request_headers(&asked.headers),
            body: Body::of_request(&asked.body, content_type(&asked.headers), secrets),
        }
    }

    /// The file of a request: the same for every spelling of it.
    pub(crate) fn file_name(&self, vendor: &str) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let whole = format!("{vendor}\n{}\n{}\n{}", self.method, self.path, self.body.canonical());
        let mut words = slug(path);
        let from = words.len().saturating_sub(LONGEST);
        words.drain(..from);
        format!("{}-{}-{:016x}.json", slug(vendor), words.trim_matches('-'), hash(whole.as_bytes()))
    }
}

impl Exchange {
    pub(crate) fn new(vendor: String, request: Request, told: &Told, secrets: &Secrets) -> Self {
        let events = content_type(&told.headers).starts_with("text/event-stream");
        let chunks = told.chunks.iter().flat_map(|chunk| {
            let after_ms = milliseconds(chunk.after);
            let piece = move |bytes: &[u8]| Piece { after_ms, body: Body::of_bytes(bytes, secrets) };
            frames(&chunk.bytes, events).into_iter().map(piece)
        });
        let chunks = unsplit(chunks.collect(), told, secrets);
        let response = Response {
            status: told.status,
            headers: secrets.answer_headers(&told.headers),
            head_after_ms: milliseconds(told.head_after),
            chunks,
        };
        Self { version: VERSION, vendor, request, response }
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("names are strings");
        bytes.push(b'\n');
        bytes
    }

    /// The answer again; `None` when the file is of another version, or was written by hand and cannot be read.
    pub(crate) fn told(self) -> Option<Told> {
        let Response { status, headers, head_after_ms, chunks } = self.response;
        let header = |(name, value): (String, String)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        };
        let chunk = |piece: Piece| {
            Some(Chunk { after: Duration::from_millis(piece.after_ms), bytes: piece.body.bytes()? })
        };
        let good = self.version == VERSION && (200..600).contains(&status);
        Some(Told {
            status: Some(status).filter(|_| good)?,
            headers: headers.into_iter().map(header).collect::<Option<HeaderMap>>()?,
            head_after: Duration::from_millis(head_after_ms),
            chunks: chunks.into_iter().map(chunk).collect::<Option<_>>()?,
        })
    }
}

/// A secret may be cut in two by the end of a chunk. Where the whole body holds one that no chunk shows, the body is
/// one piece.
fn unsplit(pieces: Vec<Piece>, told: &Told, secrets: &Secrets) -> Vec<Piece> {
    let whole: Vec<u8> = told.chunks.iter().flat_map(|chunk| chunk.bytes.iter().copied()).collect();
    let Ok(text) = std::str::from_utf8(&whole) else { return pieces };
    let blotted = secrets.blot(text);
    let told: usize = pieces.iter().filter_map(|piece| piece.body.bytes()).map(|bytes| bytes.len()).sum();
    if told == blotted.len() {
        return pieces;
    }
    let after_ms = pieces.last().map_or(0, |piece| piece.after_ms);
    vec![Piece { after_ms, body: Body::Text(blotted) }]
}

/// The frames of a chunk of server-sent events, each with its end; anything else is one piece.
fn frames(bytes: &[u8], events: bool) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|two| two == b"\n\n").filter(|_| events) {
        let (frame, after) = rest.split_at(at + 2);
        pieces.push(frame);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Letters and digits, and a dash for everything between.
fn slug(text: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let words: String = text.chars().map(plain).collect();
    words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>): the same on every machine and in every version.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
