//! Teams made, with their first members.

use llm_governance::entity::{BudgetRow, Member, MemberRole, Organization, Team};
use llm_governance::{Changed, Scope, Subject, Terms};
use serde_json::Value;

use super::rows;
use crate::bounds::Bound;
use crate::caller::MEMBER_PERMISSIONS;
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::membership::{Invited, TEAM_ROLES, member_terms};
use crate::refused::Refused;
use crate::secret::{new_id, now};
use crate::terms;

/// Fields of a team that are kept without an effect, besides those of all entities.
const KEPT: [&str; 1] = ["team_member_key_duration"];

/// Makes a team.
pub(super) async fn new(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    defaults(call, &mut fields);
    let made = now();
    let mut team = Team {
        id: fields.text("team_id")?.value().filter(|id| !id.is_empty()).unwrap_or_else(new_id),
        alias: None,
        organization_id: None,
        members: Vec::new(),
        member_terms: Terms::default(),
        terms: Terms::default(),
        created_at: made,
        updated_at: made,
    };
    apply(&mut fields, &mut team)?;
    let invited = invited(call, &mut fields)?;
    allow(call, &team).await?;
    check(call, &team).await?;
    if call.management.get::<Team>(&team.id).await?.is_some() {
        let message = format!("Team id = {} already exists. Please use a different team id.", team.id);
        return Err(Refused::bad(message).about("team_id"));
    }
    let members = members(call, &invited).await?;
    team.members.clone_from(&members);
    call.insert(std::slice::from_ref(&team)).await?;
    for member in &members {
        call.joins_team(&member.user_id, &team.id).await?;
    }
    call.management.changed(Changed::Team(team.id.clone()));
    let row = rows(call.management, &[team]).await?.pop().unwrap_or_default();
    Ok(fields.answer(row))
}

fn defaults(call: &Call<'_>, fields: &mut Fields) {
    let settings = &call.settings.teams;
    let id = fields.clone().text("team_id").ok().and_then(crate::given::Given::value);
    let own = id.and_then(|id| settings.of_team.get(&id)).into_iter().flatten();
    // What is said of a single team goes first: a default fills what is empty.
    for (name, value) in own.chain(&settings.defaults) {
        fields.fill_in(name, value.clone());
    }
}

/// Changes a team as the fields say, besides its members.
///
/// # Errors
/// When a field cannot be read.
pub(super) fn apply(fields: &mut Fields, team: &mut Team) -> Result<(), Refused> {
    fields.text("team_alias")?.put(&mut team.alias);
    fields.text("organization_id")?.put(&mut team.organization_id);
    terms::aliases(fields, "model_aliases")?.put_or_default(&mut team.terms.aliases);
    terms::apply(fields, &mut team.terms)?;
    let permissions = fields.texts(MEMBER_PERMISSIONS)?;
    if permissions.is_said() {
        let value = permissions.value().map_or(Value::Null, Value::from);
        team.terms.other.insert(MEMBER_PERMISSIONS.to_owned(), value);
    }
    fields.keep(&KEPT, &mut team.terms.other);
    let mut within = Fields::default();
    for (name, inside) in [
        ("team_member_budget", "max_budget_in_team"),
        ("team_member_budget_duration", "budget_duration"),
        ("team_member_rpm_limit", "rpm_limit"),
        ("team_member_tpm_limit", "tpm_limit"),
        ("team_member_model_max_budget", "model_max_budget"),
        ("default_team_member_models", "allowed_models"),
    ] {
        within.take(inside, fields, name);
    }
    let mut of = Some(std::mem::take(&mut team.member_terms));
    member_terms(&mut within, &mut of)?;
    team.member_terms = of.unwrap_or_default();
    Ok(())
}

/// Those who are members from the beginning: those who are named, and whoever makes the team.
fn invited(call: &Call<'_>, fields: &mut Fields) -> Result<Vec<Invited>, Refused> {
    let mut invited = Vec::new();
    for mut entry in fields.objects("members_with_roles")?.value().unwrap_or_default() {
        invited.push(Invited::read(&mut entry, &TEAM_ROLES)?);
    }
    for (name, role) in [("admins", MemberRole::Admin), ("members", MemberRole::User)] {
        let ids = fields.texts(name)?.value().unwrap_or_default();
        invited.extend(ids.into_iter().map(|id| Invited { user_id: Some(id), user_email: None, role }));
    }
    if let Some(maker) = call.user_id() {
        let maker = Invited { user_id: Some(maker.to_owned()), user_email: None, role: MemberRole::Admin };
        invited.insert(0, maker);
    }
    Ok(invited)
}

/// Users as members, each of them once: the first mention counts.
async fn members(call: &Call<'_>, invited: &[Invited]) -> Result<Vec<Member>, Refused> {
    let mut members: Vec<Member> = Vec::new();
    for one in invited {
        let user = call.user_invited(one).await?;
        if members.iter().all(|member| member.user_id != user.id) {
            members.push(Member { user_id: user.id, user_email: user.email, role: one.role, terms: None });
        }
    }
    Ok(members)
}

/// Teams are made by administrators, of the gateway or of the team's organisation.
async fn allow(call: &Call<'_>, team: &Team) -> Result<(), Refused> {
    if call.administrates_organization(team.organization_id.as_deref()).await? {
        return Ok(());
    }
    let message = format!(
        "only administrators, of the gateway or of the team's organization, make teams. Your role={}, organization_id={}",
        call.caller.role.name(),
        team.organization_id.as_deref().unwrap_or("none")
    );
    Err(Refused::forbidden(message))
}

/// Whether what a team names is there, and its limits are within those of its organisation.
///
/// # Errors
/// Naming what is not.
pub(super) async fn check(call: &Call<'_>, team: &Team) -> Result<(), Refused> {
    if let Some(id) = &team.terms.budget_id
        && call.management.get::<BudgetRow>(id).await?.is_none()
    {
        let message = format!("there is no budget `{id}`: make it with `/budget/new`");
        return Err(Refused::bad(message).about("budget_id"));
    }
    let Some(id) = &team.organization_id else { return Ok(()) };
    let Some(organization) = call.management.get::<Organization>(id).await? else {
        let message =
            format!("Organization not found for organization_id={id}. Create it via `/organization/new`");
        return Err(Refused::bad(message).about("organization_id"));
    };
    let subject = Subject::new(Scope::Organization, id.as_str());
    Bound::of(&subject, &organization.terms).check(&team.terms)
}
