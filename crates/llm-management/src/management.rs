//! The management API as a whole: the store behind it, and the way of a request through it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use llm_governance::entity::{BudgetRow, Entity};
use llm_governance::{Changed, Export, ListQuery, Page, Principal, Records, Reports, Store, Terms};
use parking_lot::RwLock;
use serde_json::Value;

use crate::changes::Changes;
use crate::fields::{Fields, Query};
use crate::logging;
use crate::refused::Refused;
use crate::request::{Reply, Request, Rows};
use crate::route::{Found, Route, find};
use crate::sealing::Sealing;
use crate::serving::{Alarms, Serving};
use crate::settings::Settings;

/// What the management API is made from.
pub struct ManagementParts {
    /// Where entities are kept.
    pub store: Arc<dyn Store>,
    /// Who is told of changes.
    pub changes: Arc<dyn Changes>,
    /// Defaults and bounds of what is made.
    pub settings: Settings,
    /// What can be read of the ledger; `None`: nothing is kept of calls.
    pub reports: Option<Arc<dyn Reports>>,
    /// Encrypts what models must not show; `None`: no models are kept in the store.
    pub sealing: Option<Arc<dyn Sealing>>,
    /// Who serves the models of the store; `None`: they are kept and nobody serves them.
    pub serving: Option<Arc<dyn Serving>>,
    /// Who tells others what is wrong; `None`: nobody does.
    pub alarms: Option<Arc<dyn Alarms>>,
}

/// The management API.
pub struct Management {
    parts: ManagementParts,
    /// What operators say may change while the gateway runs.
    settings: RwLock<Arc<Settings>>,
}

impl std::fmt::Debug for Management {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Management").field("settings", &self.settings()).finish_non_exhaustive()
    }
}

/// A request on its way through a handler.
pub(crate) struct Call<'a> {
    /// The API.
    pub management: &'a Management,
    /// Who asks.
    pub caller: &'a Principal,
    /// What is asked.
    pub request: Request<'a>,
    /// Its row in the table.
    pub route: &'static Route,
    /// The parts of the path that have names, decoded.
    pub path: Vec<(&'static str, String)>,
    /// What the operator says of everything that is made, as it was when the request came.
    pub settings: Arc<Settings>,
}

/// What a handler comes to.
pub(crate) type Answered = Result<Reply, Refused>;

/// A handler at work.
pub(crate) type Answering<'a> = BoxFuture<'a, Answered>;

impl Management {
    /// An API over a store.
    pub fn new(parts: ManagementParts) -> Self {
        let settings = RwLock::new(Arc::new(parts.settings.clone()));
        Self { parts, settings }
    }

    /// From now on this holds. Whether models are kept in the store stays as it was.
    pub fn apply(&self, settings: Settings) {
        let no_models = self.parts.settings.no_models;
        *self.settings.write() = Arc::new(Settings { no_models, ..settings });
    }

    /// Answers a request. Every failure is an answer too.
    pub async fn answer(&self, caller: &Principal, request: Request<'_>) -> Reply {
        match self.try_answer(caller, request).await {
            Ok(reply) => reply,
            Err(refused) => refused.into(),
        }
    }

    /// The rows of an answer, as they are written; `None` where no ledger is kept.
    pub fn export(&self, rows: Rows) -> Option<Export> {
        let reports = self.parts.reports.as_ref()?;
        Some(Export::new(Arc::clone(reports), rows.query, rows.format))
    }

    async fn try_answer(&self, caller: &Principal, request: Request<'_>) -> Answered {
        let Found { route, path } = find(request.method, request.path)?;
        route.admits(caller)?;
        let settings = self.settings();
        let reply =
            (route.answer)(&Call { management: self, caller, request, route, path, settings }).await?;
        debug_assert!(route.gives.fits(&reply), "{route:?} gives {}", reply.body);
        Ok(reply)
    }

    /// The router's settings for people who change them; `None`: nothing of it is kept in the store.
    pub fn router(&self) -> Option<Value> {
        self.parts.serving.as_ref().map(|serving| serving.router())
    }

    /// Who is told of all calls, and how that is set; `None`: nothing of it is kept in the store.
    pub fn callbacks(&self) -> Option<Vec<Value>> {
        self.parts.serving.as_ref().map(|serving| serving.callbacks())
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.parts.store
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read())
    }

    /// The ledger.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn reports(&self) -> Result<&dyn Reports, Refused> {
        let missing = "this gateway keeps no ledger of calls: let it (`general_settings.disable_spend_logs: false`), in a folder \
             (`server.data_directory`)";
        self.parts.reports.as_deref().ok_or_else(|| Refused::error(501, "not_supported_error", missing))
    }

    /// What encrypts secrets.
    ///
    /// # Errors
    /// When there is nothing that does.
    pub(crate) fn sealing(&self) -> Result<&dyn Sealing, Refused> {
        let missing =
            "this gateway has nothing to encrypt what is stored with: set LITELLM_SALT_KEY, or a master key";
        self.parts.sealing.as_deref().ok_or_else(|| Refused::error(501, "not_supported_error", missing))
    }

    /// Who serves the models of the store.
    pub(crate) fn serving(&self) -> Option<&dyn Serving> {
        self.parts.serving.as_deref()
    }

    /// Who tells others what is wrong.
    pub(crate) fn alarms(&self) -> Option<&dyn Alarms> {
        self.parts.alarms.as_deref()
    }

    pub(crate) fn changed(&self, what: Changed) {
        self.parts.changes.changed(what);
    }

    /// The entity of an id.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn get<E: Entity>(&self, id: &str) -> Result<Option<E>, Refused>
    where
        dyn Store: Records<E>,
    {
        Ok(Records::<E>::get(self.store(), id).await?)
    }

    /// The entities of these ids, as many as there are.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn get_many<E: Entity>(&self, ids: &[String]) -> Result<Vec<E>, Refused>
    where
        dyn Store: Records<E>,
    {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(Records::<E>::get_many(self.store(), ids).await?)
    }

    /// One page of entities.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn list<E: Entity>(&self, query: &ListQuery) -> Result<Page<E>, Refused>
    where
        dyn Store: Records<E>,
    {
        Ok(Records::<E>::list(self.store(), query).await?)
    }

    /// Everything that matches, page by page.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn all<E: Entity>(&self, mut query: ListQuery) -> Result<Vec<E>, Refused>
    where
        dyn Store: Records<E>,
    {
        const AT_ONCE: u64 = 500;
        query.limit = AT_ONCE;
        let mut all = Vec::new();
        loop {
            query.offset = all.len() as u64;
            let page = self.list::<E>(&query).await?;
            let (found, total) = (page.items.len(), page.total);
            all.extend(page.items);
            if found == 0 || all.len() as u64 >= total {
                return Ok(all);
            }
        }
    }

    /// The budget rows that these terms name.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn budget_rows(
        &self,
        terms: impl Iterator<Item = &Terms> + Send,
    ) -> Result<Vec<BudgetRow>, Refused> {
        let mut ids: Vec<String> = terms.filter_map(|terms| terms.budget_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        self.get_many(&ids).await
    }
}

impl Call<'_> {
    /// The fields of the body.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub(crate) fn fields(&self) -> Result<Fields, Refused> {
        let mut fields = Fields::read(self.request.body)?.declared(self.route.body);
        if let Some(metadata) = fields.metadata_mut() {
            logging::seal(metadata, self.caller.is_admin(), || self.management.sealing())?;
        }
        Ok(fields)
    }

    /// The parameters of the query.
    pub(crate) fn query(&self) -> Query {
        Query::read(self.request.query).declared(self.route.query)
    }

    /// A part of the path, by its name in the table.
    pub(crate) fn in_path(&self, name: &str) -> &str {
        self.path.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}
