//! Headers of answers: the gateway's own under LiteLLM's names, and the vendor's passed on.

mod forms;
mod limits;
mod values;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use llm_core::Error;
use llm_core::loss::{How, Loss};
use llm_core::money::NanoDollars;
use llm_governance::{LimitUnit, Scope, Timestamp};
use llm_router::Trail;
use llm_router::quota::Quota;

use crate::bill::Bill;
use crate::options::CallOptions;
use crate::settlement::Settlement;

use forms::{Forms, Lines};
use values::Values;

static CALL_ID: HeaderName = HeaderName::from_static("x-litellm-call-id");
static MODEL_ID: HeaderName = HeaderName::from_static("x-litellm-model-id");
static MODEL_API_BASE: HeaderName = HeaderName::from_static("x-litellm-model-api-base");
static MODEL_NAME: HeaderName = HeaderName::from_static("x-litellm-model-name");
static MODEL_GROUP: HeaderName = HeaderName::from_static("x-litellm-model-group");
static VERSION: HeaderName = HeaderName::from_static("x-litellm-version");
static COST: HeaderName = HeaderName::from_static("x-litellm-response-cost");
static KEY_SPEND: HeaderName = HeaderName::from_static("x-litellm-key-spend");
static KEY_BUDGET: HeaderName = HeaderName::from_static("x-litellm-key-max-budget");
static KEY_TOKENS: HeaderName = HeaderName::from_static("x-litellm-key-tpm-limit");
static KEY_REQUESTS: HeaderName = HeaderName::from_static("x-litellm-key-rpm-limit");
static RETRIES: HeaderName = HeaderName::from_static("x-litellm-attempted-retries");
static FALLBACKS: HeaderName = HeaderName::from_static("x-litellm-attempted-fallbacks");
static DURATION: HeaderName = HeaderName::from_static("x-litellm-response-duration-ms");
static OVERHEAD: HeaderName = HeaderName::from_static("x-litellm-overhead-duration-ms");
static DROPPED: HeaderName = HeaderName::from_static("x-llm-dropped");
static GUARDRAILS: HeaderName = HeaderName::from_static("x-litellm-applied-guardrails");
static TRAIL: HeaderName = HeaderName::from_static("x-llm-trail");
static CACHE_KEY: HeaderName = HeaderName::from_static("x-litellm-cache-key");
static SIMILARITY: HeaderName = HeaderName::from_static("x-litellm-semantic-similarity");
static ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The version of the LiteLLM contract that these headers follow, and ours.
const VERSION_VALUE: HeaderValue =
    HeaderValue::from_static(concat!("llm-gateway-", env!("CARGO_PKG_VERSION")));

/// The headers of a deployment's answers.
#[derive(Debug, Default)]
pub(crate) struct DeploymentHeaders {
    forms: Forms,
    group: String,
}

impl DeploymentHeaders {
    pub(crate) fn new(id: &str, api_base: &str, name: &str, group: &str) -> Self {
        let mut usual = HeaderMap::new();
        let id = HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("unprintable"));
        usual.insert(&MODEL_ID, id);
        if !api_base.is_empty() {
            put(&mut usual, &MODEL_API_BASE, api_base);
        }
        put(&mut usual, &MODEL_NAME, name);
        put(&mut usual, &MODEL_GROUP, group);
        usual.insert(&VERSION, VERSION_VALUE);
        usual.insert(&RETRIES, HeaderValue::from_static("0"));
        usual.insert(&FALLBACKS, HeaderValue::from_static("0"));
        Self { forms: Forms::new(usual), group: group.to_owned() }
    }
}

/// Of a kept answer whose deployment is no more.
static NO_DEPLOYMENT: LazyLock<DeploymentHeaders> = LazyLock::new(DeploymentHeaders::default);

/// What the headers of an answer tell of its call.
pub(crate) struct Told<'a> {
    pub call_id: &'a str,
    /// Who pays, where that is of interest.
    pub bill: Option<&'a Bill>,
    pub group: &'a str,
    pub retries: usize,
    pub fallbacks: usize,
    pub losses: &'a [Loss],
    pub ignored: &'a [String],
    /// Names of guardrails that looked at it.
    pub guardrails: &'a str,
    /// The way of the call, where the client asked for it.
    pub trail: Option<&'a Trail>,
    /// Of a deployment whose requests or tokens a minute are limited.
    pub quota: Option<&'a Quota>,
    /// Kept answers only.
    pub kept: Option<&'a Kept<'a>>,
    /// Whole answers only: what they cost and how long the vendor took of the total.
    pub done: Option<Done>,
}

/// What is known only when an answer is complete.
pub(crate) struct Done {
    pub cost: Option<NanoDollars>,
    pub total: Duration,
    pub upstream: Duration,
}

/// The headers of an answer.
pub(crate) fn of_answer(
    deployment: &DeploymentHeaders,
    vendor: &HeaderMap,
    told: &Told<'_>,
    content_type: HeaderValue,
) -> HeaderMap {
    let (mut lines, mut values) = (Lines::new(), Values::default());
    lines.push((&CONTENT_TYPE, content_type));
    if let Ok(id) = HeaderValue::try_from(told.call_id) {
        lines.push((&CALL_ID, id));
    }
    match &told.done {
        Some(done) => list_done(&mut lines, &mut values, done),
        None => {
            lines.push((&CACHE_CONTROL, HeaderValue::from_static("no-cache")));
            lines.push((&ACCEL_BUFFERING, HeaderValue::from_static("no")));
        }
    }
    if let Some(bill) = told.bill {
        // The caller's own limits are what its client must keep to, more than the deployment's, and those more than the
        // vendor's.
        match told.done {
            Some(_) => bill.limits(|limits| limits::list(&mut lines, &mut values, (limits, bill.started))),
            None => limits::list(&mut lines, &mut values, (&bill.last_limits(), bill.started)),
        }
        list_standing(&mut lines, &mut values, bill);
    }
    if let Some(quota) = told.quota {
        list_limits(&mut lines, &mut values, quota);
    }
    if let Some(kept) = told.kept {
        list_kept(&mut lines, &mut values, kept);
    }
    let mut headers = deployment.forms.filled(lines, vendor);
    if told.group != deployment.group {
        // A pattern's deployment, under the name that it answered to.
        headers.remove(&MODEL_GROUP);
        put(&mut headers, &MODEL_GROUP, told.group);
    }
    if told.retries > 0 {
        headers.insert(&RETRIES, HeaderValue::from(told.retries));
    }
    if told.fallbacks > 0 {
        headers.insert(&FALLBACKS, HeaderValue::from(told.fallbacks));
    }
    put_dropped(&mut headers, told);
    put_guardrails(&mut headers, told.guardrails);
    if let Some(trail) = told.trail {
        put_trail(&mut headers, trail);
    }
    headers
}

/// What the headers of a kept answer tell of it.
pub(crate) struct Kept<'a> {
    pub key: &'a str,
    pub age: Duration,
    /// What its request lost on the way to the vendor.
    pub dropped: &'a str,
    /// How near its question is, where it is another one.
    pub similarity: Option<f32>,
}

/// The headers of a kept answer.
pub(crate) fn of_kept(
    settlement: &Settlement,
    options: &CallOptions,
    kept: &Kept<'_>,
    done: Option<Done>,
    content_type: &'static str,
) -> HeaderMap {
    let hit = settlement.hit_by();
    let account = hit.and_then(|hit| hit.account.as_ref());
    let deployment = account.map_or_else(|| &*NO_DEPLOYMENT, |account| &account.headers);
    let told = Told {
        call_id: &settlement.call().call_id,
        bill: settlement.bill().map(|bill| &**bill),
        group: hit.map_or("", |hit| &hit.group),
        retries: 0,
        fallbacks: 0,
        losses: &[],
        ignored: &options.ignored,
        guardrails: &settlement.call().guardrails,
        trail: None,
        quota: None,
        kept: Some(kept),
        done,
    };
    let mut headers = of_answer(deployment, &HeaderMap::new(), &told, HeaderValue::from_static(content_type));
    if !kept.dropped.is_empty() {
        let ignored = options.ignored.iter().map(String::as_str);
        let all: Vec<&str> = std::iter::once(kept.dropped).chain(ignored).collect();
        put(&mut headers, &DROPPED, &all.join(","));
    }
    if told.done.is_none() {
        // A stream tells its cost at its end; this one has none.
        put_cost(&mut headers, Some(NanoDollars(0)));
    }
    headers
}

/// How the key of a call stands, and the limits behind it.
pub(crate) fn put_caller(headers: &mut HeaderMap, bill: &Bill) {
    let (mut lines, mut values) = (Lines::new(), Values::default());
    bill.limits(|limits| limits::list(&mut lines, &mut values, (limits, bill.started)));
    list_standing(&mut lines, &mut values, bill);
    headers.extend(lines.into_iter().map(|(name, value)| (name.clone(), value)));
}

fn list_standing(lines: &mut Lines, values: &mut Values, bill: &Bill) {
    let Some(key) = bill.caller.account(Scope::Key) else { return };
    if let Some(spent) = key.spent(Timestamp::now()) {
        lines.push((&KEY_SPEND, values.dollars(spent)));
    }
    if let Some(most) = key.terms.max_budget {
        lines.push((&KEY_BUDGET, values.cap(most)));
    }
    for (name, limit) in [(&KEY_TOKENS, key.terms.tpm_limit), (&KEY_REQUESTS, key.terms.rpm_limit)] {
        if let Some(limit) = limit {
            lines.push((name, values.limit(limit)));
        }
    }
}

/// The most letters of a trail in a header: clients and proxies refuse long ones.
const LONGEST_TRAIL: usize = 4_000;

/// The way of a call on one line; names may have letters that headers cannot have.
pub(crate) fn put_trail(headers: &mut HeaderMap, trail: &Trail) {
    let text = trail.to_string();
    let shown = text.chars().map(|letter| if matches!(letter, ' '..='~') { letter } else { '?' });
    put(headers, &TRAIL, &shown.take(LONGEST_TRAIL).collect::<String>());
}

/// Names of guardrails that looked at a call, where there were any.
pub(crate) fn put_guardrails(headers: &mut HeaderMap, names: &str) {
    if !names.is_empty() {
        put(headers, &GUARDRAILS, names);
    }
}

fn list_done(lines: &mut Lines, values: &mut Values, done: &Done) {
    if let Some(cost) = done.cost {
        lines.push((&COST, values.dollars(cost)));
    }
    lines.push((&DURATION, values.milliseconds(done.total)));
    lines.push((&OVERHEAD, values.milliseconds(done.total.saturating_sub(done.upstream))));
}

fn list_kept(lines: &mut Lines, values: &mut Values, kept: &Kept<'_>) {
    if let Ok(key) = HeaderValue::try_from(kept.key) {
        lines.push((&CACHE_KEY, key));
    }
    lines.push((&AGE, values.number(kept.age.as_secs())));
    if let Some(similarity) =
        kept.similarity.and_then(|near| HeaderValue::try_from(format!("{near:.4}")).ok())
    {
        lines.push((&SIMILARITY, similarity));
    }
}

/// What an answer cost, where a price is known.
pub(crate) fn put_cost(headers: &mut HeaderMap, cost: Option<NanoDollars>) {
    if let Some(cost) = cost {
        headers.insert(&COST, Values::default().dollars(cost));
    }
}

/// What is left of the deployment's own limits, where the caller has none that say it.
fn list_limits(lines: &mut Lines, values: &mut Values, quota: &Quota) {
    let (spec, standing) = (quota.spec(), quota.standing(Instant::now()));
    for (limit, used, [name, left]) in [
        (spec.rpm, standing.requests, limits::common(LimitUnit::Requests)),
        (spec.tpm, standing.tokens, limits::common(LimitUnit::Tokens)),
    ] {
        let Some(limit) = limit.filter(|_| lines.iter().all(|(known, _)| !std::ptr::eq(*known, name))) else {
            continue;
        };
        lines.push((name, values.limit(limit)));
        lines.push((left, values.number(limit.saturating_sub(used))));
    }
}

fn put_dropped(headers: &mut HeaderMap, told: &Told<'_>) {
    if told.losses.is_empty() && told.ignored.is_empty() {
        return;
    }
    let mut list: Vec<String> = told.losses.iter().map(named).collect();
    list.extend(told.ignored.iter().cloned());
    put(headers, &DROPPED, &list.join(","));
}

/// What a request lost, as clients are told it.
pub(crate) fn lost(losses: &[Loss]) -> String {
    losses.iter().map(named).collect::<Vec<_>>().join(",")
}

fn named(loss: &Loss) -> String {
    match loss.how {
        How::Dropped => loss.field.to_string(),
        How::Approximated(what) => format!("{}~{what}", loss.field),
    }
}

/// The headers of a vendor's answer that passes as it is.
pub(crate) fn of_relay(mut vendor: HeaderMap, deployment: &DeploymentHeaders, call_id: &str) -> HeaderMap {
    for name in [&MODEL_ID, &MODEL_API_BASE] {
        if let Some(value) = deployment.forms.usual().get(name) {
            vendor.insert(name, value.clone());
        }
    }
    vendor.insert(&VERSION, VERSION_VALUE);
    put(&mut vendor, &CALL_ID, call_id);
    vendor
}

/// The headers of an answer that no deployment gave.
pub(crate) fn plain(call_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(&VERSION, VERSION_VALUE);
    put(&mut headers, &CALL_ID, call_id);
    headers
}

/// The headers of a refusal.
pub(crate) fn of_error(error: &Error, call_id: &str) -> HeaderMap {
    let mut headers = plain(call_id);
    if let Some(after) = error.retry_after() {
        // Whole seconds, rounded up: coming back too early only fails again.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    headers
}

/// Sets a header whose value may come from outside; one that is no header value is left out.
fn put(headers: &mut HeaderMap, name: &'static HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_line_break_is_left_out() {
        let mut headers = HeaderMap::new();
        put(&mut headers, &MODEL_GROUP, "a\r\nset-cookie: x");
        assert!(headers.is_empty());
    }
}
