//! What was spent: calls one by one, and the dearest keys, users and tags.

mod dearest;
mod export;
mod logs;
mod rows;
mod summary;

pub(crate) use dearest::dearest;

use crate::request::Method::Get;
use crate::route::Access::{Admin, Holder};
use crate::route::Route;

/// Routes of spending.
pub(super) const ROUTES: &[Route] = &[
    Route::look(Get, "/spend/logs", Holder, |call| Box::pin(logs::logs(call))),
    Route::look(Get, "/spend/logs/v2", Holder, |call| Box::pin(logs::pages(call))),
    Route::look(Get, "/spend/logs/ui", Holder, |call| Box::pin(logs::pages(call))),
    Route::look(Get, "/spend/logs/export", Holder, |call| Box::pin(export::export(call))),
    Route::look(Get, "/spend/keys", Holder, |call| Box::pin(dearest::keys(call))),
    Route::look(Get, "/spend/users", Holder, |call| Box::pin(dearest::users(call))),
    Route::look(Get, "/spend/tags", Admin, |call| Box::pin(dearest::tags(call))),
];
