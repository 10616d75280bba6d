//! The whole gateway: what was spent on it by whom and what, and how busy it was.

mod activity;
mod report;
mod spend;

use crate::request::Method::{Get, Post};
use crate::route::Access::{Admin, Holder};
use crate::route::Route;

/// Routes of the whole gateway. Activity is also for others, of their own calls.
pub(super) const ROUTES: &[Route] = &[
    Route::look(Get, "/global/spend", Admin, |call| Box::pin(spend::whole(call))),
    Route::look(Get, "/global/spend/logs", Admin, |call| Box::pin(spend::days(call))),
    Route::look(Get, "/global/spend/keys", Admin, |call| Box::pin(spend::keys(call))),
    Route::look(Get, "/global/spend/teams", Admin, |call| Box::pin(spend::teams(call))),
    Route::look(Get, "/global/spend/models", Admin, |call| Box::pin(spend::models(call))),
    Route::look(Get, "/global/spend/tags", Admin, |call| Box::pin(spend::tags(call))),
    Route::look(Get, "/global/spend/provider", Admin, |call| Box::pin(spend::providers(call))),
    Route::look(Post, "/global/spend/end_users", Admin, |call| Box::pin(spend::end_users(call))),
    Route::look(Get, "/global/spend/report", Admin, |call| Box::pin(report::report(call))),
    Route::look(Get, "/global/activity", Holder, |call| Box::pin(activity::whole(call))),
    Route::look(Get, "/global/activity/model", Holder, |call| Box::pin(activity::models(call))),
];
