//! Credentials that are made for each request: signatures, and tokens that expire.

use crate::error::Result;
use crate::provider::BoxFuture;
use crate::wire::WireRequest;

/// Puts credentials on a request just before it is sent. Plain keys need none of this: they are fixed headers.
///
/// # Behavior
/// - Tokens are cached until shortly before they expire, and fetched once however many requests wait for them.
/// - An error is about the gateway's own credentials ([`crate::ErrorKind::UpstreamAuth`]) and never shows them.
pub trait Authenticator: Send + Sync + 'static {
    /// Signs a request, or adds its token. `base_url` is what `request.path` is appended to.
    fn authenticate<'a>(
        &'a self,
        request: &'a mut WireRequest,
        base_url: &'a str,
    ) -> BoxFuture<'a, Result<()>>;

    /// The vendor refused the credentials of the last request: what is cached is not used again.
    fn refused(&self) {}
}
