//! Callers that show a token of an identity provider (JWT, OpenID Connect) instead of a key.
//!
//! [`Tokens`] checks a token and says what it means; governance finds whom it names and keeps the caller as it keeps
//! those of keys, until the token ends. It does no HTTP: a [`KeySource`] fetches the keys of providers, from addresses
//! that the configuration names.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use llm_core::{Error, ErrorKind, Result};

use crate::entity::{Team, User};
use crate::store::StoreError;
use crate::time::Timestamp;

mod algorithm;
mod claims;
mod compact;
mod identity;
mod key_set;
mod keys;
mod settings;

use claims::Claims;
use compact::Compact;
pub(crate) use compact::looks_like_a_token;
pub(crate) use identity::Identity;
use key_set::KeySet;
pub use keys::KeySource;
use keys::Keys;
pub use settings::{
    IssuerSettings, RoleMapping, RolePermissions, ScopeMapping, TokenSettings, UserRoleMapping,
};

/// Who makes users and teams that a token names and nobody made.
pub trait Newcomers: Send + Sync + 'static {
    /// Adds a user with what the operator gives all new ones, and returns it; the one that is there where somebody was
    /// quicker. `role_is_said`: the token says its role.
    fn add_user(&self, user: User, role_is_said: bool) -> BoxFuture<'_, Result<User, StoreError>>;

    /// Adds a team likewise.
    fn add_team(&self, team: Team) -> BoxFuture<'_, Result<Team, StoreError>>;
}

/// Which tokens are good, and what they mean.
pub struct Tokens {
    settings: TokenSettings,
    /// The keys of whoever is not among the issuers.
    default: Vec<Keys>,
    /// The keys of each issuer of the settings.
    issuers: Vec<Keys>,
    secret: Option<KeySet>,
    source: Arc<dyn KeySource>,
    newcomers: Option<Arc<dyn Newcomers>>,
}

impl Tokens {
    /// Tokens as the settings have them. Without `newcomers`, users and teams that nobody made are in memory alone.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] when the settings contradict themselves.
    pub fn new(
        settings: TokenSettings,
        source: Arc<dyn KeySource>,
        newcomers: Option<Arc<dyn Newcomers>>,
    ) -> Result<Self> {
        settings.check()?;
        let time_to_live = Duration::try_from_secs_f64(settings.public_key_ttl)
            .map_err(|_| Error::invalid("`public_key_ttl` is no number of seconds"))?;
        let keys = |address: String| Keys::new(address, time_to_live);
        let default = settings.public_key_urls.iter().cloned().map(keys).collect();
        let issuers = settings.issuers.iter().map(|issuer| keys(issuer.address())).collect();
        let secret = settings.hmac_secret.as_ref().map(|secret| KeySet::secret(secret.expose()));
        Ok(Self { settings, default, issuers, secret, source, newcomers })
    }

    /// What a token says, if it is good.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`] when it is not; [`ErrorKind::PermissionDenied`] when it is, and whom it names may
    /// nothing; [`ErrorKind::Overloaded`] when the keys of the provider are needed and cannot be fetched.
    pub(crate) async fn check(&self, token: &[u8], now: Timestamp) -> Result<Identity> {
        let token = Compact::read(token)?;
        let claims = Claims(&token.claims);
        let issuer = claims.text(Some("iss"));
        let place = self.settings.issuers.iter().position(|one| Some(&one.issuer) == issuer.as_ref());
        let settings = place.and_then(|place| self.settings.issuers.get(place));
        let keys = match place.and_then(|place| self.issuers.get(place)) {
            Some(keys) => std::slice::from_ref(keys),
            None => self.default.as_slice(),
        };
        self.prove(&token, keys).await?;
        let expires = self.settings.check_times(claims, now)?;
        self.settings.check_parties(claims, issuer.as_deref(), settings)?;
        Identity::of(&self.settings, &self.settings.fields(settings), claims, expires)
    }

    /// Who adds those that nobody made.
    pub(crate) fn newcomers(&self) -> Option<&dyn Newcomers> {
        self.newcomers.as_deref()
    }

    async fn prove(&self, token: &Compact<'_>, keys: &[Keys]) -> Result<()> {
        let id = token.key_id.as_deref();
        let check = |keys: &KeySet| keys.check(id, token.algorithm, token.signed, &token.signature);
        if token.algorithm.is_secret() {
            let unknown = || refused("it is signed with a secret, and this gateway has none");
            return check(self.secret.as_ref().ok_or_else(unknown)?);
        }
        let mut error = refused("its issuer is not one that this gateway trusts");
        for keys in keys {
            let found = match keys.with(id, &*self.source).await {
                Ok(keys) => check(&keys),
                Err(error) => Err(error),
            };
            match found {
                Ok(()) => return Ok(()),
                // That keys could not be fetched says more than that others did not fit.
                Err(_) if error.kind() == ErrorKind::Overloaded => {}
                Err(found) => error = found,
            }
        }
        Err(error)
    }
}

impl TokenSettings {
    /// Whether they say whose tokens are good, and do not contradict themselves.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] with what is wrong.
    pub fn check(&self) -> Result<()> {
        if self.public_key_urls.is_empty() && self.issuers.is_empty() && self.hmac_secret.is_none() {
            return Err(Error::invalid(
                "nothing says whose tokens are good: set `JWT_PUBLIC_KEY_URL` or `litellm_jwtauth.issuers`",
            ));
        }
        if self.hmac_secret.as_ref().is_some_and(|secret| secret.expose().len() < 32) {
            return Err(Error::invalid(
                "`hmac_secret` is shorter than 32 bytes: whoever guesses it is everybody",
            ));
        }
        for issuer in &self.issuers {
            if issuer.audience.is_some() == issuer.disable_audience_validation {
                return Err(Error::invalid(format!(
                    "issuer `{}` needs either an `audience` or `disable_audience_validation: true`",
                    issuer.issuer
                )));
            }
        }
        use crate::principal::Role::{InternalUser, ProxyAdmin, Team};
        let mut roles = self.role_mappings.iter();
        match roles.find(|one| ![ProxyAdmin, Team, InternalUser].contains(&one.internal_role)) {
            Some(one) => Err(Error::invalid(format!(
                "the `internal_role` of `{}` must be `proxy_admin`, `team` or `internal_user`",
                one.role
            ))),
            None => Ok(()),
        }
    }

    /// Whether it is good now; returns until when.
    fn check_times(&self, claims: Claims<'_>, now: Timestamp) -> Result<Timestamp> {
        let leeway = Duration::from_secs(self.leeway.min(24 * 3600));
        let Some(expires) = claims.time("exp") else {
            return Err(refused("it never ends: a token needs `exp`"));
        };
        let expires = Timestamp(expires).after(leeway);
        if expires <= now {
            let message = format!("its time ended {}: ask for another one", expires.iso());
            return Err(refused(&message).with_type("expired_key"));
        }
        if claims.time("nbf").is_some_and(|begins| Timestamp(begins) > now.after(leeway)) {
            return Err(refused("its time has not begun"));
        }
        Ok(expires)
    }

    /// Whether it is of the right issuer, and for this gateway.
    fn check_parties(
        &self,
        claims: Claims<'_>,
        issuer: Option<&str>,
        settings: Option<&IssuerSettings>,
    ) -> Result<()> {
        let is_strange = self.issuer.as_deref().is_some_and(|expected| issuer != Some(expected));
        if settings.is_none() && is_strange {
            return Err(refused("its issuer is not the one that this gateway trusts (`iss`)"));
        }
        let given = claims.list("aud");
        let is_for = |expected: &String| given.contains(expected);
        let is_for_us = match settings {
            Some(settings) => settings.audience.as_ref().is_none_or(is_for),
            None => self.audience.is_empty() || self.audience.iter().any(is_for),
        };
        if is_for_us { Ok(()) } else { Err(refused("it is for somebody else (`aud`)")) }
    }
}

impl IssuerSettings {
    /// Where its keys are, or where it says so (OpenID Connect Discovery 1.0 §4).
    fn address(&self) -> String {
        let metadata = || format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        self.jwks_url.clone().unwrap_or_else(metadata)
    }
}

fn refused(why: &str) -> Error {
    let message = format!("Authentication Error, the token is not accepted: {why}");
    Error::new(ErrorKind::Unauthenticated, message).with_type("auth_error")
}

/// Reads a token and a document of keys that somebody invented, and checks one by the other: what outside bytes can
/// reach without a network. Returns whether the token is good. For fuzzing.
#[doc(hidden)]
pub fn try_out(settings: &TokenSettings, token: &[u8], document: &[u8]) -> bool {
    let Ok(compact) = Compact::read(token) else { return false };
    let claims = Claims(&compact.claims);
    let meant = settings
        .check_times(claims, Timestamp::now())
        .and_then(|expires| Identity::of(settings, &settings.fields(None), claims, expires));
    let Ok(key_set::Document::Keys(keys)) = KeySet::read(document) else { return false };
    let id = compact.key_id.as_deref();
    let proved = keys.check(id, compact.algorithm, compact.signed, &compact.signature);
    proved.is_ok() && meant.is_ok() && settings.check_parties(claims, None, None).is_ok()
}
