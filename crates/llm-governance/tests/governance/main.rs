//! Callers and their budgets, seen from outside.

mod budgets;
mod counters;
mod limits;
mod money;
mod people;
mod shared;
