//! A page of days, the latest first.

use std::collections::BTreeSet;

use llm_core::order;
use llm_governance::{Activity, Day, Dimension, Scope};
use serde_json::{Value, json};

use super::show::{Names, alone, shown};
use super::whose::{excluded, whose};
use crate::days::Days;
use crate::management::{Answered, Call};
use crate::paging::Paging;
use crate::refused::Refused;
use crate::request::Reply;
use crate::sums::{metrics, total};
use crate::whose::Whose;

/// How many days a page has, and at most.
const SIZES: (u64, u64) = (50, 1_000);

/// Everything that sums are known by.
const ALL: [Dimension; 6] = [
    Dimension::Day,
    Dimension::Subject,
    Dimension::Key,
    Dimension::ModelGroup,
    Dimension::Model,
    Dimension::Provider,
];

/// The sums of a page, seen three ways. The whole gateway's know neither keys nor entities.
pub(super) struct Detail {
    /// By model and provider.
    pub plain: Vec<Activity>,
    /// By key too.
    pub keyed: Vec<Activity>,
    /// By entity too.
    pub entities: Vec<Activity>,
}

/// A page of days.
pub(super) async fn pages(call: &Call<'_>, scope: Scope) -> Answered {
    let paging = Paging::read(&call.query(), "page_size", SIZES)?;
    answer(call, scope, Some(paging)).await
}

/// All days on one page.
pub(super) async fn whole(call: &Call<'_>, scope: Scope) -> Answered {
    answer(call, scope, None).await
}

async fn answer(call: &Call<'_>, scope: Scope, paging: Option<Paging>) -> Answered {
    let query = call.query();
    let days = Days::required(&query)?;
    let out = excluded(&query, scope);
    let mut of = call.by_key(whose(call, &query, scope).await?, query.text("api_key")).await?;
    of.model = query.text("model").map(str::to_owned);
    let sums = sums_of_days(call, &of, days, &out).await?;
    let all: BTreeSet<Day> = order::set_of(sums.iter().filter_map(|one| one.day));
    let count = all.len() as u64;
    let paging = paging.unwrap_or(Paging { page: 1, size: count.max(1) });
    let list = paging.query();
    let (offset, limit) = (usize::try_from(list.offset).unwrap_or(usize::MAX), usize::try_from(list.limit));
    let page: Vec<Day> = all.into_iter().rev().skip(offset).take(limit.unwrap_or(usize::MAX)).collect();
    let (results, known) = if query.text("breakdown") == Some("none") {
        let known: Vec<Activity> =
            sums.into_iter().filter(|one| one.day.is_some_and(|day| page.contains(&day))).collect();
        (page.iter().map(|day| alone(*day, &known)).collect(), known)
    } else {
        let detail = detail(call, &of, &page, (scope, &out)).await?;
        let names = Names::read(call, scope, &detail).await?;
        let results: Vec<Value> = page.iter().map(|day| shown(*day, &detail, &names)).collect();
        (results, detail.plain)
    };
    let pages = paging.pages(count);
    let metadata = json!({
        "page": paging.page, "total_pages": pages, "has_more": paging.page < pages,
    });
    Ok(Reply::ok(json!({"results": results, "metadata": totals(metadata, &known)})))
}

/// The sums of the days on which there was something.
async fn sums_of_days(
    call: &Call<'_>,
    of: &Whose,
    days: Days,
    out: &[String],
) -> Result<Vec<Activity>, Refused> {
    let query = of.query(days, &[Dimension::Day, Dimension::Subject]);
    let mut found = call.management.reports()?.activity(&query).await?;
    found.retain(|one| !out.contains(&one.subject));
    Ok(found)
}

/// The sums of these days, the latest first.
async fn detail(
    call: &Call<'_>,
    of: &Whose,
    page: &[Day],
    (scope, out): (Scope, &[String]),
) -> Result<Detail, Refused> {
    let (Some(until), Some(from)) = (page.first(), page.last()) else {
        return Ok(Detail { plain: Vec::new(), keyed: Vec::new(), entities: Vec::new() });
    };
    let days = Days { from: *from, until: *until };
    let reports = call.management.reports()?;
    let mut plain = reports.activity(&of.query(days, &ALL)).await?;
    plain.retain(|one| !out.contains(&one.subject));
    let keyed = match of.scope {
        Scope::Global => reports.activity(&of.keyed().query(days, &ALL)).await?,
        _ => plain.clone(),
    };
    let entities = match of.seen_as(scope) {
        Some(seen) if seen.scope != of.scope => reports.activity(&seen.query(days, &ALL)).await?,
        _ => plain.clone(),
    };
    Ok(Detail { plain, keyed, entities })
}

/// What the days of the page come to: clients add pages up.
fn totals(mut metadata: Value, all: &[Activity]) -> Value {
    let shown = crate::show::fields(metrics(&total(all)));
    if let Some(metadata) = metadata.as_object_mut() {
        let renamed = |name: String| match name.as_str() {
            "total_tokens" | "total_response_time_ms" => name,
            _ => format!("total_{name}"),
        };
        metadata.extend(shown.into_iter().map(|(name, value)| (renamed(name), value)));
    }
    metadata
}
