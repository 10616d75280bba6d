//! Pages of lists as LiteLLM's clients ask for them.

use llm_governance::{Filter, ListQuery, SPEND};
use serde_json::{Value, json};

use crate::fields::{Query, money};
use crate::refused::Refused;
use crate::show::fields;

/// The most pages; beyond it offsets would not be numbers of a store.
const PAGES: u64 = 1 << 40;

/// Which page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paging {
    /// From 1.
    pub page: u64,
    /// How many on a page.
    pub size: u64,
}

impl Paging {
    /// Reads `page`, and the size under its name.
    ///
    /// # Errors
    /// When one is no number, or too large.
    pub(crate) fn read(query: &Query, size: &str, (default, most): (u64, u64)) -> Result<Self, Refused> {
        Ok(Self { page: query.count("page", 1, PAGES)?, size: query.count(size, default, most)? })
    }

    /// The part of a query to the store.
    pub(crate) fn query(self) -> ListQuery {
        ListQuery {
            offset: (self.page - 1).saturating_mul(self.size),
            limit: self.size,
            ..ListQuery::default()
        }
    }

    /// How many pages there are.
    pub(crate) fn pages(self, total: u64) -> u64 {
        total.div_ceil(self.size)
    }

    /// A page of users or teams.
    pub(crate) fn answer(self, name: &str, items: Vec<Value>, total: u64) -> Value {
        let mut shown = fields(json!({
            "total": total,
            "page": self.page,
            "page_size": self.size,
            "total_pages": self.pages(total),
        }));
        shown.insert(name.to_owned(), Value::Array(items));
        Value::Object(shown)
    }
}

/// Reads `min_spend` and `max_spend`: dollars, both included.
///
/// # Errors
/// When one is no amount of money.
pub(crate) fn of_spend(query: &Query) -> Result<Vec<(&'static str, Filter)>, Refused> {
    let money = |name: &str| query.text(name).map(|text| money(name, &Value::from(text))).transpose();
    let (least, most) = (money("min_spend")?, money("max_spend")?);
    let least = least.map(|least| (SPEND, Filter::From(least.0)));
    let most = most.map(|most| (SPEND, Filter::Before(most.0.saturating_add(1))));
    Ok(least.into_iter().chain(most).collect())
}

/// Reads `sort_by` and `sort_order`. `columns` are the names that clients know, and the store's for them.
///
/// # Errors
/// When it is another name.
pub(crate) fn sorting(
    query: &Query,
    columns: &[(&str, &'static str)],
    from_highest: bool,
) -> Result<Option<(&'static str, bool)>, Refused> {
    let from_highest = match query.text("sort_order") {
        None => from_highest,
        Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(Refused::query("sort_order", "say `asc` or `desc`")),
    };
    let Some(name) = query.text("sort_by") else { return Ok(None) };
    let column = columns.iter().find(|(known, _)| *known == name);
    let known = || columns.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
    let explained = || Refused::query("sort_by", format!("lists are sorted by one of {}", known()));
    column.map(|(_, column)| Some((*column, from_highest))).ok_or_else(explained)
}
