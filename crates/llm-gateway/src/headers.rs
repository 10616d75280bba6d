//! Headers of answers: the gateway's own under LiteLLM's names, and the vendor's passed on.

mod limits;
mod values;

use std::time::{Duration, Instant};

use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use llm_core::Error;
use llm_core::loss::{How, Loss};
use llm_core::money::NanoDollars;
use llm_governance::{Scope, Timestamp};
use llm_router::Trail;
use llm_router::quota::Quota;

use crate::bill::Bill;
use crate::options::CallOptions;
use crate::settlement::Settlement;

use values::Values;

const CALL_ID: HeaderName = HeaderName::from_static("x-litellm-call-id");
const MODEL_ID: HeaderName = HeaderName::from_static("x-litellm-model-id");
const MODEL_API_BASE: HeaderName = HeaderName::from_static("x-litellm-model-api-base");
const MODEL_NAME: HeaderName = HeaderName::from_static("x-litellm-model-name");
const MODEL_GROUP: HeaderName = HeaderName::from_static("x-litellm-model-group");
const VERSION: HeaderName = HeaderName::from_static("x-litellm-version");
const COST: HeaderName = HeaderName::from_static("x-litellm-response-cost");
const KEY_SPEND: HeaderName = HeaderName::from_static("x-litellm-key-spend");
const KEY_BUDGET: HeaderName = HeaderName::from_static("x-litellm-key-max-budget");
const KEY_TOKENS: HeaderName = HeaderName::from_static("x-litellm-key-tpm-limit");
const KEY_REQUESTS: HeaderName = HeaderName::from_static("x-litellm-key-rpm-limit");
const RETRIES: HeaderName = HeaderName::from_static("x-litellm-attempted-retries");
const FALLBACKS: HeaderName = HeaderName::from_static("x-litellm-attempted-fallbacks");
const DURATION: HeaderName = HeaderName::from_static("x-litellm-response-duration-ms");
const OVERHEAD: HeaderName = HeaderName::from_static("x-litellm-overhead-duration-ms");
const DROPPED: HeaderName = HeaderName::from_static("x-llm-dropped");
const GUARDRAILS: HeaderName = HeaderName::from_static("x-litellm-applied-guardrails");
const TRAIL: HeaderName = HeaderName::from_static("x-llm-trail");
const REQUESTS_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
const REQUESTS_LEFT: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
const TOKENS_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit-tokens");
const TOKENS_LEFT: HeaderName = HeaderName::from_static("x-ratelimit-remaining-tokens");
const CACHE_KEY: HeaderName = HeaderName::from_static("x-litellm-cache-key");
const SIMILARITY: HeaderName = HeaderName::from_static("x-litellm-semantic-similarity");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The version of the LiteLLM contract that these headers follow, and ours.
const VERSION_VALUE: HeaderValue =
    HeaderValue::from_static(concat!("llm-gateway-", env!("CARGO_PKG_VERSION")));

/// What is so for nearly every answer of a deployment, made once and copied.
#[derive(Clone, Debug)]
pub(crate) struct DeploymentHeaders {
    usual: HeaderMap,
    group: String,
}

impl DeploymentHeaders {
    pub(crate) fn new(id: &str, api_base: &str, name: &str, group: &str) -> Self {
        let mut usual = HeaderMap::with_capacity(24);
        let id = HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("unprintable"));
        usual.insert(MODEL_ID, id);
        if !api_base.is_empty() {
            put(&mut usual, MODEL_API_BASE, api_base);
        }
        put(&mut usual, MODEL_NAME, name);
        put(&mut usual, MODEL_GROUP, group);
        usual.insert(VERSION, VERSION_VALUE);
        usual.insert(RETRIES, HeaderValue::from_static("0"));
        usual.insert(FALLBACKS, HeaderValue::from_static("0"));
        Self { usual, group: group.to_owned() }
    }
}

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
    let mut headers = deployment.usual.clone();
    // How the caller stands is up to four headers, and each limit of its up to five.
    let of_caller = told.bill.map_or(0, |bill| 4 + 5 * bill.limits().len());
    headers.reserve(6 + 2 * vendor.len() + of_caller);
    headers.insert(CONTENT_TYPE, content_type);
    pass_on(vendor, &mut headers);
    put(&mut headers, CALL_ID, told.call_id);
    if told.group != deployment.group {
        // A pattern's deployment, under the name that it answered to.
        headers.remove(MODEL_GROUP);
        put(&mut headers, MODEL_GROUP, told.group);
    }
    if told.retries > 0 {
        headers.insert(RETRIES, HeaderValue::from(told.retries));
    }
    if told.fallbacks > 0 {
        headers.insert(FALLBACKS, HeaderValue::from(told.fallbacks));
    }
    let mut values = Values::default();
    match &told.done {
        Some(done) => put_done(&mut headers, &mut values, done),
        None => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
        }
    }
    put_dropped(&mut headers, told);
    put_guardrails(&mut headers, told.guardrails);
    if let Some(trail) = told.trail {
        put_trail(&mut headers, trail);
    }
    if let Some(quota) = told.quota {
        put_limits(&mut headers, &mut values, quota);
    }
    if let Some(bill) = told.bill {
        // The caller's own limits are what its client must keep to.
        put_standing(&mut headers, &mut values, bill);
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
    let gone = DeploymentHeaders { usual: HeaderMap::new(), group: String::new() };
    let deployment = hit.and_then(|hit| hit.account.as_ref()).map_or(&gone, |account| &account.headers);
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
        done,
    };
    let mut headers = of_answer(deployment, &HeaderMap::new(), &told, HeaderValue::from_static(content_type));
    put(&mut headers, CACHE_KEY, kept.key);
    headers.insert(AGE, HeaderValue::from(kept.age.as_secs()));
    if let Some(similarity) = kept.similarity {
        put(&mut headers, SIMILARITY, &format!("{similarity:.4}"));
    }
    if !kept.dropped.is_empty() {
        let ignored = options.ignored.iter().map(String::as_str);
        let all: Vec<&str> = std::iter::once(kept.dropped).chain(ignored).collect();
        put(&mut headers, DROPPED, &all.join(","));
    }
    if told.done.is_none() {
        // A stream tells its cost at its end; this one has none.
        put_cost(&mut headers, Some(NanoDollars(0)));
    }
    headers
}

/// How the key of a call stands, and the limits behind it.
pub(crate) fn put_caller(headers: &mut HeaderMap, bill: &Bill) {
    put_standing(headers, &mut Values::default(), bill);
}

fn put_standing(headers: &mut HeaderMap, values: &mut Values, bill: &Bill) {
    limits::put_limits_of(headers, values, (bill.limits(), bill.started));
    let Some(key) = bill.caller.account(Scope::Key) else { return };
    if let Some(spent) = key.spent(Timestamp::now()) {
        headers.insert(KEY_SPEND, values.dollars(spent));
    }
    if let Some(most) = key.terms.max_budget {
        headers.insert(KEY_BUDGET, values.dollars(most));
    }
    for (name, limit) in [(KEY_TOKENS, key.terms.tpm_limit), (KEY_REQUESTS, key.terms.rpm_limit)] {
        if let Some(limit) = limit {
            headers.insert(name, values.number(limit));
        }
    }
}

/// The most letters of a trail in a header: clients and proxies refuse long ones.
const LONGEST_TRAIL: usize = 4_000;

/// The way of a call on one line; names may have letters that headers cannot have.
pub(crate) fn put_trail(headers: &mut HeaderMap, trail: &Trail) {
    let text = trail.to_string();
    let shown = text.chars().map(|letter| if matches!(letter, ' '..='~') { letter } else { '?' });
    put(headers, TRAIL, &shown.take(LONGEST_TRAIL).collect::<String>());
}

/// Names of guardrails that looked at a call, where there were any.
pub(crate) fn put_guardrails(headers: &mut HeaderMap, names: &str) {
    if !names.is_empty() {
        put(headers, GUARDRAILS, names);
    }
}

fn put_done(headers: &mut HeaderMap, values: &mut Values, done: &Done) {
    if let Some(cost) = done.cost {
        headers.insert(COST, values.dollars(cost));
    }
    headers.insert(DURATION, values.milliseconds(done.total));
    headers.insert(OVERHEAD, values.milliseconds(done.total.saturating_sub(done.upstream)));
}

/// What an answer cost, where a price is known.
pub(crate) fn put_cost(headers: &mut HeaderMap, cost: Option<NanoDollars>) {
    if let Some(cost) = cost {
        headers.insert(COST, Values::default().dollars(cost));
    }
}

/// What is left of the deployment's own limits; the vendor's own headers of these names stay under their prefix.
fn put_limits(headers: &mut HeaderMap, values: &mut Values, quota: &Quota) {
    let (spec, standing) = (quota.spec(), quota.standing(Instant::now()));
    for (limit, used, names) in [
        (spec.rpm, standing.requests, [REQUESTS_LIMIT, REQUESTS_LEFT]),
        (spec.tpm, standing.tokens, [TOKENS_LIMIT, TOKENS_LEFT]),
    ] {
        let Some(limit) = limit else { continue };
        let [name, left] = names;
        headers.insert(name, values.number(limit));
        headers.insert(left, values.number(limit.saturating_sub(used)));
    }
}

fn put_dropped(headers: &mut HeaderMap, told: &Told<'_>) {
    if told.losses.is_empty() && told.ignored.is_empty() {
        return;
    }
    let mut list: Vec<String> = told.losses.iter().map(named).collect();
    list.extend(told.ignored.iter().cloned());
    put(headers, DROPPED, &list.join(","));
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

/// Vendor headers reach the client as `llm_provider-<name>`; rate limits and request ids also under their own
/// names, because the vendors' SDKs look for them.
fn pass_on(vendor: &HeaderMap, headers: &mut HeaderMap) {
    const PREFIX: &str = "llm_provider-";
    for (name, value) in vendor {
        let name = name.as_str();
        let mut prefixed = Vec::with_capacity(PREFIX.len() + name.len());
        prefixed.extend_from_slice(PREFIX.as_bytes());
        prefixed.extend_from_slice(name.as_bytes());
        if let Ok(prefixed) = HeaderName::from_bytes(&prefixed) {
            headers.insert(prefixed, value.clone());
        }
        if passes_bare(name)
            && let Ok(bare) = HeaderName::from_bytes(name.as_bytes())
        {
            headers.insert(bare, value.clone());
        }
    }
}

fn passes_bare(name: &str) -> bool {
    name.contains("ratelimit") || name == "request-id" || name == "x-request-id"
}

/// The headers of a vendor's answer that passes as it is.
pub(crate) fn of_relay(mut vendor: HeaderMap, deployment: &DeploymentHeaders, call_id: &str) -> HeaderMap {
    for name in [MODEL_ID, MODEL_API_BASE] {
        if let Some(value) = deployment.usual.get(&name) {
            vendor.insert(name, value.clone());
        }
    }
    vendor.insert(VERSION, VERSION_VALUE);
    put(&mut vendor, CALL_ID, call_id);
    vendor
}

/// The headers of an answer that no deployment gave.
pub(crate) fn plain(call_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(VERSION, VERSION_VALUE);
    put(&mut headers, CALL_ID, call_id);
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
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendor_headers_pass_under_both_names_where_sdks_look_for_them() {
        let vendor = HeaderMap::from_iter([
            (HeaderName::from_static("x-ratelimit-remaining-requests"), HeaderValue::from_static("7")),
            (HeaderName::from_static("server"), HeaderValue::from_static("acme")),
        ]);
        let mut headers = HeaderMap::new();
        pass_on(&vendor, &mut headers);
        assert_eq!(headers["x-ratelimit-remaining-requests"], "7");
        assert_eq!(headers["llm_provider-x-ratelimit-remaining-requests"], "7");
        assert_eq!(headers["llm_provider-server"], "acme");
        assert!(!headers.contains_key("server"));
    }

    #[test]
    fn a_value_with_a_line_break_is_left_out() {
        let mut headers = HeaderMap::new();
        put(&mut headers, MODEL_GROUP, "a\r\nset-cookie: x");
        assert!(headers.is_empty());
    }
}
