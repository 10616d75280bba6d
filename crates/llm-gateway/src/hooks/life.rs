//! Where hooks stand in the life of a call.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use llm_core::event::{Event, Fold, unfold};
use llm_core::provider::{BoxStream, Inbound, truncated};
use llm_core::{ChatResponse, Error, Result};
use llm_router::Started;

use super::{Answers, HookedAnswer, HookedCall, HookedRequest, Hooks};
use crate::gateway::State;
use crate::options::CallOptions;
use crate::settlement::Settlement;
use crate::stream::Progress;

/// A call that hooks were shown.
pub(crate) struct Hooked {
    hooks: Arc<Hooks>,
    call: HookedCall,
}

impl Hooked {
    /// Shows an event on its way to the client.
    ///
    /// # Errors
    /// What the client is told in the place of the rest.
    pub(crate) fn event(&self, event: &mut Event) -> Result<()> {
        self.hooks.that(|wants| wants.events).try_for_each(|hook| hook.on_event(&self.call, event))
    }

    pub(crate) fn watches_events(&self) -> bool {
        self.hooks.events
    }

    pub(crate) fn failed(&self, error: &Error) {
        if self.hooks.failures {
            self.hooks.that(|wants| wants.failures).for_each(|hook| hook.failed(&self.call, error));
        }
    }
}

impl State {
    /// Shows a request to the hooks. What they made of it is checked as a request of the client's is.
    ///
    /// # Errors
    /// What a hook refuses with, or what the caller may not.
    pub(crate) async fn before(
        &self,
        inbound: Box<Inbound>,
        options: &mut CallOptions,
        settlement: &mut Settlement,
    ) -> Result<Box<Inbound>> {
        let hooked =
            Hooked { hooks: Arc::clone(&self.hooks), call: hooked_call(&inbound, options, settlement) };
        let hooked = Arc::new(hooked);
        settlement.is_hooked(Arc::clone(&hooked));
        let mut request = HookedRequest::new(inbound);
        if self.hooks.requests {
            for hook in self.hooks.that(|wants| wants.requests) {
                let shown = hook.before(&hooked.call, &mut request).await;
                shown.inspect_err(|error| told_of(hook.name(), &hooked.call, error))?;
            }
        }
        let (inbound, is_changed) = request.into_parts();
        if is_changed {
            self.check_again(&inbound, options, settlement)?;
        }
        options.route.canonical |= self.hooks.needs_canonical(inbound.asked.operation, options.stream);
        Ok(inbound)
    }

    /// What a changed request says, and whether its caller may ask it.
    ///
    /// # Errors
    /// What it may not.
    pub(crate) fn check_again(
        &self,
        inbound: &Inbound,
        options: &mut CallOptions,
        settlement: &mut Settlement,
    ) -> Result<()> {
        let canonical = options.route.canonical;
        *options = CallOptions::read(inbound)?;
        options.route.canonical = canonical;
        self.name_model(options)?;
        settlement.call_mut().of_body(inbound, &options.model, options.stream);
        let Some(bill) = settlement.bill() else { return Ok(()) };
        self.may_use(&bill.caller, &options.model)?;
        let resolved = bill.caller.resolve(&options.model);
        if resolved != options.model {
            options.model = resolved.to_owned();
        }
        Ok(())
    }

    /// Shows an answer to the hooks. Its deployment is known to the account of the call, so that what it used is paid for
    /// whatever they say.
    ///
    /// # Errors
    /// What a hook refuses with, and what goes wrong with a stream that is held back for them.
    pub(crate) async fn after(
        &self,
        inbound: &Inbound,
        answer: Started,
        settlement: &mut Settlement,
    ) -> Result<Started> {
        let Some(hooked) = settlement.hooked().filter(|hooked| hooked.hooks.answers != Answers::None) else {
            return Ok(answer);
        };
        let hooked = Arc::clone(hooked);
        let (answer, was_stream) = match answer {
            Started::Events { held, rest } if hooked.hooks.answers == Answers::All => {
                (Started::Decoded(Box::new(collected(held, rest, settlement).await?)), true)
            }
            Started::Events { .. } | Started::NativeStream { .. } => return Ok(answer),
            answer => (answer, false),
        };
        let mut answer = HookedAnswer::new(inbound, answer);
        settlement.used(answer.usage());
        let least = if was_stream { Answers::All } else { Answers::Whole };
        for hook in hooked.hooks.that(|wants| wants.answers >= least) {
            let shown = hook.after(&hooked.call, &mut answer).await;
            shown.inspect_err(|error| told_of(hook.name(), &hooked.call, error))?;
        }
        match answer.into_answer() {
            Started::Decoded(response) if was_stream => {
                Ok(Started::Events { held: unfold(*response), rest: Box::pin(Nothing) })
            }
            Started::Native { .. } if was_stream => Err(Error::internal(
                "a hook gave bytes for an answer that is streamed: change its canonical form",
            )),
            answer => Ok(answer),
        }
    }
}

/// The whole of a stream. What it uses is booked as it comes: the client may go away.
async fn collected(
    held: Vec<Event>,
    mut rest: BoxStream<Result<Vec<Event>>>,
    settlement: &mut Settlement,
) -> Result<ChatResponse> {
    let (mut fold, mut progress, mut events) = (Fold::default(), Progress::default(), held);
    loop {
        for event in events {
            progress.note(&event);
            fold.push(event);
        }
        progress.count(settlement);
        if progress.has_ended() {
            return fold.finish();
        }
        let next = std::future::poll_fn(|context| rest.as_mut().poll_next(context)).await;
        events = next.unwrap_or_else(|| Err(truncated()))?;
    }
}

fn hooked_call(inbound: &Inbound, options: &CallOptions, settlement: &Settlement) -> HookedCall {
    let bill = settlement.bill();
    let caller = bill.map(|bill| &bill.caller);
    let owned = |text: Option<&str>| text.map(str::to_owned);
    HookedCall {
        call_id: settlement.call().call_id.clone(),
        dialect: inbound.dialect(),
        operation: inbound.asked.operation,
        model: options.model.clone(),
        stream: options.stream,
        key_hash: caller.and_then(|caller| caller.key().as_ref().map(ToString::to_string)),
        key_alias: owned(caller.and_then(|caller| caller.key_alias())),
        user_id: owned(caller.and_then(|caller| caller.user_id())),
        team_id: owned(caller.and_then(|caller| caller.team_id())),
        team_alias: owned(caller.and_then(|caller| caller.team_alias())),
        customer: bill.and_then(|bill| bill.asker.customer.clone()),
        tags: bill.map(|bill| bill.asker.tags.clone()).unwrap_or_default(),
        address: bill.and_then(|bill| bill.asker.address),
    }
}

fn told_of(hook: &str, call: &HookedCall, error: &Error) {
    let (call_id, kind) = (call.call_id.as_str(), error.kind().name());
    tracing::info!(target: "llm_gateway::hooks", hook, call_id, error = kind, "a hook refused");
}

/// Nothing follows.
struct Nothing;

impl Stream for Nothing {
    type Item = Result<Vec<Event>>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}
