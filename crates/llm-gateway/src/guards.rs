//! Guardrails of a gateway: which of them a call passes, when, and what becomes of what they find.

mod answers;
mod asked;
mod hits;
mod judging;
mod logs;
mod masks;
mod model;
mod pieces;
mod streams;
mod unseen;
mod windows;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use llm_core::guard::{Action, Asker, Finding, Judge, Place, Side};
use llm_core::provider::Inbound;
use llm_core::{Error, Result};
use llm_governance::{Principal, Scope};
use llm_metrics::{GuardrailMetrics, Metrics};
use serde::Serialize;
use serde_json::Value;

use crate::settlement::CallFacts;
pub use asked::{GuardrailInfo, GuardrailParameters};
pub use hits::GuardrailHit;
pub(crate) use hits::Hits;
use hits::Whose;
pub(crate) use logs::LogGuards;
use masks::Masks;
use model::Asks;
pub use model::{ModelJudge, OnlyAsks};
pub(crate) use streams::StreamGuard;

/// A guardrail as it is configured.
pub struct GuardrailSpec {
    /// What requests, keys and people call it.
    pub name: String,
    /// Which kind of judge it is, in the words of the configuration.
    pub kind: String,
    /// What people are told of it.
    pub about: Option<Value>,
    /// Its id in the store; `None`: it is the configuration's.
    pub stored: Option<String>,
    /// Who judges.
    pub judge: Judge,
    /// When.
    pub modes: Modes,
    /// Every call passes it; otherwise those that name it, or whose key, team or project does.
    pub default_on: bool,
    /// What becomes of a call that it could not judge.
    pub on_error: OnError,
    /// What it masks on the way in stands in the answer again.
    pub restores: bool,
    /// It finds, and changes nothing: what it would have masked or refused is counted as a flag.
    pub only_flags: bool,
    /// The places that it looks at; `None`: all.
    pub places: Option<Vec<Place>>,
    /// What becomes of calls whose texts no guardrail can see.
    pub unseen: Unseen,
    /// The model that is asked about requests in which the judge finds nothing to refuse.
    pub model: Option<ModelJudge>,
}

impl GuardrailSpec {
    /// A guardrail that looks at the requests that name it.
    pub fn new(name: impl Into<String>, judge: Judge) -> Self {
        Self {
            name: name.into(),
            kind: String::new(),
            about: None,
            stored: None,
            judge,
            modes: Modes { pre_call: true, ..Modes::default() },
            default_on: false,
            on_error: OnError::Refuse,
            restores: false,
            only_flags: false,
            places: None,
            unseen: Unseen::Refuse,
            model: None,
        }
    }
}

/// A guardrail at work.
pub(crate) struct Guardrail {
    spec: Arc<GuardrailSpec>,
    counts: GuardrailMetrics,
    hits: Hits,
    /// The call that it looks at; `None`: somebody tries it.
    whose: Option<Arc<Whose>>,
}

impl Deref for Guardrail {
    type Target = GuardrailSpec;

    fn deref(&self) -> &GuardrailSpec {
        &self.spec
    }
}

impl Guardrail {
    pub(crate) fn new(spec: GuardrailSpec, metrics: &Metrics, hits: &Hits) -> Self {
        let (counts, hits) = (metrics.guardrail(&spec.name), hits.clone());
        Self { spec: Arc::new(spec), counts, hits, whose: None }
    }

    /// The same, looking at a call.
    fn looking_at(&self, whose: &Arc<Whose>) -> Arc<Self> {
        let (spec, counts, hits) = (Arc::clone(&self.spec), self.counts.clone(), self.hits.clone());
        Arc::new(Self { spec, counts, hits, whose: Some(Arc::clone(whose)) })
    }

    /// Counts what was found, and remembers it for people.
    fn found(&self, finding: &Finding, action: Action, side: Side) {
        if let Some(whose) = &self.whose {
            self.hits.note(whose, (&self.name, &finding.rule), action, side);
        }
        let count = match action {
            Action::Flag => &self.counts.flagged,
            Action::Mask => &self.counts.masked,
            Action::Block => &self.counts.blocked,
        };
        count.inc();
    }

    fn tally(&self) -> GuardrailTally {
        let GuardrailMetrics { checked, flagged, masked, blocked, failed } = &self.counts;
        GuardrailTally {
            checked: checked.get(),
            flagged: flagged.get(),
            masked: masked.get(),
            blocked: blocked.get(),
            failed: failed.get(),
        }
    }
}

/// When a guardrail looks at a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// At the request, before the vendor gets it.
    pub pre_call: bool,
    /// At the request while the vendor works; the answer waits for the verdict.
    pub during_call: bool,
    /// At the answer, before the client gets it.
    pub post_call: bool,
    /// At what is written into logs and callbacks of a call.
    pub logging_only: bool,
}

impl Modes {
    /// Those that are on, by LiteLLM's names.
    pub fn names(self) -> Vec<&'static str> {
        let named = [
            ("pre_call", self.pre_call),
            ("during_call", self.during_call),
            ("post_call", self.post_call),
            ("logging_only", self.logging_only),
        ];
        named.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect()
    }
}

/// What becomes of a call that a guardrail could not judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// It is refused: nothing passes unseen.
    #[default]
    Refuse,
    /// It goes on, and the failure is counted.
    Pass,
}

/// What becomes of a call that must pass a guardrail and goes where none can look: a conversation over a WebSocket, a
/// body that is no JSON on its way to a vendor's own API, the answers of such an API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unseen {
    /// It is refused: nothing passes unseen.
    #[default]
    Refuse,
    /// It goes on without this guardrail.
    Pass,
}

/// What a guardrail did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GuardrailTally {
    /// Requests and answers that it looked at.
    pub checked: u64,
    /// Passages that it only named.
    pub flagged: u64,
    /// Passages that it masked.
    pub masked: u64,
    /// Calls that it refused.
    pub blocked: u64,
    /// Times that it could not judge.
    pub failed: u64,
}

/// All guardrails of a gateway, in the order in which they look.
#[derive(Default)]
pub(crate) struct Guardrails(Vec<Arc<Guardrail>>);

impl Guardrails {
    pub(crate) fn new(all: Vec<GuardrailSpec>, metrics: &Metrics, hits: &Hits) -> Self {
        Self(all.into_iter().map(|spec| Arc::new(Guardrail::new(spec, metrics, hits))).collect())
    }

    fn named(&self, name: &str) -> Option<&Arc<Guardrail>> {
        self.0.iter().find(|guardrail| guardrail.name == name)
    }

    /// Those that a call passes. `None`: it passes none, and nothing is done for it.
    ///
    /// # Errors
    /// When the request, or somebody behind the call, names one that does not exist: it would pass unguarded.
    pub(crate) fn of_call(
        &self,
        inbound: &Inbound,
        caller: Option<&Principal>,
        call: &CallFacts,
    ) -> Result<Option<Box<Guarded>>> {
        if self.0.is_empty() && caller.is_none_or(|caller| caller.guardrails().next().is_none()) {
            return refuse_named(inbound).map(|()| None);
        }
        let mut named = asked_for(inbound)?;
        if let Some(name) = named.iter().find(|name| self.named(name).is_none()) {
            return Err(self.unknown(name, "the request"));
        }
        for name in caller.into_iter().flat_map(Principal::guardrails) {
            if self.named(name).is_none() {
                return Err(self.unknown(name, "the key, its user or its team"));
            }
            named.push(name.to_owned());
        }
        let passes = |guardrail: &&Arc<Guardrail>| guardrail.default_on || named.contains(&guardrail.name);
        let selected: Vec<_> = self.0.iter().filter(passes).collect();
        if selected.is_empty() {
            return Ok(None);
        }
        Ok(Some(Box::new(Guarded::new(selected, asker(caller), call))))
    }

    /// Those that everybody passes, or that somebody behind the call brings with them.
    ///
    /// # Errors
    /// When one of the latter does not exist.
    fn that_must_hold(&self, caller: Option<&Principal>) -> Result<Vec<Arc<Guardrail>>> {
        let named: Vec<&str> = caller.into_iter().flat_map(Principal::guardrails).collect();
        if let Some(name) = named.iter().find(|name| self.named(name).is_none()) {
            return Err(self.unknown(name, "the key, its user or its team"));
        }
        let holds =
            |guardrail: &&Arc<Guardrail>| guardrail.default_on || named.contains(&guardrail.name.as_str());
        Ok(self.0.iter().filter(holds).map(Arc::clone).collect())
    }

    fn unknown(&self, name: &str, of: &str) -> Error {
        let shown: String = name.chars().take(64).filter(|letter| !letter.is_control()).collect();
        let known: Vec<&str> = self.0.iter().map(|guardrail| guardrail.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Error::invalid(format!(
            "{of} names the guardrail `{shown}`, which this gateway does not have (it has: {known}): the call was not made"
        ))
        .with_param("guardrails")
    }
}

/// The guardrails that one call passes, and what they did to it.
pub(crate) struct Guarded {
    selected: Vec<Arc<Guardrail>>,
    whose: Arc<Whose>,
    masks: Masks,
    /// Where models may be asked.
    asks: Option<Asks>,
}

impl Guarded {
    fn new<'a>(
        selected: impl IntoIterator<Item = &'a Arc<Guardrail>>,
        asker: Asker,
        call: &CallFacts,
    ) -> Self {
        let (call_id, model) = (call.call_id.clone(), call.model.clone());
        let whose = Arc::new(Whose { asker, call_id, model });
        let selected = selected.into_iter().map(|guardrail| guardrail.looking_at(&whose)).collect();
        Self { selected, whose, masks: Masks::default(), asks: None }
    }

    /// Nobody's call: somebody tries what a guardrail does.
    fn trying(call_id: String) -> Self {
        let whose = Arc::new(Whose { call_id, ..Whose::default() });
        Self { selected: Vec::new(), whose, masks: Masks::default(), asks: None }
    }

    fn with(&self, when: impl Fn(Modes) -> bool) -> Vec<Arc<Guardrail>> {
        self.selected.iter().filter(|guardrail| when(guardrail.modes)).map(Arc::clone).collect()
    }

    /// Whether the answer is looked at or changed; who looks is named in the call.
    pub(crate) fn will_look(&self, call: &mut CallFacts) -> bool {
        self.with(|modes| modes.post_call).iter().for_each(|guardrail| note(guardrail, call));
        self.looks_at_answers()
    }

    /// Whether the answer is looked at or changed.
    pub(crate) fn looks_at_answers(&self) -> bool {
        !self.masks.is_empty() || self.selected.iter().any(|guardrail| guardrail.modes.post_call)
    }
}

/// Names a guardrail that looks at a call.
fn note(guardrail: &Guardrail, call: &mut CallFacts) {
    let names = &mut call.guardrails;
    if names.split(',').any(|name| name == guardrail.name) {
        return;
    }
    if !names.is_empty() {
        names.push(',');
    }
    names.push_str(&guardrail.name);
}

/// Nobody may rely on guardrails that are not there.
fn refuse_named(inbound: &Inbound) -> Result<()> {
    match asked_for(inbound)?.first() {
        Some(name) => Err(Guardrails::default().unknown(name, "the request")),
        None => Ok(()),
    }
}

/// The names in a request: a list of names, of objects with a name and parameters, or an object of names and yes or no.
fn asked_for(inbound: &Inbound) -> Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Entry {
        Name(String),
        Named(BTreeMap<String, Value>),
    }
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Asked {
        List(Vec<Entry>),
        Switches(BTreeMap<String, bool>),
    }
    if !has_guardrails(inbound) {
        return Ok(Vec::new());
    }
    let asked = inbound.option::<Asked>("guardrails").map_err(|_| {
        Error::invalid("invalid `guardrails`: expected a list of names").with_param("guardrails")
    })?;
    Ok(match asked {
        None => Vec::new(),
        Some(Asked::List(entries)) => entries
            .into_iter()
            .flat_map(|entry| match entry {
                Entry::Name(name) => vec![name],
                Entry::Named(named) => named.into_keys().collect(),
            })
            .collect(),
        Some(Asked::Switches(switches)) => {
            switches.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect()
        }
    })
}

fn has_guardrails(inbound: &Inbound) -> bool {
    let in_form = || inbound.form.as_ref().is_some_and(|form| form.names().any(|name| name == "guardrails"));
    inbound.envelope.bytes(&inbound.body, "guardrails").is_some() || in_form()
}

/// Who asks, as judges elsewhere are told.
fn asker(caller: Option<&Principal>) -> Asker {
    let Some(caller) = caller else { return Asker::default() };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let id = |scope| owned(caller.account(scope).and_then(|account| account.subject.id.name()));
    Asker {
        key_hash: id(Scope::Key),
        key_alias: owned(caller.key_alias()),
        user_id: owned(caller.user_id()),
        team_id: owned(caller.team_id()),
        end_user_id: owned(caller.customer()),
    }
}
