//! Users made, with a key of their own and their teams.

use llm_governance::entity::{BudgetRow, Member, Organization, Team, User};
use llm_governance::{Changed, Role, Scope, Subject};
use serde_json::{Value, json};

use super::rows;
use crate::bounds::Bound;
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::membership::{Invited, TEAM_ROLES, member_terms};
use crate::refused::Refused;
use crate::routes::keys;
use crate::secret::new_id;
use crate::show::fields as shown_fields;
use crate::terms;

/// Fields that are of the key which a new user gets.
const OF_THE_KEY: [&str; 5] = ["key", "key_alias", "duration", "key_type", "allowed_routes"];

/// Makes a user, and a key for it.
pub(super) async fn new(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    for (name, value) in &call.settings.users.defaults {
        fields.fill_in(name, value.clone());
    }
    let makes_key = fields.switch("auto_create_key")?.value().unwrap_or(true);
    let team = fields.text("team_id")?.value();
    let mut of_key = Fields::default();
    for name in OF_THE_KEY {
        of_key.take(name, &mut fields, name);
    }
    let spend = fields.money("spend")?.value().filter(|spend| spend.0 != 0);
    let joins = teams(&mut fields, team.as_deref())?;
    let mut user = call.new_user("", None)?;
    apply(&mut fields, &mut user)?;
    user.id = fields.text("user_id")?.value().filter(|id| !id.is_empty()).unwrap_or_else(new_id);
    allow(call, &user).await?;
    check(call, &user).await?;
    let of_teams = check_teams(call, &joins).await?;
    call.insert(std::slice::from_ref(&user)).await?;
    if let Some(spend) = spend {
        let subject = Subject::new(Scope::User, user.id.as_str());
        call.management.correct_spend((subject, &user.terms, user.created_at), spend).await?;
    }
    join(call, &user, &joins, &of_teams).await?;
    call.management.changed(Changed::User(user.id.clone()));
    let mut shown = if makes_key { key(call, &user, team, of_key).await? } else { without_key() };
    let user = call.management.get::<User>(&user.id).await?.unwrap_or(user);
    let row = rows(call.management, &[user]).await?.pop().unwrap_or_default();
    // What the key and the user both have is the user's: the key's own is the same, or nothing.
    for (name, value) in shown_fields(row) {
        if name != "team_id" && name != "organization_id" {
            shown.insert(name, value);
        }
    }
    Ok(fields.answer(Value::Object(shown)))
}

/// The user's key. Budget and limits are the user's, and hold for all of its keys.
async fn key(
    call: &Call<'_>,
    user: &User,
    team: Option<String>,
    mut fields: Fields,
) -> Result<crate::show::Shown, Refused> {
    fields.fill_in("user_id", json!(user.id));
    fields.fill_in("team_id", json!(team));
    fields.fill_in("models", json!(user.terms.models));
    fields.fill_in("aliases", json!(user.terms.aliases));
    Ok(shown_fields(keys::make(call, &mut fields).await?))
}

fn without_key() -> crate::show::Shown {
    shown_fields(json!({"key": "", "token": null, "token_id": null, "key_name": null, "expires": null}))
}

/// A team that a new user joins, and as what.
struct Joins {
    team: String,
    member: Member,
}

/// Reads `teams`: ids, or objects with a role and a budget.
fn teams(fields: &mut Fields, of_key: Option<&str>) -> Result<Vec<Joins>, Refused> {
    let mut joins: Vec<Joins> = Vec::new();
    let entries = match fields.any("teams").value() {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(Refused::field("teams", "Input should be a valid list")),
    };
    for entry in entries.into_iter().chain(of_key.map(Value::from)) {
        let entry = if entry.is_string() { json!({"team_id": entry}) } else { entry };
        let Value::Object(entry) = entry else {
            return Err(Refused::field("teams", "each is a team's id, or an object with `team_id`"));
        };
        let mut entry = Fields::of(entry);
        let team = entry.required("team_id")?;
        entry.take_over("role", "user_role");
        entry.fill_in("user_id", json!("new"));
        let invited = Invited::read(&mut entry, &TEAM_ROLES)?;
        let mut terms = None;
        member_terms(&mut entry, &mut terms)?;
        let member = Member { user_id: String::new(), user_email: None, role: invited.role, terms };
        if joins.iter().all(|other| other.team != team) {
            joins.push(Joins { team, member });
        }
    }
    Ok(joins)
}

async fn check_teams(call: &Call<'_>, joins: &[Joins]) -> Result<Vec<Team>, Refused> {
    let mut teams = Vec::new();
    for one in joins {
        teams.push(call.own_team(&one.team).await?);
    }
    Ok(teams)
}

async fn join(call: &Call<'_>, user: &User, joins: &[Joins], teams: &[Team]) -> Result<(), Refused> {
    for (one, team) in joins.iter().zip(teams) {
        let (user_id, user_email) = (user.id.clone(), user.email.clone());
        let member = Member { user_id, user_email, ..one.member.clone() };
        call.add_to_team(&team.id, &[member]).await?;
    }
    for organization in &user.organizations {
        let invited = Member {
            user_id: user.id.clone(),
            user_email: user.email.clone(),
            role: llm_governance::entity::MemberRole::User,
            terms: None,
        };
        let add = |one: &mut Organization| {
            one.members.retain(|member| member.user_id != invited.user_id);
            one.members.push(invited.clone());
            Ok(())
        };
        call.change_organization(organization, add).await?;
    }
    Ok(())
}

/// Changes a user as the fields say, besides its teams.
///
/// # Errors
/// When a field cannot be read.
pub(super) fn apply(fields: &mut Fields, user: &mut User) -> Result<(), Refused> {
    fields.text("user_email")?.put(&mut user.email);
    user.email = user.email.take().filter(|email| !email.is_empty());
    fields.text("user_alias")?.put(&mut user.alias);
    fields.text("sso_user_id")?.put(&mut user.sso_user_id);
    fields.texts("organizations")?.put_or_default(&mut user.organizations);
    let role = fields.text("user_role")?.try_map(|name| {
        let explained = || Refused::field("user_role", "say a role of `/user/available_roles`");
        Role::named(&name).filter(|role| !matches!(role, Role::Team | Role::Customer)).ok_or_else(explained)
    });
    role?.put_or_default(&mut user.role);
    terms::apply(fields, &mut user.terms)
}

/// Whether the caller may make such a user.
async fn allow(call: &Call<'_>, user: &User) -> Result<(), Refused> {
    if call.is_admin() {
        return Ok(());
    }
    let is_plain = matches!(user.role, Role::InternalUser | Role::InternalUserViewer);
    let mut leads_all = !user.organizations.is_empty();
    for organization in &user.organizations {
        leads_all &= call.administrates_organization(Some(organization)).await?;
        if let Some(organization) = call.management.get::<Organization>(organization).await? {
            let subject = Subject::new(Scope::Organization, organization.id.as_str());
            Bound::of(&subject, &organization.terms).check(&user.terms)?;
        }
    }
    if is_plain && leads_all {
        return Ok(());
    }
    let message = "only administrators make users; those of an organization make internal users in it: name it in \
                   `organizations`";
    Err(Refused::forbidden(message))
}

/// Whether a user's id and address are free, and what it names is there.
async fn check(call: &Call<'_>, user: &User) -> Result<(), Refused> {
    if call.management.get::<User>(&user.id).await?.is_some() {
        return Err(taken("id", &user.id));
    }
    check_named(call, user).await?;
    for id in &user.organizations {
        if call.management.get::<Organization>(id).await?.is_none() {
            let message = format!("there is no organization `{id}`: make it with `/organization/new`");
            return Err(Refused::bad(message).about("organizations"));
        }
    }
    Ok(())
}

/// Whether a user's address is free, and its budget is there.
///
/// # Errors
/// When another user has the address, or there is no such budget.
pub(super) async fn check_named(call: &Call<'_>, user: &User) -> Result<(), Refused> {
    if let Some(email) = &user.email
        && call.user_of_email(email).await?.is_some_and(|other| other.id != user.id)
    {
        return Err(taken("email", email));
    }
    match &user.terms.budget_id {
        Some(id) if call.management.get::<BudgetRow>(id).await?.is_none() => {
            let message = format!("there is no budget `{id}`: make it with `/budget/new`");
            Err(Refused::bad(message).about("budget_id"))
        }
        _ => Ok(()),
    }
}

fn taken(what: &str, value: &str) -> Refused {
    let message = format!("User with {what} {value} already exists. Use `/user/update` to change it.");
    Refused::error(409, "bad_request_error", message)
}
