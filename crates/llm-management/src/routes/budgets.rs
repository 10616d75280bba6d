//! Budgets: limits that several entities name by an id, each spending for itself.

use llm_governance::entity::BudgetRow;
use llm_governance::{Changed, ListQuery, Terms};
use serde_json::{Value, json};

use crate::declared::{Gives, text, texts};
use crate::fields::Fields;
use crate::known;
use crate::management::{Answered, Call};
use crate::periods::running;
use crate::refused::Refused;
use crate::request::Method::{Get, Post};
use crate::request::Reply;
use crate::route::Access::{Admin, Holder};
use crate::route::Route;
use crate::secret::{new_id, now};
use crate::show::{self, fields};
use crate::terms;

/// Routes of budgets.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/budget/new", Admin, |call| Box::pin(new(call)))
        .about("Makes a budget that others name by its id.")
        .takes(&[known::TERMS], r#"{"budget_id": "small", "max_budget": 5, "budget_duration": "30d"}"#),
    Route::change(Post, "/budget/update", Admin, |call| Box::pin(update(call)))
        .about("Changes a budget: all who name it have it so at once.")
        .takes(&[known::TERMS], r#"{"budget_id": "small", "max_budget": 6}"#),
    Route::look(Post, "/budget/info", Holder, |call| Box::pin(info(call)))
        .about("Shows budgets.")
        .takes(&[&[texts("budgets", "ids of budgets").needed()]], r#"{"budgets": ["small"]}"#)
        .gives(Gives::List),
    Route::look(Get, "/budget/settings", Admin, |call| Box::pin(settings(call)))
        .about("Lists what a budget consists of, with the values of one.")
        .asks(&[&[text("budget_id", "the budget").needed()]])
        .gives(Gives::List),
    Route::look(Get, "/budget/list", Admin, |call| Box::pin(list(call)))
        .about("Lists all budgets.")
        .gives(Gives::List),
    Route::change(Post, "/budget/delete", Admin, |call| Box::pin(delete(call)))
        .about("Deletes a budget.")
        .takes(&[&[text("id", "the budget").needed()]], r#"{"id": "small"}"#),
];

/// What a budget consists of: the name, its type in JSON, and what it is.
const SETTINGS: [(&str, &str, &str); 8] = [
    ("max_budget", "Float", "what may be spent in a period, in dollars"),
    ("soft_budget", "Float", "what may be spent before somebody is told, in dollars"),
    ("max_parallel_requests", "Integer", "calls at a time"),
    ("tpm_limit", "Integer", "tokens a minute"),
    ("rpm_limit", "Integer", "requests a minute"),
    ("tpd_limit", "Integer", "tokens a day"),
    ("budget_duration", "String", "how long a period is: `24h`, `30d`, `1mo`"),
    ("model_max_budget", "Object", "budgets of single models"),
];

/// Makes a budget.
async fn new(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let made = now();
    let id = fields.text("budget_id")?.value().filter(|id| !id.is_empty()).unwrap_or_else(new_id);
    let mut of = Terms::default();
    apply(&mut fields, &mut of)?;
    if call.management.get::<BudgetRow>(&id).await?.is_some() {
        return Err(Refused::bad(format!("budget `{id}` exists already: choose another `budget_id`"))
            .about("budget_id"));
    }
    let row = BudgetRow {
        id,
        terms: of,
        created_by: Some(call.actor()),
        created_at: made,
        updated_by: Some(call.actor()),
        updated_at: made,
    };
    call.insert(std::slice::from_ref(&row)).await?;
    call.management.changed(Changed::Budget(row.id.clone()));
    Ok(fields.answer(shown(&row)))
}

fn apply(fields: &mut Fields, of: &mut Terms) -> Result<(), Refused> {
    fields.take_over("models", "allowed_models");
    terms::apply(fields, of)?;
    // A budget of a budget would be nobody's.
    of.budget_id = None;
    Ok(())
}

/// Changes a budget: all who name it have it so at once.
async fn update(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let id = fields.required("budget_id")?;
    let mut left = fields.clone();
    apply(&mut left, &mut Terms::default())?;
    let actor = call.actor();
    let changed = call.change::<BudgetRow>(&id, "updated", |mut row| {
        apply(&mut fields.clone(), &mut row.terms)?;
        row.updated_by = Some(actor.clone());
        row.updated_at = now();
        Ok(row)
    });
    let row = changed.await.map_err(|refused| if refused.status == 404 { missing(&id) } else { refused })?;
    call.management.changed(Changed::Budget(id));
    Ok(left.answer(shown(&row)))
}

/// Shows budgets: all that are named, or those of them that hold for whoever asks.
async fn info(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let ids = fields.texts("budgets")?.value().filter(|ids| !ids.is_empty());
    let mut ids = ids.ok_or_else(|| Refused::field_missing("budgets"))?;
    if !call.sees_all() {
        let is_own = |id: &String| {
            call.caller.accounts.iter().any(|account| account.terms.budget_id.as_ref() == Some(id))
        };
        ids.retain(is_own);
    }
    let rows = call.management.get_many::<BudgetRow>(&ids).await?;
    Ok(fields.answer(rows.iter().map(shown).collect()))
}

/// Lists what a budget consists of, with the values of one.
async fn settings(call: &Call<'_>) -> Answered {
    let query = call.query();
    let Some(id) = query.text("budget_id") else {
        return Err(Refused::query("budget_id", "Field required"));
    };
    let row: Option<BudgetRow> = call.management.get(id).await?;
    let row = shown(&row.ok_or_else(|| missing(id))?);
    let field = |(name, kind, description): (&str, &str, &str)| {
        let value = row.get(name).cloned().unwrap_or_default();
        json!({
            "field_name": name,
            "field_type": kind,
            "field_description": description,
            "stored_in_db": !value.is_null(),
            "field_value": value,
            "field_default_value": null,
        })
    };
    Ok(Reply::ok(SETTINGS.into_iter().map(field).collect()))
}

/// Lists all budgets.
async fn list(call: &Call<'_>) -> Answered {
    let rows = call.management.all::<BudgetRow>(ListQuery::default()).await?;
    Ok(Reply::ok(rows.iter().map(shown).collect()))
}

/// Deletes a budget.
async fn delete(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let id = fields.required("id")?;
    let deleted = call.delete::<BudgetRow>(std::slice::from_ref(&id)).await?;
    let row = deleted.first().map(shown).ok_or_else(|| missing(&id))?;
    call.management.changed(Changed::Budget(id));
    Ok(fields.answer(row))
}

fn missing(id: &str) -> Refused {
    Refused::missing(format!("there is no budget `{id}`: make it with `/budget/new`")).about("budget_id")
}

/// Whether the budget that terms name is there.
///
/// # Errors
/// When it is not.
pub(super) async fn check(call: &Call<'_>, of: &Terms) -> Result<(), Refused> {
    match &of.budget_id {
        Some(id) if call.management.get::<BudgetRow>(id).await?.is_none() => {
            let message = format!("there is no budget `{id}`: make it with `/budget/new`");
            Err(Refused::bad(message).about("budget_id"))
        }
        _ => Ok(()),
    }
}

fn shown(row: &BudgetRow) -> Value {
    let resets = running(&row.terms, row.terms.budget_duration, row.created_at).end;
    let mut shown = fields(show::budget(Some(&row.id), &row.terms));
    shown.extend(fields(json!({
        "budget_limits": show::windows(&row.terms, row.created_at),
        "budget_reset_at": show::time(resets),
        "created_at": row.created_at.iso(),
        "created_by": row.created_by,
        "updated_at": row.updated_at.iso(),
        "updated_by": row.updated_by,
    })));
    Value::Object(shown)
}
