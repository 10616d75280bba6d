//! Reports of what was spent, by team, customer or key.

use std::collections::BTreeMap;

use llm_governance::{Activity, Day, Dimension, Scope};
use serde_json::{Value, json};

use super::team_names;
use crate::days::Days;
use crate::dollars::show;
use crate::fields::Query;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Reply;
use crate::sums::{grouped, tokens, total};
use crate::whose::Whose;

/// What a report is by.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Team,
    Customer,
    Key,
}

/// A report from a day to a day.
pub(super) async fn report(call: &Call<'_>) -> Answered {
    let query = call.query();
    let days = Days::required(&query)?;
    let named = [
        ("team_id", Scope::Team, By::Team),
        ("customer_id", Scope::Customer, By::Customer),
        ("internal_user_id", Scope::User, By::Key),
    ];
    let subject = named.into_iter().find_map(|(name, scope, by)| Some((query.text(name)?, scope, by)));
    let (whose, by) = match subject {
        Some((id, scope, by)) => (Whose::one(scope, id), by_name(&query, by)?),
        None => match by_name(&query, if query.text("api_key").is_some() { By::Key } else { By::Team })? {
            By::Team => (Whose::all(Scope::Team), By::Team),
            By::Customer => (Whose::all(Scope::Customer), By::Customer),
            By::Key => (Whose::all(Scope::Key), By::Key),
        },
    };
    let whose = call.by_key(whose, query.text("api_key")).await?;
    let asked = [Dimension::Day, Dimension::Subject, Dimension::Key, Dimension::ModelGroup];
    let found = call.management.reports()?.activity(&whose.query(days, &asked)).await?;
    Ok(Reply::ok(match by {
        By::Key => by_key(&found),
        By::Team if whose.scope == Scope::Team => {
            let names = team_names(call, &found).await?;
            by_day(&found, ("teams", "team_name"), |id| names.get(id).map_or(id, String::as_str))
        }
        By::Customer if whose.scope == Scope::Customer => by_day(&found, ("customers", "customer"), |id| id),
        By::Team | By::Customer => {
            let message = "what is named and what it is grouped by do not fit together: leave `group_by` out";
            return Err(Refused::query("group_by", message));
        }
    }))
}

fn by_name(query: &Query, otherwise: By) -> Result<By, Refused> {
    match query.text("group_by") {
        None => Ok(otherwise),
        Some("team") => Ok(By::Team),
        Some("customer") => Ok(By::Customer),
        Some("api_key") => Ok(By::Key),
        Some(_) => Err(Refused::query("group_by", "say `team`, `customer` or `api_key`")),
    }
}

/// Days, and on each of them who spent how much on which models.
fn by_day<'a>(found: &'a [Activity], (list, word): (&str, &str), name: impl Fn(&'a str) -> &'a str) -> Value {
    let mut days: BTreeMap<Day, BTreeMap<&str, Vec<&Activity>>> = BTreeMap::new();
    for one in found {
        let day = days.entry(one.day.unwrap_or_default()).or_default();
        day.entry(name(&one.subject)).or_default().push(one);
    }
    let subject = |(name, of): (&str, Vec<&Activity>)| {
        json!({
            word: name,
            "total_spend": show(total(of.iter().copied()).cost),
            "metadata": of.into_iter().map(part).collect::<Vec<_>>(),
        })
    };
    let day = |(day, of): (Day, BTreeMap<&str, Vec<&Activity>>)| json!({"group_by_day": day.to_string(), list: of.into_iter().map(subject).collect::<Vec<_>>()});
    days.into_iter().map(day).collect()
}

fn part(one: &Activity) -> Value {
    json!({
        "model": one.model_group,
        "spend": show(one.sums.cost),
        "total_tokens": tokens(&one.sums),
        "api_key": one.key,
    })
}

/// Keys, and on which models they spent how much.
fn by_key(found: &[Activity]) -> Value {
    let models = |of: &[&Activity]| {
        let groups = grouped(of.iter().copied(), |one| &one.model_group).into_iter();
        groups.map(|(model, of)| numbers(("model", &model), &of)).collect::<Vec<_>>()
    };
    let row = |(key, of): (String, Vec<&Activity>)| {
        let mut row = numbers(("api_key", &key), &of);
        row["model_details"] = models(&of).into();
        row
    };
    grouped(found, |one| &one.key).into_iter().map(row).collect()
}

fn numbers((word, name): (&str, &str), of: &[&Activity]) -> Value {
    let sums = total(of.iter().copied());
    json!({
        word: name,
        "total_cost": show(sums.cost),
        "total_input_tokens": sums.prompt_tokens,
        "total_output_tokens": sums.completion_tokens,
    })
}
