//! A row of the table of routes: what is asked, who may ask it, and who answers.

use llm_governance::{Principal, Role, authorise};

use crate::declared::{Declared, Gives};
use crate::management::{Answering, Call};
use crate::refused::Refused;
use crate::request::Method;

/// One thing that can be asked.
#[derive(Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path; a part in braces is any one part.
    pub path: &'static str,
    /// Whether it looks or changes.
    pub deed: Deed,
    /// Whose role is enough to ask. The answer may still depend on whose things they are.
    pub access: Access,
    /// What it does: a sentence.
    pub about: &'static str,
    /// What may stand behind the `?`.
    pub query: Declared,
    /// What may stand in the body.
    pub body: Declared,
    /// A body, as JSON; empty where there is none.
    pub example: &'static str,
    /// The form of the answer.
    pub gives: Gives,
    pub(crate) answer: for<'a> fn(&'a Call<'a>) -> Answering<'a>,
}

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// Looks.
    Look,
    /// Changes something.
    Change,
}

/// Whose role is enough for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Everybody's: it shows or changes what is the caller's own.
    Holder,
    /// Those who may make something: administrators, those of organisations, and internal users within what is theirs.
    Maker,
    /// Administrators'; what only looks is also for those who may see everything.
    Admin,
}

/// A handler of a route.
pub(crate) type Handler = for<'a> fn(&'a Call<'a>) -> Answering<'a>;

impl Route {
    /// A route that looks.
    pub(crate) const fn look(method: Method, path: &'static str, access: Access, answer: Handler) -> Self {
        Self::new(method, path, Deed::Look, access, answer)
    }

    /// A route that changes something.
    pub(crate) const fn change(method: Method, path: &'static str, access: Access, answer: Handler) -> Self {
        Self::new(method, path, Deed::Change, access, answer)
    }

    const fn new(method: Method, path: &'static str, deed: Deed, access: Access, answer: Handler) -> Self {
        let (about, example) = ("", "");
        Self {
            method,
            path,
            deed,
            access,
            about,
            query: &[],
            body: &[],
            example,
            gives: Gives::Object,
            answer,
        }
    }

    /// What it does.
    pub(crate) const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// What may stand behind the `?`.
    pub(crate) const fn asks(self, query: Declared) -> Self {
        Self { query, ..self }
    }

    /// What may stand in the body, and a body.
    pub(crate) const fn takes(self, body: Declared, example: &'static str) -> Self {
        Self { body, example, ..self }
    }

    /// Another answer than an object.
    pub(crate) const fn gives(self, gives: Gives) -> Self {
        Self { gives, ..self }
    }

    /// Whether a caller may ask this at all.
    ///
    /// # Errors
    /// When its role, the kind of its key or the key's routes do not allow it.
    pub(crate) fn admits(&self, caller: &Principal) -> Result<(), Refused> {
        let route = authorise::Route::new(self.path, self.deed == Deed::Look);
        let allowed = caller.may_use_for(&route);
        allowed.map_err(|error| Refused::error(error.status(), "auth_error", error.message()))?;
        if self.access.admits(caller.role, self.deed) {
            return Ok(());
        }
        let message = format!(
            "Only proxy admin can be used to generate, delete, update info for new keys/users/teams. Route={}. Your \
             role={}. Your user_id={}",
            self.path,
            caller.role.name(),
            caller.user_id().unwrap_or("none"),
        );
        Err(Refused::forbidden(message))
    }

    /// The parts of a path that have names here, when it is this one.
    fn matches(&self, path: &str) -> Option<Vec<(&'static str, String)>> {
        let mut named = Vec::new();
        let (mut asked, mut parts) = (path.split('/'), self.path.split('/'));
        loop {
            match (asked.next(), parts.next()) {
                (None, None) => return Some(named),
                (Some(asked), Some(part)) => {
                    match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                        Some(name) => {
                            let value = llm_core::operation::percent_decoded(asked)?;
                            if value.is_empty() || value.contains('\0') {
                                return None;
                            }
                            named.push((name, value.into_owned()));
                        }
                        None if asked == part => {}
                        None => return None,
                    }
                }
                _ => return None,
            }
        }
    }
}

impl std::fmt::Debug for Route {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {} ({:?}, {:?})", self.method.name(), self.path, self.deed, self.access)
    }
}

impl Access {
    /// Whether a role is enough.
    pub fn admits(self, role: Role, deed: Deed) -> bool {
        match role {
            Role::ProxyAdmin => true,
            Role::ProxyAdminViewer => deed == Deed::Look,
            Role::OrgAdmin | Role::InternalUser => self != Self::Admin,
            Role::InternalUserViewer => self != Self::Admin && deed == Deed::Look,
            Role::Team | Role::Customer => self == Self::Holder && deed == Deed::Look,
        }
    }
}

/// A route that was found, with the named parts of the path.
#[derive(Debug)]
pub(crate) struct Found {
    pub route: &'static Route,
    pub path: Vec<(&'static str, String)>,
}

/// The route of a path.
///
/// # Errors
/// When there is none: a detail, as LiteLLM says it.
pub(crate) fn find(method: Method, path: &str) -> Result<Found, Refused> {
    let path = path.trim_end_matches('/');
    let mut other = None;
    for route in crate::routes::all() {
        if route.method != method && other.is_some() {
            continue;
        }
        let Some(named) = route.matches(path) else { continue };
        if route.method == method {
            return Ok(Found { route, path: named });
        }
        other = Some(route.method.name());
    }
    Err(match other {
        Some(other) => Refused::plain(405, format!("Method Not Allowed: send a {other}")),
        None => Refused::plain(404, "Not Found"),
    })
}

/// Whether a request to this path only looks, as its route in the table says.
pub fn looks(method: Method, path: &str) -> bool {
    find(method, path).map_or(method == Method::Get, |found| found.route.deed == Deed::Look)
}
