//! Code of the operator's own in the life of a call: [`Hook`].
//!
//! Hooks see a call before it is made, its answer before the client does, each event of its stream, and its failure. They
//! may change what they see, or refuse. A gateway without hooks does nothing for them.
//!
//! ```
//! use llm_core::{BoxFuture, Message, Result, Role};
//! use llm_gateway::{Hook, HookedCall, HookedRequest, Wants};
//!
//! /// Tells every model who it works for.
//! struct House;
//!
//! impl Hook for House {
//!     fn name(&self) -> &str {
//!         "house"
//!     }
//!
//!     fn wants(&self) -> Wants {
//!         Wants { requests: true, ..Wants::default() }
//!     }
//!
//!     fn before<'a>(
//!         &'a self,
//!         _call: &'a HookedCall,
//!         request: &'a mut HookedRequest,
//!     ) -> BoxFuture<'a, Result<()>> {
//!         let rule = Message::text(Role::System, "You work for the house.");
//!         Box::pin(async move { request.edit(|chat| chat.messages.insert(0, rule)) })
//!     }
//! }
//! ```

mod answer;
mod life;
mod request;

use std::net::IpAddr;
use std::sync::Arc;

use llm_core::event::Event;
use llm_core::{BoxFuture, DialectId, Error, Operation, Result};

pub use answer::HookedAnswer;
pub(crate) use life::Hooked;
pub use request::HookedRequest;
pub(crate) use request::{rewritten, with_body};

/// Code of the operator's own in the life of a call. Only what [`Hook::wants`] names is called.
///
/// # Behavior
/// - Hooks are called in the order in which they were registered; the first one that refuses ends the call. What it
///   refuses with is told to the client, so its message must hold nothing that the client may not know.
/// - Requests are shown after the caller was identified and its rights were checked. A request that a hook changed is
///   checked again: it cannot ask for more than the caller may.
/// - An error of [`Hook::after`] and [`Hook::on_event`] is not the vendor's fault: what the vendor did is paid for, and
///   nobody else is asked.
pub trait Hook: Send + Sync + 'static {
    /// Its name, for logs.
    fn name(&self) -> &str;

    /// What it is called for.
    fn wants(&self) -> Wants;

    /// Looks at a request before it is made; may change it, or refuse.
    fn before<'a>(
        &'a self,
        call: &'a HookedCall,
        request: &'a mut HookedRequest,
    ) -> BoxFuture<'a, Result<()>> {
        let _ = (call, request);
        Box::pin(std::future::ready(Ok(())))
    }

    /// Looks at an answer that is there whole; may change it, or refuse it.
    fn after<'a>(
        &'a self,
        call: &'a HookedCall,
        answer: &'a mut HookedAnswer<'_>,
    ) -> BoxFuture<'a, Result<()>> {
        let _ = (call, answer);
        Box::pin(std::future::ready(Ok(())))
    }

    /// Looks at an event of a chat's stream just before the client gets it; may change its content, not its kind or its
    /// place, or end the stream with an error. Never waits.
    ///
    /// # Errors
    /// What the client is told in the place of the rest.
    fn on_event(&self, call: &HookedCall, event: &mut Event) -> Result<()> {
        let _ = (call, event);
        Ok(())
    }

    /// A call that the hooks were shown has failed. Never waits.
    fn failed(&self, call: &HookedCall, error: &Error) {
        let _ = (call, error);
    }
}

/// What a hook is called for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// [`Hook::before`].
    pub requests: bool,
    /// [`Hook::after`].
    pub answers: Answers,
    /// Answers of chats are canonical ([`HookedAnswer::chat`]), also where the vendor speaks the client's dialect and
    /// they would pass as they are. Fields that the canonical form does not model may be lost then.
    pub canonical: bool,
    /// [`Hook::on_event`]. Streams of chats are canonical then.
    pub events: bool,
    /// [`Hook::failed`].
    pub failures: bool,
}

/// Which answers a hook is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answers {
    /// None.
    #[default]
    None,
    /// Those that come whole.
    Whole,
    /// Those of streams of chats, too: such a stream is held back until it is complete. Streams of sound are not shown.
    All,
}

/// A call, as hooks are told of it. No key is in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HookedCall {
    /// Its id, as the client knows it.
    pub call_id: String,
    /// The client's dialect.
    pub dialect: DialectId,
    /// What is asked for.
    pub operation: Operation,
    /// The model that is asked for.
    pub model: String,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// The hash of the caller's key, as LiteLLM shows it.
    pub key_hash: Option<String>,
    /// What people call the key.
    pub key_alias: Option<String>,
    /// The key's user.
    pub user_id: Option<String>,
    /// The key's team.
    pub team_id: Option<String>,
    /// What people call the team.
    pub team_alias: Option<String>,
    /// The customer that the request names.
    pub customer: Option<String>,
    /// Tags of the request.
    pub tags: Vec<String>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

/// The hooks of a gateway, and what all of them together are called for.
pub(crate) struct Hooks {
    all: Vec<Arc<dyn Hook>>,
    requests: bool,
    answers: Answers,
    canonical: bool,
    events: bool,
    failures: bool,
}

impl Hooks {
    pub(crate) fn new(all: Vec<Arc<dyn Hook>>) -> Self {
        let wants: Vec<Wants> = all.iter().map(|hook| hook.wants()).collect();
        Self {
            requests: wants.iter().any(|wants| wants.requests),
            answers: wants.iter().map(|wants| wants.answers).max().unwrap_or_default(),
            canonical: wants.iter().any(|wants| wants.canonical && wants.answers != Answers::None),
            events: wants.iter().any(|wants| wants.events),
            failures: wants.iter().any(|wants| wants.failures),
            all,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn that(&self, want: impl Fn(&Wants) -> bool) -> impl Iterator<Item = &Arc<dyn Hook>> {
        self.all.iter().filter(move |hook| want(&hook.wants()))
    }

    /// Whether an answer must be canonical for them.
    fn needs_canonical(&self, operation: Operation, stream: bool) -> bool {
        let of_stream = self.events || self.answers == Answers::All;
        operation == Operation::Chat && if stream { of_stream } else { self.canonical }
    }
}
