//! Users and what they belong to: a team or an organisation has its members, and each of them knows where it is.

use llm_governance::entity::{Column, Member, MemberRole, Organization, Team, User};
use llm_governance::{Changed, Filter, ListQuery, Role, Terms};

use crate::fields::Fields;
use crate::given::Given;
use crate::management::Call;
use crate::refused::Refused;
use crate::secret::{new_id, now};
use crate::settings::Settings;
use crate::terms;

/// Somebody who is to be a member, as a body names it.
#[derive(Clone, Debug)]
pub(crate) struct Invited {
    /// The user's id.
    pub user_id: Option<String>,
    /// The user's address.
    pub user_email: Option<String>,
    /// What the user may do.
    pub role: MemberRole,
}

/// What the operator's defaults say of a user.
fn of_operator(user: &mut User, settings: &Settings) -> Result<(), Refused> {
    let mut defaults = Fields::of(settings.users.defaults.clone());
    let role = defaults.text("user_role")?.value().and_then(|name| Role::named(&name));
    user.role = role.unwrap_or(user.role);
    terms::apply(&mut defaults, &mut user.terms)
}

impl Settings {
    /// A user that nobody made and a token of an identity provider names, with the defaults of new users
    /// (`default_internal_user_params`). A role that the token says stays.
    ///
    /// # Errors
    /// When the defaults cannot be read.
    pub fn newcomer(&self, mut user: User, role_is_said: bool) -> Result<User, Refused> {
        let role = user.role;
        of_operator(&mut user, self)?;
        if role_is_said {
            user.role = role;
        }
        Ok(user)
    }

    /// The same for a team (`default_team_params`).
    ///
    /// # Errors
    /// When the defaults cannot be read.
    pub fn new_team(&self, mut team: Team) -> Result<Team, Refused> {
        let mut defaults = Fields::of(self.teams.defaults.clone());
        terms::apply(&mut defaults, &mut team.terms)?;
        Ok(team)
    }
}

impl Invited {
    /// Reads `{"user_id" or "user_email", "role"}`.
    ///
    /// # Errors
    /// When it names nobody, or a role that `roles` does not have.
    pub(crate) fn read(fields: &mut Fields, roles: &[(&str, MemberRole)]) -> Result<Self, Refused> {
        let user_id = fields.text("user_id")?.value().filter(|id| !id.is_empty());
        let user_email = fields.text("user_email")?.value().filter(|email| !email.is_empty());
        if user_id.is_none() && user_email.is_none() {
            return Err(Refused::field("member", "Either user_id or user_email must be provided"));
        }
        let role = match role(fields, roles)? {
            Given::Value(role) => role,
            Given::Absent | Given::Null => MemberRole::User,
        };
        Ok(Self { user_id, user_email, role })
    }
}

/// Roles within a team.
pub(crate) const TEAM_ROLES: [(&str, MemberRole); 2] =
    [("admin", MemberRole::Admin), ("user", MemberRole::User)];

/// Roles within an organisation.
pub(crate) const ORGANIZATION_ROLES: [(&str, MemberRole); 3] = [
    ("org_admin", MemberRole::Admin),
    ("internal_user", MemberRole::User),
    ("internal_user_viewer", MemberRole::Viewer),
];

/// Reads the role of a member.
///
/// # Errors
/// When it is not one of these.
pub(crate) fn role(fields: &mut Fields, roles: &[(&str, MemberRole)]) -> Result<Given<MemberRole>, Refused> {
    fields.text("role")?.try_map(|name| {
        let known = || roles.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("`, `");
        let role = roles.iter().find(|(known, _)| *known == name).map(|(_, role)| *role);
        role.ok_or_else(|| Refused::field("role", format!("say one of `{}`", known())))
    })
}

/// Terms of a member within its team: `max_budget_in_team`, `budget_duration`, `tpm_limit`, `rpm_limit`,
/// `allowed_models`, `model_max_budget`.
///
/// # Errors
/// When a field cannot be read.
pub(crate) fn member_terms(fields: &mut Fields, place: &mut Option<Terms>) -> Result<(), Refused> {
    let mut within = Fields::default();
    for (name, inside) in [
        ("max_budget_in_team", "max_budget"),
        ("budget_duration", "budget_duration"),
        ("tpm_limit", "tpm_limit"),
        ("rpm_limit", "rpm_limit"),
        ("allowed_models", "models"),
        ("model_max_budget", "model_max_budget"),
    ] {
        within.take(inside, fields, name);
    }
    if within.is_empty() {
        return Ok(());
    }
    let mut of = place.take().unwrap_or_default();
    terms::apply(&mut within, &mut of)?;
    *place = Some(of).filter(|of| *of != Terms::default());
    Ok(())
}

impl Call<'_> {
    /// The user of an address.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn user_of_email(&self, email: &str) -> Result<Option<User>, Refused> {
        let filters = vec![("email", Filter::Is(Column::from(email)))];
        let query = ListQuery { filters, limit: 1, ..ListQuery::default() };
        Ok(self.management.list::<User>(&query).await?.items.into_iter().next())
    }

    /// The user who is meant, where there is one.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn known(&self, id: Option<&str>, email: Option<&str>) -> Result<Option<User>, Refused> {
        match (id, email) {
            (Some(id), _) => self.management.get(id).await,
            (None, Some(email)) => self.user_of_email(email).await,
            (None, None) => Ok(None),
        }
    }

    /// The user who is invited; made where there is none yet.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn user_invited(&self, invited: &Invited) -> Result<User, Refused> {
        let (id, email) = (invited.user_id.as_deref(), invited.user_email.as_deref());
        if let Some(user) = self.known(id, email).await? {
            return Ok(user);
        }
        let id = id.map_or_else(new_id, str::to_owned);
        let user = self.new_user(&id, invited.user_email.clone())?;
        self.insert(std::slice::from_ref(&user)).await?;
        self.management.changed(Changed::User(id));
        Ok(user)
    }

    /// A user as the operator's defaults have it.
    ///
    /// # Errors
    /// When the operator's defaults cannot be read.
    pub(crate) fn new_user(&self, id: &str, email: Option<String>) -> Result<User, Refused> {
        let made = now();
        let mut user = User {
            id: id.to_owned(),
            email,
            alias: None,
            role: Role::default(),
            sso_user_id: None,
            teams: Vec::new(),
            organizations: Vec::new(),
            terms: Terms::default(),
            created_at: made,
            updated_at: made,
        };
        of_operator(&mut user, &self.settings)?;
        Ok(user)
    }

    /// Changes a user; nothing where it is gone.
    ///
    /// # Errors
    /// When the store fails.
    async fn change_user(&self, id: &str, change: impl Fn(&mut User) + Send + Sync) -> Result<(), Refused> {
        let changed = self.change::<User>(id, "updated", |mut user| {
            change(&mut user);
            user.updated_at = now();
            Ok(user)
        });
        match changed.await {
            Err(refused) if refused.status == 404 => Ok(()),
            changed => {
                changed?;
                self.management.changed(Changed::User(id.to_owned()));
                Ok(())
            }
        }
    }

    /// Writes into a user that it is in a team.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn joins_team(&self, user: &str, team: &str) -> Result<(), Refused> {
        self.change_user(user, |user| add(&mut user.teams, team)).await
    }

    /// Takes a user out of a team, on the user's side.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn leaves_team(&self, user: &str, team: &str) -> Result<(), Refused> {
        self.change_user(user, |user| user.teams.retain(|id| id != team)).await
    }

    /// Writes into a user that it is in an organisation.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn joins_organization(&self, user: &str, organization: &str) -> Result<(), Refused> {
        self.change_user(user, |user| add(&mut user.organizations, organization)).await
    }

    /// Takes a user out of an organisation, on the user's side.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn leaves_organization(&self, user: &str, organization: &str) -> Result<(), Refused> {
        self.change_user(user, |user| user.organizations.retain(|id| id != organization)).await
    }

    /// Changes a team, and tells so.
    ///
    /// # Errors
    /// When `change` refuses, or the store fails.
    pub(crate) async fn change_team(
        &self,
        id: &str,
        action: &'static str,
        change: impl Fn(&mut Team) -> Result<(), Refused> + Send + Sync,
    ) -> Result<Team, Refused> {
        let changed = self.change::<Team>(id, action, |mut team| {
            change(&mut team)?;
            team.updated_at = now();
            Ok(team)
        });
        let team = changed.await?;
        self.management.changed(Changed::Team(id.to_owned()));
        Ok(team)
    }

    /// Changes an organisation, and tells so.
    ///
    /// # Errors
    /// When `change` refuses, or the store fails.
    pub(crate) async fn change_organization(
        &self,
        id: &str,
        change: impl Fn(&mut Organization) -> Result<(), Refused> + Send + Sync,
    ) -> Result<Organization, Refused> {
        let changed = self.change::<Organization>(id, "updated", |mut organization| {
            change(&mut organization)?;
            organization.updated_at = now();
            Ok(organization)
        });
        let organization = changed.await.map_err(Refused::detail)?;
        self.management.changed(Changed::Organization(id.to_owned()));
        Ok(organization)
    }

    /// Adds users to a team, both sides of it.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn add_to_team(&self, id: &str, members: &[Member]) -> Result<Team, Refused> {
        let added = self.change_team(id, "updated", |team| {
            for member in members {
                team.members.retain(|other| other.user_id != member.user_id);
                team.members.push(member.clone());
            }
            Ok(())
        });
        let team = added.await?;
        for member in members {
            self.joins_team(&member.user_id, id).await?;
        }
        Ok(team)
    }
}

fn add(list: &mut Vec<String>, id: &str) {
    if !list.iter().any(|known| known == id) {
        list.push(id.to_owned());
    }
}
