//! The table of routes: each family has a file with its rows and its handlers.

mod audit;
mod budgets;
mod customers;
mod keys;
mod models;
mod organizations;
mod tags;
mod teams;
mod users;

use crate::route::Route;

/// The rows of all families.
const FAMILIES: [&[Route]; 9] = [
    keys::ROUTES,
    teams::ROUTES,
    users::ROUTES,
    organizations::ROUTES,
    budgets::ROUTES,
    customers::ROUTES,
    tags::ROUTES,
    models::ROUTES,
    audit::ROUTES,
];

/// Every route of the management API: what there is, and who may ask it.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    all()
}

pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    FAMILIES.into_iter().flatten()
}
