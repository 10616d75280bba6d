//! Models kept in the store. Only administrators of the gateway change them: a deployment may use the gateway's own
//! credentials, files and network.

mod change;
mod show;

use crate::request::Method::{Patch, Post};
use crate::route::Access::Admin;
use crate::route::Route;

/// Routes of models.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/model/new", Admin, |call| Box::pin(change::new(call))),
    Route::change(Post, "/model/update", Admin, |call| Box::pin(change::update(call))),
    Route::change(Patch, "/model/{model_id}/update", Admin, |call| Box::pin(change::patch(call))),
    Route::change(Post, "/model/delete", Admin, |call| Box::pin(change::delete(call))),
];

/// What the parameters of a model are sealed for.
fn belongs_to(id: &str) -> String {
    format!("model:{id}")
}
