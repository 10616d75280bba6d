//! Callers and their budgets, seen from outside.

mod authorise;
mod budgets;
mod callers;
mod limits;
mod people;
