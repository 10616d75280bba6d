//! The forms in which a file may name deployments, as drafts.

use super::Draft;
use crate::keys::nearest;
use crate::node::Node;
use crate::report::{Place, Report};
use crate::team::TeamName;

/// All deployments of a file, in its order: `model_list`, `providers`, `models`.
pub(crate) fn drafts<'a>(root: &'a Node, report: &mut Report) -> Vec<Draft<'a>> {
    let mut reading = Reading { root, report };
    let list = |key: &str| {
        root.get(key).map(Node::elements).unwrap_or_default().iter().filter(|node| !node.is_null())
    };
    let mut drafts: Vec<Draft<'a>> = list("model_list").filter_map(|entry| reading.listed(entry)).collect();
    drafts.extend(list("providers").filter_map(|entry| reading.flat(entry)));
    for entry in root.get("models").map(Node::entries).unwrap_or_default() {
        drafts.extend(reading.named(&entry.key, &entry.at, &entry.value));
    }
    drafts
}

/// An element of `model_list` that stands elsewhere than in the file, with the file's credentials and defaults.
pub(crate) fn entry<'a>(root: &'a Node, entry: &'a Node, report: &mut Report) -> Option<Draft<'a>> {
    Reading { root, report }.listed(entry)
}

struct Reading<'a, 'r> {
    root: &'a Node,
    report: &'r mut Report,
}

impl<'a> Reading<'a, '_> {
    /// An element of `model_list`; what `litellm_params` does not say may stand beside `model_name`.
    fn listed(&mut self, entry: &'a Node) -> Option<Draft<'a>> {
        let public =
            self.needed(entry, "model_name", "a deployment needs a `model_name`: the name that clients use")?;
        let params = entry.get("litellm_params");
        let model = params.and_then(|params| params.get("model")).or_else(|| entry.get("model"));
        if model.is_some_and(|model| model.text() == Some("")) {
            return None;
        }
        let Some(model) = model.and_then(Node::text) else {
            let problem = self.report.error(&entry.at, format!("`{public}` has no `litellm_params.model`"));
            problem.help("write the vendor and its model: `model: vendor/model`");
            return None;
        };
        let layers = params.into_iter().chain([entry]).collect();
        let info = entry.get("model_info");
        let team = info.and_then(|info| {
            let team = info.get_text("team_id")?.to_owned();
            let public = info.get_text("team_public_model_name").unwrap_or(public).trim().to_owned();
            Some(TeamName { team, public })
        });
        if let Some(team) = team.as_ref().filter(|team| team.public.contains('*')) {
            let message = format!("`{}` is a team's own, and a pattern", team.public);
            self.report.error(&entry.at, message).help("name a single model, or leave `team_id` out");
            return None;
        }
        let group = team.as_ref().map(TeamName::group);
        let public = group.as_deref().unwrap_or(public);
        let id = info.and_then(|info| info.get_text("id")).map(str::to_owned);
        let draft = Draft {
            vendor: None,
            team,
            id,
            info,
            at: place(entry, "model_name"),
            ..self.draft(public, model, layers)?
        };
        Some(draft)
    }

    /// An element of `providers`.
    fn flat(&mut self, entry: &'a Node) -> Option<Draft<'a>> {
        if entry.get_flag("enabled") == Some(false) {
            return None;
        }
        let what = "a provider needs a `model_name`: the name that clients use";
        let public = self.needed(entry, "model_name", what)?;
        let model = entry.get_text("model").unwrap_or(public);
        self.with_provider(entry, public, model, place(entry, "model_name"))
    }

    /// An entry of `models`.
    fn named(&mut self, public: &'a str, at: &Place, entry: &'a Node) -> Option<Draft<'a>> {
        if entry.get_flag("enabled") == Some(false) {
            return None;
        }
        let model = entry.get_text("model").or_else(|| entry.get_text("model_name")).unwrap_or(public);
        self.with_provider(entry, public, model, at.clone())
    }

    fn with_provider(&mut self, entry: &'a Node, public: &str, model: &str, at: Place) -> Option<Draft<'a>> {
        let vendor = entry.get_text("provider").map(str::to_owned);
        let id = entry.get_text("id").map(str::to_owned);
        Some(Draft { vendor, id, at, ..self.draft(public, model, vec![entry])? })
    }

    /// A draft with the credential that it refers to and with the defaults of all.
    fn draft(&mut self, public: &str, model: &str, mut layers: Vec<&'a Node>) -> Option<Draft<'a>> {
        let reference = layers.iter().find_map(|layer| layer.get("litellm_credential_name"));
        if let Some(reference) = reference {
            layers.push(self.credential(reference)?);
        }
        layers.extend(self.root.get("llm"));
        Some(Draft {
            public: public.trim().to_owned(),
            model: model.trim().to_owned(),
            team: None,
            vendor: None,
            id: None,
            layers,
            info: None,
            access: Vec::new(),
            at: Place::Default,
        })
    }

    fn credential(&mut self, reference: &Node) -> Option<&'a Node> {
        let wanted = reference.text()?;
        let all = self.root.get("credential_list").map(Node::elements).unwrap_or_default();
        let name = |node: &'a Node| node.get_text("credential_name");
        if let Some(found) = all.iter().find(|node| name(node) == Some(wanted)) {
            return found.get("credential_values");
        }
        let problem = self
            .report
            .error(&reference.at, format!("there is no credential `{wanted}` in `credential_list`"));
        problem.help_if(
            nearest(wanted, all.iter().filter_map(name)).map(|near| format!("did you mean `{near}`?")),
        );
        None
    }

    fn needed(&mut self, entry: &'a Node, key: &str, what: &str) -> Option<&'a str> {
        let found = entry.get_text(key);
        if found.is_none() && entry.get(key).is_none() && !entry.entries().is_empty() {
            self.report.error(&entry.at, what);
        }
        found
    }
}

fn place(entry: &Node, key: &str) -> Place {
    entry.get(key).map_or_else(|| entry.at.clone(), |node| node.at.clone())
}

/// Public names of deployments that are switched off: known, and not served.
pub(crate) fn switched_off(root: &Node) -> Vec<String> {
    let off = |node: &Node| node.get_flag("enabled") == Some(false);
    let providers = root.get("providers").map(Node::elements).unwrap_or_default();
    let flat = providers.iter().filter(|node| off(node)).filter_map(|node| node.get_text("model_name"));
    let models = root.get("models").map(Node::entries).unwrap_or_default();
    let named = models.iter().filter(|entry| off(&entry.value)).map(|entry| entry.key.as_str());
    flat.chain(named).map(str::to_owned).collect()
}
