//! The table of routes: each family has a file with its rows and its handlers.

mod keys;
mod organizations;
mod teams;
mod users;

use crate::route::Route;

/// The rows of all families.
const FAMILIES: [&[Route]; 4] = [keys::ROUTES, teams::ROUTES, users::ROUTES, organizations::ROUTES];

/// Every route of the management API: what there is, and who may ask it.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    all()
}

pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    FAMILIES.into_iter().flatten()
}
