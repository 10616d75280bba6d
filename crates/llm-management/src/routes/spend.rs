//! What was spent: calls one by one, and the dearest keys, users and tags.

mod dearest;
mod export;
mod logs;
mod rows;
mod summary;

pub(crate) use dearest::dearest;

use crate::declared::{Declared, Gives, switch, text};
use crate::known;
use crate::request::Method::Get;
use crate::route::Access::{Admin, Holder};
use crate::route::Route;

/// Routes of spending.
pub(super) const ROUTES: &[Route] = &[
    Route::look(Get, "/spend/logs", Holder, |call| Box::pin(logs::logs(call)))
        .about("Shows calls, or what was spent by day where days are named.")
        .asks(&[
            known::CALLS,
            known::ONE_CALL,
            known::DAYS,
            known::SPENT,
            known::LIMIT,
            &[switch("summarize", "`false`: calls, not days")],
        ])
        .gives(Gives::List),
    Route::look(Get, "/spend/logs/v2", Holder, |call| Box::pin(logs::pages(call)))
        .about("A page of calls, newest first.")
        .asks(A_PAGE),
    Route::look(Get, "/spend/logs/ui", Holder, |call| Box::pin(logs::pages(call)))
        .about("A page of calls, newest first.")
        .asks(A_PAGE),
    Route::look(Get, "/spend/logs/export", Holder, |call| Box::pin(export::export(call)))
        .about("Calls as a file.")
        .asks(&[known::CALLS, known::DAYS, known::SPENT, &[text("format", "`jsonl`, `csv` or `parquet`")]])
        .gives(Gives::Rows),
    Route::look(Get, "/spend/keys", Holder, |call| Box::pin(dearest::keys(call)))
        .about("The keys that spent most.")
        .asks(&[known::DAYS, known::LIMIT])
        .gives(Gives::List),
    Route::look(Get, "/spend/users", Holder, |call| Box::pin(dearest::users(call)))
        .about("The users who spent most.")
        .asks(&[known::DAYS, known::LIMIT, &[text("user_id", "this user alone")]])
        .gives(Gives::List),
    Route::look(Get, "/spend/tags", Admin, |call| Box::pin(dearest::tags(call)))
        .about("The tags that most was spent on.")
        .asks(&[known::DAYS])
        .gives(Gives::List),
];

/// What a page of calls is asked with, under either of its paths.
const A_PAGE: Declared = &[
    known::CALLS,
    known::ONE_CALL,
    known::DAYS,
    known::SPENT,
    known::SORT,
    known::PAGE,
    known::SEARCH,
    known::NO_FILTERS,
];
