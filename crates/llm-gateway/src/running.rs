//! The way of a call through the router, and who looks at it on that way.

use std::pin::pin;

use futures_util::future::{Either, select};
use llm_core::Result;
use llm_core::money::NanoDollars;
use llm_core::operation::Operation;
use llm_core::provider::Inbound;
use llm_core::wire::WireBody;
use llm_router::{Affords, Route, Started, Unanswered};

use crate::admit::Paying;
use crate::begun::Refused;
use crate::gateway::State;
use crate::guards::Guarded;
use crate::options::CallOptions;
use crate::routed::RoutedParts;
use crate::settlement::Settlement;

impl State {
    /// Plans and runs under the eyes of guardrails. A vendor that works while one refuses is told to stop.
    pub(crate) async fn route_guarded(
        &self,
        inbound: &Inbound,
        options: &mut CallOptions,
        guarded: &mut Guarded,
        settlement: &mut Settlement,
    ) -> Result<(Box<RoutedParts>, Started), Refused> {
        let is_chat = inbound.asked.operation == Operation::Chat;
        options.route.canonical |= options.stream && is_chat && guarded.will_look(settlement.call_mut());
        if !guarded.looks_beside(settlement.call_mut()) {
            return self.route(inbound, options, settlement).await;
        }
        let looks = pin!(guarded.beside_call(inbound));
        let runs = pin!(self.route(inbound, options, settlement));
        match select(looks, runs).await {
            Either::Left((judged, runs)) => {
                judged?;
                runs.await
            }
            Either::Right((routed, looks)) => {
                looks.await?;
                routed
            }
        }
    }

    /// Plans and runs: an answer that has begun, all that happened before it booked.
    pub(crate) async fn route(
        &self,
        inbound: &Inbound,
        options: &CallOptions,
        settlement: &mut Settlement,
    ) -> Result<(Box<RoutedParts>, Started), Refused> {
        let began = settlement.call().received;
        let outcome = {
            let bill = settlement.bill();
            let may_use = |model: &str| bill.is_none_or(|bill| self.may_use(&bill.caller, model).is_ok());
            let operation = inbound.asked.operation;
            let spent = NanoDollars(0);
            let paying = bill.map(|bill| Paying { state: self, bill, operation, spent });
            let route = Route {
                may_use: bill.is_some().then_some(&may_use),
                affords: paying.as_ref().map(|paying| paying as &dyn Affords),
                under_way: settlement.purse().map(|purse| &purse.under_way),
                public: options.public.as_deref(),
                ..Route::new(inbound, &options.model, options.stream, began, &options.route)
            };
            self.router.run(&route).await
        };
        let routed = outcome.map_err(|unanswered| {
            let Unanswered { error, attempts, trail, fallbacks, .. } = *unanswered;
            settlement.failed_attempts(&attempts);
            settlement.fell_back(fallbacks);
            settlement.went(&trail, &attempts);
            if let Ok((group, _)) = self.router.resolve(&options.model) {
                settlement.meant(group.name().as_str());
            }
            Refused { error, trail: options.route.explain.then(|| Box::new(trail)) }
        })?;
        settlement.failed_attempts(&routed.attempts);
        settlement.outrun(&routed.losers, &routed.group);
        settlement.went(&routed.trail, &routed.attempts);
        Ok(RoutedParts::of(routed))
    }
}

/// A whole answer as the client may have it. Vectors and sound are not looked at; of pictures it is what was made of
/// their prompts.
///
/// # Errors
/// Which guardrail refused.
pub(crate) async fn may_have(
    body: WireBody,
    guarded: &mut Guarded,
    inbound: &Inbound,
    settlement: &mut Settlement,
) -> Result<WireBody> {
    match inbound.asked.operation {
        Operation::Chat | Operation::ImageGeneration | Operation::ImageEdit => {
            guarded.will_look(settlement.call_mut());
            guarded.on_answer(body).await
        }
        operation if operation.is_heard() => {
            guarded.will_look(settlement.call_mut());
            guarded.on_transcript(body).await
        }
        _ => Ok(body),
    }
}
