//! The journal of the ledger: what it took is there after whatever happened.

mod common;
mod crash;
mod files;
mod full;
mod speed;
