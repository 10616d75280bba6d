//! Whether a caller may see or change an entity: by its role, because it is its own, or as somebody's administrator.

use llm_governance::entity::{Member, MemberRole, Organization, Team, User, VirtualKey};
use llm_governance::{Principal, Role};
use serde_json::Value;

use crate::management::Call;
use crate::refused::Refused;

/// Who the holder of the master key is in what it makes, as LiteLLM says it.
pub(crate) const ADMINISTRATOR: &str = "default_user_id";

/// What members of a team may do with its keys where the team says nothing.
const MEMBER_MAY: [&str; 2] = ["/key/info", "/key/health"];

/// Where a team keeps what its members may do with its keys.
pub(crate) const MEMBER_PERMISSIONS: &str = "team_member_permissions";

impl Call<'_> {
    /// Whether the caller may do everything.
    pub(crate) fn is_admin(&self) -> bool {
        self.caller.is_admin()
    }

    /// Whether the caller may see everything.
    pub(crate) fn sees_all(&self) -> bool {
        matches!(self.caller.role, Role::ProxyAdmin | Role::ProxyAdminViewer)
    }

    /// The id of the caller's user.
    pub(crate) fn user_id(&self) -> Option<&str> {
        self.caller.user_id()
    }

    /// Who made or changed something, for the record of it.
    pub(crate) fn actor(&self) -> String {
        actor(self.caller).to_owned()
    }

    /// Whether the caller is this user.
    pub(crate) fn is_user(&self, id: Option<&str>) -> bool {
        id.is_some() && id == self.user_id()
    }

    /// The caller's user, where it has one that the store knows.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn user(&self) -> Result<Option<User>, Refused> {
        match self.user_id() {
            Some(id) => self.management.get(id).await,
            None => Ok(None),
        }
    }

    /// Whether the caller administrates an organisation.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn administrates_organization(&self, id: Option<&str>) -> Result<bool, Refused> {
        if self.is_admin() {
            return Ok(true);
        }
        let (Some(id), Some(user)) = (id, self.user_id()) else { return Ok(false) };
        let organization: Option<Organization> = self.management.get(id).await?;
        Ok(organization.is_some_and(|one| is_administrator(&one.members, user)))
    }

    /// Whether the caller administrates a team: as its administrator, or its organisation's.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn administrates_team(&self, team: &Team) -> Result<bool, Refused> {
        if self.is_admin() || self.user_id().is_some_and(|user| is_administrator(&team.members, user)) {
            return Ok(true);
        }
        self.administrates_organization(team.organization_id.as_deref()).await
    }

    /// Whether the caller may do something (`deed` is the path) with keys of a team.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn may_with_keys_of(&self, team: &Team, deed: &str) -> Result<bool, Refused> {
        if self.administrates_team(team).await? {
            return Ok(true);
        }
        let is_member = self.user_id().is_some_and(|user| member(&team.members, user).is_some());
        Ok(is_member && member_permissions(team).iter().any(|permission| permission == deed))
    }

    /// Whether the caller may see a key.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn may_see_key(&self, key: &VirtualKey) -> Result<bool, Refused> {
        if self.sees_all() || self.caller.key() == Some(key.hash) {
            return Ok(true);
        }
        self.may_change_key(key, "/key/info").await
    }

    /// Whether the caller may do something (`deed` is the path) with a key.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn may_change_key(&self, key: &VirtualKey, deed: &str) -> Result<bool, Refused> {
        if self.is_admin() || self.is_user(key.user_id.as_deref()) {
            return Ok(true);
        }
        let Some(team) = &key.team_id else {
            return self.administrates_organization(key.organization_id.as_deref()).await;
        };
        match self.management.get::<Team>(team).await? {
            Some(team) => self.may_with_keys_of(&team, deed).await,
            None => Ok(false),
        }
    }

    /// Whether the caller rules over a key: not because it is its own, but over those whose it is.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn rules_key(&self, key: &VirtualKey) -> Result<bool, Refused> {
        if self.is_admin() {
            return Ok(true);
        }
        let Some(team) = &key.team_id else {
            return self.administrates_organization(key.organization_id.as_deref()).await;
        };
        match self.management.get::<Team>(team).await? {
            Some(team) => self.administrates_team(&team).await,
            None => Ok(false),
        }
    }

    /// The team of an id.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn team(&self, id: &str) -> Result<Team, Refused> {
        let team: Option<Team> = self.management.get(id).await?;
        team.ok_or_else(|| Refused::missing(format!("Team not found, passed team_id={id}")))
    }

    /// The team of an id, for whoever administrates it.
    ///
    /// # Errors
    /// When there is none, or the caller does not administrate it.
    pub(crate) async fn own_team(&self, id: &str) -> Result<Team, Refused> {
        let team = self.team(id).await?;
        if self.administrates_team(&team).await? {
            return Ok(team);
        }
        let message = format!(
            "Call not allowed. User not proxy admin OR team admin OR org admin. team_id={id}, your user_id={}",
            self.user_id().unwrap_or("none")
        );
        Err(Refused::forbidden(message))
    }

    /// The teams that the caller's user is in.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn teams(&self) -> Result<Vec<Team>, Refused> {
        match self.user().await? {
            Some(user) => self.management.get_many(&user.teams).await,
            None => Ok(Vec::new()),
        }
    }
}

/// Who made or changed something.
pub(crate) fn actor(caller: &Principal) -> &str {
    match (caller.user_id(), caller.key_name.as_deref()) {
        (Some(user), _) => user,
        (None, Some(name)) => name,
        (None, None) => ADMINISTRATOR,
    }
}

/// A user among members.
pub(crate) fn member<'a>(members: &'a [Member], user: &str) -> Option<&'a Member> {
    members.iter().find(|member| member.user_id == user)
}

/// Whether a user is an administrator among members.
pub(crate) fn is_administrator(members: &[Member], user: &str) -> bool {
    member(members, user).is_some_and(|member| member.role == MemberRole::Admin)
}

/// What members of a team may do with its keys.
pub(crate) fn member_permissions(team: &Team) -> Vec<String> {
    match team.terms.other.get(MEMBER_PERMISSIONS) {
        Some(Value::Array(permissions)) => {
            permissions.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => MEMBER_MAY.map(str::to_owned).to_vec(),
    }
}
