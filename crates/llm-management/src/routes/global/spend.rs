//! What was spent on the whole gateway.

use std::collections::BTreeMap;

use llm_core::json::map_of;
use llm_core::order;
use llm_governance::entity::VirtualKey;
use llm_governance::{Activity, Dimension, Scope};
use serde_json::{Map, Value, json};

use super::team_names;
use crate::days::Days;
use crate::dollars::{show, show_some};
use crate::fields::Query;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Reply;
use crate::routes::spend::dearest;
use crate::sums::{grouped, total};
use crate::whose::Whose;

/// How many are shown, and at most.
const MOST: (u64, u64) = (100, 1_000);

fn days_of(query: &Query) -> Result<Days, Refused> {
    Days::read(query, "start_date", "end_date")
}

/// Everything of the last thirty days, and the gateway's budget.
pub(super) async fn whole(call: &Call<'_>) -> Answered {
    let days = days_of(&call.query())?;
    let query = Whose::all(Scope::Global).query(days, &[]);
    let found = call.management.reports()?.activity(&query).await?;
    let budget = call.caller.account(Scope::Global).and_then(|account| account.terms.max_budget);
    Ok(Reply::ok(json!({"spend": show(total(&found).cost), "max_budget": show_some(budget)})))
}

/// By day; of one key where it is named.
pub(super) async fn days(call: &Call<'_>) -> Answered {
    let query = call.query();
    let whose = call.by_key(Whose::all(Scope::Global), query.text("api_key")).await?;
    let found = whose.query(days_of(&query)?, &[Dimension::Day]);
    let found = call.management.reports()?.activity(&found).await?;
    let row = |one: &Activity| json!({"date": one.day.unwrap_or_default().to_string(), "spend": show(one.sums.cost)});
    Ok(Reply::ok(found.iter().map(row).collect()))
}

/// The dearest subjects of a kind.
async fn top(call: &Call<'_>, scope: Scope, by: Dimension) -> Result<Vec<Activity>, Refused> {
    let query = call.query();
    let most = query.count("limit", MOST.0, MOST.1)?;
    dearest(call, &Whose::all(scope), by, (days_of(&query)?, most)).await
}

/// The dearest keys.
pub(super) async fn keys(call: &Call<'_>) -> Answered {
    let found = top(call, Scope::Key, Dimension::Subject).await?;
    let ids: Vec<String> = found.iter().map(|one| one.subject.clone()).collect();
    let known: Vec<VirtualKey> = call.management.get_many(&ids).await?;
    let known = map_of(known.into_iter().map(|key| (key.hash.hex(), key)));
    let row = |one: Activity| {
        let key = known.get(&one.subject);
        json!({
            "api_key": one.subject,
            "key_alias": key.and_then(|key| key.alias.as_deref()),
            "key_name": key.map(|key| key.name.as_str()),
            "total_spend": show(one.sums.cost),
        })
    };
    Ok(Reply::ok(found.into_iter().map(row).collect()))
}

/// The dearest models.
pub(super) async fn models(call: &Call<'_>) -> Answered {
    let found = top(call, Scope::Global, Dimension::ModelGroup).await?;
    let row = |one: Activity| json!({"model": one.model_group, "total_spend": show(one.sums.cost)});
    Ok(Reply::ok(found.into_iter().map(row).collect()))
}

/// The dearest providers.
pub(super) async fn providers(call: &Call<'_>) -> Answered {
    let found = top(call, Scope::Global, Dimension::Provider).await?;
    let row = |one: Activity| json!({"provider": one.provider, "spend": show(one.sums.cost)});
    Ok(Reply::ok(found.into_iter().map(row).collect()))
}

/// The dearest tags, or those that are named.
pub(super) async fn tags(call: &Call<'_>) -> Answered {
    let query = call.query();
    let named = query.text("tags").unwrap_or_default().split(',').map(str::trim);
    let subjects = named.filter(|tag| !tag.is_empty() && *tag != "all-tags").map(str::to_owned).collect();
    let whose = Whose { subjects, ..Whose::all(Scope::Tag) };
    let found = dearest(call, &whose, Dimension::Subject, (days_of(&query)?, MOST.1)).await?;
    let row = |one: Activity| json!({"name": one.subject, "spend": show(one.sums.cost), "log_count": one.sums.requests});
    Ok(Reply::ok(json!({"spend_per_tag": found.into_iter().map(row).collect::<Vec<_>>()})))
}

/// The dearest customers, of one key where it is named: `startTime`, `endTime`, `selectedKey`.
pub(super) async fn end_users(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let mut query = Vec::new();
    for name in ["startTime", "endTime"] {
        query.extend(fields.text(name)?.value().map(|text| (name, text)));
    }
    let key = fields.text("selectedKey")?.value().filter(|key| !key.is_empty());
    let days = Days::read(&Query::of(query), "startTime", "endTime")?;
    let whose = call.by_key(Whose::all(Scope::Customer), key.as_deref()).await?;
    let found = dearest(call, &whose, Dimension::Subject, (days, MOST.0)).await?;
    let row = |one: Activity| {
        json!({
            "end_user": one.subject,
            "total_count": one.sums.requests,
            "total_spend": show(one.sums.cost),
        })
    };
    Ok(fields.answer(found.into_iter().map(row).collect()))
}

/// By day and team, and the teams with what they spent, the dearest first.
pub(super) async fn teams(call: &Call<'_>) -> Answered {
    let days = days_of(&call.query())?;
    let query = Whose::all(Scope::Team).query(days, &[Dimension::Day, Dimension::Subject]);
    let mut found = call.management.reports()?.activity(&query).await?;
    let names = team_names(call, &found).await?;
    for one in &mut found {
        if let Some(name) = names.get(&one.subject) {
            one.subject.clone_from(name);
        }
    }
    let mut teams: Vec<_> = grouped(&found, |one| &one.subject).into_iter().collect();
    order::sort_by_key(&mut teams, |(_, of)| std::cmp::Reverse(total(of.iter().copied()).cost));
    let mut daily: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (name, of) in &teams {
        for one in of {
            let date = one.day.unwrap_or_default().to_string();
            let place =
                daily.entry(date.clone()).or_insert_with(|| Map::from_iter([("date".into(), date.into())]));
            place.insert(name.clone(), show(one.sums.cost));
        }
    }
    let sum = |(name, of): &(String, Vec<&Activity>)| json!({"team_id": name, "total_spend": show(total(of.iter().copied()).cost)});
    Ok(Reply::ok(json!({
        "daily_spend": daily.into_values().map(Value::Object).collect::<Vec<_>>(),
        "teams": teams.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        "total_spend_per_team": teams.iter().map(sum).collect::<Vec<_>>(),
    })))
}
