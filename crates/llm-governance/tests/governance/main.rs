//! Callers and their budgets, seen from outside.

mod budgets;
mod limits;
mod people;
