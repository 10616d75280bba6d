//! Tokens of identity providers: where their keys are fetched, and who keeps those whom they name.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use llm_governance::entity::{AuditEntry, Entity, Team, User};
use llm_governance::token::{KeySource, Newcomers, Tokens};
use llm_governance::{Records, Store, StoreError, Timestamp};
use llm_management::Refused;
use llm_transport::ColdCall;
use serde::Serialize;
use uuid::Uuid;

use super::Unopened;
use crate::config::Config;

/// Providers with many tenants have some hundred keys.
const SIZE: usize = 1024 * 1024;

/// Callers wait for it.
const DEADLINE: Duration = Duration::from_secs(10);

/// The tokens that a configuration takes; `None`: none.
///
/// # Errors
/// When its settings contradict themselves.
pub(super) fn open(config: &Config, store: &Arc<dyn Store>) -> Result<Option<Arc<Tokens>>, Unopened> {
    let Some(settings) = &config.governance.tokens else { return Ok(None) };
    let keeping = Keeping { store: Arc::clone(store), settings: config.governance.management.clone() };
    let newcomers: Arc<dyn Newcomers> = Arc::new(keeping);
    let tokens = Tokens::new(settings.clone(), Arc::new(Fetched), Some(newcomers)).map_err(|error| {
        let what = format!("tokens cannot be taken: {}", error.message());
        Unopened { what, help: "correct `general_settings.litellm_jwtauth`".to_owned() }
    })?;
    Ok(Some(Arc::new(tokens)))
}

/// Documents of identity providers, from exactly the address that is named: redirects are not followed.
struct Fetched;

impl KeySource for Fetched {
    fn fetch<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(async move {
            let call = ColdCall {
                method: Method::GET,
                url: address.to_owned(),
                headers: HeaderMap::new(),
                body: Bytes::new(),
                size: SIZE,
                deadline: DEADLINE,
            };
            let answer = llm_transport::ask(call).await.map_err(|error| error.message().to_owned())?;
            match answer.status {
                200 => Ok(answer.body.to_vec()),
                300..400 => Err("it is elsewhere: name the address that it redirects to".to_owned()),
                status => Err(format!("it was answered with status {status}")),
            }
        })
    }
}

/// Users and teams that a token names and nobody made, kept where all others are.
struct Keeping {
    store: Arc<dyn Store>,
    settings: llm_management::Settings,
}

impl Newcomers for Keeping {
    fn add_user(&self, user: User, role_is_said: bool) -> BoxFuture<'_, Result<User, StoreError>> {
        Box::pin(async move {
            let user = self.settings.newcomer(user, role_is_said);
            insert(&*self.store, user.map_err(|refused| unreadable(&refused))?).await
        })
    }

    fn add_team(&self, team: Team) -> BoxFuture<'_, Result<Team, StoreError>> {
        Box::pin(async move {
            let team = self.settings.new_team(team);
            insert(&*self.store, team.map_err(|refused| unreadable(&refused))?).await
        })
    }
}

fn unreadable(refused: &Refused) -> StoreError {
    StoreError::Failed(format!("the defaults of the configuration cannot be read: {}", refused.message))
}

/// The entity, or the one that is there already: somebody was quicker.
async fn insert<E>(store: &(impl Records<E> + ?Sized), entity: E) -> Result<E, StoreError>
where
    E: Entity + Clone + Serialize,
{
    let audit = AuditEntry {
        id: Uuid::now_v7().to_string(),
        at: Timestamp::now(),
        changed_by: entity.id(),
        changed_by_key: "token".to_owned(),
        action: "created".to_owned(),
        table: E::TABLE.to_owned(),
        object_id: entity.id(),
        before: None,
        after: serde_json::to_value(&entity).ok(),
    };
    match store.insert(std::slice::from_ref(&entity), std::slice::from_ref(&audit)).await {
        Ok(()) => Ok(entity),
        Err(StoreError::Conflict(_)) => Ok(store.get(&entity.id()).await?.unwrap_or(entity)),
        Err(error) => Err(error),
    }
}
