//! Callers and their budgets, seen from outside.

mod budgets;
mod counters;
mod limits;
mod model;
mod money;
mod people;
mod shared;
