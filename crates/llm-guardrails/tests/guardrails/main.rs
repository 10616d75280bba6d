//! The judges of this crate, as a gateway uses them: built from parameters, shown texts.

#![expect(clippy::print_stdout, reason = "the tables of figures are printed for who reads them")]

mod building;
mod corpus;
mod draw;
mod judges;
mod limits;
mod page;
mod quality;
mod support;
