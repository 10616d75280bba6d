//! Entities of one kind in memory, filtered and sorted as a database would.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use crate::entity::{Column, Entity};
use crate::store::{Filter, ListQuery, Page, SPEND, StoreError};

/// The column that no two entities may share, where they have it.
const UNIQUE: [(&str, &str); 1] = [("virtual_keys", "alias")];

/// What everybody has spent, by id; `None`: these spend nothing.
type Spends = HashMap<Arc<str>, i64>;

/// Entities of one kind, as they were made.
#[derive(Debug)]
pub(super) struct Table<E> {
    rows: HashMap<String, (u64, E)>,
    made: u64,
}

impl<E> Default for Table<E> {
    fn default() -> Self {
        Self { rows: HashMap::new(), made: 0 }
    }
}

impl<E: Entity> Table<E> {
    pub(super) fn get(&self, id: &str) -> Option<E> {
        self.rows.get(id).map(|(_, entity)| entity.clone())
    }

    pub(super) fn find(&self, is_it: impl Fn(&E) -> bool) -> Option<E> {
        self.rows.values().map(|(_, entity)| entity).find(|entity| is_it(entity)).cloned()
    }

    /// Adds or replaces one.
    pub(super) fn put(&mut self, entity: E) {
        let id = entity.id();
        let made = self.rows.get(&id).map_or(self.made, |(made, _)| *made);
        self.made += 1;
        self.rows.insert(id, (made, entity));
    }

    /// Adds new ones, all or none.
    pub(super) fn insert(&mut self, entities: &[E]) -> Result<(), StoreError> {
        for entity in entities {
            let unique = UNIQUE.iter().filter(|(table, _)| *table == E::TABLE).map(|(_, column)| *column);
            let taken = unique.filter_map(|column| Some((column, column_of(entity, column, None)?))).any(
                |(column, value)| {
                    value != Column::Text(None)
                        && self
                            .rows
                            .values()
                            .any(|(_, row)| column_of(row, column, None).as_ref() == Some(&value))
                },
            );
            if taken || self.rows.contains_key(&entity.id()) {
                let message = format!("there is such an entry in {} already", E::TABLE);
                return Err(StoreError::Conflict(message));
            }
        }
        entities.iter().for_each(|entity| self.put(entity.clone()));
        Ok(())
    }

    pub(super) fn delete(&mut self, ids: &[String]) -> Vec<E> {
        ids.iter().filter_map(|id| self.rows.remove(id)).map(|(_, entity)| entity).collect()
    }

    pub(super) fn list(&self, query: &ListQuery, spends: Option<&Spends>) -> Result<Page<E>, StoreError> {
        if let Some((column, _)) = query.sort
            && column != "id"
            && !E::COLUMNS.contains(&column)
            && (column != SPEND || spends.is_none())
        {
            return Err(StoreError::Failed(format!("{} has no column {column}", E::TABLE)));
        }
        let mut found: Vec<&(u64, E)> = Vec::new();
        for row in self.rows.values() {
            if all_hold(&row.1, &query.filters, spends)? {
                found.push(row);
            }
        }
        let place = |(at, row): (usize, &&(u64, E))| {
            let column = query.sort.and_then(|(column, _)| column_of(&row.1, column, spends));
            Place { column, made: row.0, at }
        };
        let mut order: Vec<Place> = found.iter().enumerate().map(place).collect();
        sort(&mut order, query.sort.map(|(_, from_highest)| from_highest));
        let (offset, limit) = (at_most(query.offset), at_most(query.limit));
        let chosen = order.iter().skip(offset).take(limit).filter_map(|place| found.get(place.at));
        let items = chosen.map(|(_, entity)| entity.clone()).collect();
        Ok(Page { items, total: found.len() as u64 })
    }
}

/// Where a row that was found stands in a list.
struct Place {
    /// What the list is sorted by; `None`: the newest go first.
    column: Option<Column>,
    /// The row's number.
    made: u64,
    /// Its place among those that were found.
    at: usize,
}

/// Apart from the rows, so that it is compiled once and not for each kind of them.
fn sort(order: &mut [Place], from_highest: Option<bool>) {
    order.sort_unstable_by(|one, other| match from_highest {
        None => other.made.cmp(&one.made),
        Some(from_highest) => {
            let order = compare(one.column.as_ref(), other.column.as_ref());
            let order = if from_highest { order.reverse() } else { order };
            order.then(one.made.cmp(&other.made))
        }
    });
}

fn at_most(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn column_of<E: Entity>(entity: &E, name: &str, spends: Option<&Spends>) -> Option<Column> {
    if name == SPEND
        && let Some(spends) = spends
    {
        return Some(Column::Whole(Some(spends.get(entity.id().as_str()).copied().unwrap_or(0))));
    }
    if name == "id" {
        return Some(Column::Text(Some(entity.id())));
    }
    let at = E::COLUMNS.iter().position(|column| *column == name)?;
    entity.columns().into_iter().nth(at)
}

fn all_hold<E: Entity>(
    entity: &E,
    filters: &[(&'static str, Filter)],
    spends: Option<&Spends>,
) -> Result<bool, StoreError> {
    for (column, filter) in filters {
        if !holds(entity, column, filter, spends)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn holds<E: Entity>(
    entity: &E,
    column: &str,
    filter: &Filter,
    spends: Option<&Spends>,
) -> Result<bool, StoreError> {
    if let Filter::AnyOf(filters) = filter {
        let mut any = false;
        for (column, filter) in filters {
            any |= holds(entity, column, filter, spends)?;
        }
        return Ok(any);
    }
    let Some(value) = column_of(entity, column, spends) else {
        return Err(StoreError::Failed(format!("{} has no column {column}", E::TABLE)));
    };
    Ok(match (filter, value) {
        (Filter::Is(wanted), value) => value == *wanted,
        (Filter::Contains(part), Column::Text(Some(text))) => {
            text.to_lowercase().contains(&part.to_lowercase())
        }
        (Filter::OneOf(wanted), Column::Text(Some(text))) => wanted.contains(&text),
        (Filter::From(least), Column::Whole(Some(number))) => number >= *least,
        (Filter::Before(end), Column::Whole(Some(number))) => number < *end,
        _ => false,
    })
}

/// As databases do it: NULL comes last.
fn compare(one: Option<&Column>, other: Option<&Column>) -> Ordering {
    match (one, other) {
        (Some(Column::Text(one)), Some(Column::Text(other))) => none_last(one.as_ref(), other.as_ref()),
        (Some(Column::Whole(one)), Some(Column::Whole(other))) => none_last(one.as_ref(), other.as_ref()),
        _ => Ordering::Equal,
    }
}

fn none_last<T: Ord>(one: Option<T>, other: Option<T>) -> Ordering {
    (one.is_none(), one).cmp(&(other.is_none(), other))
}
