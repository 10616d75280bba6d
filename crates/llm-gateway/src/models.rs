//! The models that a gateway serves, as clients list them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::Ingress;
use llm_core::ingress::ModelCard;
use llm_router::{Deployment, Group, Pattern};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::gateway::{Gateway, State};

impl Gateway {
    /// All public names, sorted: groups, visible aliases, and what wildcards stand for by the price table.
    pub fn models(&self) -> Vec<ModelCard> {
        self.state().models()
    }

    /// The list of models in the dialect that the request's path or headers claim.
    pub fn model_list(&self, path: &str, headers: &HeaderMap) -> Bytes {
        let state = self.state();
        state.list_ingress(path, headers).encode_models(&state.models())
    }

    /// The dialect in which a list of models is asked for.
    pub fn list_ingress(&self, path: &str, headers: &HeaderMap) -> Arc<dyn Ingress> {
        Arc::clone(self.state().list_ingress(path, headers))
    }

    /// One model, when it is served, as the list would show it in the dialect that the request's path or headers claim.
    pub fn model(&self, path: &str, headers: &HeaderMap, id: &str) -> Option<Bytes> {
        let state = self.state();
        let (group, name) = state.router.resolve(id).ok()?;
        let deployment = group.deployments().first()?;
        let card = state.card(id, deployment, &deployment.model_for(name));
        let list = state.list_ingress(path, headers).encode_models(&[card]);
        Some(only_item(&list).unwrap_or(list))
    }
}

impl State {
    fn list_ingress(&self, path: &str, headers: &HeaderMap) -> &Arc<dyn Ingress> {
        let own = |ingress: &&Arc<dyn Ingress>| {
            ingress.model_list_path().is_some_and(|own| path.strip_prefix(own).is_some_and(is_below))
        };
        let named = self.ingresses.iter().find(own);
        let claimed = || self.ingresses.iter().find(|ingress| ingress.claims_model_list(headers));
        named.or_else(claimed).unwrap_or_else(|| self.default_ingress())
    }

    fn models(&self) -> Vec<ModelCard> {
        let mut cards = BTreeMap::new();
        for group in self.router.groups() {
            if group.name().is_wildcard() {
                self.expand(group, &mut cards);
            } else if let Some(deployment) = group.deployments().first() {
                let name = group.name().as_str();
                cards.insert(name.to_owned(), self.card(name, deployment, &deployment.model));
            }
        }
        let aliases = self.router.aliases().iter().filter(|(_, alias)| !alias.hidden);
        for (name, alias) in aliases {
            if let Some(card) = cards.get(&alias.target).cloned() {
                cards.insert(name.clone(), ModelCard { id: name.clone(), ..card });
            }
        }
        cards.into_values().collect()
    }

    /// A wildcard group lists the models that the price table knows of its vendor and that its deployments' own
    /// pattern takes.
    fn expand(&self, group: &Group, cards: &mut BTreeMap<String, ModelCard>) {
        let Some((before, after)) = group.name().as_str().split_once('*') else { return };
        for deployment in group.deployments() {
            let Some(account) = self.books.accounts.get(&deployment.id) else { continue };
            let pattern = Pattern::new(deployment.model.as_str());
            for listing in self.books.prices.names_for(account.price_provider()) {
                let model = listing.model;
                let Some(caught) = pattern.capture(model).filter(|_| pattern.is_wildcard()) else { continue };
                let name = format!("{before}{caught}{after}");
                cards.entry(name.clone()).or_insert_with(|| self.card(&name, deployment, model));
            }
        }
    }

    fn card(&self, id: &str, deployment: &Deployment, model: &str) -> ModelCard {
        let account = self.books.accounts.get(&deployment.id);
        let entry = account.and_then(|account| account.entry(&self.books.prices, model));
        ModelCard {
            id: id.to_owned(),
            mode: entry
                .as_ref()
                .and_then(|entry| Some(entry.mode.name().to_owned()).filter(|mode| !mode.is_empty())),
            max_input_tokens: entry.as_ref().and_then(|entry| entry.max_input_tokens),
            max_output_tokens: entry.as_ref().and_then(|entry| entry.max_output_tokens),
        }
    }
}

/// Whether a path ends here or goes on with another segment.
fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// The item of a list of one; dialects wrap their lists in `data` or `models`.
fn only_item(list: &Bytes) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(borrow, alias = "models")]
        data: [&'a RawValue; 1],
    }
    let List { data: [item] } = serde_json::from_slice(list).ok()?;
    Some(list.slice_ref(item.get().as_bytes()))
}
