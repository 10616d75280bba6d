//! How connections to vendors are made.

use super::{Key, Shape, key};

/// How connections to the vendor are made.
pub(super) const NETWORK: &[Key] = &[
    key(
        "ssl_verify",
        Shape::Text,
        "Whether the vendor's certificate is checked; or a file of further certificate authorities (PEM), which is. \
         Default true.",
    ),
    key(
        "ssl_certificate",
        Shape::Text,
        "A file with the certificate to show to the vendor, and its key (PEM).",
    ),
    key(
        "proxy",
        Shape::Secret,
        "The proxy on the way: `http://`, `https://`, `socks5://` or `socks5h://`; `none`: straight to the vendor. \
         Default: as `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` of the environment say.",
    ),
    key(
        "http_version",
        Shape::Choice(&["1.1", "2", "auto"]),
        "The version of HTTP: `auto` is what the vendor picks. Default 1.1, which costs least.",
    ),
];
