//! The routes of organisations and their members.

mod members;
mod new;
mod show;
mod update;

use crate::declared::{Gives, objects, text, texts};
use crate::known;
use crate::request::Method::{Delete, Get, Patch, Post};
use crate::route::Access::{Admin, Holder, Maker};
use crate::route::Route;

/// Routes of organisations.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/organization/new", Admin, |call| Box::pin(new::new(call)))
        .about("Makes an organisation.")
        .takes(
            &[known::NEW_ORGANIZATION, known::TERMS],
            r#"{"organization_id": "acme", "organization_alias": "Acme", "max_budget": 1000}"#,
        ),
    Route::look(Get, "/organization/info", Holder, |call| Box::pin(show::info(call)))
        .about("Shows an organisation.")
        .asks(&[known::ONE_ORGANIZATION]),
    Route::look(Post, "/organization/info", Holder, |call| Box::pin(show::infos(call)))
        .about("Shows several organisations.")
        .takes(&[&[texts("organizations", "organisations").needed()]], r#"{"organizations": ["acme"]}"#)
        .gives(Gives::List),
    Route::look(Get, "/organization/list", Holder, |call| Box::pin(show::list(call)))
        .about("Lists organisations that the caller may see.")
        .asks(&[&[
            text("org_id", "this organisation alone"),
            text("org_alias", "organisations of this name"),
        ]])
        .gives(Gives::List),
    Route::change(Patch, "/organization/update", Maker, |call| Box::pin(update::update(call)))
        .about("Changes an organisation.")
        .takes(
            &[known::ONE_ORGANIZATION, known::ORGANIZATION, known::TERMS],
            r#"{"organization_id": "acme", "max_budget": 2000}"#,
        ),
    Route::change(Patch, "/v2/organization/{organization_id}", Maker, |call| Box::pin(update::patch(call)))
        .about("Changes an organisation.")
        .takes(&[known::ORGANIZATION, known::TERMS], r#"{"max_budget": 2000}"#),
    Route::change(Delete, "/organization/delete", Admin, |call| Box::pin(update::delete(call)))
        .about("Deletes organisations.")
        .takes(&[&[texts("organization_ids", "organisations").needed()]], r#"{"organization_ids": ["acme"]}"#)
        .gives(Gives::List),
    Route::change(Post, "/organization/member_add", Maker, |call| Box::pin(members::add(call)))
        .about("Adds members to an organisation.")
        .takes(
            &[
                known::ONE_ORGANIZATION,
                &[objects("member", "`{\"user_id\" or \"user_email\", \"role\"}`, or a list of them")
                    .needed()],
            ],
            r#"{"organization_id": "acme", "member": [{"user_id": "mia", "role": "internal_user"}]}"#,
        ),
    Route::change(Patch, "/organization/member_update", Maker, |call| Box::pin(members::update(call)))
        .about("Changes a member of an organisation.")
        .takes(
            &[known::ONE_ORGANIZATION, known::MEMBER, known::ROLE],
            r#"{"organization_id": "acme", "user_id": "mia", "role": "org_admin"}"#,
        ),
    Route::change(Delete, "/organization/member_delete", Maker, |call| Box::pin(members::delete(call)))
        .about("Takes a member out of an organisation.")
        .takes(&[known::ONE_ORGANIZATION, known::MEMBER], r#"{"organization_id": "acme", "user_id": "mia"}"#),
];
