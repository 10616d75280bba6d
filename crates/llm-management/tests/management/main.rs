//! The management API seen from outside, over a store of its own for each test.

mod audit;
mod books;
mod budgets;
mod daily;
mod declared;
mod fields;
mod hostile;
mod keys;
mod lists;
mod models;
mod people;
mod roles;
mod spend;
mod teams;
mod world;
