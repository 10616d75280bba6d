//! Paths of the operator's own that pass to an address of its choice: LiteLLM's `pass_through_endpoints`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use llm_core::Secret;
use llm_core::money::NanoDollars;
use llm_gateway::RelayEndpoint;
use llm_providers::ingresses;

use super::callbacks::is_address;
use crate::environment::Environment;
use crate::node::Node;
use crate::report::{Place, Report};

/// A path, and where it leads.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// The path here.
    pub path: String,
    /// The address, without its query.
    pub target: String,
    /// Headers of each request; they may be credentials.
    pub headers: Vec<(String, Secret)>,
    /// The rest.
    pub endpoint: RelayEndpoint,
    /// Where it stands.
    pub place: Place,
}

/// All of a file.
pub(crate) fn endpoints(
    root: &Node,
    environment: &Environment,
    has_key: bool,
    report: &mut Report,
) -> Vec<EndpointConfig> {
    let list = root.at_path("general_settings.pass_through_endpoints");
    let mut found: Vec<EndpointConfig> = Vec::new();
    for node in list.map(Node::elements).unwrap_or_default().iter().filter(|node| !node.is_null()) {
        let Some(one) = endpoint(node, environment, report) else { continue };
        if found.iter().any(|known| known.path == one.path) {
            report.error(&one.place, format!("the path `{}` stands twice", one.path));
            continue;
        }
        if has_key && node.get_flag("auth").is_none() {
            let message = format!("whoever reaches the gateway may use `{}`, without any key", one.path);
            report.warning(&one.place, message).help("write `auth: true`, or `auth: false` if it is meant");
        }
        found.push(one);
    }
    found
}

fn endpoint(node: &Node, environment: &Environment, report: &mut Report) -> Option<EndpointConfig> {
    let mut wrong = |message: String, help: &str| {
        report.error(&node.at, message).help(help);
    };
    let path = node.get_text("path").unwrap_or_default().trim_end_matches('/').to_owned();
    if !path.starts_with('/') || path.contains(['?', '#', '{', '*', ' ']) {
        wrong(format!("`{path}` is no path of a pass-through endpoint"), "write it like `/v1/own`");
        return None;
    }
    let target = node.get_text("target").unwrap_or_default();
    if !is_address(target) {
        wrong(format!("the `target` of `{path}` is no address"), "write it like `https://host/path`");
        return None;
    }
    let methods = node.get_texts("methods");
    let read = methods.iter().map(|name| Method::from_bytes(name.to_ascii_uppercase().as_bytes()));
    let Ok(methods) = read.collect::<Result<Vec<_>, _>>() else {
        wrong(format!("`methods` of `{path}` has what is none"), "write a list like `[GET, POST]`");
        return None;
    };
    if is_served(&path) {
        let message = format!("`{path}` is a path of a model API that the gateway serves itself: that wins");
        report.warning(&node.at, message).help("choose another path");
    }
    let (address, query) = target.split_once('?').unwrap_or((target, ""));
    let flag = |key: &str| node.get_flag(key).unwrap_or(false);
    let endpoint = RelayEndpoint {
        subpaths: flag("include_subpath"),
        methods,
        needs_key: flag("auth"),
        forwards_headers: flag("forward_headers"),
        query: with_defaults(query, node),
        merges_query: flag("merge_query_params"),
        cost: node.get_text("cost_per_request").and_then(NanoDollars::parse),
    };
    let headers = headers(node.get("headers"), environment, report);
    let target = address.trim_end_matches('/').to_owned();
    Some(EndpointConfig { path, target, headers, endpoint, place: node.at.clone() })
}

/// Whether a dialect's endpoint has this path.
fn is_served(path: &str) -> bool {
    ingresses().iter().any(|ingress| ingress.endpoints().iter().any(|endpoint| endpoint.path == path))
}

fn with_defaults(query: &str, node: &Node) -> String {
    let defaults = node.get("default_query_params").map(Node::entries).unwrap_or_default();
    let encode = |text: &str| url_encoded(text);
    let pairs = defaults
        .iter()
        .filter_map(|entry| Some(format!("{}={}", encode(&entry.key), encode(entry.value.text()?))));
    let all = std::iter::once(query.to_owned()).filter(|query| !query.is_empty()).chain(pairs);
    all.collect::<Vec<_>>().join("&")
}

fn url_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The two headers in which LiteLLM's users give Langfuse's keys; they become one of HTTP's own.
const LANGFUSE: [&str; 2] = ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"];

fn headers(map: Option<&Node>, environment: &Environment, report: &mut Report) -> Vec<(String, Secret)> {
    let Some(map) = map else { return Vec::new() };
    let mut headers = Vec::new();
    let mut langfuse = [None, None];
    for entry in map.entries() {
        let Some(value) = resolved(&entry.value, environment, report) else { continue };
        match LANGFUSE.iter().position(|name| *name == entry.key) {
            Some(at) => langfuse[at] = Some(value),
            None => headers.push((entry.key.clone(), Secret::new(value))),
        }
    }
    if let [Some(public), Some(secret)] = langfuse {
        let shown = format!("Basic {}", STANDARD.encode(format!("{public}:{secret}")));
        headers.push(("authorization".to_owned(), Secret::new(shown)));
    }
    headers
}

/// A value whose end may name a variable: `bearer os.environ/NAME`.
fn resolved(node: &Node, environment: &Environment, report: &mut Report) -> Option<String> {
    let text = node.text()?;
    let Some((before, name)) = text.split_once("os.environ/") else { return Some(text.to_owned()) };
    let name = name.trim();
    match environment.get(name) {
        Some(value) => Some(format!("{before}{value}")),
        None => {
            let shown: String = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
            report
                .error(&node.at, format!("the variable `{shown}` is not set"))
                .help("set it in the environment or in `.env`, or take this line out");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node;

    fn read(yaml: &str, variables: &[(&str, &str)]) -> (Vec<EndpointConfig>, Report) {
        let yaml = format!("general_settings: {{pass_through_endpoints: [{yaml}]}}");
        let root = node::read(&"a.yaml".into(), yaml.as_bytes()).expect("YAML");
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<_> = variables.iter().map(own).collect();
        let mut report = Report::default();
        let found = endpoints(&root, &Environment::new(&variables), true, &mut report);
        (found, report)
    }

    #[test]
    fn an_endpoint_is_read_as_litellm_writes_it() {
        let (found, report) = read(
            "{path: /own/rerank/, target: 'https://a.example/v1/rerank?x=1', headers: {Authorization: bearer \
             os.environ/KEY, LANGFUSE_PUBLIC_KEY: p, LANGFUSE_SECRET_KEY: s}, auth: true, cost_per_request: 0.01, \
             default_query_params: {a b: c}, methods: [post]}",
            &[("KEY", "k")],
        );
        assert!(report.problems.is_empty(), "{report}");
        let one = &found[0];
        assert_eq!((one.path.as_str(), one.target.as_str()), ("/own/rerank", "https://a.example/v1/rerank"));
        assert_eq!((one.endpoint.query.as_str(), one.endpoint.needs_key), ("x=1&a%20b=c", true));
        assert_eq!(one.endpoint.cost, Some(NanoDollars(10_000_000)));
        let headers: Vec<_> =
            one.headers.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
        assert_eq!(headers, [("Authorization", "bearer k"), ("authorization", "Basic cDpz")]);
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        for (yaml, said) in [
            ("{path: own, target: 'https://a.example'}", "no path"),
            ("{path: /own, target: a.example}", "no address"),
            ("{path: /own, target: 'https://a.example', auth: true, headers: {a: os.environ/NONE}}", "NONE"),
            ("{path: /v1/chat/completions, target: 'https://a.example', auth: true}", "itself"),
            ("{path: /own, target: 'https://a.example'}", "without any key"),
        ] {
            let (_, report) = read(yaml, &[]);
            assert!(report.to_string().contains(said), "{said}: {report}");
        }
    }
}
