//! The models that a gateway serves, as clients list them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::ingress::{Abilities, ModelCard};
use llm_core::inquiry::About;
use llm_core::{Error, ErrorKind, Ingress, Result};
use llm_governance::Principal;
use llm_metrics::{Capability, ModelEntry};
use llm_router::{Deployment, Group, Pattern};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::gateway::{Gateway, State};

impl Gateway {
    /// All public names that a caller may use, sorted: groups, visible aliases, and what wildcards stand for by the price
    /// table.
    pub fn models(&self, caller: &Principal) -> Vec<ModelCard> {
        self.state().models_of(caller)
    }

    /// The list of models that a caller may use, in the dialect that the request's path or headers claim.
    pub fn model_list(&self, caller: &Principal, path: &str, headers: &HeaderMap) -> Bytes {
        let state = self.state();
        state.list_ingress(path, headers).encode_models(&state.models_of(caller))
    }

    /// The dialect in which a list of models is asked for.
    pub fn list_ingress(&self, path: &str, headers: &HeaderMap) -> Arc<dyn Ingress> {
        Arc::clone(self.state().list_ingress(path, headers))
    }

    /// One model, when it is served and the caller may use it, as the list would show it in the dialect that the request's path or headers claim.
    pub fn model(&self, caller: &Principal, path: &str, headers: &HeaderMap, id: &str) -> Option<Bytes> {
        let state = self.state();
        let card = state.resolved(caller, id)?;
        let list = state.list_ingress(path, headers).encode_models(&[card]);
        Some(only_item(&list).unwrap_or(list))
    }

    /// The dialect whose clients ask about models on this path, and what they ask.
    pub fn inquiry(&self, path: &str, posted: bool) -> Option<(Arc<dyn Ingress>, About)> {
        let state = self.state();
        state.ingresses.iter().find_map(|ingress| {
            let asked = ingress.inquiries().iter().filter(|inquiry| inquiry.about.is_posted() == posted);
            let found = { asked }.find(|inquiry| inquiry.path == path)?;
            Some((Arc::clone(ingress), found.about))
        })
    }

    /// The answer to a question about models; `body` is what was POSTed.
    ///
    /// # Errors
    /// When the body names no model, or one that is not served.
    pub fn inquire(
        &self,
        caller: &Principal,
        ingress: &dyn Ingress,
        about: About,
        body: &Bytes,
    ) -> Result<Bytes> {
        let state = self.state();
        let models = match about {
            About::Models | About::Running => state.models_of(caller),
            About::Model => {
                let name = ingress.inquired_model(body)?;
                vec![state.resolved(caller, &name).ok_or_else(|| unknown(&name))?]
            }
            _ => Vec::new(),
        };
        Ok(ingress.encode_inquiry(about, &models))
    }
}

fn unknown(name: &str) -> Error {
    let shown: String = name.chars().take(256).collect();
    Error::new(
        ErrorKind::NotFound,
        format!("model '{shown}' not found: the list of models says what is served"),
    )
    .with_code("model_not_found")
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

    /// The model of a name, when it is served and the caller may use it.
    fn resolved(&self, caller: &Principal, id: &str) -> Option<ModelCard> {
        self.may_use(caller, id).ok()?;
        let (group, name) = self.router.resolve(self.meant(caller, id)).ok()?;
        let deployment = group.deployments().first()?;
        Some(self.card(id, deployment, &deployment.model_for(name)))
    }

    fn models_of(&self, caller: &Principal) -> Vec<ModelCard> {
        let mut cards = self.models();
        for (public, group) in self.team_models.of(caller) {
            if let Some(card) = cards.get(group).cloned() {
                cards.insert(public.to_owned(), ModelCard { id: public.to_owned(), ..card });
            }
        }
        let is_shown = |card: &ModelCard| {
            self.team_models.owner(&card.id).is_none() && self.may_use(caller, &card.id).is_ok()
        };
        cards.into_values().filter(is_shown).collect()
    }

    fn models(&self) -> BTreeMap<String, ModelCard> {
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
        cards
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
            abilities: entry.as_deref().map(abilities).unwrap_or_default(),
        }
    }
}

fn abilities(entry: &ModelEntry) -> Abilities {
    let says = |capability| entry.supports.says(capability);
    Abilities {
        tools: says(Capability::FunctionCalling),
        vision: says(Capability::Vision),
        thinking: says(Capability::Reasoning),
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
