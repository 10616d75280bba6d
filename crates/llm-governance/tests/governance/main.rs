//! Callers and their budgets, seen from outside.

mod budgets;
mod people;
