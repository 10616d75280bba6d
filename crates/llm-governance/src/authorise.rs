//! Whether a caller may ask for a model, or use a route: each account behind it may narrow what is left.

use std::sync::Arc;

use llm_core::{Error, ErrorKind, Result};

use crate::account::Account;
use crate::principal::Principal;
use crate::subject::Scope;
use crate::time::Timestamp;

/// LiteLLM's words for all models that the gateway, or the key's team, has.
const ALL: [&str; 2] = ["all-proxy-models", "all-team-models"];

impl Principal {
    /// Whether it may do anything at all now.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`] when it is expired, or somebody behind it is blocked.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        if let Some(expires) = self.expires.filter(|expires| *expires <= now) {
            let message = format!(
                "Authentication Error - Expired Key. Key Expiry time {} and current time {}: ask for another key",
                expires.iso(),
                now.iso()
            );
            return Err(Error::new(ErrorKind::Unauthenticated, message).with_type("expired_key"));
        }
        match self.accounts.iter().find(|account| account.terms.blocked) {
            Some(account) => Err(blocked(account)),
            None => Ok(()),
        }
    }

    /// Whether it may ask for a model, by its public name.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`], naming who may not.
    pub fn may_use(&self, model: &str) -> Result<()> {
        match self.accounts.iter().find(|account| !account.allows(model)) {
            Some(account) => Err(denied(account, model)),
            None => Ok(()),
        }
    }
}

impl Account {
    /// Whether its terms leave this model.
    pub fn allows(&self, model: &str) -> bool {
        let models = &self.terms.models;
        models.is_empty()
            || models.iter().any(|allowed| ALL.contains(&allowed.as_str()) || matches(allowed, model))
    }
}

/// Whether a name, or a pattern with `*`, is that of a model.
fn matches(pattern: &str, model: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == model,
        Some((before, after)) => {
            let rest = model.strip_prefix(before);
            rest.is_some_and(|rest| rest.len() >= after.len() && rest.ends_with(after))
        }
    }
}

fn blocked(account: &Arc<Account>) -> Error {
    let message = format!(
        "Authentication Error, {} is blocked: an administrator can unblock it (`/{}/unblock`)",
        account.subject,
        match account.subject.scope {
            Scope::Team => "team",
            Scope::Customer => "customer",
            _ => "key",
        }
    );
    Error::new(ErrorKind::Unauthenticated, message).with_type("auth_error")
}

fn denied(account: &Arc<Account>, model: &str) -> Error {
    let scope = account.subject.scope.name();
    let message = format!(
        "{} is not allowed to access model `{model}`: it may use {}",
        account.subject,
        account.terms.models.join(", ")
    );
    let kind = format!("{scope}_model_access_denied");
    Error::new(ErrorKind::PermissionDenied, message).with_type(kind).with_param("model")
}
