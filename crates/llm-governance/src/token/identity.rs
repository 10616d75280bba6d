//! Whom a token names, and what it allows: claims read as `litellm_jwtauth` says.

use llm_core::{Error, ErrorKind, Result};

use super::claims::Claims;
use super::settings::{Fields, ScopeMapping, TokenSettings};
use crate::authorise::matches;
use crate::principal::{Grant, Role};
use crate::time::Timestamp;

/// Providers put people into many groups; so many of them are looked up at most.
const MOST_TEAMS: usize = 32;

/// Whom a token names, and what it allows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) user_id: Option<String>,
    pub(crate) user_email: Option<String>,
    /// Teams, any of which may pay.
    pub(crate) teams: Vec<String>,
    /// The team is the one that the token names, not one of many groups: it has to be there.
    pub(crate) is_one_team: bool,
    pub(crate) organization_id: Option<String>,
    pub(crate) customer: Option<String>,
    /// What the token makes of its caller; `None`: what the store says.
    pub(crate) role: Option<Role>,
    pub(crate) grants: Vec<Grant>,
    /// Models are for those who have a team.
    pub(crate) needs_team: bool,
    pub(crate) adds_user: bool,
    pub(crate) adds_team: bool,
    pub(crate) expires: Timestamp,
}

impl Identity {
    /// What claims say.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] when they name nobody, or somebody who may nothing here.
    pub(super) fn of(
        settings: &TokenSettings,
        fields: &Fields,
        claims: Claims<'_>,
        expires: Timestamp,
    ) -> Result<Self> {
        let text = |field: &Option<String>| claims.text(field.as_deref());
        let scopes = claims.scopes();
        let mut identity = Self {
            user_id: text(&fields.user_id_jwt_field),
            user_email: text(&fields.user_email_jwt_field),
            organization_id: text(&fields.org_id_jwt_field),
            customer: text(&fields.end_user_id_jwt_field),
            needs_team: settings.enforce_team_based_model_access,
            adds_user: settings.user_id_upsert,
            adds_team: settings.team_id_upsert,
            expires,
            ..Self::default()
        };
        identity.take_teams(settings, fields, claims);
        if scopes.contains(&settings.admin_jwt_scope) {
            identity.role = Some(Role::ProxyAdmin);
            let by = format!("scope {}", settings.admin_jwt_scope);
            let routes = Some(settings.admin_allowed_routes.clone());
            identity.grants.push(Grant { by, models: None, routes });
            return Ok(identity);
        }
        identity.take_role(settings, fields, claims)?;
        identity.check_email(settings)?;
        identity.take_scopes(settings, &scopes);
        identity.take_permissions(settings);
        if identity.user_id.is_none() && identity.teams.is_empty() && identity.role != Some(Role::ProxyAdmin)
        {
            return Err(denied(
                "it names neither a user nor a team: `user_id_jwt_field` and `team_id_jwt_field` of \
                 `litellm_jwtauth` say which claims do",
            ));
        }
        Ok(identity)
    }

    fn take_teams(&mut self, settings: &TokenSettings, fields: &Fields, claims: Claims<'_>) {
        if let Some(team) = claims.text(fields.team_id_jwt_field.as_deref()) {
            (self.teams, self.is_one_team) = (vec![team], true);
            return;
        }
        if let Some(field) = &fields.team_ids_jwt_field {
            self.teams = claims.list(field);
            self.teams.truncate(MOST_TEAMS);
        }
        if self.teams.is_empty() {
            self.teams.extend(settings.team_id_default.clone());
        }
    }

    fn take_role(&mut self, settings: &TokenSettings, fields: &Fields, claims: Claims<'_>) -> Result<()> {
        let roles = fields.roles_jwt_field.as_deref().map(|field| claims.list(field)).unwrap_or_default();
        let user_roles = fields.user_roles_jwt_field.as_deref().map(|field| claims.list(field));
        let object = claims.text(fields.object_id_jwt_field.as_deref());
        let mapped = settings.role_mappings.iter().find(|one| roles.contains(&one.role));
        let mut role = mapped.map(|one| one.internal_role);
        match (role, object) {
            (Some(Role::Team), Some(id)) => (self.teams, self.is_one_team) = (vec![id], true),
            (Some(Role::InternalUser), Some(id)) => self.user_id = Some(id),
            _ => {}
        }
        let is_allowed = |role: &String| settings.user_allowed_roles.contains(role);
        if role.is_none() && user_roles.iter().flatten().any(is_allowed) {
            role = Some(Role::InternalUser);
        }
        let mut named = settings.jwt_litellm_role_map.iter();
        let of_user = named.find(|one| {
            roles.iter().chain(user_roles.iter().flatten()).any(|role| matches(&one.jwt_role, role))
        });
        role = of_user.map(|one| one.litellm_role).or(role);
        if settings.enforce_rbac && role.is_none() {
            return Err(denied(
                "Unmatched token passed in. enforce_rbac is set to True, and none of its roles is an administrator, a \
                 team or a user here (`role_mappings`, `user_allowed_roles`)",
            ));
        }
        self.role = role;
        Ok(())
    }

    fn check_email(&self, settings: &TokenSettings) -> Result<()> {
        let Some(domain) = &settings.user_allowed_email_domain else { return Ok(()) };
        let domain = domain.trim_start_matches('@');
        let of = self.user_email.as_deref().and_then(|email| email.rsplit_once('@'));
        if of.is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain)) {
            return Ok(());
        }
        Err(denied(&format!("its user has no email address in {domain} (`user_allowed_email_domain`)")))
    }

    fn take_scopes(&mut self, settings: &TokenSettings, scopes: &[String]) {
        if !settings.enforce_scope_based_access {
            return;
        }
        let matching: Vec<&ScopeMapping> =
            settings.scope_mappings.iter().filter(|one| scopes.contains(&one.scope)).collect();
        let models = matching.iter().flat_map(|one| one.models.iter().flatten().cloned()).collect();
        let has_all_routes = matching.is_empty() || matching.iter().any(|one| one.routes.is_none());
        let routes = matching.iter().flat_map(|one| one.routes.iter().flatten().cloned()).collect();
        let by = format!("a token with scopes [{}]", scopes.join(", "));
        self.grants.push(Grant { by, models: Some(models), routes: (!has_all_routes).then_some(routes) });
    }

    fn take_permissions(&mut self, settings: &TokenSettings) {
        let role = self.role;
        for one in settings.role_permissions.iter().filter(|one| Some(one.role) == role) {
            let by = format!("role {}", one.role.name());
            let (models, routes) = (one.models.clone(), one.routes.clone());
            self.grants.push(Grant { by, models, routes });
        }
        if self.user_id.is_none() && !self.teams.is_empty() && role != Some(Role::ProxyAdmin) {
            let routes = Some(settings.team_allowed_routes.clone());
            self.grants.push(Grant { by: "a token of a team".to_owned(), models: None, routes });
        }
    }
}

/// A token that is good, of somebody who may nothing.
pub(super) fn denied(why: &str) -> Error {
    let message = format!("Authentication Error, the token is good, but {why}");
    Error::new(ErrorKind::PermissionDenied, message).with_type("auth_error")
}
