//! The routes of users of the gateway.

mod list;
mod new;
mod remove;
mod show;
mod update;

pub(crate) use show::{leads, rows};

use crate::request::Method::{Get, Post};
use crate::route::Access::{Admin, Holder, Maker};
use crate::route::Route;

/// Routes of users.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/user/new", Maker, |call| Box::pin(new::new(call))),
    Route::look(Get, "/user/info", Holder, |call| Box::pin(show::info(call))),
    Route::look(Get, "/v2/user/info", Holder, |call| Box::pin(show::info_v2(call))),
    Route::look(Get, "/user/list", Maker, |call| Box::pin(list::list(call))),
    Route::look(Get, "/user/available_roles", Holder, |call| Box::pin(list::available_roles(call))),
    Route::change(Post, "/user/update", Maker, |call| Box::pin(update::update(call))),
    Route::change(Post, "/user/bulk_update", Admin, |call| Box::pin(update::bulk(call))),
    Route::change(Post, "/user/delete", Admin, |call| Box::pin(remove::delete(call))),
];
