//! What a configuration says, typed, every reference resolved and every vendor known.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use llm_callbacks::CallbackSettings;
use llm_core::request::Sampling;
use llm_core::{ChatRequest, LossPolicy, RawObject, Secret};
use llm_gateway::{Instruction, PromptTemplate};
use llm_metrics::PriceBook;
use llm_providers::{CachePoint, MediaSettings, MockSettings, Parameters, Registry};
use llm_router::{Alias, AllowedFails, Limits, QuotaSpec, RouterSettings};
use llm_store::RedisSettings;
use llm_transport::{HttpVersion, Proxy, Tls};

use crate::environment::Environment;
use crate::node::Node;
use crate::report::{Place, Report};
use crate::settings::{
    AlertSettings, BudgetConfig, CacheConfig, EndpointConfig, Flags, ForwardSettings, GovernanceSettings,
    GuardrailConfig, HookConfig, LimitSettings, RecordingSettings, ServerSettings, StorageSettings,
};
use crate::stored_callbacks::StoredCallbacks;
use crate::team::TeamName;

/// A whole configuration.
#[derive(Clone)]
pub struct Config {
    /// Where and how the server listens.
    pub server: ServerSettings,
    /// How deployments are picked, retried and replaced.
    pub router: RouterSettings,
    /// Limits beyond those of single deployments.
    pub limits: LimitSettings,
    /// How files that requests point to are fetched.
    pub media: MediaSettings,
    /// What is done with vendor traffic; `None`: nothing.
    pub recordings: Option<RecordingSettings>,
    /// Where state is that several gateways share; `None`: each keeps its own.
    pub redis: Option<RedisSettings>,
    /// Who may ask, and what it may cost.
    pub governance: GovernanceSettings,
    /// Where everything is kept that outlasts the process.
    pub storage: StorageSettings,
    /// Who is told when something is wrong.
    pub alerts: AlertSettings,
    /// What looks at the texts of calls, in order.
    pub guardrails: Vec<GuardrailConfig>,
    /// Who is told of each call.
    pub callbacks: CallbackSettings,
    /// Who else is, as the store says.
    pub stored_callbacks: StoredCallbacks,
    /// Whether vendors are told the trace that a request is part of.
    pub forwards_trace: bool,
    /// Which headers of clients go on to vendors.
    pub forwards: ForwardSettings,
    /// Who is asked about calls.
    pub hooks: Vec<HookConfig>,
    /// Prompts that requests name, by id and version.
    pub prompts: HashMap<String, BTreeMap<u64, PromptTemplate>>,
    /// Where answers are kept for requests that come again; `None`: nowhere.
    pub cache: Option<CacheConfig>,
    /// Whether the gateway is a vendor for tests itself.
    pub mock_server: bool,
    /// What is served, in the order of the configuration.
    pub deployments: Vec<DeploymentConfig>,
    /// Other names for groups.
    pub aliases: BTreeMap<String, Alias>,
    /// The model of requests that name none.
    pub default_model: Option<String>,
    /// Credentials of the environment for paths that pass to a vendor as they are, by the path's beginning; where no
    /// deployment has them.
    pub relays: BTreeMap<&'static str, DeploymentConfig>,
    /// Paths of the operator's own that pass to an address.
    pub endpoints: Vec<EndpointConfig>,
    /// The vendors table with the configuration's own rows.
    pub vendors: Registry,
    /// The price table.
    pub prices: Arc<PriceBook>,
}

/// One model of one vendor with one credential.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentConfig {
    /// Unique id.
    pub id: String,
    /// The public name or pattern.
    pub public: String,
    /// The vendor's name in the vendors table.
    pub vendor: String,
    /// The model in the vendor's words; a `*` stands for what the public pattern caught.
    pub model: String,
    /// The model with its vendor prefix.
    pub full_name: String,
    /// Another address than the vendor's own.
    pub api_base: Option<String>,
    /// The vendor's key.
    pub api_key: Option<Secret>,
    /// The organization that pays.
    pub organization: Option<String>,
    /// Headers for every request; their values may be credentials.
    pub extra_headers: Vec<(String, Secret)>,
    /// How connections to the vendor are made.
    pub network: NetworkConfig,
    /// Share of the traffic.
    pub weight: u32,
    /// Priority level: lower ones are used first.
    pub order: u32,
    /// How long each phase may take; `None`: as the router says.
    pub limits: Limits,
    /// Attempts after the first; `None`: as the router says.
    pub num_retries: Option<u32>,
    /// Words that requests may ask for.
    pub tags: Vec<String>,
    /// Where it stands.
    pub region: Option<String>,
    /// How much it may be asked for.
    pub quota: QuotaSpec,
    /// Whether it learns how many attempts at a time it bears; `None`: as the router says.
    pub adaptive: Option<bool>,
    /// What it may spend.
    pub budget: Option<BudgetConfig>,
    /// When it is left alone, where it says so itself.
    pub health: HealthConfig,
    /// What the vendor's row names as parameters.
    pub parameters: Parameters,
    /// What to do with what the vendor cannot do; `None`: as the router says.
    pub policy: Option<LossPolicy>,
    /// Sampling for what clients leave open.
    pub sampling: Sampling,
    /// Output limit for what clients leave open.
    pub max_output_tokens: Option<u64>,
    /// The model's own output limit.
    pub model_max_output_tokens: Option<u64>,
    /// Members set in every body.
    pub extra_body: RawObject,
    /// Members taken out of every body.
    pub drop_fields: Vec<String>,
    /// Where each prompt is marked for the vendor's cache.
    pub cache_points: Vec<CachePoint>,
    /// What chats say where the client's do not.
    pub defaults: Option<Arc<ChatRequest>>,
    /// What every chat of its group is told.
    pub instruction: Option<Instruction>,
    /// What answers in the vendor's place.
    pub mock: MockSettings,
    /// The model's name in the price table, where it is another one.
    pub base_model: Option<String>,
    /// Prices and limits of the configuration's own, as `(field, decimal text)`.
    pub prices: Vec<(String, String)>,
    /// The team that alone may use it; `public` is then the router's own name of it.
    pub team: Option<TeamName>,
    /// Access groups that it is in.
    pub access_groups: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

/// How connections to a vendor are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkConfig {
    /// Whom we trust, and what we show.
    pub tls: Tls,
    /// The proxy on the way.
    pub proxy: Proxy,
    /// The version of HTTP.
    pub http_version: HttpVersion,
}

/// What a deployment says itself about when it is left alone, and how it is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthConfig {
    /// How long it is left alone.
    pub cooldown_time: Option<Duration>,
    /// How many failures are borne.
    pub allowed_fails: Option<u32>,
    /// How many of each kind.
    pub allowed_fails_policy: AllowedFails,
    /// It is not asked in the background.
    pub unchecked: bool,
    /// The model that checks ask for, in the vendor's words.
    pub check_model: Option<String>,
    /// How long a check may take.
    pub check_timeout: Option<Duration>,
}

/// A configuration that can be built, and what is weak about it.
#[derive(Clone)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// Warnings.
    pub warnings: Report,
    /// Where it came from.
    pub sources: Sources,
    /// What the spelling of everything but the models hashes to.
    pub(crate) around: u64,
    /// What the deployments are made from again when those of the store change.
    pub(crate) read: Arc<Read>,
    /// Every public name that is known, served or not.
    pub(crate) names: Arc<HashSet<String>>,
    /// The router's settings of the store that hold over those of the files; empty where there are none.
    pub(crate) overrides: Arc<Overrides>,
    /// The settings of alerts of the store that hold over those of the files; they hold addresses.
    pub(crate) alerts: Arc<serde_json::Map<String, serde_json::Value>>,
}

/// The router's settings of the store.
#[derive(Default)]
pub(crate) struct Overrides {
    /// As they were given, those that cannot be left out.
    pub(crate) given: serde_json::Map<String, serde_json::Value>,
    /// The file with them in it.
    pub(crate) root: Option<Node>,
    /// Where each setting came from.
    pub(crate) places: BTreeMap<&'static str, Place>,
}

/// The file and the variables, as they were read.
pub(crate) struct Read {
    pub(crate) root: Node,
    pub(crate) environment: Environment,
    pub(crate) flags: Flags,
}

/// Where a configuration came from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Configuration files that were read, in order.
    pub files: Vec<Arc<str>>,
    /// The `.env` file that was read.
    pub dotenv: Option<Arc<str>>,
    /// Each setting with the layer that said it.
    pub settings: BTreeMap<&'static str, Place>,
    /// How the deployments were found.
    pub deployments: Origin,
}

/// How the deployments of a configuration were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// A file names them.
    Files,
    /// Vendors' keys in the environment or in `.env`.
    Environment,
    /// There was nothing: the built-in mock models.
    #[default]
    Mock,
}
