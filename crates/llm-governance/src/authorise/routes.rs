//! Which routes a caller may use, and how far it sees there.

use llm_core::{Error, ErrorKind, Result};

use super::quoted;
use super::route_sets::{self, LOOKS, OF_ORGANIZATION_ADMINS, OF_TEAM_ADMINS, OF_USERS};
use crate::entity::KeyKind;
use crate::principal::{Principal, Role};
use crate::subject::Scope;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    path: &'a str,
    looks: bool,
    is_model_api: bool,
}

/// How far a caller sees on a route that it may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everything.
    Everything,
    /// What belongs to the organisations that it administers, and its own.
    Organizations,
    /// Its own: its key, its user's, what the teams allow whose member it is.
    Own,
}

/// Routes that an operator opens, or closes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteRules {
    /// For everybody, without a key: LiteLLM's `public_routes`.
    pub public: Vec<String>,
    /// For administrators alone: LiteLLM's `admin_only_routes`.
    pub admin_only: Vec<String>,
    /// The only ones, for everybody: LiteLLM's `allowed_routes`. None: all.
    pub allowed: Vec<String>,
}

impl RouteRules {
    /// Whether no key is needed.
    pub fn is_public(&self, path: &str) -> bool {
        self.public.iter().any(|pattern| allows(pattern, &Route::new(path, true)))
    }

    /// Whether a route may be asked for at all.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] when it is not among those that are.
    pub fn may_be_asked(&self, route: &Route<'_>) -> Result<()> {
        if self.allowed.is_empty() || self.allowed.iter().any(|pattern| allows(pattern, route)) {
            return Ok(());
        }
        let message =
            format!("Route {} not allowed: the operator's `allowed_routes` do not have it", route.path);
        Err(Error::new(ErrorKind::PermissionDenied, message).with_type("auth_error"))
    }

    /// Whether a caller may use a route, and how far it sees there.
    ///
    /// # Errors
    /// Those of [`Principal::may_call`], and [`ErrorKind::PermissionDenied`] for what is closed.
    pub fn may_call(&self, principal: &Principal, route: &Route<'_>) -> Result<Reach> {
        self.leaves(principal, route)?;
        principal.may_call(route)
    }

    /// Whether a caller's key may be used for a route, where the route itself knows which roles may ask it.
    ///
    /// # Errors
    /// Those of [`Principal::may_use_for`], and [`ErrorKind::PermissionDenied`] for what is closed.
    pub fn may_use_for(&self, principal: &Principal, route: &Route<'_>) -> Result<()> {
        self.leaves(principal, route)?;
        principal.may_use_for(route)
    }

    fn leaves(&self, principal: &Principal, route: &Route<'_>) -> Result<()> {
        let is_closed = self.admin_only.iter().any(|pattern| allows(pattern, route));
        if is_closed && !principal.is_admin() {
            let message = format!(
                "user not allowed to access this route. Route={} is an admin only route: ask an administrator",
                route.path
            );
            return Err(Error::new(ErrorKind::PermissionDenied, message).with_type("auth_error"));
        }
        Ok(())
    }
}

impl<'a> Route<'a> {
    /// A route by its path; `looks`: nothing is changed by it, as its method says.
    pub fn new(path: &'a str, looks: bool) -> Self {
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        let looks = looks || LOOKS.iter().any(|pattern| matches(pattern, path));
        Self { path, looks, is_model_api: route_sets::is_model_api(path) }
    }

    /// A route that is one of the model APIs, whatever its path.
    pub fn model_api(path: &'a str) -> Self {
        Self { path, looks: false, is_model_api: true }
    }

    pub(super) fn path(&self) -> &'a str {
        self.path
    }

    pub(super) fn is_model_api(&self) -> bool {
        self.is_model_api
    }

    fn is_in(&self, set: &str) -> bool {
        route_sets::holds(set, self) == Some(true)
    }

    fn is_one_of(&self, patterns: &[&str]) -> bool {
        patterns.iter().any(|pattern| matches(pattern, self.path))
    }
}

impl Principal {
    /// Whether it may use a route, and how far it sees there. The model APIs are for every role; which models is asked
    /// elsewhere.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] when its key, its token or somebody behind it does not allow the route, or its
    /// role does not (that one with LiteLLM's status 401).
    pub fn may_call(&self, route: &Route<'_>) -> Result<Reach> {
        self.may_use_for(route)?;
        self.reach(route).ok_or_else(|| self.not_for_its_role(route))
    }

    /// Whether its key or token may be used for a route, whatever its role.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] when its key, its token or somebody behind it does not allow the route.
    pub fn may_use_for(&self, route: &Route<'_>) -> Result<()> {
        self.check_kind(route)?;
        for account in &self.accounts {
            let allowed = &account.terms.allowed_routes;
            if !allowed.is_empty() && !allowed.iter().any(|pattern| allows(pattern, route)) {
                let whose = match account.subject.scope {
                    Scope::Key => "Virtual key".to_owned(),
                    _ => account.subject.to_string(),
                };
                return Err(not_allowed(&whose, allowed, route));
            }
        }
        for grant in self.token().into_iter().flat_map(|token| &token.grants) {
            let Some(allowed) = &grant.routes else { continue };
            if !allowed.iter().any(|pattern| allows(pattern, route)) {
                return Err(not_allowed(&grant.by, allowed, route));
            }
        }
        Ok(())
    }

    fn check_kind(&self, route: &Route<'_>) -> Result<()> {
        let sets: &[&str] = match self.kind {
            KeyKind::Default => return Ok(()),
            KeyKind::LlmApi => &["llm_api_routes"],
            KeyKind::Management => &["management_routes", "spend_tracking_routes", "info_routes"],
            KeyKind::ReadOnly => &["info_routes", "spend_tracking_routes"],
        };
        let is_change = self.kind == KeyKind::ReadOnly && !route.looks;
        if !is_change && sets.iter().any(|set| route.is_in(set)) {
            return Ok(());
        }
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        Err(not_allowed("Virtual key", &sets, route))
    }

    fn reach(&self, route: &Route<'_>) -> Option<Reach> {
        let is_organization_admin = self.organization_admin || self.role == Role::OrgAdmin;
        match self.role {
            Role::ProxyAdmin => return Some(Reach::Everything),
            Role::ProxyAdminViewer if route.looks && !route.is_model_api => return Some(Reach::Everything),
            _ if route.is_model_api || route.is_in("public_routes") => return Some(Reach::Own),
            _ => {}
        }
        let has_management = is_organization_admin
            && (route.is_in("management_routes")
                || route.is_in("spend_tracking_routes")
                || route.is_one_of(OF_ORGANIZATION_ADMINS));
        if has_management && !is_only_for_the_gateway(route) {
            return Some(Reach::Organizations);
        }
        let is_allowed = match self.role {
            _ if route.is_in("info_routes") => route.looks,
            _ if self.team_admin && route.is_one_of(OF_TEAM_ADMINS) => true,
            Role::InternalUser | Role::OrgAdmin => {
                route.is_in("internal_user_routes") || route.is_one_of(OF_TEAM_ADMINS)
            }
            Role::InternalUserViewer => {
                route.looks && (route.is_in("spend_tracking_routes") || route.is_one_of(OF_USERS))
            }
            _ => false,
        };
        is_allowed.then_some(Reach::Own)
    }

    fn not_for_its_role(&self, route: &Route<'_>) -> Error {
        let path = route.path;
        if self.role == Role::ProxyAdminViewer {
            let message = format!(
                "user not allowed to access this route, role= proxy_admin_viewer. Trying to access: {path}: a viewer \
                 changes nothing, ask an administrator"
            );
            return Error::new(ErrorKind::PermissionDenied, message).with_type("auth_error");
        }
        let message = format!(
            "Authentication Error, Only proxy admin can be used to generate, delete, update info for new \
             keys/users/teams. Route={path}. Your role={}: ask an administrator, or for a role that may",
            self.role.name()
        );
        Error::new(ErrorKind::PermissionDenied, message).with_status(401).with_type("auth_error")
    }
}

/// What no administrator of an organisation has: organisations themselves, tags and customers are the gateway's.
fn is_only_for_the_gateway(route: &Route<'_>) -> bool {
    let gateway = ["/organization/new", "/tag/*", "/customer/*", "/end_user/*", "/budget/*"];
    !route.looks && route.is_one_of(&gateway)
}

/// Whether an entry of `allowed_routes` allows a route: a path, the begin of one before a `*`, or the name of a set.
fn allows(pattern: &str, route: &Route<'_>) -> bool {
    route_sets::holds(pattern, route).unwrap_or_else(|| matches(pattern, route.path))
}

/// Whether a path is what a pattern says: segments may be `{anything}`, and a `*` at the end is any rest.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, is_open) = match pattern.strip_suffix('*') {
        Some(begin) => (begin, true),
        None => (pattern, false),
    };
    let (mut wanted, mut given) = (pattern.split('/').peekable(), path.split('/'));
    while let Some(segment) = wanted.next() {
        let Some(found) = given.next() else { return false };
        let is_last = wanted.peek().is_none();
        let is_free = segment.starts_with('{') && segment.ends_with('}') && !found.is_empty();
        if is_last && is_open && found.starts_with(segment) {
            return true;
        }
        if !is_free && segment != found {
            return false;
        }
    }
    is_open || given.next().is_none()
}

fn not_allowed(whose: &str, allowed: &[String], route: &Route<'_>) -> Error {
    let message = format!(
        "{whose} is not allowed to call this route. Only allowed to call routes: {}. Tried to call route: {}: ask an \
         administrator to add it to `allowed_routes`",
        quoted(allowed),
        route.path
    );
    Error::new(ErrorKind::PermissionDenied, message).with_type("auth_error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_segments_but_for_a_star() {
        let cases = [
            ("/key/info", "/key/info", true),
            ("/key/info", "/key/info/more", false),
            ("/user", "/users/list", false),
            ("/v1/*", "/v1/models", true),
            ("/v1/*", "/v1/chat/completions", true),
            ("/v1/*", "/v1", false),
            ("/v1/*", "/v2/models", false),
            ("/files*", "/files", true),
            ("/files*", "/files/1", true),
            ("*", "/anything", true),
            ("/*", "/anything", true),
            ("/key/{key}/regenerate", "/key/abc/regenerate", true),
            ("/key/{key}/regenerate", "/key//regenerate", false),
            ("/key/{key}/regenerate", "/key/a/b/regenerate", false),
            ("/engines/{model}/*", "/engines/gpt/chat/completions", true),
            ("", "/key/info", false),
        ];
        for (pattern, path, is_match) in cases {
            assert_eq!(matches(pattern, path), is_match, "{pattern} {path}");
        }
    }
}
