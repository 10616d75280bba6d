//! The whole gateway: what was spent on it by whom and what, and how busy it was.

mod activity;
mod report;
mod spend;

use std::collections::BTreeMap;

use llm_core::json::map_of;
use llm_governance::Activity;
use llm_governance::entity::Team;

use crate::declared::{Gives, text};
use crate::known;
use crate::management::Call;
use crate::refused::Refused;
use crate::request::Method::{Get, Post};
use crate::route::Access::{Admin, Holder};
use crate::route::Route;
use crate::sums::grouped;

/// Routes of the whole gateway. Activity is also for others, of their own calls.
pub(super) const ROUTES: &[Route] = &[
    Route::look(Get, "/global/spend", Admin, |call| Box::pin(spend::whole(call)))
        .about("What the gateway spent.")
        .asks(&[known::DAYS]),
    Route::look(Get, "/global/spend/logs", Admin, |call| Box::pin(spend::days(call)))
        .about("What the gateway spent by day.")
        .asks(&[known::DAYS, &[text("api_key", "with this key")]])
        .gives(Gives::List),
    Route::look(Get, "/global/spend/keys", Admin, |call| Box::pin(spend::keys(call)))
        .about("The keys that spent most.")
        .asks(&[known::DAYS, known::LIMIT])
        .gives(Gives::List),
    Route::look(Get, "/global/spend/teams", Admin, |call| Box::pin(spend::teams(call)))
        .about("What teams spent by day.")
        .asks(&[known::DAYS]),
    Route::look(Get, "/global/spend/models", Admin, |call| Box::pin(spend::models(call)))
        .about("The models that most was spent on.")
        .asks(&[known::DAYS, known::LIMIT])
        .gives(Gives::List),
    Route::look(Get, "/global/spend/tags", Admin, |call| Box::pin(spend::tags(call)))
        .about("What was spent by tag.")
        .asks(&[known::DAYS, &[text("tags", "these tags, with commas between")]]),
    Route::look(Get, "/global/spend/provider", Admin, |call| Box::pin(spend::providers(call)))
        .about("The vendors that most was spent on.")
        .asks(&[known::DAYS, known::LIMIT])
        .gives(Gives::List),
    Route::look(Post, "/global/spend/end_users", Admin, |call| Box::pin(spend::end_users(call)))
        .about("The customers that most was spent on.")
        .takes(
            &[&[
                text("startTime", "the first day"),
                text("endTime", "the last day"),
                text("selectedKey", "with this key"),
            ]],
            r#"{}"#,
        )
        .gives(Gives::List),
    Route::look(Get, "/global/spend/report", Admin, |call| Box::pin(report::report(call)))
        .about("What was spent by day and team, customer, key or user.")
        .asks(&[
            known::DAYS,
            &[
                text("group_by", "`team`, `customer` or `api_key`"),
                text("api_key", "this key alone"),
                text("internal_user_id", "this user alone"),
                text("team_id", "this team alone"),
                text("customer_id", "this customer alone"),
            ],
        ])
        .gives(Gives::List),
    Route::look(Get, "/global/activity", Holder, |call| Box::pin(activity::whole(call)))
        .about("Calls and tokens by day.")
        .asks(&[known::DAYS]),
    Route::look(Get, "/global/activity/model", Holder, |call| Box::pin(activity::models(call)))
        .about("Calls and tokens by model and day.")
        .asks(&[known::DAYS])
        .gives(Gives::List),
];

/// What teams are called in reports: by what people call them, or by their ids where two are called the same.
async fn team_names(call: &Call<'_>, found: &[Activity]) -> Result<BTreeMap<String, String>, Refused> {
    let ids: Vec<String> = grouped(found, |one| &one.subject).into_keys().collect();
    let teams: Vec<Team> = call.management.get_many(&ids).await?;
    let aliases: Vec<&str> = teams.iter().filter_map(|team| team.alias.as_deref()).collect();
    let is_alone = |alias: &str| {
        aliases.iter().filter(|other| **other == alias).count() == 1 && !ids.iter().any(|id| id == alias)
    };
    let alone = teams.iter().filter(|team| team.alias.as_deref().is_some_and(is_alone));
    Ok(map_of(alone.filter_map(|team| Some((team.id.clone(), team.alias.clone()?)))))
}
