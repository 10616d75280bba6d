//! The management API seen from outside, over a store in memory.

mod hostile;
mod keys;
mod lists;
mod roles;
mod world;
