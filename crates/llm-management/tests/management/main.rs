//! The management API seen from outside, over a store in memory.

mod fields;
mod hostile;
mod keys;
mod lists;
mod people;
mod roles;
mod teams;
mod world;
