//! Calls one by one, newest first.

use llm_governance::entity::{Column, VirtualKey};
use llm_governance::{Filter, LedgerRow, ListQuery, RowField, RowQuery, RowSort};
use serde_json::Value;

use super::rows::shown;
use super::summary::summary;
use crate::days::{Days, moment};
use crate::dollars;
use crate::fields::Query;
use crate::management::{Answered, Call};
use crate::paging::Paging;
use crate::refused::Refused;
use crate::request::Reply;
use crate::secret::hash_of;
use crate::whose::NOBODY;

/// How many calls an answer without pages has, and at most (`limit`).
const ROWS: (u64, u64) = (1_000, 10_000);

/// How far calls are counted.
const COUNTED: u64 = 10_000;

/// Filters of LiteLLM's that the ledger does not have.
const UNKNOWN: [&str; 7] = [
    "error_code",
    "error_message",
    "search",
    "span_type",
    "used_client_oauth_token",
    "session_cursor",
    "group_by_session",
];

/// What calls are sorted by.
const SORTED: [(&str, RowSort); 7] = [
    ("startTime", RowSort::Started),
    ("endTime", RowSort::Ended),
    ("spend", RowSort::Cost),
    ("prompt_tokens", RowSort::PromptTokens),
    ("completion_tokens", RowSort::CompletionTokens),
    ("total_tokens", RowSort::TotalTokens),
    ("request_duration_ms", RowSort::Took),
];

/// One call, those of a key or a user, or what was spent by day.
pub(super) async fn logs(call: &Call<'_>) -> Answered {
    let query = call.query();
    let reports = call.management.reports()?;
    if let Some(id) = query.text("request_id") {
        let row = reports.row(id).await?;
        return Ok(Reply::ok(of(call, row).await?));
    }
    let is_summary = query.text("summarize").is_none() || query.switch("summarize")?;
    let has_days = query.text("start_date").is_some() && query.text("end_date").is_some();
    if is_summary && has_days {
        return summary(call, &query, Days::required(&query)?).await;
    }
    let limit = query.count("limit", ROWS.0, ROWS.1)?;
    let wanted = RowQuery { limit, ..wanted(call, &query).await? };
    let page = reports.rows(&wanted).await?;
    Ok(Reply::ok(page.rows.iter().map(shown).collect()))
}

/// A page of calls.
pub(super) async fn pages(call: &Call<'_>) -> Answered {
    let query = call.query();
    let reports = call.management.reports()?;
    let paging = Paging::read(&query, "page_size", (50, 1_000))?;
    if let Some(name) = UNKNOWN.iter().find(|name| query.text(name).is_some_and(|text| text != "false")) {
        return Err(Refused::query(name, "the ledger is not searched by this: leave it out"));
    }
    if let Some(id) = query.text("request_id") {
        let rows = of(call, reports.row(id).await?).await?;
        let rows = rows.as_array().cloned().unwrap_or_default();
        let total = rows.len() as u64;
        return Ok(Reply::ok(paging.answer("data", rows, total)));
    }
    let list = paging.query();
    let (sort, ascending) = sorted(&query)?;
    let wanted = wanted(call, &query).await?;
    let wanted = RowQuery { sort, ascending, offset: list.offset, limit: list.limit, ..wanted };
    let page = reports.rows(&wanted).await?;
    let counted = reports.count(&wanted, COUNTED).await?;
    // A page that follows is there, however far was counted.
    let next = u64::from(page.next.is_some());
    let total = counted.found.max(list.offset + page.rows.len() as u64 + next);
    let mut answer = paging.answer("data", page.rows.iter().map(shown).collect(), total);
    // LiteLLM's clients take the total as it is; the pages say that there may be more.
    answer["total_is_exact"] = counted.is_all.into();
    Ok(Reply::ok(answer))
}

/// One call in a list, where it is there and the caller may see it.
async fn of(call: &Call<'_>, row: Option<LedgerRow>) -> Result<Value, Refused> {
    let Some(row) = row else { return Ok(Value::Array(Vec::new())) };
    let is_own = call.sees_all()
        || call.is_user(row.user_id.as_deref())
        || (row.key.is_some() && call.caller.key() == row.key)
        || rules_team(call, row.team_id.as_deref()).await?;
    Ok(Value::Array(if is_own { vec![shown(&row)] } else { Vec::new() }))
}

/// Whether the caller administrates a team.
async fn rules_team(call: &Call<'_>, id: Option<&str>) -> Result<bool, Refused> {
    let Some(id) = id else { return Ok(false) };
    match call.management.get(id).await? {
        Some(team) => call.administrates_team(&team).await,
        None => Ok(false),
    }
}

fn sorted(query: &Query) -> Result<(RowSort, bool), Refused> {
    let name = query.text("sort_by").unwrap_or("startTime");
    let sort = SORTED.iter().find(|(known, _)| *known == name).map(|(_, sort)| *sort);
    let known = || SORTED.map(|(known, _)| known).join(", ");
    let sort =
        sort.ok_or_else(|| Refused::query("sort_by", format!("calls are sorted by one of {}", known())))?;
    match query.text("sort_order") {
        None | Some("desc") => Ok((sort, false)),
        Some("asc") => Ok((sort, true)),
        Some(_) => Err(Refused::query("sort_order", "say `asc` or `desc`")),
    }
}

/// Which calls a query asks for, of those that the caller may see.
///
/// # Errors
/// When a filter cannot be read, or the store not be asked.
pub(super) async fn wanted(call: &Call<'_>, query: &Query) -> Result<RowQuery, Refused> {
    let money = |name| match query.text(name) {
        None => Ok(None),
        Some(text) => dollars::read(&Value::from(text))
            .map(Some)
            .ok_or_else(|| Refused::query(name, "Input should be a number of dollars that is not negative")),
    };
    Ok(RowQuery {
        from: moment(query, "start_date", false)?,
        until: moment(query, "end_date", true)?,
        only: only(call, query).await?,
        failed: one_of(query, "status_filter", "failure", "success")?,
        cache_hit: one_of(query, "cache_hit_filter", "true", "false")?,
        min_cost: money("min_spend")?,
        max_cost: money("max_spend")?,
        ..RowQuery::default()
    })
}

fn one_of(query: &Query, name: &str, yes: &str, no: &str) -> Result<Option<bool>, Refused> {
    match query.text(name).map(str::to_ascii_lowercase) {
        None => Ok(None),
        Some(text) if text == yes => Ok(Some(true)),
        Some(text) if text == no => Ok(Some(false)),
        Some(_) => Err(Refused::query(name, format!("say `{yes}` or `{no}`"))),
    }
}

/// The fields that calls are chosen by. Callers who do not see all see their own, and those of keys and teams that
/// they administrate when they name them.
async fn only(call: &Call<'_>, query: &Query) -> Result<Vec<(RowField, Vec<String>)>, Refused> {
    let named = [
        ("user_id", RowField::User),
        ("team_id", RowField::Team),
        ("session_id", RowField::Session),
        ("model", RowField::Model),
        ("model_id", RowField::Deployment),
        ("model_group", RowField::ModelGroup),
        ("end_user", RowField::Customer),
    ];
    let named =
        named.into_iter().filter_map(|(name, field)| Some((field, vec![query.text(name)?.to_owned()])));
    let mut only: Vec<_> = named.collect();
    let key = query.text("api_key").map(|key| hash_of(key).hex());
    if let Some(key) = &key {
        only.push((RowField::Key, call.hashes(key).await?));
    }
    if let Some(alias) = query.text("key_alias") {
        let filters = vec![("alias", Filter::Is(Column::from(alias)))];
        let keys = call.management.all::<VirtualKey>(ListQuery { filters, ..ListQuery::default() }).await?;
        let hashes = keys.iter().flat_map(|key| key.former.iter().chain([&key.hash])).map(|hash| hash.hex());
        only.push((RowField::Key, hashes.chain([NOBODY.to_owned()]).collect()));
    }
    let is_free = call.sees_all()
        || rules_team(call, query.text("team_id")).await?
        || rules_key(call, key.as_deref()).await?;
    if !is_free {
        let whose = call.whose()?;
        let field = if whose.scope == llm_governance::Scope::User { RowField::User } else { RowField::Key };
        only.push((field, whose.subjects));
    }
    Ok(only)
}

/// Whether a key is the caller's, or of those whom it administrates.
async fn rules_key(call: &Call<'_>, hash: Option<&str>) -> Result<bool, Refused> {
    let Some(hash) = hash else { return Ok(false) };
    match call.management.get::<VirtualKey>(hash).await? {
        Some(key) if call.is_user(key.user_id.as_deref()) || call.caller.key() == Some(key.hash) => Ok(true),
        Some(key) => call.rules_key(&key).await,
        None => Ok(false),
    }
}
