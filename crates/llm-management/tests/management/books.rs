//! A ledger in memory, and a seal that only looks like one.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use llm_core::money::NanoDollars;
use llm_core::{Error, Result as Answer, Secret};
use llm_governance::{
    Activity, ActivityQuery, Counted, Day, Dimension, Ending, KeyHash, LedgerRow, Reports, RowField, RowPage,
    RowQuery, RowSort, Scope, StoreError, Sums, Timestamp,
};
use llm_management::Sealing;
use parking_lot::Mutex;

/// Rows of calls.
#[derive(Default)]
pub(crate) struct Books(pub Mutex<Vec<LedgerRow>>);

impl Books {
    fn matching(&self, query: &RowQuery) -> Vec<LedgerRow> {
        let rows = self.0.lock();
        let mut found: Vec<LedgerRow> = rows.iter().filter(|row| holds(row, query)).cloned().collect();
        found.sort_by_key(|row| (sorted_by(row, query.sort), row.id.clone()));
        if !query.ascending {
            found.reverse();
        }
        found
    }
}

fn holds(row: &LedgerRow, query: &RowQuery) -> bool {
    query.from.is_none_or(|from| row.started >= from)
        && query.until.is_none_or(|until| row.started < until)
        && query.only.iter().all(|(field, values)| values.contains(&value(row, *field)))
        && (query.tags.is_empty() || row.tags.iter().any(|tag| query.tags.contains(tag)))
        && query.failed.is_none_or(|failed| failed == (row.ending == Ending::Failed))
        && query.cache_hit.is_none_or(|hit| hit == row.cache_hit)
        && query.min_cost.is_none_or(|least| row.cost >= least)
        && query.max_cost.is_none_or(|most| row.cost <= most)
}

fn value(row: &LedgerRow, field: RowField) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match field {
        RowField::Key => row.key.map(|key| key.hex()).unwrap_or_default(),
        RowField::Team => text(&row.team_id),
        RowField::User => text(&row.user_id),
        RowField::Organization => text(&row.organization_id),
        RowField::Customer => text(&row.customer),
        RowField::Session => text(&row.session_id),
        RowField::Model => row.model.clone(),
        RowField::ModelGroup => row.model_group.clone(),
        RowField::Deployment => row.deployment.clone(),
        RowField::Provider => row.provider.clone(),
        RowField::CallType => row.call_type.clone(),
        RowField::Ending => row.ending.name().to_owned(),
        RowField::Error => text(&row.error),
    }
}

fn sorted_by(row: &LedgerRow, sort: RowSort) -> i64 {
    let number = match sort {
        RowSort::Started => return row.started.0,
        RowSort::Ended => return row.started.0 + i64::try_from(row.took_micros).expect("a time"),
        RowSort::Cost => return row.cost.0,
        RowSort::PromptTokens => row.prompt_tokens,
        RowSort::CompletionTokens => row.completion_tokens,
        RowSort::TotalTokens => row.prompt_tokens + row.completion_tokens,
        RowSort::Took => row.took_micros,
    };
    i64::try_from(number).expect("a number")
}

/// Whose sums a call goes into.
fn subjects(row: &LedgerRow, scope: Scope) -> Vec<String> {
    let one = match scope {
        Scope::Global => Some(String::new()),
        Scope::Organization => row.organization_id.clone(),
        Scope::Team => row.team_id.clone(),
        Scope::User => row.user_id.clone(),
        Scope::Key => row.key.map(|key| key.hex()),
        Scope::Customer => row.customer.clone(),
        Scope::Tag => return row.tags.clone(),
        Scope::TeamMember => None,
    };
    one.into_iter().collect()
}

fn activity(rows: &[LedgerRow], query: &ActivityQuery) -> Vec<Activity> {
    let mut sums: BTreeMap<Vec<String>, Activity> = BTreeMap::new();
    for row in rows {
        let day = Day::of(row.started);
        // As the store has it: the whole gateway's sums know no keys.
        let key = if query.scope == Scope::Global { String::new() } else { value(row, RowField::Key) };
        let among = |list: &[String], text: &String| list.is_empty() || list.contains(text);
        let fits = (query.from..=query.until).contains(&day)
            && among(&query.keys, &key)
            && among(&query.model_groups, &row.model_group);
        let of = subjects(row, query.scope);
        for subject in of.into_iter().filter(|subject| fits && among(&query.subjects, subject)) {
            let mut one = Activity::default();
            let mut name = Vec::new();
            for dimension in &query.by {
                match dimension {
                    Dimension::Day => one.day = Some(day),
                    Dimension::Subject => one.subject.clone_from(&subject),
                    Dimension::Key => one.key.clone_from(&key),
                    Dimension::ModelGroup => one.model_group.clone_from(&row.model_group),
                    Dimension::Model => one.model.clone_from(&row.upstream_model),
                    Dimension::Provider => one.provider.clone_from(&row.provider),
                }
            }
            name.extend([one.day.map(|day| day.to_string()).unwrap_or_default(), one.subject.clone()]);
            name.extend([one.key.clone(), one.model_group.clone(), one.model.clone(), one.provider.clone()]);
            add(&mut sums.entry(name).or_insert(one).sums, row);
        }
    }
    let mut found: Vec<Activity> = sums.into_values().collect();
    if let Some(most) = query.dearest {
        found.sort_by_key(|one| std::cmp::Reverse(one.sums.cost));
        found.truncate(usize::try_from(most).expect("a number"));
    }
    if found.is_empty() && query.by.is_empty() {
        found.push(Activity::default());
    }
    found
}

fn add(sums: &mut Sums, row: &LedgerRow) {
    let number = |number: u64| i64::try_from(number).expect("a number");
    let used = |name: &str| row.usage.get(name).and_then(serde_json::Value::as_i64).unwrap_or(0);
    sums.requests += 1;
    sums.failures += i64::from(row.ending == Ending::Failed);
    sums.prompt_tokens += number(row.prompt_tokens);
    sums.completion_tokens += number(row.completion_tokens);
    sums.cache_read_tokens += used("cache_read");
    sums.cache_write_tokens += used("cache_write_5m");
    sums.reasoning_tokens += used("reasoning");
    sums.cost = NanoDollars(sums.cost.0 + row.cost.0);
    sums.took_micros += number(row.took_micros);
    sums.first_content_micros += number(row.first_content_micros.unwrap_or(0));
    sums.first_contents += i64::from(row.first_content_micros.is_some());
}

fn ready<'a, T: Send + 'a>(done: T) -> BoxFuture<'a, Result<T, StoreError>> {
    Box::pin(std::future::ready(Ok(done)))
}

impl Reports for Books {
    fn rows<'a>(&'a self, query: &'a RowQuery) -> BoxFuture<'a, Result<RowPage, StoreError>> {
        let (offset, limit) = (usize::try_from(query.offset), usize::try_from(query.limit));
        let found = self.matching(query).into_iter();
        let rows = found.skip(offset.expect("a number")).take(limit.expect("a number")).collect();
        ready(RowPage { rows, next: None })
    }

    fn count<'a>(&'a self, query: &'a RowQuery, most: u64) -> BoxFuture<'a, Result<Counted, StoreError>> {
        let all = self.matching(query).len() as u64;
        ready(Counted { found: all.min(most), is_all: all <= most })
    }

    fn row<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<LedgerRow>, StoreError>> {
        let rows = self.0.lock();
        ready(rows.iter().find(|row| row.id == id || row.vendor_id.as_deref() == Some(id)).cloned())
    }

    fn activity<'a>(&'a self, query: &'a ActivityQuery) -> BoxFuture<'a, Result<Vec<Activity>, StoreError>> {
        ready(activity(&self.0.lock(), query))
    }
}

/// Who made a call, with which key, of which model, and what it cost in nano-dollars.
pub(crate) type Made<'a> = (&'a str, &'a str, &'a str, i64);

/// A call on a day.
pub(crate) fn made(id: &str, day: &str, (user, team, model, cost): Made<'_>, tags: &[&str]) -> LedgerRow {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let key = some(user).map(|user| KeyHash::of(format!("sk-of-{user}").as_bytes()));
    LedgerRow {
        id: id.to_owned(),
        vendor_id: Some(format!("chatcmpl-{id}")),
        call_type: "acompletion".to_owned(),
        key,
        user_id: some(user),
        team_id: some(team),
        customer: some(team).map(|team| format!("{team}-customer")),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        model: model.to_owned(),
        model_group: model.to_owned(),
        deployment: format!("{model}-1"),
        upstream_model: format!("openai/{model}"),
        provider: "openai".to_owned(),
        api_base: "https://api.example.com".to_owned(),
        attempts: 1,
        prompt_tokens: 10,
        completion_tokens: 5,
        cost: NanoDollars(cost),
        started: Timestamp::parse(day).expect("a time"),
        first_content_micros: Some(200_000),
        took_micros: 1_500_000,
        status: if cost == 0 { 500 } else { 200 },
        ending: if cost == 0 { Ending::Failed } else { Ending::Complete },
        ..LedgerRow::default()
    }
}

/// Writes what it seals backwards.
pub(crate) struct Backwards;

impl Sealing for Backwards {
    fn seal(&self, belongs_to: &str, secret: &Secret) -> Answer<String> {
        Ok(format!("{belongs_to}|{}", secret.expose().chars().rev().collect::<String>()))
    }

    fn open(&self, belongs_to: &str, sealed: &str) -> Answer<Secret> {
        let sealed = sealed.strip_prefix(belongs_to).and_then(|rest| rest.strip_prefix('|'));
        let sealed = sealed.ok_or_else(|| Error::internal("sealed for something else"))?;
        Ok(Secret::new(sealed.chars().rev().collect()))
    }
}
