//! Entities that come from elsewhere, again and again: what changed there since the last time is put into ours, what
//! changed here stays.
//!
//! What was taken over is remembered in a setting of its own for each entity. It is written twice where money is taken
//! over: with what the counters become, before they are set, and without it afterwards. An import that breaks off is
//! ended by the next one, and takes no money twice.

use std::collections::{HashMap, HashSet};

use llm_core::json::object_of;
use llm_core::money::NanoDollars;
use llm_governance::entity::{AuditEntry, Entity, Setting};
use llm_governance::{Filter, ListQuery, Page, Period, Records, Spent, StoreError, Subject, Timestamp};
use serde_json::{Value, json};

use super::merge::merge;
use super::report::KindReport;
use super::spending::{Spending, Taken, set};
use crate::entities::Entities;

/// How many are looked up in one question.
const AT_ONCE: usize = 500;

/// Who is said to have changed what an import changed.
const WHO: &str = "import";

/// Where entities from elsewhere are put.
#[derive(Clone, Copy)]
pub(super) struct Keeper<'a> {
    pub store: &'a Entities,
    /// What the names of the settings begin with.
    pub origin: &'static str,
    /// Nothing is written.
    pub dry_run: bool,
    pub now: Timestamp,
}

/// One from elsewhere: what it is here, and what it, and whoever is part of it, has spent.
pub(super) struct Arrival<E> {
    pub entity: E,
    pub spending: Vec<Spending>,
}

/// What is remembered of an earlier import.
struct Memory {
    document: Value,
    taken: HashMap<String, Taken>,
    /// Counters that were to be set.
    settling: Vec<Spent>,
}

enum Done {
    New,
    Changed,
    Same,
}

impl Keeper<'_> {
    /// Takes over all of one kind.
    pub(super) async fn keep<E: Entity>(
        self,
        arrivals: Vec<Arrival<E>>,
        report: &mut KindReport,
    ) -> Result<(), StoreError> {
        for some in arrivals.chunks(AT_ONCE) {
            let ids: Vec<String> = some.iter().map(|one| one.entity.id()).collect();
            let here: Vec<E> = self.store.get_many(&ids).await?;
            let mut here: HashMap<String, E> = here.into_iter().map(|one| (one.id(), one)).collect();
            let names: Vec<String> = ids.iter().map(|id| self.name::<E>(id)).collect();
            let known: Vec<Setting> = self.store.get_many(&names).await?;
            let mut known: HashMap<String, Setting> =
                known.into_iter().map(|one| (one.name.clone(), one)).collect();
            for ((arrival, id), name) in some.iter().zip(&ids).zip(&names) {
                let memory = known.remove(name).and_then(|setting| Memory::read(&setting.value));
                match self.one(arrival, here.remove(id), memory).await {
                    Ok(Done::New) => report.new += 1,
                    Ok(Done::Changed) => report.changed += 1,
                    Ok(Done::Same) => report.same += 1,
                    Err(StoreError::Unavailable(message)) => return Err(StoreError::Unavailable(message)),
                    Err(error) => report.refuse(id, error.to_string()),
                }
            }
        }
        Ok(())
    }

    /// Those that an earlier import took over, that are still here, and not there any more.
    pub(super) async fn look_for_gone<E: Entity>(
        self,
        there: &HashSet<String>,
        report: &mut KindReport,
    ) -> Result<(), StoreError> {
        let prefix = self.name::<E>("");
        let filters = vec![("id", Filter::Contains(prefix.clone()))];
        let mut query =
            ListQuery { filters, sort: Some(("id", false)), limit: AT_ONCE as u64, ..ListQuery::default() };
        loop {
            let page: Page<Setting> = self.store.list(&query).await?;
            let known = page.items.iter().filter_map(|setting| setting.name.strip_prefix(&prefix));
            let missing: Vec<String> = known.filter(|id| !there.contains(*id)).map(str::to_owned).collect();
            let here: Vec<E> = self.store.get_many(&missing).await?;
            report.gone.extend(here.iter().map(Entity::id));
            query.offset += page.items.len() as u64;
            if page.items.is_empty() || query.offset >= page.total {
                return Ok(());
            }
        }
    }

    /// Says that something was imported: gateways that run look at it.
    pub(super) async fn sign(self) -> Result<(), StoreError> {
        if self.dry_run {
            return Ok(());
        }
        let name = format!("import/{}", self.origin);
        // Two imports must not look the same.
        let setting = Setting { name, value: json!({}), updated_at: Timestamp::now() };
        self.store.put_setting(&setting).await
    }

    fn name<E: Entity>(self, id: &str) -> String {
        format!("import/{}/{}/{id}", self.origin, E::TABLE)
    }

    async fn one<E: Entity>(
        self,
        arrival: &Arrival<E>,
        here: Option<E>,
        memory: Option<Memory>,
    ) -> Result<Done, StoreError> {
        let document = document(&arrival.entity)?;
        let mut done = match (&here, &memory) {
            (None, None) => Done::New,
            (Some(here), None) if self::document(here)? == document => Done::Same,
            (Some(_), None) => {
                let message = "one of this id is here already, and is not from there".to_owned();
                return Err(StoreError::Conflict(message));
            }
            (None, Some(_)) => {
                let message = "it was deleted here since the last import, and stays so".to_owned();
                return Err(StoreError::Missing(message));
            }
            (Some(_), Some(memory)) if memory.document == document => Done::Same,
            (Some(_), Some(_)) => Done::Changed,
        };
        let is_first = memory.is_none();
        let before = memory.unwrap_or_else(|| Memory::of(document.clone()));
        if !self.dry_run {
            match done {
                Done::New => self.insert(&arrival.entity, &document).await?,
                Done::Changed => self.change::<E>(&arrival.entity.id(), &before.document, &document).await?,
                Done::Same => {}
            }
        }
        let is_spent = self.spend::<E>(arrival, is_first, before, document).await?;
        if is_spent && matches!(done, Done::Same) {
            done = Done::Changed;
        }
        Ok(done)
    }

    async fn insert<E: Entity>(self, entity: &E, document: &Value) -> Result<(), StoreError> {
        let audit = self.audit::<E>("created", &entity.id(), None, Some(document.clone()));
        self.store.insert(std::slice::from_ref(entity), &[audit]).await
    }

    async fn change<E: Entity>(self, id: &str, before: &Value, now: &Value) -> Result<(), StoreError> {
        let change = |ours: E| {
            let was = document(&ours)?;
            let mut merged = was.clone();
            merge(&mut merged, before, now);
            let audit = self.audit::<E>("updated", id, Some(was), Some(merged.clone()));
            let merged = serde_json::from_value(merged)
                .map_err(|_| StoreError::Failed("what changed there does not fit what is here".to_owned()))?;
            Ok((merged, audit))
        };
        self.store.update(id, Box::new(change)).await.map(|_| ())
    }

    /// Takes over what was spent, and remembers all of it. Whether money was taken over, or would be.
    async fn spend<E: Entity>(
        self,
        arrival: &Arrival<E>,
        is_first: bool,
        before: Memory,
        document: Value,
    ) -> Result<bool, StoreError> {
        if !self.dry_run {
            set(self.store, &before.settling).await?;
        }
        let mut after = Memory::of(document);
        let mut settling = Vec::new();
        for spending in &arrival.spending {
            let name = spending.subject.to_string();
            let taken = before.taken.get(&name).copied();
            settling.extend(spending.targets(self.store, taken, self.now).await?);
            after.taken.insert(name, spending.taken(self.now));
        }
        let is_spent = !settling.is_empty() || !before.settling.is_empty();
        let is_known = !is_first && before.document == after.document && before.taken == after.taken;
        if self.dry_run || (is_known && !is_spent) {
            return Ok(is_spent);
        }
        let name = self.name::<E>(&arrival.entity.id());
        if !settling.is_empty() {
            after.settling.clone_from(&settling);
            self.remember(&name, &after).await?;
            set(self.store, &settling).await?;
            after.settling.clear();
        }
        self.remember(&name, &after).await?;
        Ok(is_spent)
    }

    async fn remember(self, name: &str, memory: &Memory) -> Result<(), StoreError> {
        let setting = Setting { name: name.to_owned(), value: memory.write(), updated_at: self.now };
        self.store.put_setting(&setting).await
    }

    fn audit<E: Entity>(
        self,
        action: &str,
        object_id: &str,
        before: Option<Value>,
        after: Option<Value>,
    ) -> AuditEntry {
        AuditEntry {
            id: entry_id(),
            at: self.now,
            changed_by: WHO.to_owned(),
            changed_by_key: self.origin.to_owned(),
            action: action.to_owned(),
            table: E::TABLE.to_owned(),
            object_id: object_id.to_owned(),
            before,
            after,
        }
    }
}

/// An id that sorts by time, in the form of the others: a UUID of version 7.
fn entry_id() -> String {
    let mut random = [0; 10];
    // Without random bytes the store refuses the second entry of a millisecond; it takes no wrong one.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let millis = Timestamp::now().0 / 1000;
    let tail = random.iter().fold(0u128, |number, byte| number << 8 | u128::from(*byte));
    let number = u128::try_from(millis).unwrap_or_default() << 80 | tail;
    let number = number & !(0xf << 76) & !(0x3 << 62) | 7 << 76 | 2 << 62;
    let hex = format!("{number:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

fn document<E: Entity>(entity: &E) -> Result<Value, StoreError> {
    serde_json::to_value(entity).map_err(|_| StoreError::Failed("it cannot be written as JSON".to_owned()))
}

impl Memory {
    fn of(document: Value) -> Self {
        Self { document, taken: HashMap::new(), settling: Vec::new() }
    }

    fn read(value: &Value) -> Option<Self> {
        let taken = value.get("taken")?.as_object()?.iter();
        let taken = taken.map(|(name, taken)| Some((name.clone(), Taken::read(taken)?)));
        let settling = value.get("settling")?.as_array()?.iter().map(counter);
        Some(Self {
            document: value.get("document")?.clone(),
            taken: taken.collect::<Option<_>>()?,
            settling: settling.collect::<Option<_>>()?,
        })
    }

    fn write(&self) -> Value {
        let taken = self.taken.iter().map(|(name, taken)| (name.clone(), taken.write()));
        let settling = self
            .settling
            .iter()
            .map(|one| json!({"subject": one.subject, "period": one.period, "amount": one.amount}));
        json!({
            "document": self.document,
            "taken": object_of(taken),
            "settling": settling.collect::<Vec<_>>(),
        })
    }
}

fn counter(value: &Value) -> Option<Spent> {
    let part = |name: &str| value.get(name).cloned();
    Some(Spent {
        subject: serde_json::from_value::<Subject>(part("subject")?).ok()?,
        model: None,
        period: serde_json::from_value::<Period>(part("period")?).ok()?,
        amount: serde_json::from_value::<NanoDollars>(part("amount")?).ok()?,
    })
}
