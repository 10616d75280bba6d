//! What a request says to the gateway itself: fields of its body that no vendor sees, and `x-litellm-*` headers.

use std::time::Duration;

use llm_core::envelope::is_gateway_field;
use llm_core::provider::Inbound;
use llm_core::{Error, ErrorKind, Form, LossPolicy, Result};
use llm_router::RouteOptions;

mod routing;

/// LiteLLM's fields that test fallbacks, and how the group asked for fails then.
pub(crate) const MOCK_FAILURES: [(&str, ErrorKind); 3] = [
    ("mock_testing_fallbacks", ErrorKind::UpstreamFailure),
    ("mock_testing_context_fallbacks", ErrorKind::ContextLength),
    ("mock_testing_content_policy_fallbacks", ErrorKind::ContentFilter),
];

/// The header that asks for the way of the call.
const EXPLAIN: &str = "x-llm-explain";

/// What a request says to the gateway itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallOptions {
    /// The model asked for; empty when the body names none.
    pub model: String,
    /// The name that answers say, where the router knows the model by another one.
    pub public: Option<String>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// What is meant for the router.
    pub route: RouteOptions,
    /// Fields that speak to the gateway but are not acted on; reported as dropped.
    pub ignored: Vec<String>,
}

impl CallOptions {
    /// Reads them in one pass over the body's members.
    ///
    /// # Errors
    /// When one has a wrong type or value; the message names it.
    pub(crate) fn read(inbound: &Inbound) -> Result<Self> {
        let mut options = Self {
            model: inbound.asked.model.clone().unwrap_or_default(),
            stream: inbound.asked.stream.unwrap_or_else(|| inbound.ingress.streams_by_default()),
            ..Self::default()
        };
        if inbound.headers.keys().any(|name| name.as_str().starts_with("x-litellm-")) {
            options.read_headers(inbound)?;
        }
        options.route.explain = inbound.headers.get(EXPLAIN).is_some_and(|value| value != "false");
        if let Some(form) = &inbound.form {
            options.read_form(inbound, form)?;
        }
        let mut says_where_to_go = false;
        for key in inbound.envelope.keys(&inbound.body) {
            match key {
                _ if routing::is_one(key) => says_where_to_go = true,
                "model" if inbound.asked.model.is_none() => {
                    let model = inbound.envelope.string(&inbound.body, key)?;
                    options.model = model.map(std::borrow::Cow::into_owned).unwrap_or_default();
                }
                "stream" if inbound.asked.stream.is_none() && may_stream(inbound) => {
                    options.stream = inbound.option(key)?.unwrap_or(options.stream);
                }
                _ if is_gateway_field(key) => options.read_field(inbound, key)?,
                _ => {}
            }
        }
        if says_where_to_go || inbound.form.is_some() {
            options.read_routing(inbound)?;
        }
        Ok(options)
    }

    fn read_form(&mut self, inbound: &Inbound, form: &Form) -> Result<()> {
        for key in form.names() {
            match key {
                "model" if inbound.asked.model.is_none() => {
                    self.model = form.text(&inbound.body, key)?.unwrap_or_default().to_owned();
                }
                "stream" => {
                    let text = form.text(&inbound.body, key)?.unwrap_or_default();
                    self.stream = text.eq_ignore_ascii_case("true") || text == "1";
                }
                _ if routing::is_one(key) => {}
                _ if is_gateway_field(key) => self.read_field(inbound, key)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_field(&mut self, inbound: &Inbound, key: &str) -> Result<()> {
        match key {
            "timeout" => {
                self.route.limits.total =
                    inbound.option(key)?.map(|value| seconds(key, value)).transpose()?;
            }
            "stream_timeout" => {
                self.route.limits.first_content =
                    inbound.option(key)?.map(|value| seconds(key, value)).transpose()?;
            }
            "priority" => self.route.priority = inbound.option(key)?,
            "num_retries" => self.route.num_retries = inbound.option(key)?,
            "mid_stream" => {
                self.route.mid_stream =
                    inbound.option::<String>(key)?.as_deref().map(str::parse).transpose()?;
            }
            "load_balance_strategy" => {
                self.route.strategy =
                    inbound.option::<String>(key)?.as_deref().map(str::parse).transpose()?;
            }
            "drop_params" => {
                if inbound.option(key)? == Some(true) {
                    self.route.policy = Some(LossPolicy::Drop);
                }
            }
            "on_loss" => {
                self.route.policy = inbound.option::<String>(key)?.as_deref().map(policy).transpose()?;
            }
            _ if key.starts_with("mock_testing_") => {
                let known = MOCK_FAILURES.iter().find(|(known, _)| *known == key);
                if inbound.option(key)? == Some(true) {
                    self.route.mock_failure = known.map(|(_, kind)| *kind);
                }
            }
            // Read where the settings make something of them.
            "guardrails" | "tags" | "litellm_metadata" | "litellm_session_id" => {}
            // Read before.
            "prompt_id" | "prompt_variables" | "prompt_version" => {}
            _ => self.ignored.push(key.to_owned()),
        }
        Ok(())
    }

    fn read_headers(&mut self, inbound: &Inbound) -> Result<()> {
        let number = |name: &str| -> Result<Option<f64>> {
            let Some(value) = inbound.headers.get(name) else { return Ok(None) };
            let parsed = value.to_str().ok().and_then(|text| text.trim().parse().ok());
            parsed
                .map(Some)
                .ok_or_else(|| Error::invalid(format!("invalid header `{name}`: expected a number")))
        };
        let limit = |name: &str| number(name)?.map(|value| seconds(name, value)).transpose();
        self.route.limits.total = limit("x-litellm-timeout")?;
        self.route.limits.first_content = limit("x-litellm-stream-timeout")?;
        if let Some(retries) = number("x-litellm-num-retries")? {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
            let retries = retries.clamp(0.0, 100.0) as u32;
            self.route.num_retries = Some(retries);
        }
        Ok(())
    }
}

/// Embeddings and rankings are never streamed, whatever a body says.
fn may_stream(inbound: &Inbound) -> bool {
    let operation = inbound.asked.operation;
    operation.is_chat() || operation.passes()
}

fn seconds(name: &str, value: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(value).ok().filter(|limit| !limit.is_zero()).ok_or_else(|| {
        Error::invalid(format!("invalid `{name}`: expected a number of seconds above 0")).with_param(name)
    })
}

fn policy(name: &str) -> Result<LossPolicy> {
    match name {
        "default" => Ok(LossPolicy::Default),
        "drop" => Ok(LossPolicy::Drop),
        "reject" => Ok(LossPolicy::Reject),
        _ => Err(Error::invalid(format!("invalid `on_loss`: use default, drop or reject, not `{name}`"))
            .with_param("on_loss")),
    }
}
