//! The models of the store, as a running gateway serves them: read when they change, and from time to time, since
//! another gateway may have changed them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use llm_governance::entity::StoredModel;
use llm_governance::{Changed, ListQuery, Records, Store, StoreError};
use llm_management::{OpenCallback, OpenGuardrail, OpenModel, Sealing, Served, Serving, StoredCallback};
use parking_lot::RwLock;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::timeout;

use super::stored_settings::StoredSettings;
use crate::alerts::Bell;
use crate::config::{DeploymentConfig, Loaded};
use crate::stored::{prompt_of, told};

/// How often the store is read without a reason.
const AGAIN: Duration = Duration::from_secs(30);

/// How long an administrator waits until a change is served.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many models are read at a time.
const PAGE: u64 = 500;

/// Whether what the store has for [`Models`] may be another one after such a change. A gateway that begins to listen, or
/// listens again, cannot know what it did not hear.
pub(super) fn concerns(changed: &Changed) -> bool {
    matches!(changed, Changed::Model(_) | Changed::Setting(_) | Changed::Everything)
}

/// The models of the store.
pub struct Models {
    store: Arc<dyn Store>,
    sealing: Option<Arc<dyn Sealing>>,
    /// Who tells others what is wrong: the store may say whom.
    bell: Arc<Bell>,
    state: RwLock<State>,
    /// How often somebody asked for what is new, and which of these was answered last.
    asked: watch::Sender<u64>,
    answered: watch::Sender<u64>,
}

/// Somebody wants what is new to be served.
#[derive(Clone, Copy, Debug)]
#[must_use = "whoever asked waits until it is answered"]
pub struct Asked(u64);

#[derive(Default)]
struct State {
    /// What is served.
    loaded: Option<Arc<Loaded>>,
    /// What the store had when it was read last.
    known: Vec<StoredModel>,
    settings: StoredSettings,
    /// Whether that is still to be served.
    is_due: bool,
}

impl Models {
    pub(super) fn new(store: Arc<dyn Store>, sealing: Option<Arc<dyn Sealing>>, bell: Arc<Bell>) -> Self {
        let (asked, answered) = (watch::Sender::new(0), watch::Sender::new(0));
        Self { store, sealing, bell, state: RwLock::default(), asked, answered }
    }

    /// Waits until the store should be read: somebody changed it here, or time has passed.
    pub async fn asked(&self) -> Asked {
        let last = *self.answered.borrow();
        let mut asked = self.asked.subscribe();
        let number = timeout(AGAIN, asked.wait_for(|number| *number > last)).await;
        Asked(number.ok().and_then(Result::ok).map_or(last, |number| *number))
    }

    /// What was asked for is done, or cannot be.
    pub fn answer(&self, asked: Asked) {
        self.answered.send_replace(asked.0);
    }

    /// Nothing will be answered any more: nobody waits for it.
    pub fn close(&self) {
        self.answered.send_replace(u64::MAX);
    }

    /// Reads the store; whether it has anything that is not served: new, or not taken when it was.
    ///
    /// # Errors
    /// When it cannot be read, in words; what was known stays.
    pub fn read(&self) -> BoxFuture<'_, Result<bool, String>> {
        Box::pin(async move {
            let read = async { Ok((self.all().await?, StoredSettings::read(&*self.store).await?)) };
            let all = timeout(PATIENCE, read).await;
            let all = all.map_err(|_| "the store does not answer".to_owned())?;
            let (all, settings) = all.map_err(|error| {
                let (StoreError::Unavailable(told)
                | StoreError::Failed(told)
                | StoreError::Conflict(told)
                | StoreError::Missing(told)) = error;
                told
            })?;
            let mut state = self.state.write();
            state.is_due |= state.known != all || state.settings != settings;
            (state.known, state.settings) = (all, settings);
            Ok(state.is_due)
        })
    }

    /// Puts what was read last beside what the files have (models, prompts, guardrails, callbacks) or over it (settings of the router
    /// and of alerts). What of it cannot be served is logged.
    pub fn put_beside(&self, loaded: &mut Loaded) {
        let settings = self.state.read().settings.clone();
        let reports = [
            ("a prompt is not served", loaded.serve_prompts(&settings.prompts)),
            (
                "calls that must pass a guardrail are refused",
                loaded.serve_guardrails(&self.guardrails(&settings)),
            ),
            ("a callback is not told of calls", loaded.serve_callbacks(&self.callbacks_of(&settings))),
            ("a model is not served", loaded.serve_stored(&self.open())),
            ("a setting is left out", loaded.override_router(&settings.router)),
            ("alerts are as the configuration says", loaded.override_alerts(&self.alerts(&settings))),
        ];
        for (what, report) in reports {
            for problem in report.problems {
                tracing::error!(place = %problem.place, help = problem.help, "{what}: {}", problem.message);
            }
        }
    }

    /// This is served from now on.
    pub fn serves(&self, loaded: Arc<Loaded>) {
        if let Err(error) = self.bell.hang(&loaded.config.alerts) {
            tracing::error!(%error, "those who were told of alerts before are told on");
        }
        let mut state = self.state.write();
        (state.loaded, state.is_due) = (Some(loaded), false);
    }

    fn guardrails(&self, settings: &StoredSettings) -> Vec<OpenGuardrail> {
        settings.guardrails.iter().map(|one| one.open(self.sealing.as_deref())).collect()
    }

    fn callbacks_of(&self, settings: &StoredSettings) -> Vec<OpenCallback> {
        settings.callbacks.iter().map(|one| one.open(self.sealing.as_deref())).collect()
    }

    fn alerts(&self, settings: &StoredSettings) -> Map<String, Value> {
        let (Some(sealing), Some(stored)) = (&self.sealing, &settings.alerts) else { return Map::new() };
        stored.open(&**sealing).unwrap_or_else(|error| {
            tracing::error!("settings of alerts cannot be opened: {}", error.message());
            Map::new()
        })
    }

    async fn all(&self) -> Result<Vec<StoredModel>, StoreError> {
        let mut all = Vec::new();
        loop {
            // The oldest first: what is new comes last, also while pages are read.
            let sort = Some(("created_at", false));
            let query = ListQuery { sort, offset: all.len() as u64, limit: PAGE, ..ListQuery::default() };
            let page = Records::<StoredModel>::list(&*self.store, &query).await?;
            let (found, total) = (page.items.len(), page.total);
            all.extend(page.items);
            if found == 0 || all.len() as u64 >= total {
                return Ok(all);
            }
        }
    }

    /// Somebody elsewhere changed what is stored: it is read soon.
    pub(super) fn wake(&self) {
        self.asked.send_modify(|number| *number += 1);
    }

    fn open(&self) -> Vec<OpenModel> {
        let state = self.state.read();
        let Some(sealing) = &self.sealing else { return Vec::new() };
        let open = |model: &StoredModel| {
            let opened = OpenModel::of(model, &**sealing);
            let failed = |error: &llm_core::Error| {
                tracing::error!(id = model.id, "a model cannot be opened: {}", error.message());
            };
            opened.inspect_err(failed).ok()
        };
        state.known.iter().filter_map(open).collect()
    }

    fn loaded(&self) -> Option<Arc<Loaded>> {
        self.state.read().loaded.clone()
    }
}

impl Serving for Models {
    fn check(&self, model: &OpenModel) -> Result<(), String> {
        let Some(loaded) = self.loaded() else { return Ok(()) };
        loaded.check_stored(model).map_err(|report| told(&report))
    }

    fn refresh(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let mut answered = self.answered.subscribe();
            let mut mine = 0;
            self.asked.send_modify(|number| {
                *number += 1;
                mine = *number;
            });
            if timeout(PATIENCE, answered.wait_for(|number| *number >= mine)).await.is_err() {
                tracing::warn!("a changed model is not served yet");
            }
        })
    }

    fn served(&self) -> Vec<Served> {
        let loaded = self.loaded();
        loaded.iter().flat_map(|loaded| &loaded.config.deployments).map(served).collect()
    }

    fn check_prompt(&self, entry: &Value) -> Result<(), String> {
        prompt_of(entry).map(|_| ()).map_err(|report| told(&report))
    }

    fn check_router(&self, settings: &Map<String, Value>) -> Result<(), String> {
        let Some(loaded) = self.loaded() else { return Ok(()) };
        loaded.check_router(settings).map_err(|report| told(&report))
    }

    fn router(&self) -> Value {
        self.loaded().map(|loaded| loaded.router_fields()).unwrap_or_default()
    }

    fn check_guardrail(&self, guardrail: &OpenGuardrail) -> Result<(), String> {
        let Some(loaded) = self.loaded() else { return Ok(()) };
        loaded.check_guardrail(guardrail).map_err(|report| told(&report))
    }

    fn guardrails(&self) -> Vec<Value> {
        self.loaded().map(|loaded| loaded.guardrails_of_files()).unwrap_or_default()
    }

    fn check_alerts(&self, settings: &Map<String, Value>) -> Result<(), String> {
        let Some(loaded) = self.loaded() else { return Ok(()) };
        loaded.check_alerts(settings).map_err(|report| told(&report))
    }

    fn alerts(&self) -> Value {
        self.loaded().map(|loaded| loaded.alert_fields()).unwrap_or_else(|| Value::Array(Vec::new()))
    }

    fn check_callback(&self, callback: &OpenCallback) -> Result<(), String> {
        let Some(loaded) = self.loaded() else { return Ok(()) };
        loaded.check_callback(callback).map_err(|report| told(&report))
    }

    fn callbacks(&self) -> Vec<Value> {
        let state = self.state.read();
        let Some(loaded) = &state.loaded else { return Vec::new() };
        let served = &loaded.config.stored_callbacks;
        let row = |one: &StoredCallback| {
            let mut row = one.row();
            let problem = served.problems.iter().find(|(name, _)| *name == one.name);
            if let Some((_, why)) = problem {
                row["problem"] = Value::from(why.as_str());
            } else if served.callbacks.iter().all(|told| told.name != one.name) {
                row["problem"] = Value::from("it is not told of calls yet");
            }
            row
        };
        let stored = state.settings.callbacks.iter().map(row);
        loaded.callbacks_of_files().into_iter().chain(stored).collect()
    }

    fn prompts(&self) -> Vec<(String, Vec<u64>)> {
        self.loaded().map(|loaded| loaded.prompts_of_files()).unwrap_or_default()
    }
}

fn served(one: &DeploymentConfig) -> Served {
    let mut info = Map::new();
    let prices = one.prices.iter().map(|(field, value)| (field.clone(), number(value)));
    info.extend(prices.filter(|(_, value)| !value.is_null()));
    let texts = [("base_model", one.base_model.as_deref().map(Value::from))];
    let numbers = [("max_output_tokens", one.model_max_output_tokens.map(Value::from))];
    let known = texts.into_iter().chain(numbers).filter_map(|(name, value)| Some((name.to_owned(), value?)));
    info.extend(known);
    Served {
        id: one.id.clone(),
        name: one.team.as_ref().map_or(&one.public, |team| &team.public).clone(),
        team: one.team.as_ref().map(|team| team.team.clone()),
        access_groups: one.access_groups.clone(),
        model: one.full_name.clone(),
        vendor: one.vendor.clone(),
        api_base: one.api_base.clone(),
        stored: one.is_stored(),
        info,
    }
}

fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use llm_governance::MemoryStore;
    use serde_json::json;

    use super::*;
    use crate::load::{Options, load};

    #[tokio::test]
    async fn what_could_not_be_served_when_it_was_new_is_due_until_it_is() {
        let store = Arc::new(MemoryStore::default());
        let models = Models::new(Arc::clone(&store) as _, None, Arc::default());
        assert_eq!(models.read().await, Ok(false));
        let model =
            json!({"id": "d1", "model_name": "large", "sealed_params": "", "created_at": 1, "updated_at": 1});
        let model: StoredModel = serde_json::from_value(model).expect("a model");
        Records::<StoredModel>::insert(&*store, &[model], &[]).await.expect("it is new");
        for _ in 0..2 {
            assert_eq!(models.read().await, Ok(true));
        }
        let loaded = load(&Options { mock_server: true, ..Options::default() });
        models.serves(Arc::new(loaded.unwrap_or_else(|report| panic!("{report}"))));
        assert_eq!(models.read().await, Ok(false));
    }
}
