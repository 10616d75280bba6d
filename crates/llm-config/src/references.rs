//! Names that refer to groups: aliases, fallbacks, the default model, and what single groups say for themselves.

use std::collections::{BTreeMap, HashSet};

use llm_router::{Alias, Pattern};

use crate::config::{Config, Origin};
use crate::deployments::master_key;
use crate::keys::nearest;
use crate::node::{Node, Value};
use crate::report::{Place, Report};

mod groups;

/// Reads every reference of the file and reports those to nothing.
pub(crate) fn resolve(
    config: &mut Config,
    root: &Node,
    names: &HashSet<String>,
    origin: Origin,
    places: &BTreeMap<&'static str, Place>,
    report: &mut Report,
) {
    let place = |path: &str| places.get(path).cloned().unwrap_or_default();
    if let Some(key) = &config.server.master_key {
        master_key(report, &place("server.master_key"), key.expose());
    }
    let mut resolving = Resolving { names, targets: BTreeMap::new(), report };
    resolving.targets = resolving.aliases(root);
    config.aliases = resolving.targets.clone();
    let of = |section: &str, key: &str| root.get(section).and_then(|section| section.get(key));
    let either = |key: &str| of("router_settings", key).or_else(|| of("litellm_settings", key));
    let (by_group, plain) = either("fallbacks").map(|node| resolving.fallbacks(node)).unwrap_or_default();
    for (key, list) in [
        ("context_window_fallbacks", &mut config.router.context_window_fallbacks),
        ("content_policy_fallbacks", &mut config.router.content_policy_fallbacks),
    ] {
        let (by_group, plain) = either(key).map(|node| resolving.fallbacks(node)).unwrap_or_default();
        // A plain list is for all groups.
        let for_all = Some(("*".to_owned(), plain)).filter(|(_, plain)| !plain.is_empty());
        *list = by_group.into_iter().chain(for_all).collect();
    }
    if let Some(router) = root.get("router_settings") {
        resolving.routing(router, &mut config.router);
    }
    let defaults = either("default_fallbacks").map(|node| resolving.group_list(node)).unwrap_or_default();
    config.router.fallbacks = by_group;
    config.router.default_fallbacks = plain.into_iter().chain(defaults).collect();

    let default = root.get("default_model").or_else(|| root.get("llm")?.get("default_model"));
    config.default_model = default.and_then(|node| resolving.default_model(node, origin));
    if config.deployments.is_empty() && !report.has_errors() {
        let problem = report.warning(&root.at, "nothing is served");
        problem.help("name a deployment under `model_list`, or set a vendor's key");
    }
}

struct Resolving<'a> {
    names: &'a HashSet<String>,
    /// Aliases that refer to a group.
    targets: BTreeMap<String, Alias>,
    report: &'a mut Report,
}

impl Resolving<'_> {
    fn aliases(&mut self, root: &Node) -> BTreeMap<String, Alias> {
        let weak = root.at_path("litellm_settings.model_alias_map");
        let strong = root.at_path("router_settings.model_group_alias");
        let mut aliases = BTreeMap::new();
        for entry in weak.into_iter().chain(strong).flat_map(Node::entries) {
            let hidden = entry.value.get_flag("hidden").unwrap_or(false);
            let Some(target) =
                entry.value.get("model").or(Some(&entry.value)).filter(|node| node.text().is_some())
            else {
                let problem =
                    self.report.error(&entry.at, format!("the alias `{}` names no group", entry.key));
                problem.help("write `alias: group`, or `alias: {model: group, hidden: true}`");
                continue;
            };
            let Some(group) = self.group(target, "alias") else { continue };
            aliases.insert(entry.key.clone(), Alias { target: group, hidden });
            if self.names.contains(&entry.key) {
                let message = format!("the alias `{}` hides the group of the same name", entry.key);
                self.report.warning(&entry.at, message);
            }
        }
        aliases
    }

    /// Fallbacks by group, and those of a plain list.
    fn fallbacks(&mut self, node: &Node) -> (Vec<(String, Vec<String>)>, Vec<String>) {
        let (mut by_group, mut plain) = (Vec::new(), Vec::new());
        for element in node.elements() {
            if !matches!(element.value, Value::Map(_)) {
                plain.extend(self.group(element, "fallback"));
                continue;
            }
            for entry in element.entries() {
                let at = Node::text_at(&entry.key, &entry.at);
                let group =
                    if entry.key == "*" { Some(entry.key.clone()) } else { self.group(&at, "fallbacks") };
                let targets = self.group_list(&entry.value);
                by_group.extend(group.map(|group| (group, targets)));
            }
        }
        (by_group, plain)
    }

    fn group_list(&mut self, node: &Node) -> Vec<String> {
        node.elements().iter().filter_map(|element| self.group(element, "fallback")).collect()
    }

    /// A group's name, when there is such a group.
    fn group(&mut self, node: &Node, what: &str) -> Option<String> {
        let name = node.text().map(str::trim).filter(|name| !name.is_empty())?;
        if self.is_known(name) || (what != "alias" && self.is_pattern_of_some(name)) {
            return Some(name.to_owned());
        }
        let message = match what {
            "alias" => format!("the alias refers to `{name}`, and no deployment has this name"),
            "fallbacks" => format!("there are fallbacks of `{name}`, and no deployment has this name"),
            _ => format!("there is a fallback to `{name}`, and no deployment has this name"),
        };
        self.unknown(node, name, message);
        None
    }

    fn default_model(&mut self, node: &Node, origin: Origin) -> Option<String> {
        let name = node.text().map(str::trim).filter(|name| !name.is_empty())?;
        if self.is_known(name) {
            return Some(name.to_owned());
        }
        if origin != Origin::Files {
            // Whether a vendor was found depends on the machine, not on the file.
            let message = format!("the default model `{name}` is not served: no vendor of it was found");
            self.report
                .warning(&node.at, message)
                .help("set the vendor's key in the environment or in `.env`");
            return None;
        }
        self.unknown(node, name, format!("the default model is `{name}`, and no deployment has this name"));
        None
    }

    fn unknown(&mut self, node: &Node, name: &str, message: String) {
        let exact = self
            .names
            .iter()
            .chain(self.targets.keys())
            .map(String::as_str)
            .filter(|known| !known.contains('*'));
        let help = nearest(name, exact).map(|near| format!("did you mean `{near}`?"));
        self.report
            .error(&node.at, message)
            .help(help.unwrap_or_else(|| "names are the `model_name` of a deployment".to_owned()));
    }

    /// Whether it stands for several names: `acme/*` for `acme/large` and `acme/small`.
    fn is_pattern_of_some(&self, name: &str) -> bool {
        let pattern = Pattern::new(name);
        pattern.is_wildcard() && self.names.iter().any(|known| pattern.capture(known).is_some())
    }

    fn is_known(&self, name: &str) -> bool {
        let matches = |known: &String| known == name || Pattern::new(known.as_str()).capture(name).is_some();
        self.targets.contains_key(name) || self.names.iter().any(matches)
    }
}
