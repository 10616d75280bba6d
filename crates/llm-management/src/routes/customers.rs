//! Customers: the end users of whoever holds a key.

mod change;
mod show;

use crate::declared::{Gives, money, text, texts};
use crate::known;
use crate::refused::Refused;
use crate::request::Method::{Get, Post};
use crate::route::Access::Admin;
use crate::route::Route;

/// Routes of customers, under LiteLLM's older name too.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/customer/new", Admin, |call| Box::pin(change::new(call)))
        .about("Makes a customer.")
        .takes(
            &[known::CUSTOMER, known::TERMS, &[money("spend", "what it is to have spent already")]],
            r#"{"user_id": "acme-7", "max_budget": 5}"#,
        ),
    Route::look(Get, "/customer/info", Admin, |call| Box::pin(show::info(call)))
        .about("Shows a customer.")
        .asks(&[&[text("end_user_id", "the customer").needed()]]),
    Route::change(Post, "/customer/update", Admin, |call| Box::pin(change::update(call)))
        .about("Changes a customer.")
        .takes(&[known::CUSTOMER, known::TERMS], r#"{"user_id": "acme-7", "max_budget": 6}"#),
    Route::change(Post, "/customer/delete", Admin, |call| Box::pin(change::delete(call)))
        .about("Deletes customers.")
        .takes(&[&[texts("user_ids", "customers").needed()]], r#"{"user_ids": ["acme-7"]}"#),
    Route::look(Get, "/customer/list", Admin, |call| Box::pin(show::list(call)))
        .about("A page of customers.")
        .asks(&[known::SEARCH, known::PAGE])
        .gives(Gives::List),
    Route::change(Post, "/customer/block", Admin, |call| Box::pin(change::block(call)))
        .about("Blocks customers.")
        .takes(&[&[texts("user_ids", "customers").needed()]], r#"{"user_ids": ["acme-7"]}"#),
    Route::change(Post, "/customer/unblock", Admin, |call| Box::pin(change::unblock(call)))
        .about("Lets blocked customers in again.")
        .takes(&[&[texts("user_ids", "customers").needed()]], r#"{"user_ids": ["acme-7"]}"#),
    Route::change(Post, "/end_user/new", Admin, |call| Box::pin(change::new(call)))
        .about("Makes a customer.")
        .takes(
            &[known::CUSTOMER, known::TERMS, &[money("spend", "what it is to have spent already")]],
            r#"{"user_id": "acme-7", "max_budget": 5}"#,
        ),
    Route::look(Get, "/end_user/info", Admin, |call| Box::pin(show::info(call)))
        .about("Shows a customer.")
        .asks(&[&[text("end_user_id", "the customer").needed()]]),
    Route::change(Post, "/end_user/update", Admin, |call| Box::pin(change::update(call)))
        .about("Changes a customer.")
        .takes(&[known::CUSTOMER, known::TERMS], r#"{"user_id": "acme-7", "max_budget": 6}"#),
    Route::change(Post, "/end_user/delete", Admin, |call| Box::pin(change::delete(call)))
        .about("Deletes customers.")
        .takes(&[&[texts("user_ids", "customers").needed()]], r#"{"user_ids": ["acme-7"]}"#),
    Route::look(Get, "/end_user/list", Admin, |call| Box::pin(show::list(call)))
        .about("A page of customers.")
        .asks(&[known::SEARCH, known::PAGE])
        .gives(Gives::List),
    Route::change(Post, "/end_user/block", Admin, |call| Box::pin(change::block(call)))
        .about("Blocks customers.")
        .takes(&[&[texts("user_ids", "customers").needed()]], r#"{"user_ids": ["acme-7"]}"#),
    Route::change(Post, "/end_user/unblock", Admin, |call| Box::pin(change::unblock(call)))
        .about("Lets blocked customers in again.")
        .takes(&[&[texts("user_ids", "customers").needed()]], r#"{"user_ids": ["acme-7"]}"#),
];

/// There is no such customer.
fn missing(id: &str) -> Refused {
    Refused::missing(format!("End User Id={id} does not exist in db")).about("user_id")
}
