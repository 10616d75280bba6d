//! Days, and what models, providers, keys and entities used and cost on each: what LiteLLM's usage pages read.
//!
//! Days are UTC's. A page is so many days, and its totals are those of the page: clients add pages up. A call with
//! several tags counts under each of them.

mod page;
mod show;
mod whose;

use llm_governance::Scope;

use crate::declared::text;
use crate::known;
use crate::request::Method::Get;
use crate::route::Access::{Admin, Holder};
use crate::route::Route;

/// Routes of days. `aggregated` is all days on one page.
pub(super) const ROUTES: &[Route] = &[
    Route::look(Get, "/user/daily/activity", Holder, |call| Box::pin(page::pages(call, Scope::User)))
        .about("A page of days: what each user used and cost, by model, provider and key.")
        .asks(&[known::DAYS, known::OF_DAYS, known::PAGE, &[text("user_id", "this user alone")]]),
    Route::look(Get, "/team/daily/activity", Holder, |call| Box::pin(page::pages(call, Scope::Team)))
        .about("A page of days: what each team used and cost, by model, provider and key.")
        .asks(&[
            known::DAYS,
            known::OF_DAYS,
            known::PAGE,
            &[
                text("team_ids", "these teams, with commas between"),
                text("exclude_team_ids", "all but these"),
            ],
        ]),
    Route::look(Get, "/tag/daily/activity", Holder, |call| Box::pin(page::pages(call, Scope::Tag)))
        .about("A page of days: what each tag used and cost, by model, provider and key.")
        .asks(&[
            known::DAYS,
            known::OF_DAYS,
            known::PAGE,
            &[text("tags", "these tags, with commas between")],
        ]),
    Route::look(Get, "/customer/daily/activity", Admin, |call| Box::pin(page::pages(call, Scope::Customer)))
        .about("A page of days: what each customer used and cost, by model, provider and key.")
        .asks(&[
            known::DAYS,
            known::OF_DAYS,
            known::PAGE,
            &[
                text("end_user_ids", "these customers, with commas between"),
                text("exclude_end_user_ids", "all but these"),
            ],
        ]),
    Route::look(Get, "/organization/daily/activity", Holder, |call| {
        Box::pin(page::pages(call, Scope::Organization))
    })
    .about("A page of days: what each organisation used and cost, by model, provider and key.")
    .asks(&[
        known::DAYS,
        known::OF_DAYS,
        known::PAGE,
        &[
            text("organization_ids", "these organisations, with commas between"),
            text("exclude_organization_ids", "all but these"),
        ],
    ]),
    Route::look(Get, "/user/daily/activity/aggregated", Holder, |call| {
        Box::pin(page::whole(call, Scope::User))
    })
    .about("All days: what each user used and cost, by model, provider and key.")
    .asks(&[known::DAYS, known::OF_DAYS, &[text("user_id", "this user alone")]]),
    Route::look(Get, "/team/daily/activity/aggregated", Holder, |call| {
        Box::pin(page::whole(call, Scope::Team))
    })
    .about("All days: what each team used and cost, by model, provider and key.")
    .asks(&[
        known::DAYS,
        known::OF_DAYS,
        &[text("team_ids", "these teams, with commas between"), text("exclude_team_ids", "all but these")],
    ]),
    Route::look(Get, "/tag/daily/activity/aggregated", Holder, |call| {
        Box::pin(page::whole(call, Scope::Tag))
    })
    .about("All days: what each tag used and cost, by model, provider and key.")
    .asks(&[known::DAYS, known::OF_DAYS, &[text("tags", "these tags, with commas between")]]),
    Route::look(Get, "/customer/daily/activity/aggregated", Admin, |call| {
        Box::pin(page::whole(call, Scope::Customer))
    })
    .about("All days: what each customer used and cost, by model, provider and key.")
    .asks(&[
        known::DAYS,
        known::OF_DAYS,
        &[
            text("end_user_ids", "these customers, with commas between"),
            text("exclude_end_user_ids", "all but these"),
        ],
    ]),
    Route::look(Get, "/organization/daily/activity/aggregated", Holder, |call| {
        Box::pin(page::whole(call, Scope::Organization))
    })
    .about("All days: what each organisation used and cost, by model, provider and key.")
    .asks(&[
        known::DAYS,
        known::OF_DAYS,
        &[
            text("organization_ids", "these organisations, with commas between"),
            text("exclude_organization_ids", "all but these"),
        ],
    ]),
];
