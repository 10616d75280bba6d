//! LiteLLM's database: its tables as Prisma makes them, read in one view of them all, and taken over.

mod map;
mod people;
mod row;
mod source;
mod terms;

use llm_governance::entity::Entity;
use llm_governance::{StoreError, Timestamp};

use super::keep::{Arrival, Keeper};
use super::report::{ImportReport, KindReport};
use crate::database::Database;
use crate::entities::Entities;
use people::by;
use row::{SourceRow, Unread};
use source::Source;

/// Takes over what administrators made with LiteLLM, and what was spent there, into a store of ours. Done again, it
/// takes over what changed there since.
///
/// # Errors
/// When one of the databases cannot be used, or the first is none of LiteLLM's. What a single row lacks is in the
/// report.
pub async fn litellm(from: &Database, store: &Entities, dry_run: bool) -> Result<ImportReport, StoreError> {
    let mut source = Source::open(from).await?;
    let mut rows = async |table: &str, order: &str| source.rows(table, order).await;
    let budget_rows = rows("LiteLLM_BudgetTable", "budget_id").await?;
    let organizations = rows("LiteLLM_OrganizationTable", "organization_id").await?;
    let in_organizations = rows("LiteLLM_OrganizationMembership", "user_id").await?;
    let teams = rows("LiteLLM_TeamTable", "team_id").await?;
    let in_teams = by(rows("LiteLLM_TeamMembership", "user_id").await?, "team_id");
    let aliases = by(rows("LiteLLM_ModelTable", "id").await?, "id");
    let users = rows("LiteLLM_UserTable", "user_id").await?;
    let customers = rows("LiteLLM_EndUserTable", "user_id").await?;
    let keys = rows("LiteLLM_VerificationToken", "token").await?;
    drop(source);
    let budgets = map::budgets(&budget_rows);
    let of_user = by(in_organizations.clone(), "user_id");
    let in_organizations = by(in_organizations, "organization_id");
    let keeper = Keeper { store, origin: "litellm", dry_run, now: Timestamp::now() };
    let kinds = vec![
        take(keeper, ("budgets", "budget_id"), &budget_rows, |row| map::budget(row, &budgets)).await?,
        take(keeper, ("organizations", "organization_id"), &organizations, |row| {
            people::organization(row, &budgets, &in_organizations)
        })
        .await?,
        take(keeper, ("teams", "team_id"), &teams, |row| people::team(row, &budgets, &in_teams, &aliases))
            .await?,
        take(keeper, ("users", "user_id"), &users, |row| people::user(row, &budgets, &of_user)).await?,
        take(keeper, ("customers", "user_id"), &customers, |row| map::customer(row, &budgets)).await?,
        take(keeper, ("keys", "token"), &keys, |row| map::key(row, &budgets)).await?,
    ];
    keeper.sign().await?;
    Ok(ImportReport { dry_run, kinds })
}

/// Takes over the rows of one kind. Of keys that cannot be read, the beginning of the hash is shown.
async fn take<E: Entity>(
    keeper: Keeper<'_>,
    (kind, id): (&'static str, &str),
    rows: &[SourceRow],
    map: impl Fn(&SourceRow) -> Result<Arrival<E>, Unread>,
) -> Result<KindReport, StoreError> {
    let mut report = KindReport::new(kind);
    let mut arrivals = Vec::with_capacity(rows.len());
    for row in rows {
        report.read += 1;
        for column in terms::KEPT.into_iter().filter(|column| row.says(column)) {
            *report.without_effect.entry(column).or_default() += 1;
        }
        match map(row) {
            Ok(arrival) => arrivals.push(arrival),
            Err(reason) => report.refuse(shown(&row.id(id)), reason),
        }
    }
    keeper.keep(arrivals, &mut report).await?;
    let there = rows.iter().map(|row| row.id(id)).collect();
    keeper.look_for_gone::<E>(&there, &mut report).await?;
    Ok(report)
}

/// An id as it may be shown: what is a key that nobody hashed is not.
fn shown(id: &str) -> String {
    if id.starts_with("sk-") { "sk-...".to_owned() } else { id.to_owned() }
}
