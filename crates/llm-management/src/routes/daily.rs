//! Days, and what models, providers, keys and entities used and cost on each: what LiteLLM's usage pages read.
//!
//! Days are UTC's. A page is so many days, and its totals are those of the page: clients add pages up. A call with
//! several tags counts under each of them.

mod page;
mod show;
mod whose;

use llm_governance::Scope;

use crate::request::Method::Get;
use crate::route::Access::{Admin, Holder};
use crate::route::Route;

/// Routes of days. `aggregated` is all days on one page.
pub(super) const ROUTES: &[Route] = &[
    Route::look(Get, "/user/daily/activity", Holder, |call| Box::pin(page::pages(call, Scope::User))),
    Route::look(Get, "/team/daily/activity", Holder, |call| Box::pin(page::pages(call, Scope::Team))),
    Route::look(Get, "/tag/daily/activity", Holder, |call| Box::pin(page::pages(call, Scope::Tag))),
    Route::look(Get, "/customer/daily/activity", Admin, |call| Box::pin(page::pages(call, Scope::Customer))),
    Route::look(Get, "/organization/daily/activity", Holder, |call| {
        Box::pin(page::pages(call, Scope::Organization))
    }),
    Route::look(Get, "/user/daily/activity/aggregated", Holder, |call| {
        Box::pin(page::whole(call, Scope::User))
    }),
    Route::look(Get, "/team/daily/activity/aggregated", Holder, |call| {
        Box::pin(page::whole(call, Scope::Team))
    }),
    Route::look(Get, "/tag/daily/activity/aggregated", Holder, |call| {
        Box::pin(page::whole(call, Scope::Tag))
    }),
    Route::look(Get, "/customer/daily/activity/aggregated", Admin, |call| {
        Box::pin(page::whole(call, Scope::Customer))
    }),
    Route::look(Get, "/organization/daily/activity/aggregated", Holder, |call| {
        Box::pin(page::whole(call, Scope::Organization))
    }),
];
