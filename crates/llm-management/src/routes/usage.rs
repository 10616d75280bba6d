//! Usage statistics of our own: requests, tokens, money, latency and errors, by whatever calls are known by.

use llm_governance::{Activity, ActivityQuery, Dimension, Scope, Sums};
use serde_json::{Value, json};

use crate::days::Days;
use crate::declared::text;
use crate::dollars::show;
use crate::known;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Method::Get;
use crate::request::Reply;
use crate::route::Access::Holder;
use crate::route::Route;
use crate::show::fields;
use crate::sums::tokens;
use crate::whose::Whose;

/// Routes of usage.
pub(super) const ROUTES: &[Route] = &[Route::look(Get, "/usage", Holder, |call| Box::pin(usage(call)))
    .about("Requests, tokens, money, latency and errors, by whatever calls are known by.")
    .asks(&[
        known::LIMIT,
        &[
            text("from", "the first day"),
            text("to", "the last day"),
            text("group_by", "what calls are put together by: `model`, `key`, `user` …"),
            text("model", "this public name alone"),
            text("key", "this key alone"),
        ],
    ])];

/// How many groups are shown, and at most.
const GROUPS: (u64, u64) = (100, 1_000);

/// What usage is grouped by, and what sums call it. Those of a kind of subject are for who sees all of them.
const GROUPED: [(&str, Dimension, Option<Scope>); 10] = [
    ("model", Dimension::ModelGroup, None),
    ("upstream_model", Dimension::Model, None),
    ("provider", Dimension::Provider, None),
    ("day", Dimension::Day, None),
    ("key", Dimension::Key, None),
    ("user", Dimension::Subject, Some(Scope::User)),
    ("team", Dimension::Subject, Some(Scope::Team)),
    ("organization", Dimension::Subject, Some(Scope::Organization)),
    ("customer", Dimension::Subject, Some(Scope::Customer)),
    ("tag", Dimension::Subject, Some(Scope::Tag)),
];

/// Usage from a day to a day, by one thing; the dearest first, days in their order.
async fn usage(call: &Call<'_>) -> Answered {
    let query = call.query();
    let days = Days::read(&query, "from", "to")?;
    let most = query.count("limit", GROUPS.0, GROUPS.1)?;
    let name = query.text("group_by").unwrap_or("model");
    let known = || GROUPED.map(|(known, ..)| known).join(", ");
    let found = GROUPED.into_iter().find(|(known, ..)| *known == name);
    let (_, by, scope) =
        found.ok_or_else(|| Refused::query("group_by", format!("usage is grouped by one of {}", known())))?;
    let mut whose = whose(call, by, scope)?;
    whose.model = query.text("model").map(str::to_owned);
    let whose = call.by_key(whose, query.text("key")).await?;
    let dearest = (by != Dimension::Day).then_some(most);
    let groups = ActivityQuery { dearest, ..whose.query(days, &[by]) };
    let reports = call.management.reports()?;
    let (groups, whole) = reports.activity_and_total(&groups).await?;
    let group = |one: &Activity| {
        let mut shown = fields(numbers(&one.sums));
        shown.insert(name.to_owned(), named(one, by));
        Value::Object(shown)
    };
    Ok(Reply::ok(json!({
        "group_by": name,
        "from": days.from.to_string(),
        "to": days.until.to_string(),
        "results": groups.iter().map(group).collect::<Vec<_>>(),
        "total": numbers(&whole),
    })))
}

/// Whose usage is shown: everything to those who see it, others their own.
fn whose(call: &Call<'_>, by: Dimension, scope: Option<Scope>) -> Result<Whose, Refused> {
    let own = call.whose()?;
    match scope {
        None if by == Dimension::Key => Ok(own.keyed()),
        None => Ok(own),
        Some(scope) => {
            own.seen_as(scope).filter(|seen| call.sees_all() || seen.scope == own.scope).ok_or_else(|| {
                Refused::forbidden(
                    "you see your own usage alone: group it by `model`, `provider`, `day` or `key`",
                )
            })
        }
    }
}

fn named(one: &Activity, by: Dimension) -> Value {
    match by {
        Dimension::Day => one.day.map(|day| day.to_string()).into(),
        Dimension::Subject => one.subject.as_str().into(),
        Dimension::Key => one.key.as_str().into(),
        Dimension::ModelGroup => one.model_group.as_str().into(),
        Dimension::Model => one.model.as_str().into(),
        Dimension::Provider => one.provider.as_str().into(),
    }
}

fn numbers(sums: &Sums) -> Value {
    json!({
        "requests": sums.requests,
        "errors": sums.failures,
        "prompt_tokens": sums.prompt_tokens,
        "completion_tokens": sums.completion_tokens,
        "total_tokens": tokens(sums),
        "cache_read_tokens": sums.cache_read_tokens,
        "cache_write_tokens": sums.cache_write_tokens,
        "reasoning_tokens": sums.reasoning_tokens,
        "cost": show(sums.cost),
        "average_latency_ms": average(sums.took_micros, sums.requests),
        "average_time_to_first_token_ms": average(sums.first_content_micros, sums.first_contents),
    })
}

/// Milliseconds on average; `null` of nothing.
fn average(micros: i64, count: i64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "an average is rounded anyhow")]
    let average = (micros as f64 / count as f64).round() / 1_000.0;
    if count > 0 { Value::from(average) } else { Value::Null }
}
