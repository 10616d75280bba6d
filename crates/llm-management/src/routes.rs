//! The table of routes: each family has a file with its rows and its handlers.

mod alerts;
mod audit;
mod budgets;
mod callbacks;
mod config;
mod customers;
mod daily;
mod global;
mod guardrails;
mod keys;
mod models;
mod organizations;
mod prompts;
mod spend;
mod stored;
mod tags;
mod teams;
mod usage;
mod users;

use crate::route::Route;

/// The rows of all families.
const FAMILIES: [&[Route]; 18] = [
    keys::ROUTES,
    teams::ROUTES,
    users::ROUTES,
    organizations::ROUTES,
    budgets::ROUTES,
    customers::ROUTES,
    tags::ROUTES,
    models::ROUTES,
    prompts::ROUTES,
    config::ROUTES,
    guardrails::ROUTES,
    alerts::ROUTES,
    callbacks::ROUTES,
    audit::ROUTES,
    spend::ROUTES,
    global::ROUTES,
    daily::ROUTES,
    usage::ROUTES,
];

/// Every route of the management API: what there is, and who may ask it.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    all()
}

pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    FAMILIES.into_iter().flatten()
}
