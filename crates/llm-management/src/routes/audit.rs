//! The audit log: who changed what, and when.

use llm_core::json::object_of;
use llm_governance::entity::{AuditEntry, Column};
use llm_governance::{Filter, ListQuery, Timestamp};
use serde_json::{Value, json};

use crate::days::moment;
use crate::dollars;
use crate::fields::Query;
use crate::known;
use crate::management::{Answered, Call};
use crate::paging::{Paging, sorting};
use crate::refused::Refused;
use crate::request::Method::Get;
use crate::request::Reply;
use crate::route::Access::Admin;
use crate::route::Route;
use crate::secret::hash_of;

/// Routes of the audit log.
pub(super) const ROUTES: &[Route] = &[
    Route::look(Get, "/audit", Admin, |call| Box::pin(list(call)))
        .about("A page of the audit log: who changed what, and when.")
        .asks(&[known::ENTRIES, known::SEARCH, known::DAYS, known::SORT, known::PAGE]),
    Route::look(Get, "/audit/{id}", Admin, |call| Box::pin(one(call)))
        .about("Shows an entry of the audit log, with what was before and after."),
];

/// Tables here, and what LiteLLM's clients call them.
const TABLES: [(&str, &str); 9] = [
    ("virtual_keys", "LiteLLM_VerificationToken"),
    ("teams", "LiteLLM_TeamTable"),
    ("users", "LiteLLM_UserTable"),
    ("organizations", "LiteLLM_OrganizationTable"),
    ("customers", "LiteLLM_EndUserTable"),
    ("budgets", "LiteLLM_BudgetTable"),
    ("tags", "LiteLLM_TagTable"),
    ("models", "LiteLLM_ProxyModelTable"),
    ("settings", "LiteLLM_Config"),
];

/// What the log is sorted by, and the store's columns for it.
const SORTED: [(&str, &str); 6] = [
    ("updated_at", "at"),
    ("changed_by", "changed_by"),
    ("changed_by_api_key", "changed_by_key"),
    ("action", "action"),
    ("table_name", "table_name"),
    ("object_id", "object_id"),
];

/// A page of the log.
async fn list(call: &Call<'_>) -> Answered {
    let query = call.query();
    let paging = Paging::read(&query, "page_size", (10, 100))?;
    let filters = filters(&query)?;
    let sort = sorting(&query, &SORTED, true)?;
    let sort = Some(sort.unwrap_or(("at", query.text("sort_order") != Some("asc"))));
    let page = call.management.list::<AuditEntry>(&ListQuery { filters, sort, ..paging.query() }).await?;
    Ok(Reply::ok(paging.answer("audit_logs", page.items.into_iter().map(shown).collect(), page.total)))
}

/// One entry.
async fn one(call: &Call<'_>) -> Answered {
    let id = call.in_path("id");
    let entry: Option<AuditEntry> = call.management.get(id).await?;
    let missing = || Refused::missing(format!("Audit log with ID {id} not found")).detail();
    Ok(Reply::ok(entry.map(shown).ok_or_else(missing)?))
}

fn filters(query: &Query) -> Result<Vec<(&'static str, Filter)>, Refused> {
    let mut filters = Vec::new();
    for (name, column) in [("changed_by", "changed_by"), ("action", "action"), ("object_id", "object_id")] {
        if let Some(text) = query.text(name) {
            filters.push((column, Filter::Is(Column::from(text))));
        }
    }
    for (name, column) in [("changed_by_api_key", "changed_by_key"), ("object_key_hash", "object_id")] {
        if let Some(text) = query.text(name) {
            let text = if text.starts_with("sk-") { hash_of(text).hex() } else { text.to_owned() };
            filters.push((column, Filter::Is(Column::from(text.as_str()))));
        }
    }
    if let Some(name) = query.text("table_name") {
        let known = TABLES.iter().find(|(_, theirs)| *theirs == name);
        filters.push(("table_name", Filter::Is(Column::from(known.map_or(name, |(ours, _)| ours)))));
    }
    if let Some(team) = query.text("object_team_id") {
        filters.push(("table_name", Filter::Is(Column::from("teams"))));
        filters.push(("object_id", Filter::Is(Column::from(team))));
    }
    if let Some(part) = query.text("search") {
        let part = || Filter::Contains(part.to_owned());
        filters.push(("id", Filter::AnyOf(vec![("object_id", part()), ("changed_by", part())])));
    }
    if let Some(from) = moment(query, "start_date", false)? {
        filters.push(("at", Filter::From(from.0)));
    }
    if let Some(until) = moment(query, "end_date", true)? {
        filters.push(("at", Filter::Before(until.0)));
    }
    Ok(filters)
}

fn shown(entry: AuditEntry) -> Value {
    let table = TABLES.iter().find(|(ours, _)| *ours == entry.table);
    json!({
        "id": entry.id,
        "updated_at": entry.at.iso(),
        "changed_by": entry.changed_by,
        "changed_by_api_key": entry.changed_by_key,
        "action": entry.action,
        "table_name": table.map_or(&*entry.table, |(_, theirs)| theirs),
        "object_id": entry.object_id,
        "before_value": entry.before.map(readable),
        "updated_values": entry.after.map(readable),
    })
}

/// What an entity was, with dollars and times as clients read them. What people wrote down for themselves stays.
fn readable(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let field = |(name, value): (String, Value)| {
                let value = match (name.as_str(), value.as_i64()) {
                    ("metadata" | "other" | "model_info", _) => value,
                    ("max_budget" | "soft_budget", Some(amount)) => {
                        dollars::show(llm_core::money::NanoDollars(amount))
                    }
                    ("created_at" | "updated_at" | "expires" | "budget_start", Some(time)) => {
                        Timestamp(time).iso().into()
                    }
                    _ => readable(value),
                };
                (name, value)
            };
            Value::Object(object_of(object.into_iter().map(field)))
        }
        Value::Array(items) => items.into_iter().map(readable).collect(),
        other => other,
    }
}
