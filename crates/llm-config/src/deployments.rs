//! Deployments out of every form that they may be written in.
//!
//! Each form becomes a [`Draft`]: a public name, a model, and the maps that say the rest, the strongest first. Then
//! one way leads from drafts to deployments.

use std::collections::HashSet;
use std::sync::Arc;

use llm_core::order;
use llm_core::{ChatRequest, LossPolicy, Secret};
use llm_providers::{Auth, CHAT_DEFAULTS, CachePoint, Parameters, Status, Vendor};
use llm_router::QuotaSpec;

use crate::config::DeploymentConfig;
use crate::environment::Environment;
use crate::files;
use crate::inference::{Asked, COMPATIBLE, Known};
use crate::keys::VENDOR_PARAMETERS;
use crate::node::Node;
use crate::report::{Place, Report};
use crate::team::TeamName;

mod aws;
pub(crate) mod discovery;
mod network;
mod parts;
pub(crate) mod shapes;
mod weak;

pub(crate) use network::Network;
pub(crate) use parts::is_fact;
pub(crate) use weak::master_key;

/// A deployment, or several that differ in their credentials, before the vendor is known.
pub(crate) struct Draft<'a> {
    pub(crate) public: String,
    /// The team that alone may use it.
    pub(crate) team: Option<TeamName>,
    pub(crate) model: String,
    /// The vendor where it is named outright.
    pub(crate) vendor: Option<String>,
    pub(crate) id: Option<String>,
    /// The maps that say the rest, the strongest first.
    pub(crate) layers: Vec<&'a Node>,
    /// `model_info`.
    pub(crate) info: Option<&'a Node>,
    /// Credentials and addresses that come from elsewhere than the maps.
    pub(crate) access: Vec<Access>,
    pub(crate) at: Place,
}

/// A credential with the address that it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) key: Option<String>,
    pub(crate) base: Option<String>,
}

/// Makes deployments and remembers every public name, also of those that cannot be served.
pub(crate) struct Maker<'a> {
    pub(crate) known: Known<'a>,
    pub(crate) environment: &'a Environment,
    pub(crate) report: &'a mut Report,
    pub(crate) made: Vec<Made>,
    pub(crate) names: HashSet<String>,
    /// What holds for those that do not say how their vendor is reached.
    pub(crate) network: Network,
}

/// A deployment with what only its group can decide.
pub(crate) struct Made {
    pub(crate) config: DeploymentConfig,
    own_id: bool,
    shares: [Option<u64>; 3],
}

impl Maker<'_> {
    pub(crate) fn make(&mut self, draft: &Draft<'_>) {
        self.names.insert(draft.public.clone());
        let api_base = draft.text("api_base").or_else(|| draft.text("base_url"));
        let given_base = draft.access.first().and_then(|access| access.base.as_deref()).or(api_base);
        let named = draft.vendor.as_deref().or_else(|| draft.text("custom_llm_provider"));
        let asked = Asked { model: &draft.model, api_base: given_base, vendor: named };
        let known = self.known;
        let (vendor, model) = match known.infer(asked) {
            Ok(found) => found,
            Err((message, help)) => return self.report.error(&draft.at, message).help(help),
        };
        let vendor = parts::vendor_of_address(known.vendors, vendor, given_base);
        if vendor.status == Status::Planned {
            return self.comes_later(draft, vendor, model, given_base.is_some());
        }
        if model.contains('*') && !draft.public.contains('*') {
            let message = format!("the model `{}` has a `*`, and its public name has none", draft.model);
            return self.report.error(&draft.at, message).help("write the public name with a `*` too");
        }
        self.moot_parameters(draft, vendor);
        let mock = draft.mock();
        if mock.delay.is_some() && !mock.replace_the_vendor() && vendor.dialect != "mock" {
            let message = "`mock_delay` has no effect: the vendor is asked";
            self.report.warning(&draft.at, message).help("give a `mock_response`, too");
        }
        let accesses = self.accesses(draft, vendor, api_base);
        for access in accesses {
            if self.can_be_called(draft, vendor, model, &access) {
                self.push(draft, vendor, model, access);
            }
        }
    }

    fn comes_later(&mut self, draft: &Draft<'_>, vendor: &Vendor, model: &str, has_base: bool) {
        let (public, name) = (&draft.public, &vendor.name);
        let message =
            format!("`{public}` is not served: the vendor `{name}` is not supported yet, it comes later");
        let help = format!(
            "if that server speaks OpenAI's API too, write `{COMPATIBLE}/{model}` and the address of that API"
        );
        self.report.warning(&draft.at, message).help_if(has_base.then_some(help));
    }

    /// Keys and addresses: of the draft, else of the variables that the vendor's row names.
    fn accesses(&mut self, draft: &Draft<'_>, vendor: &Vendor, api_base: Option<&str>) -> Vec<Access> {
        if !draft.access.is_empty() {
            return draft.access.clone();
        }
        let environment = self.environment;
        let first_set =
            |names: &[String]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
        let base = api_base.map(str::to_owned).or_else(|| first_set(&vendor.base_env));
        let mut keys = draft.texts("api_keys");
        keys.extend(draft.text("api_key").filter(|_| keys.is_empty()).map(str::to_owned));
        if let Some(variable) = draft.text("api_key_env").filter(|_| keys.is_empty()) {
            keys = environment.list(variable);
            if keys.is_empty() {
                self.report
                    .warning(&draft.at, format!("the variable `{variable}` is not set"))
                    .help("set it in the environment or in `.env`");
            }
        } else if keys.is_empty() && !parts::bring_credential(vendor, |name| draft.text(name).is_some()) {
            keys.extend(first_set(&vendor.key_env));
        }
        let keys: Vec<Option<String>> =
            if keys.is_empty() { vec![None] } else { keys.into_iter().map(Some).collect() };
        keys.into_iter().map(|key| Access { key, base: base.clone() }).collect()
    }

    /// Says what is missing: an address is an error of the file; a key may just not be there on this machine.
    fn can_be_called(&mut self, draft: &Draft<'_>, vendor: &Vendor, model: &str, access: &Access) -> bool {
        if draft.mock().replace_the_vendor() {
            return true;
        }
        let parameters = self.settled(draft, vendor, model).0;
        let no_address = || lacks_address(vendor, &parameters, access);
        if access.base.is_none() && vendor.auth != Auth::None && no_address() {
            self.no_address(draft, vendor);
            return false;
        }
        let brought = parts::bring_credential(vendor, |name| parameters.get(name).is_some());
        let of_proxy = access.base.is_some() && vendor.auth != Auth::Azure;
        let optional = vendor.key_optional || vendor.auth == Auth::None || brought || of_proxy;
        if access.key.is_none() && !optional && !draft.shows_credential_itself() {
            let message =
                format!("`{}` is not served: there is no key for the vendor `{}`", draft.public, vendor.name);
            self.report.warning(&draft.at, message).help_if(variables("set `api_key`", &vendor.key_env));
            return false;
        }
        weak::credential(self.report, &draft.at, &draft.public, access);
        true
    }

    /// A key alone may be there for another program's sake; a deployment that is named must have its address.
    fn no_address(&mut self, draft: &Draft<'_>, vendor: &Vendor) {
        let parameters = vendor.parameters.iter().filter(|_| vendor.base_url.is_some());
        let names: Vec<String> =
            vendor.base_env.iter().chain(parameters.flat_map(|(_, all)| all)).cloned().collect();
        let help = variables("set `api_base`", &names);
        let (public, name) = (&draft.public, &vendor.name);
        if draft.access.is_empty() {
            let message =
                format!("`{public}` needs an `api_base`: the vendor `{name}` has no address of its own");
            self.report.error(&draft.at, message).help_if(help);
        } else {
            let message = format!("`{public}` is not served: the vendor `{name}` has no address of its own");
            self.report.warning(&draft.at, message).help_if(help);
        }
    }

    fn push(&mut self, draft: &Draft<'_>, vendor: &Vendor, model: &str, access: Access) {
        let full_name = format!("{}/{model}", vendor.name);
        let (parameters, settled) = self.settled(draft, vendor, model);
        if let Err(message) = settled
            && !draft.mock().replace_the_vendor()
        {
            self.report.error(&draft.at, format!("`{}` cannot be signed: {message}", draft.public));
        }
        let parameters = self.with_files(draft, vendor, parameters);
        let config = DeploymentConfig {
            id: draft.id.clone().unwrap_or_else(|| full_name.clone()),
            public: draft.public.clone(),
            vendor: vendor.name.clone(),
            model: model.to_owned(),
            full_name,
            api_base: access.base,
            api_key: access.key.map(Secret::new),
            parameters,
            organization: draft.text("organization").map(str::to_owned),
            extra_headers: draft.headers(),
            network: self.network(draft),
            weight: 0,
            order: draft.whole("order").map_or(0, parts::short),
            limits: draft.limits(),
            num_retries: draft.whole("num_retries").or_else(|| draft.whole("max_retries")).map(parts::short),
            policy: draft.policy(),
            tags: draft.texts("tags"),
            region: draft.text("region_name").map(str::to_owned),
            quota: QuotaSpec {
                rpm: draft.whole("rpm"),
                tpm: draft.whole("tpm"),
                max_parallel: draft.whole("max_parallel_requests").map(parts::short),
                adaptive: false,
            },
            adaptive: draft.layers.iter().find_map(|layer| layer.get_flag("adaptive_concurrency")),
            budget: draft.budget(),
            health: draft.health(vendor),
            sampling: draft.sampling(),
            max_output_tokens: draft.whole("max_completion_tokens").or_else(|| draft.whole("max_tokens")),
            model_max_output_tokens: self.max_output_tokens(draft, vendor, model),
            extra_body: draft.get("extra_body").map(Node::json_object).unwrap_or_default(),
            drop_fields: draft.texts("additional_drop_params"),
            cache_points: self.cache_points(draft),
            defaults: self.chat_defaults(draft),
            instruction: self.instruction(draft),
            mock: draft.mock(),
            base_model: draft.info_text("base_model").map(str::to_owned),
            prices: draft.prices(),
            team: draft.team.clone(),
            access_groups: draft.info.map(|info| info.get_texts("access_groups")).unwrap_or_default(),
            place: draft.at.clone(),
        };
        let shares = ["weight", "rpm", "tpm"].map(|key| draft.whole(key));
        self.made.push(Made { config, own_id: draft.id.is_some(), shares });
    }

    /// What the vendor's row names as parameters: of the draft, else of the variables that the row names.
    ///
    /// # Errors
    /// Beside them, when they name credentials that there are not.
    fn settled(&self, draft: &Draft<'_>, vendor: &Vendor, model: &str) -> (Parameters, Result<(), String>) {
        let mut parameters = Parameters::default();
        for (name, variables) in &vendor.parameters {
            let set = variables.iter().find_map(|variable| self.environment.get(variable));
            if let Some(value) = draft.text(name).or(set) {
                parameters.set(name, Secret::new(value.to_owned()));
            }
        }
        let settled = match vendor.auth {
            Auth::AwsSigv4 => aws::settle(draft, model, self.environment, &mut parameters),
            _ => Ok(()),
        };
        (parameters, settled)
    }

    /// The parameters with the texts of the files that some of them name.
    fn with_files(&mut self, draft: &Draft<'_>, vendor: &Vendor, mut parameters: Parameters) -> Parameters {
        for name in &vendor.files {
            let Some(path) = parameters.get(name).filter(|value| !value.starts_with('{')) else { continue };
            match std::fs::read_to_string(path) {
                Ok(text) => parameters.set(name, Secret::new(text)),
                Err(error) => {
                    let message = format!("`{name}` cannot be read: {}", files::reason(&error));
                    self.report
                        .error(&draft.at, message)
                        .help("give the JSON itself, or a file that is there");
                }
            }
        }
        parameters
    }

    /// Says which parameters mean nothing to this vendor: somebody relies on them.
    fn moot_parameters(&mut self, draft: &Draft<'_>, vendor: &Vendor) {
        let moot = VENDOR_PARAMETERS.iter().map(|key| key.name);
        for name in moot.filter(|name| draft.text(name).is_some() && !vendor.parameters.contains_key(*name)) {
            let message =
                format!("`{name}` has no effect: the vendor `{}` has no such parameter", vendor.name);
            self.report.warning(&draft.at, message);
        }
    }

    fn chat_defaults(&mut self, draft: &Draft<'_>) -> Option<Arc<ChatRequest>> {
        let given =
            CHAT_DEFAULTS.iter().filter_map(|name| Some(((*name).to_owned(), draft.get(name)?.json())));
        llm_providers::chat_defaults(&given.collect()).unwrap_or_else(|fault| {
            self.report.error(&draft.at, format!("no default for chats: {}", fault.message()));
            None
        })
    }

    fn cache_points(&mut self, draft: &Draft<'_>) -> Vec<CachePoint> {
        let Some(node) = draft.get("cache_control_injection_points") else { return Vec::new() };
        match node.json().read() {
            Ok(points) => points,
            Err(fault) => {
                let message = format!("`cache_control_injection_points` is no list of places: {fault}");
                let help = "write for example [{location: message, role: system}, {location: tool_config}]";
                self.report.error(&node.at, message).help(help);
                Vec::new()
            }
        }
    }

    fn max_output_tokens(&self, draft: &Draft<'_>, vendor: &Vendor, model: &str) -> Option<u64> {
        let own = |key: &str| draft.info?.get_whole(key);
        let name = draft.info_text("base_model").unwrap_or(model);
        let listed = || {
            let provider = vendor.price_prefix.as_deref()?;
            self.known.prices.lookup(provider, name)?.max_output_tokens
        };
        own("max_output_tokens").or_else(|| own("max_tokens")).or_else(listed)
    }

    /// All deployments, with unique ids and with the shares of their groups.
    pub(crate) fn finish(self) -> (Vec<DeploymentConfig>, HashSet<String>) {
        let Self { mut made, names, report, .. } = self;
        share_groups(&mut made);
        name_uniquely(&mut made, report);
        (made.into_iter().map(|made| made.config).collect(), names)
    }
}

/// Whether the vendor has no address of its own, or one with a parameter in it that nobody set.
fn lacks_address(vendor: &Vendor, parameters: &Parameters, access: &Access) -> bool {
    let given = vendor.base_parameter.as_deref().is_some_and(|name| parameters.get(name).is_some());
    if given || vendor.key_base_url.is_some() && access.key.is_some() {
        return false;
    }
    let Some(url) = vendor.base_url.as_deref() else { return true };
    let mut names = url.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    // A file of credentials may say the rest.
    let by_file = vendor.files.iter().any(|file| parameters.get(file).is_some());
    names.any(|name| {
        let name = vendor.derived.get(name).map_or(name, |derived| derived.from.as_str());
        parameters.get(name).is_none() && !vendor.defaults.contains_key(name) && !by_file
    })
}

fn variables(remedy: &str, names: &[String]) -> Option<String> {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Some(if names.is_empty() {
        remedy.to_owned()
    } else {
        format!("{remedy}, or the variable {}", names.join(" or "))
    })
}

/// Weights where a deployment of the group has one, else requests a minute, else tokens a minute.
fn share_groups(made: &mut [Made]) {
    let groups: HashSet<String> = made.iter().map(|one| one.config.public.clone()).collect();
    for group in groups {
        let is_in = |one: &&Made| one.config.public == group;
        let measure = (0..3)
            .find(|at| made.iter().filter(is_in).any(|one| one.shares.get(*at).copied().flatten() > Some(0)));
        let Some(measure) = measure else { continue };
        for one in made.iter_mut().filter(|one| one.config.public == group) {
            one.config.weight = one.shares.get(measure).copied().flatten().map_or(0, parts::short);
        }
    }
}

fn name_uniquely(made: &mut [Made], report: &mut Report) {
    let mut taken: HashSet<String> = HashSet::new();
    // Ids that somebody chose come first; the others make room.
    let mut order: Vec<&mut Made> = made.iter_mut().collect();
    order::sort_by_key(&mut order, |one| !one.own_id);
    let mut last: Option<Place> = None;
    for one in order {
        let wanted = one.config.id.clone();
        let same_entry = last.as_ref() == Some(&one.config.place);
        if one.own_id && taken.contains(&wanted) && !same_entry {
            let message = format!("the id `{wanted}` is another deployment's already");
            report
                .error(&one.config.place, message)
                .help("ids must be unique; leave `id` out to have one made");
        }
        last = Some(one.config.place.clone());
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let free = std::iter::once(wanted.clone()).chain(numbered).find(|id| !taken.contains(id));
        one.config.id = free.expect("there is always another number");
        taken.insert(one.config.id.clone());
    }
}

impl<'a> Draft<'a> {
    /// The strongest map's value of a key.
    fn get(&self, key: &str) -> Option<&'a Node> {
        self.layers.iter().find_map(|layer| layer.get(key))
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.layers.iter().find_map(|layer| layer.get_text(key))
    }

    fn texts(&self, key: &str) -> Vec<String> {
        self.layers
            .iter()
            .map(|layer| layer.get_texts(key))
            .find(|texts| !texts.is_empty())
            .unwrap_or_default()
    }

    fn whole(&self, key: &str) -> Option<u64> {
        self.layers.iter().find_map(|layer| layer.get_whole(key))
    }

    fn info_text(&self, key: &str) -> Option<&'a str> {
        self.info.and_then(|info| info.get_text(key))
    }

    fn policy(&self) -> Option<LossPolicy> {
        let dropped = |drop: bool| if drop { LossPolicy::Drop } else { LossPolicy::Default };
        match self.text("on_loss") {
            Some("drop") => Some(LossPolicy::Drop),
            Some("reject") => Some(LossPolicy::Reject),
            Some(_) => Some(LossPolicy::Default),
            None => self.layers.iter().find_map(|layer| layer.get_flag("drop_params")).map(dropped),
        }
    }
}
