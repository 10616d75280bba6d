//! Which path of a client means what, and in which dialect.

use std::collections::HashMap;
use std::sync::Arc;

use llm_core::Ingress;
use llm_core::operation::{Asked, Endpoint};
use llm_core::order;

/// The paths of all client dialects. The first dialect that claims a path has it.
pub(crate) struct Paths {
    whole: HashMap<&'static str, (Arc<dyn Ingress>, Asked)>,
    /// Those that hold the model's name, the most particular first.
    templates: Vec<(Arc<dyn Ingress>, Endpoint)>,
}

impl Paths {
    pub(crate) fn of(ingresses: &[Arc<dyn Ingress>]) -> Self {
        let mut whole = HashMap::new();
        let mut templates = Vec::new();
        for ingress in ingresses {
            for endpoint in ingress.endpoints() {
                if endpoint.is_template() {
                    templates.push((Arc::clone(ingress), *endpoint));
                } else if let Some(asked) = endpoint.matches(endpoint.path) {
                    whole.entry(endpoint.path).or_insert((Arc::clone(ingress), asked));
                }
            }
        }
        order::sort_by_key(&mut templates, |(_, endpoint)| std::cmp::Reverse(endpoint.path.len()));
        Self { whole, templates }
    }

    /// What a path asks for, and the dialect that answers it.
    pub(crate) fn find(&self, path: &str, query: Option<&str>) -> Option<(Arc<dyn Ingress>, Asked)> {
        let (ingress, asked) = match self.whole.get(path) {
            Some((ingress, asked)) => (ingress, asked.clone()),
            None => self
                .templates
                .iter()
                .find_map(|(ingress, endpoint)| Some((ingress, endpoint.matches(path)?)))?,
        };
        let varied = query.and_then(|query| ingress.with_query(query));
        Some((varied.unwrap_or_else(|| Arc::clone(ingress)), asked))
    }
}
