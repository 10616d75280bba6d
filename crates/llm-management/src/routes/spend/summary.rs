//! What was spent by day, with its users, models and keys.

use std::collections::BTreeMap;

use llm_core::json::object_of;
use llm_governance::{Activity, Dimension, Scope};
use serde_json::{Map, Value, json};

use crate::days::Days;
use crate::dollars::show;
use crate::fields::Query;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Reply;
use crate::sums::{grouped, total};
use crate::whose::Whose;

/// Days with what was spent on them: `[{"startTime", "spend", "users", "models", "<hash of a key>": spend}]`.
pub(super) async fn summary(call: &Call<'_>, query: &Query, days: Days) -> Answered {
    let whose = call.by_key(asked(call, query)?, query.text("api_key")).await?;
    let reports = call.management.reports()?;
    let models = reports.activity(&whose.query(days, &[Dimension::Day, Dimension::ModelGroup])).await?;
    let keys = reports.activity(&whose.keyed().query(days, &[Dimension::Day, Dimension::Key])).await?;
    let users = match whose.seen_as(Scope::User) {
        Some(of) => reports.activity(&of.query(days, &[Dimension::Day, Dimension::Subject])).await?,
        None => Vec::new(),
    };
    let mut shown: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (day, sums) in grouped_by_day(&models) {
        let place = shown.entry(day.clone()).or_default();
        place.insert("startTime".to_owned(), day.into());
        place.insert("spend".to_owned(), show(total(sums.iter().copied()).cost));
        place.insert("models".to_owned(), spends(&sums, |one| &one.model_group));
        place.insert("users".to_owned(), json!({}));
    }
    for (day, sums) in grouped_by_day(&users) {
        let place = shown.entry(day).or_default();
        place.insert("users".to_owned(), spends(&sums, |one| &one.subject));
    }
    for (day, sums) in grouped_by_day(&keys) {
        if let Value::Object(spends) = spends(&sums, |one| &one.key) {
            shown.entry(day).or_default().extend(spends);
        }
    }
    Ok(Reply::ok(shown.into_values().map(Value::Object).collect()))
}

/// The user who is named, for those who may see it.
fn asked(call: &Call<'_>, query: &Query) -> Result<Whose, Refused> {
    match query.text("user_id") {
        Some(user) if call.sees_all() || call.is_user(Some(user)) => Ok(Whose::one(Scope::User, user)),
        Some(_) => Err(Refused::forbidden("you may see your own spending alone: leave `user_id` out")),
        None => call.whose(),
    }
}

fn spends(all: &[&Activity], name: impl Fn(&Activity) -> &str) -> Value {
    let groups = grouped(all.iter().copied(), name).into_iter().filter(|(name, _)| !name.is_empty());
    Value::Object(object_of(groups.map(|(name, of)| (name, show(total(of).cost)))))
}

fn grouped_by_day(all: &[Activity]) -> BTreeMap<String, Vec<&Activity>> {
    let mut days: BTreeMap<String, Vec<&Activity>> = BTreeMap::new();
    for one in all {
        days.entry(one.day.unwrap_or_default().to_string()).or_default().push(one);
    }
    days
}
