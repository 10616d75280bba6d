//! The routes of virtual keys, and the key that a request means.

mod generate;
mod health;
mod list;
mod regenerate;
mod remove;
mod show;
mod spend;
mod update;

pub(crate) use generate::make;
pub(crate) use remove::delete_keys;
pub(crate) use show::{rows, views};

use llm_governance::entity::VirtualKey;

use crate::declared::{money, objects, texts};
use crate::known;
use crate::management::Call;
use crate::refused::Refused;
use crate::request::Method::{Get, Post};
use crate::route::Access::{Holder, Maker};
use crate::route::Route;
use crate::secret::hash_of;

/// Routes of keys.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/key/generate", Maker, |call| Box::pin(generate::generate(call)))
        .about("Makes a key. The answer is the only place that shows it.")
        .takes(
            &[known::KEY, known::NEW_KEY, known::TERMS],
            r#"{"key_alias": "docs", "models": ["mock/*"], "max_budget": 5, "duration": "30d"}"#,
        ),
    Route::change(Post, "/key/service-account/generate", Maker, |call| {
        Box::pin(generate::service_account(call))
    })
    .about("Makes a key of a team that belongs to nobody.")
    .takes(&[known::KEY, known::NEW_KEY, known::TERMS], r#"{"team_id": "team-docs", "key_alias": "robot"}"#),
    Route::look(Get, "/key/info", Holder, |call| Box::pin(show::info(call)))
        .about("Shows a key.")
        .asks(&[known::A_KEY]),
    Route::look(Post, "/v2/key/info", Holder, |call| Box::pin(show::infos(call)))
        .about("Shows several keys.")
        .takes(&[&[texts("keys", "keys, or their hashes")]], r#"{"keys": ["sk-docs"]}"#),
    Route::look(Get, "/key/list", Holder, |call| Box::pin(list::list(call)))
        .about("Lists keys that the caller may see.")
        .asks(&[known::KEYS, known::SEARCH, known::SPENT, known::SORT, known::SIZED]),
    Route::look(Get, "/key/aliases", Holder, |call| Box::pin(list::aliases(call)))
        .about("Lists what keys are called.")
        .asks(&[known::SEARCH, known::SIZED, known::A_TEAM]),
    Route::look(Post, "/key/health", Holder, |call| Box::pin(health::health(call)))
        .about("Says whether the key that asks can be used."),
    Route::change(Post, "/key/update", Maker, |call| Box::pin(update::update(call)))
        .about("Changes a key; `null` takes a limit away.")
        .takes(&[known::KEY, known::CHANGED_KEY, known::TERMS], r#"{"key": "sk-docs", "max_budget": 10}"#),
    Route::change(Post, "/key/bulk_update", Maker, |call| Box::pin(update::bulk(call)))
        .about("Changes several keys, each for itself.")
        .takes(
            &[&[objects("keys", "what each is to be, with its `key`").needed()]],
            r#"{"keys": [{"key": "sk-docs", "max_budget": 10}]}"#,
        ),
    Route::change(Post, "/key/block", Maker, |call| Box::pin(update::block(call)))
        .about("Blocks a key.")
        .takes(&[known::ONE_KEY], r#"{"key": "sk-docs"}"#),
    Route::change(Post, "/key/unblock", Maker, |call| Box::pin(update::unblock(call)))
        .about("Lets a blocked key in again.")
        .takes(&[known::ONE_KEY], r#"{"key": "sk-docs"}"#),
    Route::change(Post, "/key/delete", Maker, |call| Box::pin(remove::delete(call)))
        .about("Deletes keys.")
        .takes(
            &[&[texts("keys", "keys, or their hashes"), texts("key_aliases", "names of keys")]],
            r#"{"key_aliases": ["docs"]}"#,
        ),
    Route::change(Post, "/key/regenerate", Maker, |call| Box::pin(regenerate::regenerate(call)))
        .about("Puts a new key in the place of one.")
        .asks(&[known::A_KEY])
        .takes(&[known::KEY, known::NEXT_KEY, known::TERMS], r#"{"key": "sk-docs", "grace_period": "24h"}"#),
    Route::change(Post, "/key/{key}/regenerate", Maker, |call| Box::pin(regenerate::regenerate(call)))
        .about("Puts a new key in the place of one.")
        .takes(&[known::KEY, known::NEXT_KEY, known::TERMS], r#"{"grace_period": "24h"}"#),
    Route::change(Post, "/key/{key}/reset_spend", Maker, |call| Box::pin(spend::reset(call)))
        .about("Says what a key has spent, from now on.")
        .takes(&[&[money("reset_to", "how many dollars").needed()]], r#"{"reset_to": 0}"#),
];

impl Call<'_> {
    /// The key that is meant by a key or its hash.
    ///
    /// # Errors
    /// When there is none; the message says nothing of what was given, it may be a key.
    pub(crate) async fn key(&self, shown: &str) -> Result<VirtualKey, Refused> {
        let found = self.management.get(&hash_of(shown).hex()).await?;
        found.ok_or_else(|| Refused::missing("Key not found: no such key, or hash of a key").about("key"))
    }

    /// The key that is meant, for whoever may do `deed` with it.
    ///
    /// # Errors
    /// When there is none, or the caller may not.
    pub(crate) async fn own_key(&self, shown: &str, deed: &'static str) -> Result<VirtualKey, Refused> {
        let key = match self.key(shown).await {
            // Those who may not see all keys are not told which ones there are.
            Err(refused) if refused.status == 404 && !self.sees_all() => return Err(self.not_your_key(deed)),
            found => found?,
        };
        if self.may_change_key(&key, deed).await? {
            return Ok(key);
        }
        Err(self.not_your_key(deed))
    }

    fn not_your_key(&self, deed: &'static str) -> Refused {
        let message = format!(
            "You are not authorized to do {deed} with this key: it is not your own (your user_id={}), nor of a team \
             that you administrate",
            self.user_id().unwrap_or("none")
        );
        Refused::forbidden(message).about("key")
    }
}
