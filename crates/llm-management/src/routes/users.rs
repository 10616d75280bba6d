//! The routes of users of the gateway.

mod list;
mod new;
mod remove;
mod show;
mod update;

pub(crate) use show::{leads, rows};

use crate::declared::{Gives, object, objects, switch, text, texts};
use crate::known;
use crate::request::Method::{Get, Post};
use crate::route::Access::{Admin, Holder, Maker};
use crate::route::Route;

/// Routes of users.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/user/new", Maker, |call| Box::pin(new::new(call)))
        .about("Makes a user, and a key for it.")
        .takes(
            &[known::USER, known::NEW_USER, known::TERMS],
            r#"{"user_id": "mia", "user_email": "mia@example.com", "user_role": "internal_user"}"#,
        ),
    Route::look(Get, "/user/info", Holder, |call| Box::pin(show::info(call)))
        .about("Shows a user, its keys and teams.")
        .asks(&[&[text("user_id", "the user; none: the one that asks")]]),
    Route::look(Get, "/v2/user/info", Holder, |call| Box::pin(show::info_v2(call)))
        .about("Shows a user.")
        .asks(&[&[text("user_id", "the user; none: the one that asks")]]),
    Route::look(Get, "/user/list", Maker, |call| Box::pin(list::list(call)))
        .about("A page of users.")
        .asks(&[known::USERS, known::SEARCH, known::SPENT, known::SORT, known::PAGE]),
    Route::look(Get, "/user/available_roles", Holder, |call| Box::pin(list::available_roles(call)))
        .about("Lists the roles of users."),
    Route::change(Post, "/user/update", Maker, |call| Box::pin(update::update(call)))
        .about("Changes a user.")
        .takes(&[known::USER, known::TERMS], r#"{"user_id": "mia", "max_budget": 20}"#),
    Route::change(Post, "/user/bulk_update", Admin, |call| Box::pin(update::bulk(call)))
        .about("Changes several users, each for itself.")
        .takes(
            &[&[
                objects("users", "what each is to be, with its `user_id`"),
                switch("all_users", "all users of the gateway"),
                object("user_updates", "what all of them are to be"),
            ]],
            r#"{"users": [{"user_id": "mia", "max_budget": 20}]}"#,
        ),
    Route::change(Post, "/user/delete", Admin, |call| Box::pin(remove::delete(call)))
        .about("Deletes users and their keys.")
        .takes(&[&[texts("user_ids", "users").needed()]], r#"{"user_ids": ["mia"]}"#)
        .gives(Gives::Number),
];
