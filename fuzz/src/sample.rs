//! What a check needs beside its bytes, drawn from the bytes themselves.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use llm_core::wire::WireResponse;
use serde_json::value::RawValue;

/// Numbers that follow from the input alone, so that every finding can be repeated.
pub struct Draws(u64);

impl Draws {
    /// Draws for an input.
    pub fn of(data: &[u8]) -> Self {
        let hash = data.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash | 1)
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0).checked_rem(end).unwrap_or(0)
    }

    /// One of a list.
    ///
    /// # Panics
    /// When the list is empty.
    pub fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// Yes or no.
    pub fn flip(&mut self) -> bool {
        self.below(2) == 1
    }
}

/// The body of a recorded request (`{"method": …, "body": {…}}`), or the input as it is.
pub fn request_body(data: &[u8]) -> Bytes {
    #[derive(serde::Deserialize)]
    struct Recorded<'a> {
        #[serde(borrow, rename = "method")]
        _method: &'a RawValue,
        #[serde(borrow)]
        body: &'a RawValue,
    }
    let body = serde_json::from_slice::<Recorded<'_>>(data).map(|recorded| recorded.body.get().as_bytes());
    Bytes::copy_from_slice(body.unwrap_or(data))
}

/// Headers that say when to come back, all with the same words.
const HINTS: [&str; 9] = [
    "anthropic-ratelimit-requests-reset",
    "date",
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
    "request-id",
];

/// An answer of a vendor with this body: any status, and headers whose words are the body's when they fit.
pub fn reply(data: &[u8], draws: &mut Draws) -> WireResponse {
    let words: [&[u8]; 4] = [b"3", b"Sat, 01 Jan 2000 00:00:00 GMT", b"1m2.5s", data];
    let mut headers = HeaderMap::new();
    for name in HINTS {
        if let Ok(value) = HeaderValue::from_bytes(draws.one::<&[u8]>(&words)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let status = *draws.one(&[200, 400, 401, 403, 404, 408, 413, 429, 500, 503, 529]);
    WireResponse { status, headers, body: Bytes::copy_from_slice(data) }
}

/// The input in some chunks, cut anywhere.
pub fn chunks<'a>(data: &'a [u8], draws: &mut Draws) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = (0..draws.below(6)).map(|_| draws.below(data.len() + 1)).collect();
    cuts.extend([0, data.len()]);
    cuts.sort_unstable();
    cuts.windows(2).filter_map(|ends| data.get(ends[0]..ends[1])).collect()
}
