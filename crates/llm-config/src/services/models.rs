//! The models of the store, as a running gateway serves them: read when they change, and from time to time, since
//! another gateway may have changed them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use llm_governance::entity::{Setting, StoredModel};
use llm_governance::{Changed, ListQuery, Records, Store, StoreError};
use llm_management::{OpenModel, STORED_PROMPT, STORED_ROUTER, Sealing, Served, Serving, StoredPrompt};
use parking_lot::RwLock;
use serde::Deserialize as _;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::timeout;

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
    prompts: Vec<StoredPrompt>,
    router: Map<String, Value>,
}

impl Models {
    pub(super) fn new(store: Arc<dyn Store>, sealing: Option<Arc<dyn Sealing>>) -> Self {
        let (asked, answered) = (watch::Sender::new(0), watch::Sender::new(0));
        Self { store, sealing, state: RwLock::default(), asked, answered }
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

    /// Reads the store; whether it has anything new.
    ///
    /// # Errors
    /// When it cannot be read, in words; what was known stays.
    pub fn read(&self) -> BoxFuture<'_, Result<bool, String>> {
        Box::pin(async move {
            let read = async { Ok((self.all().await?, self.all_settings().await?)) };
            let all = timeout(PATIENCE, read).await;
            let all = all.map_err(|_| "the store does not answer".to_owned())?;
            let (all, (prompts, router)) = all.map_err(|error| {
                let (StoreError::Unavailable(told)
                | StoreError::Failed(told)
                | StoreError::Conflict(told)
                | StoreError::Missing(told)) = error;
                told
            })?;
            let mut state = self.state.write();
            let is_new = state.known != all || state.prompts != prompts || state.router != router;
            (state.known, state.prompts, state.router) = (all, prompts, router);
            Ok(is_new)
        })
    }

    /// Puts the models and prompts that were read last beside those of the files, and the router's settings over theirs.
    /// Those that cannot be served are logged.
    pub fn put_beside(&self, loaded: &mut Loaded) {
        for problem in loaded.serve_prompts(&self.state.read().prompts).problems {
            tracing::error!(place = %problem.place, help = problem.help, "a prompt is not served: {}", problem.message);
        }
        let open = self.open();
        for problem in loaded.serve_stored(&open).problems {
            tracing::error!(place = %problem.place, help = problem.help, "a model is not served: {}", problem.message);
        }
        let router = self.state.read().router.clone();
        for problem in loaded.override_router(&router).problems {
            tracing::error!(place = %problem.place, help = problem.help, "a setting is left out: {}", problem.message);
        }
    }

    /// This is served from now on.
    pub fn serves(&self, loaded: Arc<Loaded>) {
        self.state.write().loaded = Some(loaded);
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

    /// Prompts, and the router's settings.
    async fn all_settings(&self) -> Result<(Vec<StoredPrompt>, Map<String, Value>), StoreError> {
        let (mut all, mut router, mut offset) = (Vec::new(), Map::new(), 0);
        loop {
            let query = ListQuery { offset, limit: PAGE, ..ListQuery::default() };
            let page = Records::<Setting>::list(&*self.store, &query).await?;
            offset += page.items.len() as u64;
            let is_last = page.items.is_empty() || offset >= page.total;
            if let Some(setting) = page.items.iter().find(|setting| setting.name == STORED_ROUTER) {
                router = setting.value.as_object().cloned().unwrap_or_default();
            }
            let prompts = page.items.iter().filter(|setting| setting.name.starts_with(STORED_PROMPT));
            // One that is damaged cannot be named by requests, which say so.
            all.extend(prompts.filter_map(|setting| StoredPrompt::deserialize(&setting.value).ok()));
            if is_last {
                all.sort_by(|one: &StoredPrompt, other| one.id.cmp(&other.id));
                return Ok((all, router));
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
