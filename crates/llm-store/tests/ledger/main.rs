//! The ledger from the journal to the database and back: each call once, whatever ends or goes away in between.

mod archive;
mod booking;
mod common;
mod crash;
mod keeping;
mod outage;
#[path = "../sql/places.rs"]
mod places;
mod reports;
mod speed;
