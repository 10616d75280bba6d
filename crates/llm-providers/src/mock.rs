//! The built-in mock vendor: models that need no key and no network, for a first try and for tests.
//!
//! Its answers say that they come from a mock. It works in canonical form, for clients of every dialect. The
//! model's name is a script: words joined with dashes, in any order. What it says:
//!
//! | word | what the model does |
//! |---|---|
//! | `echo` | says the last user text again (what it does when no other word says what to say) |
//! | `tools` | calls the first tool offered (or the one that the request names), with arguments made from its schema; after the results it answers with words |
//! | `json` | answers with JSON that follows the schema asked for |
//! | `long-1000` | says 1,000 words |
//! | `refusal` | declines |
//! | `reasoning` | thinks before it answers, with a signature that must come back |
//! | `length` | ends as if the token limit were met |
//! | `delay-20ms` | waits before the answer, in a stream before each chunk |
//! | `start-2s` | waits before the first token |
//! | `pace-20ms` | waits before each further chunk of a stream |
//!
//! What goes wrong:
//!
//! | word | what goes wrong |
//! |---|---|
//! | `error-429` | an error with that status; also `error-context`, `error-filter` and `error-quota` |
//! | `after-7s` | the hint when to come back of these errors, `after-none` for none; otherwise one second where vendors usually give one |
//! | `reset` | the connection breaks |
//! | `hang` | no answer, so that a deadline passes |
//! | `malformed`, `page` | an answer that cannot be read; a web page |
//! | `cut-3` | a stream ends after three chunks with content, and a whole answer at once; with `error-…`, `reset`, `hang` or `malformed`, that comes then |
//! | `stall-3` | silence after three chunks: `cut-3-hang` |
//! | `unended`, `mistyped` | a stream without its last frame; the wrong content type. Both are whole answers for this gateway |
//! | `prefill` | refuses prompts that end in the assistant's words |
//!
//! When it goes wrong, at every call if nothing is said, with status 503 if nothing else is said:
//!
//! | word | when |
//! |---|---|
//! | `once`, `times-3` | at the first call; at the first three |
//! | `every-3` | at every third call |
//! | `chance-25` | at a quarter of the calls |
//! | `flap-10s-2s` | not for ten seconds, then for two seconds, and so on |
//!
//! So `mock/echo`, `mock/echo-delay-20ms`, `mock/reasoning-tools`, `mock/cut-3-error-500-once`. Calls are counted by
//! deployment and model. Tokens are counted as a fourth of the letters, rounded up for each part, and are the same for
//! the same request every time. The request's own limit on answer tokens and its number of choices are kept.
//!
//! Every model makes embeddings too (vectors of length one; texts that share words are near) and reranks (by the words
//! that a document shares with the query).

mod answer;
mod example;
mod fault;
mod kinds;
mod pace;
mod script;
mod state;

use std::borrow::Cow;
use std::future;

use http::{HeaderMap, HeaderName, HeaderValue};
use llm_core::dialect::DialectId;
use llm_core::event::unfold;
use llm_core::operation::Operation;
use llm_core::provider::{BoxFuture, Call, Inbound, Provider, Reply, ReplyBody, not_served};
use llm_core::{Result, Role};

use crate::providers::MockSettings;
use fault::Fault;
use pace::Patience;
use script::{Answer, Breakage, Script};
use state::State;

/// The mock's own dialect: nothing else speaks it.
pub(crate) const MOCK: DialectId = DialectId::new("mock");

/// The header in which the mock says what is to become of its answer on the wire: a word of the tables above, and
/// after how many pieces (`reset`, `cut; after=3`). Only a server that was told to looks at it.
pub const ON_THE_WIRE: HeaderName = HeaderName::from_static("x-mock-wire");

const NOTICE: &str = "This is the gateway's built-in mock; no model answered.";

/// The mock vendor: one deployment of it.
#[derive(Debug)]
pub struct Mock {
    /// What every model does; none: what its name says.
    fixed: Option<Script>,
    settings: MockSettings,
    for_a_server: bool,
    state: State,
}

impl Default for Mock {
    fn default() -> Self {
        Self::scripted_by_name(MockSettings::default())
    }
}

impl Mock {
    /// A mock whose models do what their names say, with these settings.
    pub fn scripted_by_name(settings: MockSettings) -> Self {
        Self { fixed: None, settings, for_a_server: false, state: State::default() }
    }

    /// A mock in the place of another vendor: whatever the model is called, it does what the settings say.
    pub fn in_place_of_a_vendor(settings: MockSettings) -> Self {
        let fixed = Some(Script::default());
        Self { fixed, ..Self::scripted_by_name(settings) }
    }

    /// The same for a server that is a vendor for tests. What it can break on the wire itself comes as a good answer
    /// with [`ON_THE_WIRE`]; and names that are no script and do not begin with `mock/` are those of other vendors'
    /// models, which echo.
    #[must_use]
    pub fn for_a_server(self, for_a_server: bool) -> Self {
        Self { for_a_server, ..self }
    }

    /// How many calls it was asked.
    pub fn calls(&self) -> u64 {
        self.state.calls()
    }

    /// How many of them went wrong as their script says.
    pub fn faults(&self) -> u64 {
        self.state.faults()
    }

    fn script(&self, call: &Call<'_>) -> Result<Script> {
        let script = match &self.fixed {
            Some(fixed) => Ok(fixed.clone()),
            None => Script::parse(call.model),
        };
        let foreign = self.for_a_server && !call.public_model.starts_with("mock/");
        let script = if foreign { script.unwrap_or_default() } else { script? };
        Ok(with_settings(script, &self.settings))
    }

    /// What goes wrong with this call.
    fn breakage(&self, model: &str, script: &Script) -> Option<Breakage> {
        let due = self.state.is_due(model, script.when);
        let breakage = script.breakage().filter(|_| due)?;
        self.state.broke();
        Some(breakage)
    }

    /// Waits as the script says, and fails where that comes in place of an answer. What is left comes in the answer's
    /// middle, or on the wire.
    async fn begin(&self, script: &Script, model: &str, patience: &Patience) -> Result<Option<Breakage>> {
        let breakage = self.breakage(model, script);
        match breakage.filter(|breakage| breakage.after.is_none()) {
            Some(Breakage { fault: Fault::Silence, .. }) => patience.wait(None).await?,
            _ => patience.wait(Some(script.delay)).await?,
        }
        let Some(breakage) = breakage.filter(|breakage| self.for_a_server || !breakage.fault.is_harmless())
        else {
            return Ok(None);
        };
        let later = breakage.after.is_some_and(|_| breakage.fault != Fault::Page);
        let by_server = self.for_a_server && breakage.fault.on_the_wire().is_some();
        if later || by_server { Ok(Some(breakage)) } else { Err(breakage.error()) }
    }

    async fn chat(&self, call: Call<'_>) -> Result<Reply> {
        let script = self.script(&call)?;
        let request = call.inbound.decoded()?;
        let patience = Patience::new(call.deadlines, call.stream);
        let breakage = self.begin(&script, call.model, &patience).await?;
        if script.no_prefill && request.messages.last().is_some_and(|last| last.role == Role::Assistant) {
            return Err(fault::prefilled());
        }
        let (headers, breakage) = self.on_wire(breakage);
        let response = answer::answer(&script, request, call.public_model);
        let body = if call.stream {
            ReplyBody::Events(pace::events(&script, unfold(response), patience, breakage))
        } else {
            patience.wait(Some(script.start)).await?;
            fail(breakage, &patience).await?;
            ReplyBody::Decoded(Box::new(response))
        };
        Ok(Reply { headers, losses: Vec::new(), body })
    }

    async fn exchange(&self, call: Call<'_>) -> Result<Reply> {
        let (inbound, script) = (call.inbound, self.script(&call)?);
        let patience = Patience::new(call.deadlines, false);
        let breakage = self.begin(&script, call.model, &patience).await?;
        let (headers, breakage) = self.on_wire(breakage);
        fail(breakage, &patience).await?;
        let body = match inbound.asked.operation {
            Operation::Embeddings => {
                let answer = kinds::embeddings(inbound.embedding_request()?, call.public_model)?;
                ReplyBody::Embeddings(Box::new(answer))
            }
            Operation::Rerank => {
                let answer = kinds::ranking(inbound.rerank_request()?, call.public_model);
                ReplyBody::Rerank(Box::new(answer))
            }
            operation => return Err(not_served(call.public_model, operation)),
        };
        Ok(Reply { headers, losses: Vec::new(), body })
    }

    /// The headers that leave a breakage to the server, or the breakage itself.
    fn on_wire(&self, breakage: Option<Breakage>) -> (HeaderMap, Option<Breakage>) {
        let word = |breakage: Breakage| {
            let word = breakage.fault.on_the_wire().filter(|_| self.for_a_server)?;
            let word = match breakage.after {
                Some(after) => Cow::Owned(format!("{word}; after={after}")),
                None => Cow::Borrowed(word),
            };
            HeaderValue::try_from(word.as_ref()).ok()
        };
        match breakage.and_then(word) {
            Some(word) => (HeaderMap::from_iter([(ON_THE_WIRE, word)]), None),
            None => (HeaderMap::new(), breakage),
        }
    }
}

impl Provider for Mock {
    fn dialect(&self) -> DialectId {
        MOCK
    }

    fn chat<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.chat(call))
    }

    fn serves(&self, inbound: &Inbound) -> bool {
        let operation = inbound.asked.operation;
        operation.is_chat() || matches!(operation, Operation::Embeddings | Operation::Rerank)
    }

    fn exchange<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.exchange(call))
    }

    fn count_tokens<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Option<u64>>> {
        let counted = self.script(&call).and_then(|_| call.inbound.decoded());
        Box::pin(future::ready(counted.map(|request| Some(answer::prompt_tokens(request)))))
    }
}

/// A whole answer breaks at once, wherever it breaks.
async fn fail(breakage: Option<Breakage>, patience: &Patience) -> Result<()> {
    match breakage {
        Some(Breakage { fault: Fault::Silence, .. }) => patience.wait(None).await,
        Some(breakage) => Err(breakage.error()),
        None => Ok(()),
    }
}

/// A script with what LiteLLM's settings add. Texts that stand for errors there do so here.
fn with_settings(mut script: Script, settings: &MockSettings) -> Script {
    if let Some(delay) = settings.delay {
        script.delay = delay;
    }
    if settings.timeout {
        script.fault = Some(Fault::Silence);
    }
    match settings.response.as_deref() {
        Some("litellm.RateLimitError") => script.fault = Some(Fault::Status(429)),
        Some("litellm.ContextWindowExceededError") => script.fault = Some(Fault::Context),
        Some("litellm.ContentPolicyViolationError") => script.fault = Some(Fault::Filter),
        Some("litellm.InternalServerError") => script.fault = Some(Fault::Status(500)),
        Some(text) => script.answer = Answer::Says(text.into()),
        None => {}
    }
    script
}

#[cfg(test)]
mod tests;
