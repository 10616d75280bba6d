//! An answer that has begun: whole, refused, or a stream that takes the account of its call with it.

use std::sync::Arc;

use http::HeaderMap;
use llm_core::provider::Inbound;
use llm_core::{Error, Ingress};
use llm_router::{Earlier, Started, Trail};

use crate::answer::{Answer, AnswerBody};
use crate::gateway::{State, refusal};
use crate::guards::{Guarded, StreamGuard};
use crate::mid_stream::Recovery;
use crate::options::CallOptions;
use crate::settlement::{Outcome, Settlement};
use crate::stream::{AnswerStream, GoingOn, InStream};

/// Why there is no answer, with the way of the call where the client asked for it.
pub(crate) struct Refused {
    pub error: Error,
    pub trail: Option<Box<Trail>>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, trail: None }
    }
}

/// An answer that is complete, or one whose stream takes the settlement with it.
pub(crate) enum Begun {
    Whole(Box<Answer>),
    Stream(Box<BegunStream>),
}

pub(crate) fn whole(answer: Answer) -> Begun {
    Begun::Whole(Box::new(answer))
}

pub(crate) struct BegunStream {
    pub headers: HeaderMap,
    pub inbound: Box<Inbound>,
    pub told: InStream,
    pub answer: Started,
    pub going_on: Option<GoingOnWith>,
    /// What looks at it.
    pub guarded: Option<Box<Guarded>>,
}

/// What an answer that breaks off is gone on with.
pub(crate) struct GoingOnWith {
    pub state: Arc<State>,
    pub options: CallOptions,
    pub earlier: Earlier,
}

impl BegunStream {
    pub(crate) fn into_answer(self, ingress: Arc<dyn Ingress>, mut settlement: Settlement) -> Answer {
        let failed = |error: &Error, settlement: &mut Settlement| {
            settlement.settle(Outcome::Failed(error));
            refusal(&*ingress, error, &settlement.call().call_id)
        };
        settlement.begins_to_stream();
        let stream = match self.answer {
            Started::NativeStream { .. } if self.guarded.is_some() && self.told == InStream::Tokens => {
                return failed(
                    &Error::internal("an answer that is looked at must be canonical"),
                    &mut settlement,
                );
            }
            Started::NativeStream { held, rest } => {
                let tells_usage = self.told == InStream::Tokens
                    && ingress.wants_usage(&self.inbound.body, &self.inbound.envelope);
                AnswerStream::native(held, rest, ingress, settlement, (self.told, tells_usage))
            }
            Started::Events { held, rest } => match self.inbound.decoded() {
                Ok(request) => {
                    let encoder = ingress.encoder(request);
                    let began = settlement.call().received;
                    let going_on = self.going_on.map(|GoingOnWith { state, options, earlier }| {
                        let (inbound, avoid, made) = (self.inbound, Vec::new(), 0);
                        let bill = settlement.bill().cloned();
                        let recovery =
                            Recovery { state, inbound, options, began, avoid, earlier, made, bill };
                        Box::new(GoingOn::new(Box::new(recovery)))
                    });
                    let guard = self.guarded.map(|guarded| Box::new(StreamGuard::new(guarded)));
                    AnswerStream::events((held, rest), encoder, ingress, settlement, (going_on, guard))
                }
                Err(error) => return failed(&error, &mut settlement),
            },
            Started::Native { .. } | Started::Decoded(_) | Started::Embeddings(_) | Started::Rerank(_) => {
                return failed(&Error::internal("a whole answer is no stream"), &mut settlement);
            }
        };
        Answer { status: 200, headers: self.headers, body: AnswerBody::Stream(Box::new(stream)) }
    }
}
