//! How busy the gateway was: calls and tokens by day.

use llm_core::order;
use llm_governance::{Activity, Day, Dimension};
use serde_json::{Value, json};

use crate::days::Days;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Reply;
use crate::show::{Shown, fields};
use crate::sums::{grouped, tokens, total};

/// Of all models together.
pub(super) async fn whole(call: &Call<'_>) -> Answered {
    let found = found(call, &[Dimension::Day]).await?;
    Ok(Reply::ok(Value::Object(shown(&found.iter().collect::<Vec<_>>()))))
}

/// Of each model, the busiest first.
pub(super) async fn models(call: &Call<'_>) -> Answered {
    let found = found(call, &[Dimension::ModelGroup, Dimension::Day]).await?;
    let mut groups: Vec<_> = grouped(&found, |one| &one.model_group).into_iter().collect();
    order::sort_by_key(&mut groups, |(_, of)| std::cmp::Reverse(total(of.iter().copied()).requests));
    let group = |(model, of): (String, Vec<&Activity>)| {
        let mut shown = shown(&of);
        shown.insert("model".to_owned(), model.into());
        Value::Object(shown)
    };
    Ok(Reply::ok(groups.into_iter().map(group).collect()))
}

async fn found(call: &Call<'_>, by: &[Dimension]) -> Result<Vec<Activity>, Refused> {
    let days = Days::required(&call.query())?;
    let query = call.whose()?.query(days, by);
    Ok(call.management.reports()?.activity(&query).await?)
}

fn shown(all: &[&Activity]) -> Shown {
    let day = |one: &&Activity| {
        json!({
            "date": label(one.day.unwrap_or_default()),
            "api_requests": one.sums.requests,
            "total_tokens": tokens(&one.sums),
        })
    };
    let sums = total(all.iter().copied());
    fields(json!({
        "daily_data": all.iter().map(day).collect::<Vec<_>>(),
        "sum_api_requests": sums.requests,
        "sum_total_tokens": tokens(&sums),
    }))
}

/// A day as LiteLLM's charts write it: `Nov 21`.
fn label(day: Day) -> String {
    let time = jiff::Timestamp::from_microsecond(day.start().0).unwrap_or_default();
    time.strftime("%b %d").to_string()
}
