//! The transport against servers that answer by a script: well, badly, late, in pieces, or not at all.

mod broken;
mod cold;
mod deadlines;
mod encodings;
mod ordinary;
mod proxies;
mod relay;
mod reuse;
mod secure;
mod server;
mod tape;
mod versions;
