//! Whether a caller may do what it asks for: each account behind it may narrow what is left, and says so when it
//! refuses.

use std::net::IpAddr;

use llm_core::{Error, ErrorKind, Result};

mod addresses;
mod models;
mod route_sets;
mod routes;

pub use addresses::Network;
pub(crate) use addresses::address_is_allowed;
pub(crate) use models::matches;
pub use models::{AccessGroups, NoGroups};
pub use routes::{Reach, Route, RouteRules};

use crate::account::Account;
use crate::principal::Principal;
use crate::subject::Scope;
use crate::time::Timestamp;

impl Principal {
    /// Whether it may do anything at all now.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`] when it is expired, or somebody behind it is blocked.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        if let Some(expires) = self.expires().filter(|expires| *expires <= now) {
            return Err(self.expired(expires, now));
        }
        self.accounts.iter().try_for_each(|account| account.check())
    }

    /// Whether it may be used from this address; `None`: nobody knows it.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`], naming whose `allowed_ips` do not have it.
    pub fn check_address(&self, address: Option<IpAddr>) -> Result<()> {
        let mut accounts = self.accounts.iter();
        accounts
            .try_for_each(|account| address_is_allowed(&account.terms.allowed_ips, &account.subject, address))
    }

    /// Whether a request has the fields that each request must have. `has` is asked for the segments of a path
    /// (`metadata.generation_name` is two).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`], naming the field that is missing.
    pub fn check_fields(&self, has: impl Fn(&[&str]) -> bool) -> Result<()> {
        for account in &self.accounts {
            for field in &account.terms.enforced_params {
                let path: Vec<&str> = field.split('.').collect();
                if !has(&path) {
                    let message = format!(
                        "BadRequest please pass param={field} in request body. This is a required param: {} demands it",
                        account.subject
                    );
                    let error = Error::invalid(message).with_type("bad_request_error");
                    return Err(error.with_param(field.as_str()));
                }
            }
        }
        Ok(())
    }

    fn expired(&self, expires: Timestamp, now: Timestamp) -> Error {
        let was_replaced = self
            .seldom()
            .and_then(|seldom| seldom.replaced.as_ref())
            .is_some_and(|replaced| replaced.1 <= now);
        let remedy = if was_replaced {
            "it was replaced, use the key that came after it"
        } else {
            "ask for another key"
        };
        let message = format!(
            "Authentication Error - Expired Key. Key Expiry time {} and current time {}: {remedy}",
            expires.iso(),
            now.iso()
        );
        Error::new(ErrorKind::Unauthenticated, message).with_type("expired_key").with_param("key")
    }
}

impl Account {
    /// Whether it is not blocked.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`] when it is.
    pub fn check(&self) -> Result<()> {
        if self.terms.blocked { Err(self.blocked()) } else { Ok(()) }
    }

    fn blocked(&self) -> Error {
        let (whose, remedy) = match self.subject.scope {
            Scope::Key => ("Key".to_owned(), "`/key/unblock`"),
            Scope::Team => (format!("Team={}", self.subject.id), "`/team/unblock`"),
            Scope::Customer => (format!("End User={}", self.subject.id), "`/customer/unblock`"),
            _ => (self.subject.to_string(), "the update of it"),
        };
        let message = format!(
            "Authentication Error, {whose} is blocked. Update via {remedy} if you're admin, or ask an administrator"
        );
        Error::new(ErrorKind::Unauthenticated, message).with_type("auth_error")
    }
}

/// A list as LiteLLM's messages have it.
fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    format!("[{}]", words.join(", "))
}
