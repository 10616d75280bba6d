//! What administrators make: kept, listed, changed and deleted alike in every database.

use std::time::Duration;

use llm_core::money::NanoDollars;
use llm_governance::entity::{
    AuditEntry, BudgetRow, Column, Entity, KeyKind, Member, MemberRole, Setting, Team, User, VirtualKey,
};
use llm_governance::{
    Filter, KeyHash, ListQuery, Page, Period, Records, SPEND, Scope, Spent, Store as _, StoreError, Subject,
    Terms, Timestamp,
};
use llm_store::Entities;
use serde_json::json;

use crate::places::{Place, everywhere};
use crate::samples::{budget, customer, entry, full_terms, key, model, organization, tag, team, user};

pub(crate) async fn entities(place: &Place) -> Entities {
    Entities::new(place.open().await)
}

async fn comes_back<E: Entity + PartialEq + std::fmt::Debug>(entities: &Entities, one: E) {
    entities.insert(std::slice::from_ref(&one), &[]).await.expect("it is new");
    let again = entities.insert(std::slice::from_ref(&one), &[]).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    assert_eq!(entities.get(&one.id()).await.expect("an answer"), Some(one.clone()));
    let listed: Page<E> =
        entities.list(&ListQuery { limit: 9, ..ListQuery::default() }).await.expect("a list");
    assert_eq!((listed.items, listed.total), (vec![one], 1));
}

#[tokio::test]
async fn every_kind_comes_back_as_it_went() {
    for place in everywhere("every_kind_comes_back_as_it_went").await {
        let entities = entities(&place).await;
        let terms = full_terms();
        let replaced = Some((KeyHash::of(b"old"), Timestamp(9)));
        let full = VirtualKey { terms: terms.clone(), replaced, expires: Some(Timestamp(5)), ..key("k", 1) };
        comes_back(&entities, VirtualKey { kind: KeyKind::LlmApi, service_account: true, ..full }).await;
        let members = vec![Member {
            user_id: "u".to_owned(),
            user_email: None,
            role: MemberRole::Admin,
            terms: Some(terms.clone()),
        }];
        comes_back(&entities, Team { terms: terms.clone(), members: members.clone(), ..team("t") }).await;
        comes_back(&entities, User { terms: terms.clone(), teams: vec!["t".to_owned()], ..user("u") }).await;
        comes_back(&entities, BudgetRow { terms: terms.clone(), ..budget("b") }).await;
        comes_back(&entities, organization("o", members)).await;
        comes_back(&entities, customer("c", terms.clone())).await;
        comes_back(&entities, tag("tag", terms)).await;
        comes_back(&entities, model("m")).await;
        comes_back(&entities, entry(1, "created")).await;
        let (name, value) = ("router".to_owned(), json!([1, "two", null]));
        comes_back(&entities, Setting { name, value, updated_at: Timestamp(1) }).await;
    }
}

#[tokio::test]
async fn what_must_be_unique_is_named() {
    for place in everywhere("what_must_be_unique_is_named").await {
        let entities = entities(&place).await;
        entities.insert(&[key("a", 1)], &[]).await.expect("it is new");
        let same_alias = VirtualKey { alias: Some("a".to_owned()), ..key("b", 1) };
        let Err(StoreError::Conflict(message)) = entities.insert(&[key("c", 1), same_alias], &[]).await
        else {
            panic!("{}: the alias is taken", place.kind)
        };
        assert!(message.contains("alias") && message.contains("virtual keys"), "{message}");
        let none: Option<VirtualKey> = entities.get(&key("c", 1).id()).await.expect("an answer");
        assert!(none.is_none(), "{}: all or none", place.kind);
        let nameless = |name| VirtualKey { alias: None, ..key(name, 1) };
        entities.insert(&[nameless("d"), nameless("e")], &[]).await.expect("none is not taken");
    }
}

/// Twenty-five keys, some of a team, some blocked, one without an alias.
async fn with_keys(place: &Place) -> Entities {
    let entities = entities(place).await;
    let keys: Vec<_> = (0..25)
        .map(|number| VirtualKey {
            team_id: (number % 3 == 0).then(|| "team%".to_owned()),
            alias: (number != 7).then(|| format!("Key_{number:02}")),
            terms: Terms { blocked: number % 5 == 0, ..Terms::default() },
            ..key(&format!("{number:02}"), number / 2)
        })
        .collect();
    entities.insert(&keys, &[]).await.expect("they are new");
    entities
}

/// The keys of a page by their number, and how many there are in all.
async fn shown(entities: &Entities, query: ListQuery) -> String {
    let page: Page<VirtualKey> = entities.list(&query).await.expect("a list");
    let names: Vec<_> = page.items.iter().map(|key| key.name[6..].to_owned()).collect();
    format!("{} of {}", names.join(" "), page.total)
}

#[tokio::test]
async fn lists_are_sorted_and_paged() {
    for place in everywhere("lists_are_sorted_and_paged").await {
        let entities = with_keys(&place).await;
        for (sort, offset, limit, expected) in [
            (Some(("name", false)), 0, 3, "00 01 02 of 25"),
            (Some(("name", true)), 3, 3, "21 20 19 of 25"),
            (Some(("name", false)), 24, 3, "24 of 25"),
            (Some(("name", false)), 99, 3, " of 25"),
            (Some(("name", false)), 0, 0, " of 25"),
            (Some(("alias", false)), 0, 2, "00 01 of 25"),
            (Some(("alias", true)), 0, 2, "07 24 of 25"),
            (Some(("id", false)), 99, 1, " of 25"),
            // The latest first.
            (None, 0, 1, "24 of 25"),
        ] {
            let query = ListQuery { filters: Vec::new(), sort, offset, limit };
            assert_eq!(shown(&entities, query).await, expected, "{}: {sort:?}", place.kind);
        }
        let sort = Some(("1; DROP TABLE llm_virtual_keys", false));
        let refused: Result<Page<VirtualKey>, _> =
            entities.list(&ListQuery { sort, ..ListQuery::default() }).await;
        assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn lists_are_sorted_and_filtered_by_what_was_spent() {
    let now = Timestamp::now();
    let day = Duration::from_secs(86_400);
    let running = Period { start: Timestamp(now.0 - 1_000_000), end: Some(now.after(day)) };
    let over = Period { start: Timestamp(0), end: Some(Timestamp(now.0 - 1_000_000)) };
    for place in everywhere("lists_are_sorted_and_filtered_by_what_was_spent").await {
        let entities = with_keys(&place).await;
        let spent = |number: usize, period, amount| {
            let hash = key(&format!("{number:02}"), 0).hash.hex();
            let subject = Subject::new(Scope::Key, hash);
            Spent { subject, model: None, period, amount: NanoDollars(amount) }
        };
        let mut all = vec![
            // Without a period what was ever spent counts; with one, what was spent in it.
            spent(3, Period::EVER, 50),
            spent(4, Period::EVER, 900),
            spent(4, running, 70),
            spent(5, Period::EVER, 800),
            spent(5, over, 800),
            spent(6, Period::EVER, 60),
        ];
        all.push(Spent { model: Some("m".into()), ..spent(7, Period::EVER, 5_000) });
        all.push(Spent {
            subject: Subject::new(Scope::Team, all[0].subject.id.text()),
            ..spent(3, Period::EVER, 9)
        });
        entities.set_spent(&all).await.expect("set");
        let shown = async |filters: Vec<(&'static str, Filter)>, falling: bool, limit| {
            let sort = Some((SPEND, falling));
            shown(&entities, ListQuery { filters, sort, offset: 0, limit }).await
        };
        assert_eq!(shown(Vec::new(), true, 3).await, "04 06 03 of 25", "{}", place.kind);
        let some = vec![(SPEND, Filter::From(51)), (SPEND, Filter::Before(1_000))];
        assert_eq!(shown(some, false, 5).await, "06 04 of 2", "{}", place.kind);
        let none = vec![(SPEND, Filter::Before(1)), ("blocked", Filter::Is(true.into()))];
        assert_eq!(shown(none, false, 25).await.split(" of ").last(), Some("5"), "{}", place.kind);
        let budgets: Result<Page<BudgetRow>, _> =
            entities.list(&ListQuery { sort: Some((SPEND, true)), ..ListQuery::default() }).await;
        assert!(matches!(budgets, Err(StoreError::Failed(_))), "a budget row spends nothing");
    }
}

#[tokio::test]
async fn lists_are_filtered() {
    let contains = |text: &str| Filter::Contains(text.to_owned());
    let one_of = |texts: &[&str]| Filter::OneOf(texts.iter().map(|text| (*text).to_owned()).collect());
    let team = || ("team_id", Filter::Is("team%".into()));
    let any = vec![("alias", Filter::Is("Key_03".into())), team(), ("created_at", Filter::From(12))];
    for place in everywhere("lists_are_filtered").await {
        let entities = with_keys(&place).await;
        for (filters, expected) in [
            (vec![team()], "00 03 06 09 12 15 18 21 24 of 9"),
            (vec![team(), ("blocked", Filter::Is(true.into()))], "00 15 of 2"),
            (vec![("alias", Filter::Is(Column::Text(None)))], "07 of 1"),
            (vec![("alias", contains("kEy_1"))], "10 11 12 13 14 15 16 17 18 19 of 10"),
            // Letters mean themselves.
            (vec![("alias", contains("%"))], " of 0"),
            (vec![("alias", one_of(&["Key_03", "Key_04", "nothing"]))], "03 04 of 2"),
            (vec![("alias", one_of(&[]))], " of 0"),
            (vec![("created_at", Filter::From(3)), ("created_at", Filter::Before(5))], "06 07 08 09 of 4"),
            (
                vec![("id", Filter::AnyOf(any.clone())), ("blocked", Filter::Is(false.into()))],
                "03 06 09 12 18 21 24 of 7",
            ),
            (vec![("id", Filter::AnyOf(Vec::new()))], " of 0"),
        ] {
            let query =
                ListQuery { filters: filters.clone(), sort: Some(("name", false)), offset: 0, limit: 20 };
            assert_eq!(shown(&entities, query).await, expected, "{}: {filters:?}", place.kind);
        }
    }
}

#[tokio::test]
async fn pages_show_each_of_many_once() {
    for place in everywhere("pages_show_each_of_many_once").await {
        let entities = entities(&place).await;
        let keys: Vec<_> = (0..1_203).map(|number| key(&format!("{number}"), 1)).collect();
        entities.insert(&keys, &[]).await.expect("they are new");
        let mut seen = std::collections::BTreeSet::new();
        for page in 0..13 {
            let query = ListQuery { offset: page * 100, limit: 100, ..ListQuery::default() };
            let page: Page<VirtualKey> = entities.list(&query).await.expect("a list");
            assert_eq!(page.total, 1_203);
            seen.extend(page.items.into_iter().map(|key| key.hash));
        }
        assert_eq!(seen.len(), 1_203, "{}", place.kind);
        let ids: Vec<_> = keys.iter().rev().map(Entity::id).collect();
        let found: Vec<VirtualKey> = entities.get_many(&ids).await.expect("an answer");
        assert!(found.iter().eq(keys.iter().rev()), "{}: in the order asked for", place.kind);
        let deleted =
            entities.delete(&ids, Box::new(|key: &VirtualKey| entry_for(key))).await.expect("they go");
        assert_eq!(deleted.len(), 1_203, "{}", place.kind);
        let log: Page<AuditEntry> =
            entities.list(&ListQuery { limit: 1, ..ListQuery::default() }).await.expect("a list");
        assert_eq!(log.total, 1_203, "{}", place.kind);
    }
}

fn entry_for(key: &VirtualKey) -> AuditEntry {
    AuditEntry { id: format!("deleted-{}", key.hash), object_id: key.id(), ..entry(1, "deleted") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_lost_when_many_come_at_once() {
    for place in everywhere("no_change_is_lost_when_many_come_at_once").await {
        let entities = entities(&place).await;
        entities.insert(&[team("t")], &[]).await.expect("it is new");
        let changes = (0..20u32).map(|number| {
            let entities = entities.clone();
            tokio::spawn(async move {
                let join = |mut team: Team| {
                    let (user_id, role) = (format!("user-{number}"), MemberRole::User);
                    team.members.push(Member { user_id, user_email: None, role, terms: None });
                    Ok((team, entry(number, "updated")))
                };
                entities.update("t", Box::new(join)).await
            })
        });
        for changed in futures_util::future::join_all(changes).await {
            changed.expect("it did not panic").expect("it was changed");
        }
        let found: Team = entities.get("t").await.expect("an answer").expect("it is there");
        assert_eq!(found.members.len(), 20, "{}", place.kind);
        let log: Page<AuditEntry> = entities.list(&ListQuery::default()).await.expect("a list");
        assert_eq!(log.total, 20, "{}", place.kind);
    }
}

#[tokio::test]
async fn a_change_that_is_refused_changes_nothing() {
    for place in everywhere("a_change_that_is_refused_changes_nothing").await {
        let entities = entities(&place).await;
        entities.insert(&[key("a", 1), key("b", 1)], &[]).await.expect("they are new");
        let refuse = |_: VirtualKey| Err(StoreError::Missing("no such team".to_owned()));
        let refused = entities.update(&key("a", 1).id(), Box::new(refuse)).await;
        assert_eq!(refused, Err(StoreError::Missing("no such team".to_owned())));
        let steal =
            |key: VirtualKey| Ok((VirtualKey { alias: Some("b".to_owned()), ..key }, entry(1, "updated")));
        let taken = entities.update(&key("a", 1).id(), Box::new(steal)).await;
        assert!(
            matches!(&taken, Err(StoreError::Conflict(message)) if message.contains("alias")),
            "{taken:?}"
        );
        let missing = entities.update("nobody", Box::new(steal)).await;
        assert!(matches!(missing, Err(StoreError::Missing(_))), "{missing:?}");
        let found: Option<VirtualKey> = entities.get(&key("a", 1).id()).await.expect("an answer");
        assert_eq!(found, Some(key("a", 1)), "{}", place.kind);
        let log: Page<AuditEntry> = entities.list(&ListQuery::default()).await.expect("a list");
        assert_eq!(log.total, 0, "{}", place.kind);
    }
}
