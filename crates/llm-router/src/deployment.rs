//! One model of one vendor with one credential, and how it has been doing.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::provider::Deadlines;
use llm_core::{LossPolicy, Provider};

use crate::ask::Ask;
use crate::health::{Credential, Health, HealthSettings, trouble};
use crate::in_flight::InFlight;
use crate::needs::Facts;
use crate::pace::Pace;
use crate::pattern::Pattern;
use crate::price::Price;
use crate::quota::{Budget, Quota, QuotaSpec};
use crate::rule::Rule;
use crate::shared::Shared;

/// What a deployment is made from.
pub struct DeploymentSpec {
    /// Unique id, shown to clients and in metrics.
    pub id: String,
    /// The public name or pattern that it serves.
    pub group: Pattern,
    /// The model in the vendor's words; a `*` stands for what the public pattern's `*` caught.
    pub model: String,
    /// The model with its vendor prefix, as configured (`acme/large`), for people and price look-ups.
    pub full_name: String,
    /// The vendor's name in the vendors table.
    pub vendor: String,
    /// The base URL, without credentials, for people.
    pub api_base: String,
    /// Share of the traffic in weighted strategies; also what `rpm` or `tpm` gave.
    pub weight: u32,
    /// Priority level: lower ones are used first.
    pub order: u32,
    /// How long each phase of an attempt may take.
    pub limits: Limits,
    /// How many more attempts a failed call may make; `None`: as the router says.
    pub num_retries: Option<u32>,
    /// What to do with what the vendor's dialect cannot express; `None`: as the router says.
    pub policy: Option<LossPolicy>,
    /// What its calls cost.
    pub price: Option<Price>,
    /// How much it may be asked for.
    pub quota: QuotaSpec,
    /// Budgets that its calls are paid from, its own and those that it shares.
    pub budgets: Vec<Arc<Budget>>,
    /// When it is benched and for how long; `None`: as the router says.
    pub health: Option<HealthSettings>,
    /// What it shows the vendor; deployments that share it are benched together when it is refused.
    pub credential: Arc<Credential>,
    /// What it may be asked in the background to see how it is; `None`: nothing.
    pub check: Option<CheckSpec>,
    /// What is known of its model.
    pub facts: Facts,
    /// Words that requests may ask for.
    pub tags: Vec<String>,
    /// Where it stands, in the vendor's words.
    pub region: Option<String>,
    /// What is shared with other gateways; `None`: nothing.
    pub shared: Option<Arc<dyn Shared>>,
    /// The vendor.
    pub provider: Arc<dyn Provider>,
}

impl DeploymentSpec {
    /// A deployment that leaves everything open that can be left open. Its full name is `model`.
    pub fn new(
        id: impl Into<String>,
        group: impl Into<String>,
        model: impl Into<String>,
        provider: Arc<dyn Provider>,
    ) -> Self {
        let model = model.into();
        Self {
            id: id.into(),
            group: Pattern::new(group),
            full_name: model.clone(),
            model,
            vendor: String::new(),
            api_base: String::new(),
            weight: 0,
            order: 0,
            limits: Limits::default(),
            num_retries: None,
            policy: None,
            price: None,
            quota: QuotaSpec::default(),
            budgets: Vec::new(),
            health: None,
            credential: Arc::default(),
            check: None,
            facts: Facts::default(),
            tags: Vec::new(),
            region: None,
            shared: None,
            provider,
        }
    }
}

/// What a deployment may be asked in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSpec {
    /// The model, in the vendor's words.
    pub model: String,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// How long each phase of an attempt may take. `None`: as the level above says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Until the connection stands.
    pub connect: Option<Duration>,
    /// From the request's last byte to the answer's head.
    pub headers: Option<Duration>,
    /// From the attempt's start to the first event with content, for streams.
    pub first_content: Option<Duration>,
    /// Between two chunks of a stream.
    pub idle: Option<Duration>,
    /// The whole call, all attempts.
    pub total: Option<Duration>,
}

impl Limits {
    /// These limits, with what they leave open taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            connect: self.connect.or(other.connect),
            headers: self.headers.or(other.headers),
            first_content: self.first_content.or(other.first_content),
            idle: self.idle.or(other.idle),
            total: self.total.or(other.total),
        }
    }

    /// The deadlines of an attempt of a call that began at `began`.
    pub fn deadlines(self, began: Instant) -> Deadlines {
        Deadlines {
            connect: self.connect,
            headers: self.headers,
            first_content: self.first_content,
            idle: self.idle,
            total: self.total.and_then(|total| began.checked_add(total)),
        }
    }
}

/// One model of one vendor with one credential.
pub struct Deployment {
    spec: DeploymentSpec,
    health: Health,
    quota: Quota,
    pace: Pace,
}

impl Deployment {
    /// A deployment that has not been used yet.
    pub fn new(spec: DeploymentSpec) -> Self {
        let health = Health::new(spec.health.clone(), Arc::clone(&spec.credential), spec.group.is_wildcard());
        let quota = Quota::new(spec.quota, spec.budgets.clone(), spec.price.clone())
            .sharing(spec.shared.clone(), &spec.id);
        if let Some(shared) = &spec.shared {
            health.share(Arc::clone(shared), &spec.id);
        }
        Self { spec, health, quota, pace: Pace::default() }
    }

    /// The model in the vendor's words for a public name.
    pub fn model_for(&self, public: &str) -> Cow<'_, str> {
        match self.spec.group.capture(public) {
            Some(caught) if self.spec.model.contains('*') => {
                Cow::Owned(self.spec.model.replacen('*', caught, 1))
            }
            _ => Cow::Borrowed(&self.spec.model),
        }
    }

    /// Whether it is up.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// How much of it is in use.
    pub fn quota(&self) -> &Quota {
        &self.quota
    }

    /// How fast it has been.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Whether an attempt may be begun now. Reserves nothing.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn check(&self, ask: &Ask<'_>) -> Result<(), Rule> {
        // One look for all deployments: in good times nobody is benched.
        let benched = || trouble::any(ask.now).then(|| self.benched(ask)).flatten();
        benched().or_else(|| self.quota.glance(ask.now)).map_or(Ok(()), Err)
    }

    /// Begins an attempt: what it may use is reserved until the mark is dropped. Other gateways were not asked.
    ///
    /// # Errors
    /// The rule that forbids it, when it is benched or full.
    pub fn admit(self: &Arc<Self>, ask: &Ask<'_>) -> Result<InFlight, Rule> {
        let ticket = self.health.admit(ask, self.health_key(ask))?;
        match self.quota.reserve(ask) {
            Ok(reservation) => Ok(InFlight::new(Arc::clone(self), ticket, reservation)),
            Err(rule) => {
                self.health.give_back(&ticket, ask.now);
                Err(rule)
            }
        }
    }

    /// The same, where other gateways may have a say.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub async fn admit_everywhere(self: &Arc<Self>, ask: &Ask<'_>) -> Result<InFlight, Rule> {
        let mut in_flight = self.admit(ask)?;
        match in_flight.confirm().await {
            Ok(()) => Ok(in_flight),
            Err(rule) => {
                in_flight.withdraw();
                Err(rule)
            }
        }
    }

    /// Why it is benched for a call, if it is. Changes nothing.
    pub(crate) fn benched(&self, ask: &Ask<'_>) -> Option<Rule> {
        self.health.benched(ask.now, || self.health_key(ask))
    }

    /// What a missing model is remembered by: the kind of call and, where there are several models, the name. 0 where
    /// nobody read the request.
    fn health_key(&self, ask: &Ask<'_>) -> u64 {
        const PRIME: u64 = 0x0000_0100_0000_01B3;
        let Some(inbound) = ask.inbound else { return 0 };
        let name = if self.spec.group.is_wildcard() { ask.model } else { "" };
        let operation = inbound.asked.operation.name();
        let bytes = operation.bytes().chain(name.bytes());
        bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)).max(1)
    }
}

impl std::ops::Deref for Deployment {
    type Target = DeploymentSpec;

    fn deref(&self) -> &DeploymentSpec {
        &self.spec
    }
}
