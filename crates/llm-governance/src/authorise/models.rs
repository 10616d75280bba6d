//! Which models a caller may ask for, and what its names for them mean.

use std::sync::Arc;

use llm_core::{Error, ErrorKind, Result};

use super::quoted;
use crate::account::Account;
use crate::principal::Principal;
use crate::subject::Scope;

/// LiteLLM's words for all models that the gateway, or the key's team, has.
const ALL: [&str; 2] = ["all-proxy-models", "all-team-models"];

/// Which access groups models are in: `model_info.access_groups` of their deployments.
pub trait AccessGroups: Send + Sync {
    /// The groups that this model is in.
    fn groups(&self, model: &str) -> &[String];
}

/// A gateway without access groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGroups;

impl AccessGroups for NoGroups {
    fn groups(&self, _: &str) -> &[String] {
        &[]
    }
}

impl Principal {
    /// The model that it means by this name: what the key calls so, or else its user, its team, its organisation.
    pub fn resolve<'a>(&'a self, model: &'a str) -> &'a str {
        self.alias(model).map_or(model, |(_, target)| target)
    }

    /// Whether it may ask for a model, by the name that the client gives it.
    ///
    /// # Behavior
    /// - Each account may narrow what is left; an empty list narrows nothing.
    /// - Where the name is an alias, those above whoever made the alias are asked for the model that it stands for:
    ///   an alias opens no door. Those below may allow the alias or the model.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`], naming who may not.
    pub fn may_use(&self, model: &str, groups: &dyn AccessGroups) -> Result<()> {
        let alias = self.alias(model);
        let target = alias.map_or(model, |(_, target)| target);
        for (position, account) in self.accounts.iter().enumerate() {
            let knows_alias = alias.is_some_and(|(made_by, _)| position >= made_by);
            let models = &account.terms.models;
            let is_allowed = allows(models, target, groups) || knows_alias && allows(models, model, groups);
            if !is_allowed {
                return Err(denied(account, model));
            }
        }
        let grants = self.token().into_iter().flat_map(|token| &token.grants);
        for grant in grants {
            if grant.models.as_ref().is_some_and(|models| !names(models, target, groups)) {
                return Err(not_granted(&grant.by, grant.models.as_deref().unwrap_or_default(), model));
            }
        }
        Ok(())
    }

    /// Whether it may ask for a model that is its team's alone: whoever is below the team may narrow that.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`], naming who may not.
    pub fn may_use_of_its_team(&self, model: &str, groups: &dyn AccessGroups) -> Result<()> {
        let below = self.accounts.iter().filter(|account| account.subject.scope > Scope::Team);
        let mut denying = below.filter(|account| !allows(&account.terms.models, model, groups));
        denying.next().map_or(Ok(()), |account| Err(denied(account, model)))
    }

    /// Which account has this name for a model, and what it stands for.
    fn alias(&self, model: &str) -> Option<(usize, &str)> {
        let mut accounts = self.accounts.iter().enumerate().rev();
        accounts.find_map(|(position, account)| {
            account.terms.aliases.get(model).map(|target| (position, target.as_str()))
        })
    }
}

impl Account {
    /// Whether the terms of a customer or a tag leave this model, by its public name or a pattern.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] when they do not.
    pub fn check_model(self: &Arc<Self>, model: &str) -> Result<()> {
        if allows(&self.terms.models, model, &NoGroups) { Ok(()) } else { Err(denied(self, model)) }
    }
}

fn allows(models: &[String], model: &str, groups: &dyn AccessGroups) -> bool {
    models.is_empty() || names(models, model, groups)
}

fn names(models: &[String], model: &str, groups: &dyn AccessGroups) -> bool {
    let mut named =
        models.iter().filter(|allowed| ALL.contains(&allowed.as_str()) || matches(allowed, model));
    named.next().is_some() || groups.groups(model).iter().any(|group| models.contains(group))
}

/// Whether a name, or a pattern with `*`, is that of a model.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

fn denied(account: &Arc<Account>, model: &str) -> Error {
    let scope = account.subject.scope;
    let (word, kind) = match scope {
        Scope::Organization => ("organization", "org_model_access_denied"),
        Scope::Team => ("team", "team_model_access_denied"),
        Scope::TeamMember => ("team member", "team_member_model_access_denied"),
        Scope::User => ("user", "user_model_access_denied"),
        Scope::Customer => ("end user", "end_user_model_access_denied"),
        Scope::Tag => ("tag", "tag_model_access_denied"),
        Scope::Global => ("gateway", "proxy_model_access_denied"),
        Scope::Key => ("key", "key_model_access_denied"),
    };
    let message = format!(
        "{word} not allowed to access model. This {word} can only access models={}. Tried to access {model}: ask an \
         administrator to add it to the models of {}",
        quoted(&account.terms.models),
        account.subject
    );
    Error::new(ErrorKind::PermissionDenied, message).with_type(kind).with_param("model")
}

fn not_granted(by: &str, models: &[String], model: &str) -> Error {
    let message = format!(
        "token not allowed to access model. {by} can only access models={}. Tried to access {model}: ask for a \
         token with a role or scope that may",
        quoted(models)
    );
    Error::new(ErrorKind::PermissionDenied, message).with_type("key_model_access_denied").with_param("model")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        let cases = [
            ("gpt-4", "gpt-4", true),
            ("gpt-4", "gpt-4o", false),
            ("openai/*", "openai/gpt-4", true),
            ("openai/*", "openai", false),
            ("*", "anything", true),
            ("*", "", true),
            ("*-mini", "gpt-4o-mini", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*claude*", "us.claude-3", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("", "", true),
            ("", "a", false),
        ];
        for (pattern, name, is_match) in cases {
            assert_eq!(matches(pattern, name), is_match, "{pattern} {name}");
        }
    }
}
