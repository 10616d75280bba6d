//! Callers and their budgets, seen from outside.

mod authorise;
mod budgets;
mod callers;
mod counters;
mod limits;
mod model;
mod money;
mod people;
mod provider;
mod rules;
mod shared;
mod tokens;
