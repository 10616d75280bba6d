//! Customers looked at.

use llm_governance::entity::{BudgetRow, Customer};
use llm_governance::{Filter, ListQuery, Scope, Subject, Terms};
use serde_json::{Value, json};

use super::missing;
use crate::dollars::show;
use crate::management::{Answered, Call};
use crate::paging::Paging;
use crate::refused::Refused;
use crate::request::Reply;
use crate::show::{self, fields};
use crate::spend::Spend;

/// One customer.
pub(super) async fn info(call: &Call<'_>) -> Answered {
    let query = call.query();
    let Some(id) = query.text("end_user_id") else {
        return Err(Refused::query("end_user_id", "Field required"));
    };
    let found: Option<Customer> = call.management.get(id).await?;
    let customer = found.ok_or_else(|| missing(id))?;
    Ok(Reply::ok(rows(call, &[customer]).await?.pop().unwrap_or_default()))
}

/// A page of customers.
pub(super) async fn list(call: &Call<'_>) -> Answered {
    let query = call.query();
    let paging = Paging::read(&query, "page_size", (50, 100))?;
    let mut filters = Vec::new();
    if let Some(part) = query.text("search") {
        let part = || Filter::Contains(part.to_owned());
        filters.push(("id", Filter::AnyOf(vec![("id", part()), ("alias", part())])));
    }
    let page = call.management.list::<Customer>(&ListQuery { filters, ..paging.query() }).await?;
    Ok(Reply::ok(rows(call, &page.items).await?.into()))
}

/// The rows of customers.
///
/// # Errors
/// When the store cannot be asked.
pub(super) async fn rows(call: &Call<'_>, customers: &[Customer]) -> Result<Vec<Value>, Refused> {
    let budgets = call.management.budget_rows(customers.iter().map(|one| &one.terms)).await?;
    let terms: Vec<Terms> =
        customers.iter().map(|one| crate::periods::in_force(&one.terms, &budgets)).collect();
    let asked = customers.iter().zip(&terms);
    let asked = asked.map(|(one, of)| (Subject::new(Scope::Customer, one.id.as_str()), of, one.created_at));
    let asked: Vec<_> = asked.collect();
    let spends = call.management.spends(&asked).await?;
    Ok(customers.iter().zip(spends).map(|(one, spend)| row(one, spend, &budgets)).collect())
}

fn row(customer: &Customer, spend: Spend, rows: &[BudgetRow]) -> Value {
    let of = &customer.terms;
    let mut shown = show::terms(of, spend, customer.created_at);
    shown.extend(fields(json!({
        "user_id": customer.id,
        "alias": customer.alias,
        "allowed_model_region": customer.allowed_model_region,
        "default_model": customer.default_model,
        "litellm_budget_table": table(customer, spend, rows),
        "object_permission": null,
        "object_permission_id": null,
        "total_spend": show(spend.ever),
        "created_at": customer.created_at.iso(),
        "updated_at": customer.updated_at.iso(),
    })));
    Value::Object(shown)
}

/// The limits of a customer as LiteLLM's clients look for them: those of the budget that it names, or its own.
fn table(customer: &Customer, spend: Spend, rows: &[BudgetRow]) -> Value {
    let of = &customer.terms;
    let named = of.budget_id.as_ref().and_then(|id| rows.iter().find(|row| row.id == *id));
    let has_own = *of != Terms { blocked: of.blocked, ..Terms::default() };
    let (table, made) = match named {
        Some(row) => (show::budget(Some(&row.id), &row.terms), row.created_at),
        None if has_own => (show::budget(None, of), customer.created_at),
        None => return Value::Null,
    };
    let mut table = fields(table);
    table.insert("budget_reset_at".to_owned(), show::time(spend.resets));
    table.insert("created_at".to_owned(), made.iso().into());
    Value::Object(table)
}
