//! A stream that is gone on with elsewhere when it breaks off.

use std::task::{Context, Poll, ready};

use llm_core::Error;
use llm_core::event::Event;
use llm_core::provider::BoxFuture;
use llm_router::{Routed, Unanswered};

use crate::mid_stream::{Delivered, Recovery, Splice};
use crate::settlement::Settlement;
use crate::stream::Progress;

/// What watches a stream so that it can be gone on with.
pub(crate) struct GoingOn {
    /// Not here while the rest is asked for.
    recovery: Option<Box<Recovery>>,
    delivered: Delivered,
    splice: Option<Splice>,
    asking: Option<Asking>,
}

type Outcome = (Box<Recovery>, Result<Box<Routed>, Box<Unanswered>>);

struct Asking {
    future: BoxFuture<'static, Outcome>,
    /// Why the stream broke off: what the client is told when nobody goes on.
    error: Error,
}

impl GoingOn {
    pub(crate) fn new(recovery: Box<Recovery>) -> Self {
        Self { recovery: Some(recovery), delivered: Delivered::default(), splice: None, asking: None }
    }

    /// The event as the client gets it; `None` when it gets none.
    pub(super) fn take(&mut self, event: Event) -> Option<Event> {
        let event = match &mut self.splice {
            Some(splice) => splice.put(event)?,
            None => event,
        };
        self.delivered.note(&event);
        Some(event)
    }

    /// Begins to ask for the rest, after the stream broke off; books what it used.
    ///
    /// # Errors
    /// The same error, when nobody can go on.
    pub(super) fn ask(
        &mut self,
        error: Error,
        progress: &mut Progress,
        settlement: &mut Settlement,
    ) -> Result<(), Error> {
        let rest = self.recovery.as_ref().and_then(|recovery| recovery.rest(&self.delivered));
        let Some((rest, mut recovery)) = rest.and_then(|rest| Some((rest, self.recovery.take()?))) else {
            return Err(error);
        };
        recovery.avoid.extend(settlement.deployment().map(str::to_owned));
        progress.count(settlement);
        let before = settlement.broke_off(&error);
        *progress = Progress::default();
        self.splice = Some(Splice::new(&self.delivered, before));
        self.asking = Some(Asking { future: Box::pin(recovery.ask(rest, settlement.spent_before())), error });
        Ok(())
    }

    /// Waits for the rest to begin, where it is asked for.
    ///
    /// # Errors
    /// Why the stream broke off, when nobody goes on.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        settlement: &mut Settlement,
    ) -> Poll<Option<Result<Box<Routed>, Error>>> {
        let Some(asking) = &mut self.asking else { return Poll::Ready(None) };
        let (mut recovery, outcome) = ready!(asking.future.as_mut().poll(context));
        let error = self.asking.take().map(|asking| asking.error);
        let (attempts, trail) = match &outcome {
            Ok(routed) => (&routed.attempts, &routed.trail),
            Err(unanswered) => (&unanswered.attempts, &unanswered.trail),
        };
        settlement.went(trail, attempts);
        settlement.failed_attempts(attempts);
        recovery.earlier.attempts += attempts.len();
        let routed = match outcome {
            Ok(routed) => {
                recovery.earlier.fallbacks = routed.fallbacks;
                settlement.outrun(&routed.losers, &routed.group);
                self.recovery = Some(recovery);
                Ok(routed)
            }
            Err(unanswered) => Err(error.unwrap_or(unanswered.error)),
        };
        Poll::Ready(Some(routed))
    }
}
