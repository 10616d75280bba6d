//! What is known of a call when a deployment is picked for it.

use std::time::Instant;

use llm_core::provider::Inbound;

/// What is known of a call when a deployment is picked for it: what strategies, limits and rules decide by.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// The time of the pick, looked up once.
    pub now: Instant,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// What the request belongs to, where requests that belong together go to the same deployment.
    pub session: Option<u64>,
    /// The request; none for calls whose body nobody reads (conversations, requests that pass as they are).
    pub inbound: Option<&'a Inbound>,
}

impl<'a> Ask<'a> {
    /// A call of which nothing else is known.
    pub fn at(now: Instant) -> Self {
        Self { now, stream: false, session: None, inbound: None }
    }

    /// A call with a request.
    pub fn of(inbound: &'a Inbound, stream: bool, now: Instant) -> Self {
        Self { now, stream, session: None, inbound: Some(inbound) }
    }

    /// Tokens of the prompt, by its size: four bytes each.
    pub fn input_tokens(&self) -> u64 {
        self.inbound.map_or(0, |inbound| (inbound.body.len() as u64).div_ceil(4))
    }

    /// The most tokens that the answer may have, where the request says.
    pub fn output_tokens(&self) -> Option<u64> {
        let inbound = self.inbound.filter(|inbound| inbound.form.is_none())?;
        inbound.ingress.max_output_tokens(&inbound.body, &inbound.envelope)
    }
}
