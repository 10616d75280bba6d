//! The table of routes: each family has a file with its rows and its handlers.

mod keys;

use crate::route::Route;

/// The rows of all families.
const FAMILIES: [&[Route]; 1] = [keys::ROUTES];

/// Every route of the management API: what there is, and who may ask it.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    all()
}

pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    FAMILIES.into_iter().flatten()
}
