//! The management API seen from outside, over a store of its own for each test.

mod audit;
mod books;
mod budgets;
mod fields;
mod hostile;
mod keys;
mod lists;
mod models;
mod people;
mod roles;
mod teams;
mod world;
