//! Parts of contents: read from clients and vendors, written to both.

mod for_clients;
mod for_vendors;
mod read;
mod results;
mod wire;

pub(crate) use for_clients::for_client;
pub(crate) use for_vendors::ForVendors;
pub(crate) use read::{Piece, Side, read_part};
pub(crate) use wire::WirePart;
