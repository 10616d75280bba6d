//! Customers: the end users of whoever holds a key.

mod change;
mod show;

use crate::refused::Refused;
use crate::request::Method::{Get, Post};
use crate::route::Access::Admin;
use crate::route::Route;

/// Routes of customers, under LiteLLM's older name too.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/customer/new", Admin, |call| Box::pin(change::new(call))),
    Route::look(Get, "/customer/info", Admin, |call| Box::pin(show::info(call))),
    Route::change(Post, "/customer/update", Admin, |call| Box::pin(change::update(call))),
    Route::change(Post, "/customer/delete", Admin, |call| Box::pin(change::delete(call))),
    Route::look(Get, "/customer/list", Admin, |call| Box::pin(show::list(call))),
    Route::change(Post, "/customer/block", Admin, |call| Box::pin(change::block(call))),
    Route::change(Post, "/customer/unblock", Admin, |call| Box::pin(change::unblock(call))),
    Route::change(Post, "/end_user/new", Admin, |call| Box::pin(change::new(call))),
    Route::look(Get, "/end_user/info", Admin, |call| Box::pin(show::info(call))),
    Route::change(Post, "/end_user/update", Admin, |call| Box::pin(change::update(call))),
    Route::change(Post, "/end_user/delete", Admin, |call| Box::pin(change::delete(call))),
    Route::look(Get, "/end_user/list", Admin, |call| Box::pin(show::list(call))),
    Route::change(Post, "/end_user/block", Admin, |call| Box::pin(change::block(call))),
    Route::change(Post, "/end_user/unblock", Admin, |call| Box::pin(change::unblock(call))),
];

/// There is no such customer.
fn missing(id: &str) -> Refused {
    Refused::missing(format!("End User Id={id} does not exist in db")).about("user_id")
}
