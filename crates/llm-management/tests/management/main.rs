//! The management API seen from outside, over a store of its own for each test.

mod fields;
mod hostile;
mod keys;
mod lists;
mod people;
mod roles;
mod teams;
mod world;
