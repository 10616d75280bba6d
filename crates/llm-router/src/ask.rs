//! What is known of a call when a deployment is picked for it.

mod size;

pub use size::of_body as tokens_of_body;

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
    /// The public name of the group's model, aliases resolved; empty where nobody knows it.
    pub model: &'a str,
    /// There is nobody else to ask: a deployment that is benched is better than none.
    pub insists: bool,
    /// The request; none for calls whose body nobody reads (conversations, requests that pass as they are).
    pub inbound: Option<&'a Inbound>,
}

impl<'a> Ask<'a> {
    /// A call of which nothing else is known.
    pub fn at(now: Instant) -> Self {
        Self { now, stream: false, session: None, model: "", insists: false, inbound: None }
    }

    /// A call with a request.
    pub fn of(inbound: &'a Inbound, stream: bool, now: Instant) -> Self {
        Self { now, stream, session: None, model: "", insists: false, inbound: Some(inbound) }
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

    /// Tokens of the prompt, by its size: four bytes of text each, pictures and files by the piece; none of a form.
    pub fn input_tokens(&self) -> u64 {
        self.inbound
            .filter(|inbound| inbound.form.is_none())
            .map_or(0, |inbound| size::of_body(&inbound.body))
    }

    /// The most tokens that the answer may have, where the request says.
    pub fn output_tokens(&self) -> Option<u64> {
        let inbound = self.inbound.filter(|inbound| inbound.form.is_none())?;
        inbound.ingress.max_output_tokens(&inbound.body, &inbound.envelope)
    }
}
