//! Callers that show a token: those whom it names, looked up, with what it allows.

use std::sync::Arc;

use llm_core::{Error, ErrorKind, Result};

use super::behind::{Name, names};
use super::unreachable;
use crate::entity::{Team, User};
use crate::governance::Governance;
use crate::hash::KeyHash;
use crate::principal::{Grant, Principal, Role, Token};
use crate::store::Holder;
use crate::terms::Terms;
use crate::time::Timestamp;
use crate::token::{Identity, Tokens};

impl Principal {
    /// Whoever pays for what `may` asks: this caller, or, where its token names several teams, the same caller in the
    /// first of them that may.
    ///
    /// # Errors
    /// What this caller may not, when none may.
    pub fn payer(self: &Arc<Self>, may: impl Fn(&Self) -> Result<()>) -> Result<Arc<Self>> {
        let denied = match may(self) {
            Ok(()) => return Ok(Arc::clone(self)),
            Err(denied) => denied,
        };
        let mut choices = self.token().into_iter().flat_map(|token| &token.choices);
        choices.find(|choice| may(choice).is_ok()).cloned().ok_or(denied)
    }
}

impl Governance {
    /// The caller that shows this token.
    pub(super) async fn load_token(
        &self,
        tokens: &Tokens,
        shown: &[u8],
        hash: &KeyHash,
    ) -> Result<Option<Arc<Principal>>> {
        let identity = tokens.check(shown, Timestamp::now()).await?;
        let mut found = Vec::new();
        for team in &identity.teams {
            // A group of the provider may be no team here; the one team that a token names must be one.
            let is_needed = identity.is_one_team || identity.teams.len() == 1;
            if let Some(caller) = self.token_of_team(tokens, &identity, team, is_needed, hash).await? {
                found.push(Arc::new(caller));
            }
        }
        if found.is_empty() {
            found.push(Arc::new(self.token_without_team(tokens, &identity, hash).await?));
        }
        // Whoever is not blocked and comes first stands for all of them.
        let now = Timestamp::now();
        let first = found.iter().position(|one| one.check(now).is_ok()).unwrap_or(0);
        let first = found.remove(first);
        let choices = found.into_iter().filter(|one| one.check(now).is_ok()).collect::<Vec<_>>();
        let Ok(mut first) = Arc::try_unwrap(first) else {
            return Err(Error::internal("a caller that was just made has another owner"));
        };
        if let Some(token) = &mut first.seldom_mut().token {
            token.choices = choices;
        }
        Ok(Some(Arc::new(first)))
    }

    async fn token_of_team(
        &self,
        tokens: &Tokens,
        identity: &Identity,
        team: &str,
        is_needed: bool,
        hash: &KeyHash,
    ) -> Result<Option<Principal>> {
        let before = self.callers.generations.before();
        let ids = [Some(team), identity.user_id.as_deref(), identity.organization_id.as_deref()];
        let mut holder = self.directory.people(ids).await.map_err(|error| unreachable(&error))?;
        if holder.team.is_none() && identity.adds_team {
            holder.team = Some(Arc::new(self.add_team(tokens, team).await?));
        }
        if holder.team.is_none() {
            if is_needed {
                return Err(no_team(team));
            }
            return Ok(None);
        }
        self.token_caller(tokens, identity, holder, before, hash).await.map(Some)
    }

    async fn token_without_team(
        &self,
        tokens: &Tokens,
        identity: &Identity,
        hash: &KeyHash,
    ) -> Result<Principal> {
        let before = self.callers.generations.before();
        let directory = &self.directory;
        let asked = match (&identity.user_id, &identity.organization_id) {
            (Some(user), None) => directory.user(user).await.map(Option::unwrap_or_default),
            (user, organization) => directory.people([None, user.as_deref(), organization.as_deref()]).await,
        };
        let holder = asked.map_err(|error| unreachable(&error))?;
        self.token_caller(tokens, identity, holder, before, hash).await
    }

    async fn token_caller(
        &self,
        tokens: &Tokens,
        identity: &Identity,
        mut holder: Holder,
        before: super::generations::Before,
        hash: &KeyHash,
    ) -> Result<Principal> {
        if let (None, Some(id)) = (&holder.user, &identity.user_id) {
            holder.user = Some(Arc::new(self.add_user(tokens, identity, id).await?));
        }
        let has_team = holder.team.is_some();
        let generations = &self.callers.generations;
        let freshness = generations.read(before, names(&holder).chain([Name::Shown(&hash.0)]));
        let opened = self.principal(holder, None).await;
        let mut caller = opened.map_err(|error| unreachable(&error))?;
        let mut grants = identity.grants.clone();
        if identity.needs_team && !has_team && identity.role != Some(Role::ProxyAdmin) {
            let by = "a token without a team".to_owned();
            grants.push(Grant { by, models: Some(Vec::new()), routes: None });
        }
        caller.role = identity.role.unwrap_or(caller.role);
        caller.expire(Some(identity.expires));
        caller.freshness = freshness;
        let (hash, customer) = (*hash, identity.customer.clone());
        caller.seldom_mut().token = Some(Box::new(Token { hash, customer, grants, choices: Vec::new() }));
        Ok(caller)
    }

    /// A user that nobody made: made now, where the settings want it, or known to memory alone.
    async fn add_user(&self, tokens: &Tokens, identity: &Identity, id: &str) -> Result<User> {
        let now = Timestamp::now();
        let role = identity.role.filter(|role| *role != Role::Team);
        let user = User {
            id: id.to_owned(),
            email: identity.user_email.clone(),
            alias: None,
            role: role.unwrap_or(Role::InternalUser),
            sso_user_id: Some(id.to_owned()),
            teams: identity.teams.clone(),
            organizations: identity.organization_id.iter().cloned().collect(),
            terms: Terms::default(),
            created_at: now,
            updated_at: now,
        };
        match tokens.newcomers().filter(|_| identity.adds_user) {
            Some(newcomers) => {
                newcomers.add_user(user, role.is_some()).await.map_err(|error| unreachable(&error))
            }
            None => Ok(user),
        }
    }

    async fn add_team(&self, tokens: &Tokens, id: &str) -> Result<Team> {
        let now = Timestamp::now();
        let team = Team {
            id: id.to_owned(),
            alias: None,
            organization_id: None,
            members: Vec::new(),
            member_terms: Terms::default(),
            terms: Terms::default(),
            created_at: now,
            updated_at: now,
        };
        match tokens.newcomers() {
            Some(newcomers) => newcomers.add_team(team).await.map_err(|error| unreachable(&error)),
            None => Ok(team),
        }
    }
}

fn no_team(team: &str) -> Error {
    let message = format!(
        "Authentication Error, the token is good, but Team doesn't exist in db. Team={team}: make it with `/team/new`, \
         or set `team_id_upsert`"
    );
    Error::new(ErrorKind::PermissionDenied, message).with_type("auth_error")
}
