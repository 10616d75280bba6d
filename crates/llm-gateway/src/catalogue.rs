//! What clients can ask a gateway, path by path: for documents about it.

use llm_core::DialectId;
use llm_core::inquiry::Inquiry;
use llm_core::operation::Endpoint;

use crate::gateway::Gateway;

impl Gateway {
    /// The paths of the model APIs, and the format of each. Of those that several formats claim, the one that answers.
    pub fn endpoints(&self) -> Vec<(DialectId, Endpoint)> {
        let state = self.state();
        let mut found: Vec<(DialectId, Endpoint)> = Vec::new();
        for ingress in &state.ingresses {
            let new = ingress.endpoints().iter().filter(|new| new.is_template() || answers(&found, new));
            let new: Vec<_> = new.map(|endpoint| (ingress.id(), *endpoint)).collect();
            found.extend(new);
        }
        found
    }

    /// The paths on which clients of a format ask about models.
    pub fn inquiries(&self) -> Vec<(DialectId, Inquiry)> {
        let state = self.state();
        let of = state.ingresses.iter().map(|ingress| (ingress.id(), ingress.inquiries()));
        of.flat_map(|(id, inquiries)| inquiries.iter().map(move |inquiry| (id, *inquiry))).collect()
    }

    /// What paths begin with that pass to a vendor as they are.
    pub fn relayed(&self) -> Vec<&'static str> {
        self.state().relays.iter().map(|route| route.prefix).collect()
    }
}

/// Whether a path is nobody's yet.
fn answers(found: &[(DialectId, Endpoint)], new: &Endpoint) -> bool {
    found.iter().all(|(_, other)| other.path != new.path)
}
