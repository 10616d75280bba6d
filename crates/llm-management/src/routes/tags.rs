//! Tags of requests that have limits or budgets, and those that were only seen in calls.

use llm_core::json::object_of;
use llm_governance::entity::Tag;
use llm_governance::{ActivityQuery, Changed, Dimension, ListQuery, Scope, Subject, Terms};
use serde_json::{Value, json};

use crate::days::Days;
use crate::declared::{Gives, text, texts};
use crate::dollars::show;
use crate::fields::Fields;
use crate::known;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Method::{Get, Post};
use crate::request::Reply;
use crate::route::Access::Admin;
use crate::route::Route;
use crate::routes::budgets;
use crate::secret::now;
use crate::show::{self, fields};
use crate::terms;

/// Routes of tags.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/tag/new", Admin, |call| Box::pin(new(call)))
        .about("Makes a tag that has limits.")
        .takes(&[known::TAG, known::TERMS], r#"{"name": "nightly", "max_budget": 5}"#),
    Route::change(Post, "/tag/update", Admin, |call| Box::pin(update(call)))
        .about("Changes a tag.")
        .takes(&[known::TAG, known::TERMS], r#"{"name": "nightly", "max_budget": 6}"#),
    Route::change(Post, "/tag/delete", Admin, |call| Box::pin(delete(call)))
        .about("Deletes a tag.")
        .takes(&[&[text("name", "the tag").needed()]], r#"{"name": "nightly"}"#),
    Route::look(Post, "/tag/info", Admin, |call| Box::pin(info(call)))
        .about("Shows tags by their names.")
        .takes(&[&[texts("names", "tags").needed()]], r#"{"names": ["nightly"]}"#),
    Route::look(Get, "/tag/list", Admin, |call| Box::pin(list(call)))
        .about("Lists tags: those that were made, and those that calls had.")
        .asks(&[known::DAYS])
        .gives(Gives::List),
];

/// The most tags that are shown because calls had them.
const SEEN: u64 = 1_000;

/// Makes a tag.
async fn new(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let made = now();
    let mut tag = Tag {
        name: fields.required("name")?,
        description: None,
        terms: Terms::default(),
        created_by: Some(call.actor()),
        created_at: made,
        updated_at: made,
    };
    apply(&mut fields, &mut tag)?;
    budgets::check(call, &tag.terms).await?;
    if call.management.get::<Tag>(&tag.name).await?.is_some() {
        return Err(Refused::bad(format!("Tag {} already exists", tag.name)).about("name"));
    }
    call.insert(std::slice::from_ref(&tag)).await?;
    call.management.changed(Changed::Tag(tag.name.clone()));
    let message = format!("Tag {} created successfully", tag.name);
    let row = rows(call, &[tag]).await?.pop();
    Ok(fields.answer(json!({"message": message, "tag": row})))
}

fn apply(fields: &mut Fields, tag: &mut Tag) -> Result<(), Refused> {
    fields.text("description")?.put(&mut tag.description);
    terms::apply(fields, &mut tag.terms)
}

/// Changes a tag.
async fn update(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let name = fields.required("name")?;
    let before = call.management.get::<Tag>(&name).await?.ok_or_else(|| missing(&name))?;
    let (mut left, mut wanted) = (fields.clone(), before);
    apply(&mut left, &mut wanted)?;
    budgets::check(call, &wanted.terms).await?;
    let changed = call.change::<Tag>(&name, "updated", |mut tag| {
        apply(&mut fields.clone(), &mut tag)?;
        tag.updated_at = now();
        Ok(tag)
    });
    let tag =
        changed.await.map_err(|refused| if refused.status == 404 { missing(&name) } else { refused })?;
    call.management.changed(Changed::Tag(name));
    let message = format!("Tag {} updated successfully", tag.name);
    let row = rows(call, &[tag]).await?.pop();
    Ok(left.answer(json!({"message": message, "tag": row})))
}

/// Deletes a tag.
async fn delete(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let name = fields.required("name")?;
    if call.delete::<Tag>(std::slice::from_ref(&name)).await?.is_empty() {
        return Err(missing(&name));
    }
    let message = format!("Tag {name} deleted successfully");
    call.management.changed(Changed::Tag(name));
    Ok(fields.answer(json!({"message": message})))
}

/// Shows tags by their names.
async fn info(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let names = fields.texts("names")?.value().filter(|names| !names.is_empty());
    let names = names.ok_or_else(|| Refused::field_missing("names"))?;
    let found = call.management.get_many::<Tag>(&names).await?;
    if let Some(name) = names.iter().find(|name| !found.iter().any(|tag| tag.name == **name)) {
        return Err(missing(name));
    }
    let shown = found.iter().map(|tag| tag.name.clone()).zip(rows(call, &found).await?);
    Ok(fields.answer(Value::Object(object_of(shown))))
}

/// Lists all tags: those that were made, and those that calls had.
async fn list(call: &Call<'_>) -> Answered {
    let days = Days::read(&call.query(), "start_date", "end_date")?;
    let made = call.management.all::<Tag>(ListQuery::default()).await?;
    let mut shown = rows(call, &made).await?;
    if let Ok(reports) = call.management.reports() {
        let query = ActivityQuery {
            dearest: Some(SEEN),
            ..ActivityQuery::new(Scope::Tag, (days.from, days.until), [Dimension::Subject])
        };
        let seen = reports.activity(&query).await?;
        let others = seen.into_iter().filter(|seen| !made.iter().any(|tag| tag.name == seen.subject));
        shown.extend(others.map(|seen| only_seen(&seen.subject)));
    }
    Ok(Reply::ok(Value::Array(shown)))
}

/// A tag that nobody made.
fn only_seen(name: &str) -> Value {
    let description = "This is just a spend tag that was passed dynamically in a request. It does not control any LLM \
                       models.";
    json!({
        "name": name, "description": description, "models": null, "model_info": null, "created_at": null,
        "updated_at": null, "created_by": null, "litellm_budget_table": null,
    })
}

fn missing(name: &str) -> Refused {
    Refused::missing(format!("Tag {name} not found")).about("name")
}

/// The rows of tags.
async fn rows(call: &Call<'_>, tags: &[Tag]) -> Result<Vec<Value>, Refused> {
    let budgets = call.management.budget_rows(tags.iter().map(|tag| &tag.terms)).await?;
    let terms: Vec<Terms> = tags.iter().map(|tag| crate::periods::in_force(&tag.terms, &budgets)).collect();
    let asked = tags.iter().zip(&terms);
    let asked = asked.map(|(tag, of)| (Subject::new(Scope::Tag, tag.name.as_str()), of, tag.created_at));
    let asked: Vec<_> = asked.collect();
    let spends = call.management.spends(&asked).await?;
    let row = |((tag, of), spend): ((&Tag, &Terms), crate::spend::Spend)| {
        let mut shown = show::terms(&tag.terms, spend, tag.created_at);
        shown.extend(fields(json!({
            "name": tag.name,
            "description": tag.description,
            "model_info": null,
            "litellm_budget_table": show::budget(tag.terms.budget_id.as_deref(), of),
            "total_spend": show(spend.ever),
            "created_at": tag.created_at.iso(),
            "updated_at": tag.updated_at.iso(),
            "created_by": tag.created_by,
        })));
        Value::Object(shown)
    };
    Ok(tags.iter().zip(&terms).zip(spends).map(row).collect())
}
