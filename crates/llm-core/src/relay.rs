//! Requests that go to a vendor as their client wrote them, and the vendor's answers as they come: for everything
//! of a vendor's API that the gateway does not model (files, batches, whatever comes next).

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::dialect::DialectId;
use crate::error::{Error, Result};
use crate::provider::{BoxStream, Deadlines, NativeStream};

/// A client's request, its path already without what names the vendor.
pub struct RelayCall {
    /// The method.
    pub method: Method,
    /// What the path is appended to.
    pub base: RelayBase,
    /// Path and query as the client wrote them, percent-encoded, with a leading slash. See [`check_path`].
    pub path: String,
    /// The client's headers, without those that showed its key to the gateway.
    pub headers: HeaderMap,
    /// The body.
    pub body: RelayBody,
    /// Whether the client shows credentials of its own to the vendor: those of its headers go on.
    pub own_credentials: bool,
    /// The dialect that the answer is in, where the path tells; it is only watched for what metering needs.
    pub reading: Option<DialectId>,
    /// How long it may take.
    pub deadlines: Deadlines,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayBase {
    /// Where the vendor's own paths begin: its host, nearly always.
    Root,
    /// Where the paths of its API begin, version segment included.
    Api,
}

/// A client's body.
pub enum RelayBody {
    /// All there.
    Whole(Bytes),
    /// Still arriving; it is sent on as it comes and never held as a whole.
    Arriving {
        /// Its length, when the client said it.
        length: Option<u64>,
        /// Its pieces. An error ends the request to the vendor too.
        chunks: BoxStream<Result<Bytes>>,
    },
}

impl fmt::Debug for RelayBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(formatter, "Whole({} bytes)", bytes.len()),
            Self::Arriving { length, .. } => write!(formatter, "Arriving({length:?} bytes)"),
        }
    }
}

/// A vendor's answer, whatever its status.
pub struct RelayReply {
    /// HTTP status.
    pub status: u16,
    /// The vendor's headers, without those of the connection and of its own site.
    pub headers: HeaderMap,
    /// The body as it comes. What metering needs of it is watched on the side. Dropping it cancels the vendor's work.
    pub body: Pin<Box<dyn NativeStream>>,
    /// Whether the body is one document whose end tells what the call used: who waits for it can tell its cost.
    pub is_document: bool,
}

/// Checks that a path stays below where it is appended.
///
/// # Errors
/// When it has `.` or `..` segments, in any spelling, a backslash, or does not begin with a slash.
pub fn check_path(path: &str) -> Result<()> {
    let path = path.split('?').next().unwrap_or_default();
    let is_dots = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        // Parameters of a segment (`..;x`) are cut off by some servers before they look at it.
        matches!(plain.split(';').next().unwrap_or_default(), "." | "..")
    };
    let lower = path.to_ascii_lowercase();
    // An encoded slash hides segments from this check and not from every server.
    let segments = lower.replace("%2f", "/");
    let leaves = segments.split('/').any(is_dots);
    if leaves || lower.contains('\\') || lower.contains("%5c") || !path.starts_with('/') {
        return Err(Error::invalid("the path leaves its place: write it without `.` and `..` segments")
            .with_param("path"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_where_it_is_appended() {
        for fine in ["/v1/files", "/", "/v1/files/file-1/content?x=../y", "/a..b/...", "//v1", "/a%2Fb"] {
            assert_eq!(check_path(fine), Ok(()), "{fine}");
        }
        for wrong in [
            "/..",
            "/v1/../admin",
            "/v1/%2e%2E/x",
            "/v1/.%2e",
            "/v1/./x",
            "/v1/..;a/x",
            "/a%2F..%2Fb",
            "/a\\..\\b",
            "/a%5c..",
            "v1",
            "",
            "@evil.example",
        ] {
            assert!(check_path(wrong).is_err(), "{wrong}");
        }
    }
}
