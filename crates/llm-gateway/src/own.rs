//! Calls of the gateway's own, made for somebody's call: through the router, paid by whoever asks, each with a row of its
//! own. Guardrails, hooks and kept answers have nothing to do with them.

use std::sync::Arc;
use std::time::Instant;

use llm_core::Result;
use llm_core::provider::Inbound;
use llm_governance::{Governance, Principal};
use llm_router::{Route, RouteOptions, Started};

use crate::asker::Asker;
use crate::bill::Bill;
use crate::call_id::new_call_id;
use crate::gateway::State;
use crate::options::CallOptions;
use crate::routed::RoutedParts;
use crate::settlement::{CallFacts, Prompt, Settlement};

/// The field of a row's metadata that says what such a call was for.
const MARK: &str = "gateway_internal";

/// Who pays for calls of the gateway's own.
#[derive(Clone)]
pub(crate) struct Payer {
    governance: Arc<Governance>,
    caller: Arc<Principal>,
    asker: Asker,
}

impl Payer {
    /// Whoever pays for a call; `None`: nobody has to.
    pub(crate) fn of(asks: &Settlement) -> Option<Self> {
        let bill = asks.bill()?;
        let (governance, caller) = (Arc::clone(&bill.governance), Arc::clone(&bill.caller));
        Some(Self { governance, caller, asker: bill.asker.clone() })
    }
}

impl State {
    /// The account of a call of the gateway's own. `what_for` stands in the metadata of its row.
    pub(crate) fn own_account(
        &self,
        inbound: &Inbound,
        model: &str,
        payer: Option<&Payer>,
        what_for: &str,
    ) -> Settlement {
        let (dialect, operation) = (inbound.dialect(), inbound.asked.operation);
        let facts = CallFacts {
            call_id: new_call_id(),
            is_ours: true,
            route: self.books.route(dialect, operation),
            dialect,
            operation,
            model: model.to_owned(),
            stream: false,
            guardrails: String::new(),
            messages: 1,
            prompt: Prompt::Body(inbound.body.clone()),
            received: Instant::now(),
        };
        let mut own = Settlement::new(Arc::clone(&self.books), facts, None);
        if let Some(Payer { governance, caller, mut asker }) = payer.cloned() {
            asker.metadata.insert(MARK.to_owned(), what_for.into());
            own.bills(Bill::new(governance, caller, asker, Arc::default()));
        }
        own
    }

    /// Its answer, in canonical form. What was used is for whoever reads it to tell.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn own_answer(
        self: &Arc<Self>,
        inbound: Box<Inbound>,
        model: &str,
        own: &mut Settlement,
    ) -> Result<Started> {
        let route = RouteOptions { canonical: true, ..RouteOptions::default() };
        let mut options = CallOptions { model: model.to_owned(), route, ..CallOptions::default() };
        let inbound = self.admit(inbound, &mut options, own).await?;
        let began = own.call().received;
        let route = Route::new(&inbound, model, false, began, &options.route);
        let routed = match self.router.run(&route).await {
            Ok(routed) => routed,
            Err(unanswered) => {
                own.failed_attempts(&unanswered.attempts);
                return Err(unanswered.error);
            }
        };
        own.failed_attempts(&routed.attempts);
        let (mut parts, answer) = RoutedParts::of(routed);
        let account = parts.account(&self.books)?;
        own.answered(&mut parts, account);
        Ok(answer)
    }
}
