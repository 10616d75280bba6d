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
    /// The request; none for calls whose body nobody reads (conversations, requests that pass as they are).
    pub inbound: Option<&'a Inbound>,
    /// The public name of the group's model, aliases resolved; empty where nobody knows it.
    pub model: &'a str,
    /// There is nobody else to ask: a deployment that is benched is better than none.
    pub insists: bool,
}

impl<'a> Ask<'a> {
    /// A call of which nothing else is known.
    pub fn at(now: Instant) -> Self {
        Self { now, stream: false, inbound: None, model: "", insists: false }
    }

    /// A call with a request.
    pub fn of(inbound: &'a Inbound, stream: bool, now: Instant) -> Self {
        Self { now, stream, inbound: Some(inbound), model: "", insists: false }
    }

    /// The same, for a model of this public name.
    #[must_use]
    pub fn model(self, model: &'a str) -> Self {
        Self { model, ..self }
    }

    /// The same, with nobody else to ask.
    #[must_use]
    pub fn insisting(self) -> Self {
        Self { insists: true, ..self }
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
