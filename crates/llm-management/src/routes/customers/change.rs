//! Customers made, changed, blocked and deleted.

use llm_core::money::NanoDollars;
use llm_governance::entity::Customer;
use llm_governance::{Changed, Scope, Subject, Terms};
use serde_json::{Value, json};

use super::missing;
use super::show::rows;
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::routes::budgets;
use crate::secret::now;
use crate::{periods, terms};

/// Makes a customer.
pub(super) async fn new(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let id = fields.required("user_id")?;
    let spend = fields.money("spend")?.value().filter(|spend| *spend != NanoDollars(0));
    let mut customer = unknown(&id);
    apply(&mut fields, &mut customer)?;
    budgets::check(call, &customer.terms).await?;
    if call.management.get::<Customer>(&id).await?.is_some() {
        let message = format!("Customer already exists, passed user_id={id}. Please pass a new user_id.");
        return Err(Refused::bad(message).about("user_id"));
    }
    call.insert(std::slice::from_ref(&customer)).await?;
    if let Some(spend) = spend {
        begin_with(call, &customer, spend).await?;
    }
    call.management.changed(Changed::Customer(id));
    let row = rows(call, &[customer]).await?.pop().unwrap_or_default();
    Ok(fields.answer(row))
}

/// A customer of which nothing is said yet.
fn unknown(id: &str) -> Customer {
    let made = now();
    Customer {
        id: id.to_owned(),
        alias: None,
        allowed_model_region: None,
        default_model: None,
        terms: Terms::default(),
        created_at: made,
        updated_at: made,
    }
}

/// Counts what a customer has spent elsewhere.
async fn begin_with(call: &Call<'_>, customer: &Customer, spend: NanoDollars) -> Result<(), Refused> {
    let budgets = call.management.budget_rows(std::iter::once(&customer.terms)).await?;
    let of = periods::in_force(&customer.terms, &budgets);
    let subject = Subject::new(Scope::Customer, customer.id.as_str());
    call.management.correct_spend((subject.clone(), &of, customer.created_at), spend).await?;
    call.audited_reset(customer, NanoDollars(0), spend).await?;
    call.management.changed(Changed::Spent(subject));
    Ok(())
}

fn apply(fields: &mut Fields, customer: &mut Customer) -> Result<(), Refused> {
    fields.text("alias")?.put(&mut customer.alias);
    fields.text("allowed_model_region")?.put(&mut customer.allowed_model_region);
    fields.text("default_model")?.put(&mut customer.default_model);
    terms::apply(fields, &mut customer.terms)
}

/// Changes a customer.
pub(super) async fn update(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let id = fields.required("user_id")?;
    let (mut left, mut wanted) = (fields.clone(), unknown(&id));
    apply(&mut left, &mut wanted)?;
    budgets::check(call, &wanted.terms).await?;
    let changed = change(call, &id, "updated", |customer| apply(&mut fields.clone(), customer));
    let row = rows(call, &[changed.await?]).await?.pop().unwrap_or_default();
    Ok(left.answer(row))
}

/// Changes a customer, and tells so.
async fn change(
    call: &Call<'_>,
    id: &str,
    action: &'static str,
    change: impl Fn(&mut Customer) -> Result<(), Refused> + Send + Sync,
) -> Result<Customer, Refused> {
    let changed = call.change::<Customer>(id, action, |mut customer| {
        change(&mut customer)?;
        customer.updated_at = now();
        Ok(customer)
    });
    let changed =
        changed.await.map_err(|refused| if refused.status == 404 { missing(id) } else { refused })?;
    call.management.changed(Changed::Customer(id.to_owned()));
    Ok(changed)
}

/// Refuses requests of customers from now on; those that nobody knows yet too.
pub(super) async fn block(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let mut blocked = Vec::new();
    for id in ids(&mut fields)? {
        let is_known = call.management.get::<Customer>(&id).await?.is_some();
        if !is_known {
            call.insert(&[unknown(&id)]).await?;
        }
        let changed = change(call, &id, "blocked", |customer| {
            customer.terms.blocked = true;
            Ok(())
        });
        blocked.push(changed.await?);
    }
    let shown = rows(call, &blocked).await?;
    Ok(fields.answer(json!({"blocked_users": shown})))
}

/// Serves customers again. The answer names those that are still blocked: none.
pub(super) async fn unblock(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    for customer in known(call, &ids(&mut fields)?).await? {
        let changed = change(call, &customer.id, "unblocked", |customer| {
            customer.terms.blocked = false;
            Ok(())
        });
        changed.await?;
    }
    Ok(fields.answer(json!({"blocked_users": []})))
}

/// Deletes customers.
pub(super) async fn delete(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let ids = ids(&mut fields)?;
    known(call, &ids).await?;
    let deleted = call.delete::<Customer>(&ids).await?;
    for customer in &deleted {
        call.management.changed(Changed::Customer(customer.id.clone()));
    }
    let message = format!("Successfully deleted customers with ids: {}", Value::from(ids));
    Ok(fields.answer(json!({"deleted_customers": deleted.len(), "message": message})))
}

fn ids(fields: &mut Fields) -> Result<Vec<String>, Refused> {
    let ids = fields.texts("user_ids")?.value().filter(|ids| !ids.is_empty());
    let mut ids = ids.ok_or_else(|| Refused::field_missing("user_ids"))?;
    if ids.iter().any(String::is_empty) {
        return Err(Refused::field("user_ids", "an id must not be empty"));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The customers of these ids: all of them, or none.
async fn known(call: &Call<'_>, ids: &[String]) -> Result<Vec<Customer>, Refused> {
    let found = call.management.get_many::<Customer>(ids).await?;
    match ids.iter().find(|id| !found.iter().any(|customer| customer.id == **id)) {
        Some(id) => Err(missing(id)),
        None => Ok(found),
    }
}
