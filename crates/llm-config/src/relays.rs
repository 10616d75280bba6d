//! Paths that pass to a vendor as they are, and whose credentials they use: the first deployment of the vendor in the
//! configuration, else the vendor's own variables in the environment.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use llm_core::Result;
use llm_core::relay::RelayBase;
use llm_gateway::{RelayRoute, RelayTarget};
use llm_providers::{Providers, Status, Vendor};
use llm_router::{Deployment, DeploymentSpec};
use llm_transport::Options;
use parking_lot::Mutex;

use crate::config::{Config, DeploymentConfig};
use crate::deployments::{Maker, Network};
use crate::environment::Environment;
use crate::inference::Known;
use crate::kept::Built;
use crate::load::plain;
use crate::node::Node;
use crate::report::Report;
use crate::settings::EndpointConfig;

/// The beginnings of paths, as LiteLLM has them, and the vendors that answer behind them.
const VENDORS: &[(&str, &[&str])] = &[
    ("/anthropic", &["anthropic"]),
    ("/azure", &["azure", "azure_responses", "azure_o_series", "azure_text"]),
    ("/azure_ai", &["azure_ai"]),
    ("/bedrock", &["bedrock"]),
    ("/cohere", &["cohere"]),
    ("/gemini", &["gemini"]),
    ("/openai", OPENAI),
    ("/openai_passthrough", OPENAI),
    ("/vertex_ai", &["vertex_ai"]),
];

const OPENAI: &[&str] = &["openai", "openai_responses"];

/// Paths of OpenAI's API that go to any vendor that has them, and what they are below its base address.
const SHARED: &[(&str, &str)] =
    &[("/batches", "/batches"), ("/files", "/files"), ("/v1/batches", "/batches"), ("/v1/files", "/files")];

/// Dialects whose vendors may have those.
const SHARED_DIALECTS: [&str; 2] = ["openai.chat", "openai.responses"];

/// The route whose credentials the shared paths use when no deployment has any.
const SHARED_DEFAULT: &str = "/openai";

/// Deployments for paths that no deployment of the configuration has credentials for, made of the variables that the
/// vendors' rows name. What is missing is no mistake: nobody asked for it.
pub(crate) fn of_environment(
    deployments: &[DeploymentConfig],
    root: &Node,
    environment: &Environment,
    known: Known<'_>,
) -> BTreeMap<&'static str, DeploymentConfig> {
    let served: HashSet<&str> = deployments.iter().map(|one| one.vendor.as_str()).collect();
    let mut found = BTreeMap::new();
    for (prefix, vendors) in VENDORS {
        if vendors.iter().any(|vendor| served.contains(vendor)) {
            continue;
        }
        let ready = vendors
            .iter()
            .filter_map(|name| known.vendors.get(name))
            .filter(|one| one.status == Status::Ready);
        let made = ready.filter(|vendor| is_named(vendor, environment)).find_map(|vendor| {
            let mut report = Report::default();
            let (names, network) = (HashSet::new(), Network::of(root, environment));
            let mut maker =
                Maker { known, environment, report: &mut report, made: Vec::new(), names, network };
            let mut draft = plain(&format!("{}/*", vendor.name));
            draft.id = Some(format!("relay{prefix}"));
            maker.make(&draft);
            maker.finish().0.into_iter().next()
        });
        if let Some(made) = made {
            found.insert(*prefix, made);
        }
    }
    found
}

/// Whether a variable speaks of the vendor.
fn is_named(vendor: &Vendor, environment: &Environment) -> bool {
    let parameters = vendor.parameters.values().flatten();
    let mut names = vendor.key_env.iter().chain(&vendor.base_env).chain(parameters);
    names.any(|name| environment.get(name).is_some())
}

/// The routes of a configuration, and the deployments that only they use. `make` makes those; one that cannot be made
/// is left out.
pub(crate) fn routes(
    config: &Config,
    deployments: &[Arc<Deployment>],
    make: impl Fn(&DeploymentConfig) -> Result<Built>,
) -> (Vec<RelayRoute>, Vec<Built>) {
    let mut own: BTreeMap<&str, Arc<Deployment>> = BTreeMap::new();
    let mut made = Vec::new();
    for (prefix, one) in &config.relays {
        if let Ok(one) = make(one) {
            own.insert(prefix, Arc::clone(&one.deployment));
            made.push(one);
        }
    }
    let target = |deployment: &Arc<Deployment>| RelayTarget {
        names: names(config, &deployment.vendor),
        deployment: Arc::clone(deployment),
    };
    let vendors = VENDORS.iter().map(|(prefix, vendors)| {
        let is_one = |deployment: &&Arc<Deployment>| vendors.contains(&deployment.vendor.as_str());
        let first = deployments.iter().find(is_one).or_else(|| own.get(prefix));
        RelayRoute {
            endpoint: None,
            prefix,
            becomes: "",
            base: RelayBase::Root,
            targets: first.map(target).into_iter().collect(),
            remedy: remedy(config, vendors),
        }
    });
    let speaks =
        |deployment: &&Arc<Deployment>| SHARED_DIALECTS.contains(&deployment.provider.dialect().name());
    let mut shared: Vec<RelayTarget> = deployments.iter().filter(speaks).map(target).collect();
    if shared.is_empty() {
        shared.extend(own.get(SHARED_DEFAULT).map(target));
    }
    let shared = SHARED.iter().map(|(prefix, becomes)| RelayRoute {
        endpoint: None,
        prefix,
        becomes,
        base: RelayBase::Api,
        targets: shared.clone(),
        remedy: remedy(config, OPENAI),
    });
    (vendors.chain(shared).collect(), made)
}

/// The route of a path of the operator's own.
///
/// # Errors
/// When its address or one of its headers is none.
pub(crate) fn endpoint(one: &EndpointConfig, providers: &Providers) -> Result<RelayRoute> {
    let whole = format!("{}?{}", one.target, one.endpoint.query);
    let provider = providers.pass_through(&whole, &one.headers, &Options::default())?;
    let deployment = Deployment::new(DeploymentSpec {
        full_name: format!("pass_through{}", one.path),
        vendor: "pass_through".to_owned(),
        api_base: one.target.clone(),
        ..DeploymentSpec::new(
            format!("pass_through{}", one.path),
            one.path.as_str(),
            one.path.as_str(),
            provider,
        )
    });
    let target = RelayTarget { names: Vec::new(), deployment: Arc::new(deployment) };
    Ok(RelayRoute {
        prefix: lasting(&one.path),
        becomes: "",
        base: RelayBase::Api,
        targets: vec![target],
        remedy: String::new(),
        endpoint: Some(one.endpoint.clone()),
    })
}

/// A path as long as the program lives: metrics name routes by it. Configurations that are read again bring few new ones.
fn lasting(path: &str) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock();
    if let Some(path) = known.get(path) {
        return path;
    }
    let path: &'static str = Box::leak(path.to_owned().into_boxed_str());
    known.insert(path);
    path
}

fn names(config: &Config, vendor: &str) -> Vec<String> {
    let row = config.vendors.get(vendor);
    row.map(|row| row.prefixes().map(str::to_owned).collect()).unwrap_or_default()
}

fn remedy(config: &Config, vendors: &[&str]) -> String {
    let Some(vendor) = vendors.first().and_then(|name| config.vendors.get(name)) else {
        return "this gateway does not know the vendor".to_owned();
    };
    let name = &vendor.name;
    if vendor.status == Status::Planned {
        return format!("the vendor `{name}` is not supported yet, it comes later");
    }
    let variables: Vec<String> = vendor.key_env.iter().map(|name| format!("`{name}`")).collect();
    match variables.is_empty() {
        true => format!("add a deployment of `{name}/`"),
        false => format!("add a deployment of `{name}/`, or set {}", variables.join(" or ")),
    }
}
