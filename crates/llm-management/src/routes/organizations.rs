//! The routes of organisations and their members.

mod members;
mod new;
mod show;
mod update;

use crate::request::Method::{Delete, Get, Patch, Post};
use crate::route::Access::{Admin, Holder, Maker};
use crate::route::Route;

/// Routes of organisations.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/organization/new", Admin, |call| Box::pin(new::new(call))),
    Route::look(Get, "/organization/info", Holder, |call| Box::pin(show::info(call))),
    Route::look(Post, "/organization/info", Holder, |call| Box::pin(show::infos(call))),
    Route::look(Get, "/organization/list", Holder, |call| Box::pin(show::list(call))),
    Route::change(Patch, "/organization/update", Maker, |call| Box::pin(update::update(call))),
    Route::change(Patch, "/v2/organization/{organization_id}", Maker, |call| Box::pin(update::patch(call))),
    Route::change(Delete, "/organization/delete", Admin, |call| Box::pin(update::delete(call))),
    Route::change(Post, "/organization/member_add", Maker, |call| Box::pin(members::add(call))),
    Route::change(Patch, "/organization/member_update", Maker, |call| Box::pin(members::update(call))),
    Route::change(Delete, "/organization/member_delete", Maker, |call| Box::pin(members::delete(call))),
];
