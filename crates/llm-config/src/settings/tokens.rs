//! Which tokens of identity providers are good: `litellm_jwtauth`, and LiteLLM's variables.

use llm_core::Secret;
use llm_core::json::object_of;
use llm_governance::token::TokenSettings;
use serde_json::{Map, Value};

use crate::environment::Environment;
use crate::keys::{Section, Shape, tokens};
use crate::node::Node;
use crate::report::{Place, Report};
use crate::strict::{flag, number, seconds, whole};

/// What holds for tokens; `None`: they are not taken.
pub(super) fn settings(
    root: &Node,
    environment: &Environment,
    master_key: Option<&Secret>,
    report: &mut Report,
) -> Option<TokenSettings> {
    let general = root.get("general_settings")?;
    let section = general.get("litellm_jwtauth");
    if general.get_flag("enable_jwt_auth") != Some(true) {
        if let Some(section) = section {
            let words = "set `enable_jwt_auth: true` beside it";
            report.warning(&section.at, "`litellm_jwtauth` has no effect: tokens are not taken").help(words);
        }
        return None;
    }
    let at = section.or_else(|| general.get("enable_jwt_auth")).map_or(&general.at, |node| &node.at);
    if master_key.is_none() {
        let words = "set `LLM_MASTER_KEY` or `server.master_key`";
        report.error(at, "tokens mean nothing without a master key: anyone may ask").help(words);
        return None;
    }
    let mut fields = section.map(|section| object(section, &tokens::TOKENS)).unwrap_or_default();
    if let Some(permissions) = general.get("role_permissions") {
        let permissions = value(permissions, Shape::Sections(&tokens::ROLE_PERMISSIONS));
        fields.extend(permissions.map(|permissions| ("role_permissions".to_owned(), permissions)));
    }
    variables(&mut fields, environment);
    let settings: TokenSettings = match serde_json::from_value(Value::Object(fields)) {
        Ok(settings) => settings,
        Err(error) => {
            report.error(at, format!("`litellm_jwtauth` cannot be read: {error}"));
            return None;
        }
    };
    if let Err(error) = settings.check() {
        report.error(at, error.message());
        return None;
    }
    addresses(&settings, environment, at, report);
    Some(settings)
}

/// LiteLLM's variables win over the file.
fn variables(fields: &mut Map<String, Value>, environment: &Environment) {
    for (name, variable) in [("public_key_urls", PUBLIC_KEY_URL), ("audience", "JWT_AUDIENCE")] {
        let list = environment.list(variable);
        if !list.is_empty() {
            fields.insert(name.to_owned(), Value::from(list));
        }
    }
    if let Some(issuer) = environment.get("JWT_ISSUER") {
        fields.insert("issuer".to_owned(), Value::from(issuer));
    }
}

const PUBLIC_KEY_URL: &str = "JWT_PUBLIC_KEY_URL";

/// Whoever can change what an address answers is everybody.
fn addresses(settings: &TokenSettings, environment: &Environment, at: &Place, report: &mut Report) {
    let variable = environment.place(PUBLIC_KEY_URL);
    let of_all = if environment.get(PUBLIC_KEY_URL).is_some() { &variable } else { at };
    let all = settings.public_key_urls.iter().map(|address| (address.as_str(), of_all));
    let issuers =
        settings.issuers.iter().map(|one| (one.jwks_url.as_ref().unwrap_or(&one.issuer).as_str(), at));
    for (address, at) in all.chain(issuers) {
        let url: Option<http::Uri> = address.parse().ok();
        let host = url.as_ref().and_then(http::Uri::host);
        match (url.as_ref().and_then(http::Uri::scheme_str), host) {
            (Some("https"), Some(_)) => {}
            (Some("http"), Some(host)) if is_this_machine(host) => {}
            (Some("http"), Some(_)) => {
                let message = "keys of an identity provider come over plain `http`";
                let words = "use `https`: whoever stands in between can sign tokens";
                report.warning(at, message).help(words);
            }
            _ => {
                let message = "keys of an identity provider need a whole `https` address";
                let words = "set `JWT_PUBLIC_KEY_URL`, `public_key_urls`, or an issuer's `jwks_url`";
                report.error(at, message).help(words);
            }
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let address: Option<std::net::IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// The keys of a checked section as JSON of the kinds that they have there, however they were written.
fn object(node: &Node, section: &'static Section) -> Map<String, Value> {
    let entries = node.entries().iter().filter(|entry| !entry.value.is_null());
    let fields = entries.filter_map(|entry| {
        let shape = section.find(&entry.key)?.shape;
        Some((entry.key.clone(), value(&entry.value, shape)?))
    });
    object_of(fields)
}

fn value(node: &Node, shape: Shape) -> Option<Value> {
    let text = || node.text().map(str::trim).filter(|text| !text.is_empty());
    Some(match shape {
        Shape::Bool => Value::from(flag(text()?)?),
        Shape::Whole => Value::from(whole(text()?)?),
        Shape::Number => Value::from(number(text()?)?),
        Shape::Seconds => Value::from(seconds(text()?)?.as_secs_f64()),
        Shape::Texts => node.elements().iter().filter_map(Node::text).map(Value::from).collect(),
        Shape::Sections(section) => {
            node.elements().iter().map(|element| Value::Object(object(element, section))).collect()
        }
        _ => Value::from(text()?),
    })
}
