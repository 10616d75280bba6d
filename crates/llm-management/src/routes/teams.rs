//! The routes of teams and their members.

mod list;
mod members;
mod models;
mod new;
mod permissions;
mod remove;
mod roster;
mod show;
mod update;

pub(crate) use remove::delete_teams;
pub(crate) use show::rows;

use crate::request::Method::{Get, Patch, Post};
use crate::route::Access::{Holder, Maker};
use crate::route::Route;

/// Routes of teams.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/team/new", Maker, |call| Box::pin(new::new(call))),
    Route::look(Get, "/team/info", Holder, |call| Box::pin(show::info(call))),
    Route::look(Get, "/team/list", Holder, |call| Box::pin(list::list(call))),
    Route::look(Get, "/v2/team/list", Holder, |call| Box::pin(list::pages(call))),
    Route::look(Get, "/team/available", Holder, |call| Box::pin(list::available(call))),
    Route::look(Get, "/team/permissions_list", Holder, |call| Box::pin(permissions::list(call))),
    Route::change(Post, "/team/permissions_update", Maker, |call| Box::pin(permissions::update(call))),
    Route::change(Post, "/team/permissions_bulk_update", Maker, |call| Box::pin(permissions::bulk(call))),
    Route::change(Post, "/team/update", Maker, |call| Box::pin(update::update(call))),
    Route::change(Post, "/team/block", Maker, |call| Box::pin(update::block(call))),
    Route::change(Post, "/team/unblock", Maker, |call| Box::pin(update::unblock(call))),
    Route::change(Post, "/team/delete", Maker, |call| Box::pin(remove::delete(call))),
    Route::change(Post, "/team/member_add", Maker, |call| Box::pin(members::add(call))),
    Route::change(Post, "/team/bulk_member_add", Maker, |call| Box::pin(members::bulk(call))),
    Route::change(Post, "/team/member_update", Maker, |call| Box::pin(roster::update(call))),
    Route::change(Post, "/team/member_delete", Maker, |call| Box::pin(roster::delete(call))),
    Route::look(Get, "/team/{team_id}/members/me", Holder, |call| Box::pin(roster::me(call))),
    Route::change(Post, "/team/{team_id}/member/{user_id}/reset_spend", Maker, |call| {
        Box::pin(roster::reset_spend(call))
    }),
    Route::change(Post, "/team/model/add", Maker, |call| Box::pin(models::add(call))),
    Route::change(Post, "/team/model/delete", Maker, |call| Box::pin(models::delete(call))),
    // Last: its part in braces would be every other path's.
    Route::change(Patch, "/team/{team_id}", Maker, |call| Box::pin(update::patch(call))),
];
