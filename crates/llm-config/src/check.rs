//! What a configuration would serve, in words: the report of `llm-server check`.

use std::fmt::Write;

use llm_core::LossPolicy;
use llm_gateway::AccountSpec;
use llm_providers::{Auth, Providers};

use crate::build;
use crate::config::{Config, DeploymentConfig, Loaded, Origin};
use crate::report::Severity;

/// Deployments of one vendor and place that are shown one by one; the others are counted.
const SHOWN: usize = 6;

/// Everything that a configuration would serve, and what is weak about it. Holds no secret.
pub fn describe(loaded: &Loaded) -> String {
    let config = &loaded.config;
    let mut out = String::new();
    sources(loaded, &mut out);
    let rows = rows(config);
    table(&rows, &mut out);
    names(config, &mut out);
    for problem in &loaded.warnings.problems {
        out.push('\n');
        line(&mut out, &problem.to_string());
    }
    let warnings = loaded.warnings.count(Severity::Warning);
    let summary =
        format!("\n{}, {}", counted(config.deployments.len(), "deployment"), counted(warnings, "warning"));
    line(&mut out, &summary);
    without_keys(out, config)
}

/// Below this length a key is a placeholder, and may be a part of any word.
const KEY: usize = 8;

/// Addresses may have a key in them: some vendors want it there, and variables may put one anywhere.
fn without_keys(told: String, config: &Config) -> String {
    let keys =
        config.deployments.iter().filter_map(|one| one.api_key.as_ref()).chain(&config.server.master_key);
    let mut keys: Vec<&str> = keys.map(|key| key.expose().as_str()).filter(|key| key.len() >= KEY).collect();
    // One that begins with another one is hidden before that.
    keys.sort_unstable_by_key(|key| std::cmp::Reverse(key.len()));
    keys.dedup();
    keys.iter().fold(told, |told, key| if told.contains(key) { told.replace(key, "***") } else { told })
}

fn sources(loaded: &Loaded, out: &mut String) {
    let files = loaded.sources.files.iter().chain(&loaded.sources.dotenv);
    let files: Vec<&str> = files.map(|file| &**file).collect();
    let read = if files.is_empty() { "no file".to_owned() } else { files.join(", ") };
    line(out, &format!("read: {read}"));
    let what = match loaded.sources.deployments {
        Origin::Files => "named in the configuration",
        Origin::Environment => "found by vendors' keys in the environment",
        Origin::Mock => "the built-in mock: there is nothing else to serve",
    };
    line(out, &format!("deployments: {what}"));
    let server = &loaded.config.server;
    let key = if server.master_key.is_some() {
        "clients need the master key"
    } else {
        "no master key: anyone may ask"
    };
    let host = server.host.as_deref().unwrap_or("(default)");
    line(out, &format!("server: host {host}, port {}, {key}", server.port));
    if loaded.config.redis.is_some() {
        line(out, "shared with other gateways: limits and cooldowns, through redis");
    } else if loaded.config.storage.server().is_some() {
        let limits = if loaded.config.storage.shares_limits { "limits and budgets of callers, " } else { "" };
        line(out, &format!("shared with other gateways: {limits}changes of keys, through postgresql"));
    }
    let router = &loaded.config.router;
    let told = format!(
        "router: {}, {}, {}",
        router.strategy.name(),
        counted(usize::try_from(router.num_retries).unwrap_or(usize::MAX), "retry"),
        match router.policy {
            LossPolicy::Drop => "drops what vendors cannot do",
            _ => "refuses what vendors cannot do",
        }
    );
    line(out, &told);
    for (setting, place) in &loaded.sources.settings {
        if *place != crate::Place::Default {
            line(out, &format!("  {setting}: {place}"));
        }
    }
}

const HEAD: [&str; 7] = ["public name", "vendor", "model", "address", "key", "price", "limits"];

fn rows(config: &Config) -> Vec<[String; 7]> {
    let providers = Providers::new(config.vendors.clone());
    let mut rows: Vec<[String; 7]> = Vec::new();
    let mut of_place = 0;
    let mut previous: Option<&DeploymentConfig> = None;
    let mut hidden = 0;
    for one in &config.deployments {
        let same = previous.is_some_and(|last| last.place == one.place && last.vendor == one.vendor);
        if !same {
            more(&mut rows, &mut hidden);
            of_place = 0;
        }
        of_place += 1;
        if of_place <= SHOWN {
            rows.push(row(one, config, &providers, build::account(one, config).ok().as_ref()));
        } else {
            hidden += 1;
        }
        previous = Some(one);
    }
    more(&mut rows, &mut hidden);
    rows
}

fn more(rows: &mut Vec<[String; 7]>, hidden: &mut usize) {
    if *hidden > 0 {
        let mut row: [String; 7] = Default::default();
        if let Some(first) = row.first_mut() {
            *first = format!("… and {hidden} more");
        }
        rows.push(row);
        *hidden = 0;
    }
}

fn row(
    one: &DeploymentConfig,
    config: &Config,
    providers: &Providers,
    pricing: Option<&AccountSpec>,
) -> [String; 7] {
    let spec = build::provider_spec(one, LossPolicy::Default);
    let address = match providers.base_url(&spec) {
        Ok(Some(address)) => address.url,
        Ok(None) => "built in".to_owned(),
        Err(error) => format!("invalid: {}", error.message()),
    };
    let needless = config.vendors.get(&one.vendor).is_some_and(|vendor| vendor.auth == Auth::None);
    let key = if one.api_key.is_some() {
        "yes"
    } else if needless {
        "none needed"
    } else {
        "no"
    };
    [
        one.public.clone(),
        one.vendor.clone(),
        one.model.clone(),
        address,
        key.to_owned(),
        price(one, config, pricing).to_owned(),
        limits(one),
    ]
}

fn price(one: &DeploymentConfig, config: &Config, pricing: Option<&AccountSpec>) -> &'static str {
    let Some(pricing) = pricing else { return "unknown" };
    if let Some(own) = &pricing.entry {
        return if own.price.is_known() { "own" } else { "unknown" };
    }
    if one.model.contains('*') {
        return "by model";
    }
    let name = pricing.base_model.as_deref().unwrap_or(&one.model);
    let listed = config.prices.lookup(&pricing.price_provider, name);
    if listed.is_some_and(|entry| entry.price.is_known()) { "listed" } else { "unknown" }
}

fn limits(one: &DeploymentConfig) -> String {
    let mut parts = Vec::new();
    let mut add =
        |name: &str, value: Option<String>| parts.extend(value.map(|value| format!("{name} {value}")));
    let seconds = |time: Option<std::time::Duration>| time.map(|time| format!("{}s", time.as_secs_f64()));
    add("weight", (one.weight > 0).then(|| one.weight.to_string()));
    add("order", (one.order > 0).then(|| one.order.to_string()));
    add("timeout", seconds(one.limits.headers));
    add("retries", one.num_retries.map(|retries| retries.to_string()));
    add("max tokens", one.max_output_tokens.map(|tokens| tokens.to_string()));
    parts.join(", ")
}

fn table(rows: &[[String; 7]], out: &mut String) {
    if rows.is_empty() {
        return;
    }
    out.push('\n');
    let head = HEAD.map(str::to_owned);
    let width = |at: usize| {
        let cells = std::iter::once(&head).chain(rows).filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    for row in std::iter::once(&head).chain(rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(out, cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

fn names(config: &Config, out: &mut String) {
    let mut told = Vec::new();
    for (alias, target) in &config.aliases {
        let hidden = if target.hidden { " (hidden)" } else { "" };
        told.push(format!("alias: {alias} is {}{hidden}", target.target));
    }
    let router = &config.router;
    for (list, what) in [
        (&router.fallbacks, ""),
        (&router.context_window_fallbacks, " for long prompts"),
        (&router.content_policy_fallbacks, " after refusals"),
    ] {
        for (group, targets) in list {
            told.push(format!("fallbacks of {group}{what}: {}", targets.join(", ")));
        }
    }
    if !config.router.default_fallbacks.is_empty() {
        told.push(format!("fallbacks of all others: {}", config.router.default_fallbacks.join(", ")));
    }
    told.extend(config.default_model.iter().map(|model| format!("default model: {model}")));
    if !told.is_empty() {
        out.push('\n');
        told.iter().for_each(|text| line(out, text));
    }
}

fn counted(count: usize, what: &str) -> String {
    match (count, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        _ => format!("{count} {what}s"),
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a string cannot fail");
}
