//! What stays from one configuration to the next: everything that deployments are made with, and the deployments that
//! did not change.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use llm_gateway::AccountSpec;
use llm_metrics::PriceBook;
use llm_providers::Providers;
use llm_router::{Budget, Deployment, RouterSettings};
use llm_store::RedisSettings;

use crate::config::{Config, DeploymentConfig, Loaded};
use crate::health::Credentials;
use crate::node::{Node, Value};
use crate::report::Place;
use crate::shared::Sharing;

/// What deployments are made with. It serves the next configuration too where nothing around the deployments changed.
pub(crate) struct Workshop {
    around: Around,
    pub(crate) sharing: Sharing,
    pub(crate) providers: Providers,
    /// By the vendor's name.
    pub(crate) vendor_budgets: HashMap<String, Arc<Budget>>,
    pub(crate) credentials: Credentials,
    /// What was made, by id.
    pub(crate) made: HashMap<String, Built>,
}

/// A deployment, and what it was made from.
#[derive(Clone)]
pub(crate) struct Built {
    config: DeploymentConfig,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) account: AccountSpec,
}

/// All that a deployment depends on besides its own configuration.
#[derive(PartialEq)]
pub(crate) struct Around {
    hash: u64,
    redis: Option<RedisSettings>,
    prices: Arc<PriceBook>,
}

impl Workshop {
    pub(crate) fn new(
        around: Around,
        (sharing, providers): (Sharing, Providers),
        vendor_budgets: HashMap<String, Arc<Budget>>,
    ) -> Self {
        let (credentials, made) = (Credentials::default(), HashMap::new());
        Self { around, sharing, providers, vendor_budgets, credentials, made }
    }

    /// Whether what it makes would be the same for this configuration.
    pub(crate) fn serves(&self, around: &Around) -> bool {
        self.around == *around
    }

    /// The deployment that was made from this configuration, wherever that stood in its file. Deployments of one model
    /// that have no `id` are numbered in the order of the file: one that is put before them makes others of them.
    pub(crate) fn kept(&self, config: &DeploymentConfig) -> Option<&Built> {
        self.made.get(&config.id).filter(|made| made.config == placeless(config))
    }
}

impl Built {
    pub(crate) fn new(config: &DeploymentConfig, deployment: Deployment, account: AccountSpec) -> Self {
        Self { config: placeless(config), deployment: Arc::new(deployment), account }
    }
}

impl Built {
    /// Whether it is not a single team's.
    pub(crate) fn is_open(&self) -> bool {
        self.config.team.is_none()
    }
}

fn placeless(config: &DeploymentConfig) -> DeploymentConfig {
    let mut config = config.clone();
    config.place = Place::Default;
    if let Some(budget) = &mut config.budget {
        budget.place = Place::Default;
    }
    config
}

impl Around {
    /// What is around the deployments of a configuration.
    pub(crate) fn of(loaded: &Loaded) -> Self {
        let Config { router, media, recordings, limits, vendors, prices, mock_server, .. } = &loaded.config;
        let mut groups: Vec<_> = router.groups.iter().collect();
        groups.sort_unstable_by_key(|(name, _)| *name);
        let router = RouterSettings { groups: HashMap::new(), ..router.clone() };
        let concurrency = (limits.max_parallel, limits.adaptive, limits.max_answer);
        let mut hash = Hashed::default();
        // Settings may come from variables too, so that the file alone does not tell.
        let _ = write!(hash, "{}{router:?}{groups:?}{media:?}{recordings:?}{concurrency:?}", loaded.around);
        let _ = write!(hash, "{mock_server}");
        vendors.iter().for_each(|row| {
            let _ = write!(hash, "{row:?}");
        });
        Self { hash: hash.0.finish(), redis: loaded.config.redis.clone(), prices: Arc::clone(prices) }
    }
}

/// Sections that no deployment is made from.
const APART: [&str; 4] = ["model_list", "callback_settings", "hooks", "prompts"];

/// A file without its models, by its spelling: places do not matter.
pub(crate) fn spelling(root: &Node) -> u64 {
    let mut hash = Hashed::default();
    for entry in root.entries().iter().filter(|entry| !APART.contains(&entry.key.as_str())) {
        let _ = write!(hash, "{:?}", entry.key);
        spell(&entry.value, &mut hash);
    }
    hash.0.finish()
}

fn spell(node: &Node, hash: &mut Hashed) {
    let _ = match &node.value {
        Value::Null => hash.write_str("~"),
        Value::Bool(_, scalar) | Value::Number(scalar) | Value::Text(scalar) => write!(hash, "{scalar:?}"),
        Value::List(nodes) => {
            let _ = hash.write_str("[");
            nodes.iter().for_each(|node| spell(node, hash));
            hash.write_str("]")
        }
        Value::Map(entries) => {
            let _ = hash.write_str("{");
            for entry in entries {
                let _ = write!(hash, "{:?}", entry.key);
                spell(&entry.value, hash);
            }
            hash.write_str("}")
        }
    };
}

/// A hash of what is written, so that no text of it is kept.
#[derive(Default)]
struct Hashed(DefaultHasher);

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
