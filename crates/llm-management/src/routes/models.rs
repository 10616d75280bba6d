//! Models kept in the store. Only administrators of the gateway change them: a deployment may use the gateway's own
//! credentials, files and network.

mod change;
mod groups;
mod info;
mod show;

use crate::request::Method::{Get, Patch, Post};
use crate::route::Access::{Admin, Holder};
use crate::route::Route;

/// Routes of models.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/model/new", Admin, |call| Box::pin(change::new(call))),
    Route::change(Post, "/model/update", Admin, |call| Box::pin(change::update(call))),
    Route::change(Patch, "/model/{model_id}/update", Admin, |call| Box::pin(change::patch(call))),
    Route::change(Post, "/model/delete", Admin, |call| Box::pin(change::delete(call))),
    Route::look(Get, "/model/info", Holder, |call| Box::pin(info::info(call))),
    Route::look(Get, "/v1/model/info", Holder, |call| Box::pin(info::info(call))),
    Route::look(Get, "/model_group/info", Holder, |call| Box::pin(groups::info(call))),
];
