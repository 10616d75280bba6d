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

use crate::declared::{Gives, money, objects, switch, texts, whole};
use crate::known;
use crate::request::Method::{Get, Patch, Post};
use crate::route::Access::{Holder, Maker};
use crate::route::Route;

/// Routes of teams.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/team/new", Maker, |call| Box::pin(new::new(call))).about("Makes a team.").takes(
        &[known::TEAM, known::FIRST_MEMBERS, known::TERMS],
        r#"{"team_id": "team-docs", "team_alias": "Docs", "max_budget": 100}"#,
    ),
    Route::look(Get, "/team/info", Holder, |call| Box::pin(show::info(call)))
        .about("Shows a team, its members and keys.")
        .asks(&[known::A_TEAM, &[whole("key_limit", "how many keys at most")]]),
    Route::look(Get, "/team/list", Holder, |call| Box::pin(list::list(call)))
        .about("Lists teams that the caller may see.")
        .asks(&[known::TEAMS, known::SEARCH, known::SPENT, known::SORT])
        .gives(Gives::List),
    Route::look(Get, "/v2/team/list", Holder, |call| Box::pin(list::pages(call)))
        .about("A page of teams that the caller may see.")
        .asks(&[known::TEAMS, known::SEARCH, known::SPENT, known::SORT, known::PAGE]),
    Route::look(Get, "/team/available", Holder, |call| Box::pin(list::available(call)))
        .about("Lists teams that the caller could join.")
        .gives(Gives::List),
    Route::look(Get, "/team/permissions_list", Holder, |call| Box::pin(permissions::list(call)))
        .about("Shows what members of a team may do with its keys.")
        .asks(&[known::ONE_TEAM]),
    Route::change(Post, "/team/permissions_update", Maker, |call| Box::pin(permissions::update(call)))
        .about("Says what members of a team may do with its keys.")
        .takes(
            &[known::ONE_TEAM, &[texts("team_member_permissions", "paths").needed()]],
            r#"{"team_id": "team-docs", "team_member_permissions": ["/key/info"]}"#,
        ),
    Route::change(Post, "/team/permissions_bulk_update", Maker, |call| Box::pin(permissions::bulk(call)))
        .about("Says the same of several teams.")
        .takes(
            &[&[
                texts("permissions", "paths").needed(),
                texts("team_ids", "teams"),
                switch("apply_to_all_teams", "all teams"),
            ]],
            r#"{"team_ids": ["team-docs"], "permissions": ["/key/info"]}"#,
        ),
    Route::change(Post, "/team/update", Maker, |call| Box::pin(update::update(call)))
        .about("Changes a team.")
        .takes(
            &[known::TEAM, known::ONE_TEAM, known::TERMS],
            r#"{"team_id": "team-docs", "max_budget": 200}"#,
        ),
    Route::change(Post, "/team/block", Maker, |call| Box::pin(update::block(call)))
        .about("Blocks a team.")
        .takes(&[known::ONE_TEAM], r#"{"team_id": "team-docs"}"#),
    Route::change(Post, "/team/unblock", Maker, |call| Box::pin(update::unblock(call)))
        .about("Lets a blocked team in again.")
        .takes(&[known::ONE_TEAM], r#"{"team_id": "team-docs"}"#),
    Route::change(Post, "/team/delete", Maker, |call| Box::pin(remove::delete(call)))
        .about("Deletes teams and their keys.")
        .takes(&[&[texts("team_ids", "teams").needed()]], r#"{"team_ids": ["team-docs"]}"#),
    Route::change(Post, "/team/member_add", Maker, |call| Box::pin(members::add(call)))
        .about("Adds members to a team.")
        .takes(
            &[
                known::ONE_TEAM,
                known::WITHIN,
                &[objects("member", "`{\"user_id\" or \"user_email\", \"role\"}`, or a list of them")
                    .needed()],
            ],
            r#"{"team_id": "team-docs", "member": {"user_id": "mia", "role": "user"}}"#,
        ),
    Route::change(Post, "/team/bulk_member_add", Maker, |call| Box::pin(members::bulk(call)))
        .about("Adds many members to a team, each for itself.")
        .takes(
            &[
                known::ONE_TEAM,
                known::WITHIN,
                &[objects("members", "members"), switch("all_users", "all users of the gateway")],
            ],
            r#"{"team_id": "team-docs", "members": [{"user_id": "mia", "role": "user"}]}"#,
        ),
    Route::change(Post, "/team/member_update", Maker, |call| Box::pin(roster::update(call)))
        .about("Changes a member of a team.")
        .takes(
            &[known::ONE_TEAM, known::MEMBER, known::ROLE, known::WITHIN],
            r#"{"team_id": "team-docs", "user_id": "mia", "role": "admin"}"#,
        ),
    Route::change(Post, "/team/member_delete", Maker, |call| Box::pin(roster::delete(call)))
        .about("Takes a member out of a team.")
        .takes(&[known::ONE_TEAM, known::MEMBER], r#"{"team_id": "team-docs", "user_id": "mia"}"#),
    Route::look(Get, "/team/{team_id}/members/me", Holder, |call| Box::pin(roster::me(call)))
        .about("Shows what the caller is and has within a team."),
    Route::change(Post, "/team/{team_id}/member/{user_id}/reset_spend", Maker, |call| {
        Box::pin(roster::reset_spend(call))
    })
    .about("Says what a member has spent, from now on.")
    .takes(&[&[money("reset_to", "how many dollars").needed()]], r#"{"reset_to": 0}"#),
    Route::change(Post, "/team/model/add", Maker, |call| Box::pin(models::add(call)))
        .about("Adds models to those that a team may ask.")
        .takes(
            &[known::ONE_TEAM, &[texts("models", "models").needed()]],
            r#"{"team_id": "team-docs", "models": ["mock/echo"]}"#,
        ),
    Route::change(Post, "/team/model/delete", Maker, |call| Box::pin(models::delete(call)))
        .about("Takes models from those that a team may ask.")
        .takes(
            &[known::ONE_TEAM, &[texts("models", "models").needed()]],
            r#"{"team_id": "team-docs", "models": ["mock/echo"]}"#,
        ),
    // Last: its part in braces would be every other path's.
    Route::change(Patch, "/team/{team_id}", Maker, |call| Box::pin(update::patch(call)))
        .about("Changes a team.")
        .takes(&[known::TEAM, known::A_TEAM, known::TERMS], r#"{"max_budget": 200}"#),
];
