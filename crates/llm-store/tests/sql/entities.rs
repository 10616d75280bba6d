//! What administrators make: kept, listed, changed and deleted alike in every database.

use std::sync::Arc;

use llm_core::money::NanoDollars;
use llm_governance::entity::{
    AuditEntry, BudgetRow, Customer, Entity, KeyKind, Member, MemberRole, Organization, Setting, StoredModel,
    Tag, Team, User, VirtualKey,
};
use llm_governance::{
    BudgetDuration, BudgetLimit, Charge, Directory, Filter, KeyHash, ListQuery, Page, Period, Records, Role,
    Scope, Spent, Store, StoreError, Subject, Terms, Timestamp,
};
use llm_store::Entities;
use llm_store::entities::add_spent;
use serde_json::json;

use crate::places::{Place, everywhere};

async fn entities(place: &Place) -> Entities {
    Entities::new(place.open().await)
}

pub(crate) fn key(name: &str, made: i64) -> VirtualKey {
    VirtualKey {
        hash: KeyHash::of(name.as_bytes()),
        name: format!("sk-...{name}"),
        alias: Some(name.to_owned()),
        user_id: None,
        team_id: None,
        organization_id: None,
        kind: KeyKind::Default,
        service_account: false,
        expires: None,
        replaced: None,
        terms: Terms::default(),
        created_by: None,
        created_at: Timestamp(made),
        updated_by: None,
        updated_at: Timestamp(made),
    }
}

fn team(id: &str) -> Team {
    Team {
        id: id.to_owned(),
        alias: Some(format!("Team {id}")),
        organization_id: None,
        members: Vec::new(),
        member_terms: Terms::default(),
        terms: Terms::default(),
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
    }
}

fn user(id: &str) -> User {
    User {
        id: id.to_owned(),
        email: Some(format!("{id}@example.com")),
        alias: None,
        role: Role::InternalUser,
        sso_user_id: Some(format!("sso-{id}")),
        teams: Vec::new(),
        organizations: Vec::new(),
        terms: Terms::default(),
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
    }
}

fn budget(id: &str) -> BudgetRow {
    let terms = Terms { max_budget: Some(NanoDollars(5)), ..Terms::default() };
    let (created_at, updated_at) = (Timestamp(1), Timestamp(1));
    BudgetRow { id: id.to_owned(), terms, created_by: None, created_at, updated_by: None, updated_at }
}

fn entry(number: u32, action: &str) -> AuditEntry {
    AuditEntry {
        id: format!("entry-{action}-{number}"),
        at: Timestamp(i64::from(number)),
        changed_by: "admin".to_owned(),
        changed_by_key: "master".to_owned(),
        action: action.to_owned(),
        table: "virtual_keys".to_owned(),
        object_id: "k".to_owned(),
        before: None,
        after: Some(json!({"a": [1, null, {}]})),
    }
}

/// Terms that say something everywhere.
fn full_terms() -> Terms {
    let limit = BudgetLimit { max_budget: NanoDollars(7), duration: Some(BudgetDuration::Day) };
    let words = |word: &str| vec![word.to_owned()];
    let object = |value: serde_json::Value| value.as_object().cloned().expect("an object");
    Terms {
        models: words("gpt-*"),
        aliases: [("a".to_owned(), "b".to_owned())].into(),
        max_budget: Some(NanoDollars(i64::MAX)),
        soft_budget: Some(NanoDollars(1)),
        budget_duration: BudgetDuration::parse("30d"),
        budget_start: Some(Timestamp(3)),
        budget_time_zone: Some("Europe/Berlin".to_owned()),
        budget_limits: vec![limit.clone()],
        model_max_budget: [("m".to_owned(), limit)].into(),
        budget_id: Some("b".to_owned()),
        rpm_limit: Some(1),
        tpm_limit: Some(2),
        tpd_limit: Some(3),
        max_parallel_requests: Some(4),
        model_rpm_limit: [("m".to_owned(), 5)].into(),
        model_tpm_limit: [("m".to_owned(), 6)].into(),
        allowed_routes: words("/chat/completions"),
        allowed_ips: words("10.0.0.0/8"),
        blocked: true,
        tags: words("t"),
        guardrails: words("g"),
        enforced_params: words("user"),
        permissions: object(json!({"p": false})),
        metadata: object(json!({"empty": {}, "null": null, "list": [], "snow": "\u{2603}"})),
        other: object(json!({"o": 1.5})),
    }
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

fn organization(id: &str, members: Vec<Member>) -> Organization {
    let (created_at, updated_at) = (Timestamp(1), Timestamp(1));
    Organization { id: id.to_owned(), alias: None, members, terms: Terms::default(), created_at, updated_at }
}

fn customer(id: &str, terms: Terms) -> Customer {
    Customer {
        id: id.to_owned(),
        alias: None,
        allowed_model_region: Some("eu".to_owned()),
        default_model: None,
        terms,
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
    }
}

fn tag(name: &str, terms: Terms) -> Tag {
    let (created_at, updated_at) = (Timestamp(1), Timestamp(1));
    Tag { name: name.to_owned(), description: None, terms, created_by: None, created_at, updated_at }
}

fn model(id: &str) -> StoredModel {
    StoredModel {
        id: id.to_owned(),
        model_name: "gpt".to_owned(),
        sealed_params: "sealed:1:…".to_owned(),
        model_info: serde_json::Map::new(),
        team_id: None,
        created_by: None,
        created_at: Timestamp(1),
        updated_by: None,
        updated_at: Timestamp(1),
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

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    for place in everywhere("lists_are_filtered_sorted_and_paged").await {
        let entities = entities(&place).await;
        let keys: Vec<_> = (0..25)
            .map(|number| VirtualKey {
                team_id: (number % 3 == 0).then(|| "team%".to_owned()),
                alias: (number != 7).then(|| format!("Key_{number:02}")),
                terms: Terms { blocked: number % 5 == 0, ..Terms::default() },
                ..key(&format!("{number:02}"), number / 2)
            })
            .collect();
        entities.insert(&keys, &[]).await.expect("they are new");
        let list = async |query: ListQuery| {
            let page: Page<VirtualKey> = entities.list(&query).await.expect("a list");
            let names: Vec<_> = page.items.iter().map(|key| key.name[6..].to_owned()).collect();
            (names.join(" "), page.total)
        };
        let of = |filters: Vec<(&'static str, Filter)>, sort, offset, limit| ListQuery {
            filters,
            sort,
            offset,
            limit,
        };
        let by_name = Some(("name", false));
        let expect = |names: &str, total: u64| (names.to_owned(), total);

        assert_eq!(list(of(vec![], by_name, 0, 3)).await, expect("00 01 02", 25), "{}", place.kind);
        assert_eq!(list(of(vec![], Some(("name", true)), 3, 3)).await, expect("21 20 19", 25));
        assert_eq!(list(of(vec![], by_name, 24, 3)).await, expect("24", 25));
        assert_eq!(list(of(vec![], by_name, 99, 3)).await, expect("", 25));
        assert_eq!(list(of(vec![], by_name, 0, 0)).await, expect("", 25));
        assert_eq!(list(of(vec![], Some(("alias", false)), 0, 2)).await, expect("07 00", 25));
        assert_eq!(list(of(vec![], Some(("alias", true)), 23, 2)).await, expect("00 07", 25));
        let first = list(of(vec![], None, 0, 1)).await;
        assert_eq!(first, expect("24", 25), "{}: the latest first", place.kind);

        let team = ("team_id", Filter::Is("team%".into()));
        let blocked = ("blocked", Filter::Is(true.into()));
        assert_eq!(list(of(vec![team.clone()], by_name, 0, 3)).await, expect("00 03 06", 9));
        assert_eq!(list(of(vec![team, blocked], by_name, 0, 9)).await, expect("00 15", 2));
        let nobody = ("alias", Filter::Is(llm_governance::entity::Column::Text(None)));
        assert_eq!(list(of(vec![nobody], by_name, 0, 9)).await, expect("07", 1));
        let like = |text: &str| vec![("alias", Filter::Contains(text.to_owned()))];
        assert_eq!(list(of(like("kEy_1"), by_name, 0, 2)).await, expect("10 11", 10), "{}", place.kind);
        assert_eq!(list(of(like("%"), by_name, 0, 2)).await, expect("", 0), "letters mean themselves");
        let some = ["Key_03", "Key_04", "nothing"].map(str::to_owned).to_vec();
        assert_eq!(list(of(vec![("alias", Filter::OneOf(some))], by_name, 0, 9)).await, expect("03 04", 2));
        assert_eq!(list(of(vec![("alias", Filter::OneOf(vec![]))], by_name, 0, 9)).await, expect("", 0));
        let between = vec![("created_at", Filter::From(3)), ("created_at", Filter::Before(5))];
        assert_eq!(list(of(between, by_name, 0, 9)).await, expect("06 07 08 09", 4));

        let wrong = of(vec![], Some(("1; DROP TABLE llm_virtual_keys", false)), 0, 1);
        let refused: Result<Page<VirtualKey>, _> = entities.list(&wrong).await;
        assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
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

fn spent(subject: &Subject, period: Period) -> Spent {
    Spent { subject: subject.clone(), model: None, period, amount: NanoDollars(0) }
}

async fn amounts(entities: &Entities, mut of: Vec<Spent>) -> Vec<i64> {
    entities.spent(&mut of).await.expect("an answer");
    of.iter().map(|one| one.amount.0).collect()
}

const MONTH: Period = Period { start: Timestamp(5), end: Some(Timestamp(50)) };

#[tokio::test]
async fn what_was_spent_is_counted_by_subject_model_and_period() {
    for place in everywhere("what_was_spent_is_counted_by_subject_model_and_period").await {
        let database = place.open().await;
        let entities = Entities::new(database.clone());
        let day = Period { end: Some(Timestamp(9)), ..MONTH };
        let (team, key) = (Subject::new(Scope::Team, "t"), Subject::new(Scope::Key, "k"));
        let charge = |subject: &Subject, model: Option<&str>, period, amount| Charge {
            subject: subject.clone(),
            model: model.map(str::to_owned),
            period,
            amount: NanoDollars(amount),
        };
        for _ in 0..2 {
            let mut transaction = database.begin().await.expect("a transaction");
            let charges = [
                charge(&team, None, MONTH, 3),
                charge(&team, None, MONTH, 4),
                charge(&team, Some("gpt"), MONTH, 5),
                charge(&key, None, Period::EVER, 6),
                charge(&team, None, day, 1),
            ];
            add_spent(&mut transaction, &charges).await.expect("they are added");
            transaction.commit().await.expect("it lasts");
        }
        let model = Spent { model: Some(Arc::from("gpt")), ..spent(&team, MONTH) };
        let asked = vec![
            spent(&key, Period::EVER),
            spent(&team, MONTH),
            model,
            spent(&key, MONTH),
            spent(&team, day),
        ];
        assert_eq!(amounts(&entities, asked.clone()).await, [12, 14, 10, 0, 2], "{}", place.kind);
        let many: Vec<_> = std::iter::repeat_n(asked, 30).flatten().collect();
        assert_eq!(amounts(&entities, many).await.iter().sum::<i64>(), 30 * 38, "{}", place.kind);
        let set = |amount| [Spent { amount: NanoDollars(amount), ..spent(&team, MONTH) }];
        entities.set_spent(&set(100)).await.expect("it is set");
        entities.set_spent(&set(0)).await.expect("it is set");
        assert_eq!(
            amounts(&entities, vec![spent(&team, MONTH), spent(&team, day)]).await,
            [0, 2],
            "{}",
            place.kind
        );
    }
}

#[tokio::test]
async fn whoever_is_deleted_leaves_an_entry_and_no_counters() {
    for place in everywhere("whoever_is_deleted_leaves_an_entry_and_no_counters").await {
        let entities = entities(&place).await;
        entities.insert(&[team("a_"), team("ab")], &[]).await.expect("they are new");
        let subjects = [
            Subject::new(Scope::Team, "a_"),
            Subject::member("a_", "u"),
            Subject::new(Scope::Team, "ab"),
            Subject::member("ab", "u"),
        ];
        let one = |subject| Spent { amount: NanoDollars(1), ..spent(subject, MONTH) };
        entities.set_spent(&subjects.each_ref().map(one)).await.expect("they are set");
        let ids = ["a_", "nobody"].map(str::to_owned);
        let write = |team: &Team| AuditEntry { object_id: team.id.clone(), ..entry(1, "deleted") };
        let deleted = entities.delete(&ids, Box::new(write)).await.expect("it goes");
        assert_eq!(deleted, [team("a_")], "{}", place.kind);
        let asked = subjects.iter().map(|subject| spent(subject, MONTH)).collect();
        assert_eq!(amounts(&entities, asked).await, [0, 0, 1, 1], "{}", place.kind);
        let log: Page<AuditEntry> =
            entities.list(&ListQuery { limit: 9, ..ListQuery::default() }).await.expect("a list");
        assert_eq!(log.items.iter().map(|entry| entry.object_id.as_str()).collect::<Vec<_>>(), ["a_"]);
    }
}

#[tokio::test]
async fn a_key_is_found_with_everybody_behind_it() {
    for place in everywhere("a_key_is_found_with_everybody_behind_it").await {
        let entities = entities(&place).await;
        let naming = |id: &str| Terms { budget_id: Some(id.to_owned()), ..Terms::default() };
        let terms = Some(naming("of-member"));
        let member = Member { user_id: "u".to_owned(), user_email: None, role: MemberRole::User, terms };
        let stranger =
            Member { user_id: "v".to_owned(), terms: Some(naming("of-stranger")), ..member.clone() };
        let members = vec![stranger, member];
        let team = Team {
            organization_id: Some("o".to_owned()),
            members,
            member_terms: naming("of-members"),
            ..team("t")
        };
        let key = VirtualKey {
            team_id: Some("t".to_owned()),
            user_id: Some("u".to_owned()),
            organization_id: Some("another".to_owned()),
            terms: naming("of-key"),
            ..key("k", 1)
        };
        let of = ["of-key", "of-member", "of-members", "of-stranger", "of-nobody"].map(budget);
        entities.insert(&of, &[]).await.expect("they are new");
        entities.insert(std::slice::from_ref(&team), &[]).await.expect("it is new");
        entities.insert(&[user("u")], &[]).await.expect("it is new");
        entities
            .insert(&[organization("o", vec![]), organization("another", vec![])], &[])
            .await
            .expect("new");
        entities.insert(std::slice::from_ref(&key), &[]).await.expect("it is new");

        let holder = entities.holder(&key.hash).await.expect("an answer").expect("it is there");
        assert_eq!(holder.key, Some(key), "{}", place.kind);
        assert_eq!(holder.team.as_deref(), Some(&team));
        assert_eq!(holder.user.as_deref(), Some(&user("u")));
        assert_eq!(
            holder.organization.map(|one| one.id.clone()).as_deref(),
            Some("o"),
            "the team's, not the key's"
        );
        let budgets: Vec<_> = holder.budgets.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(budgets, ["of-key", "of-member", "of-members"], "{}", place.kind);
        assert!(entities.holder(&KeyHash::of(b"unknown")).await.expect("an answer").is_none());

        let alone = entities.user("u").await.expect("an answer").expect("it is there");
        assert!(alone.key.is_none() && alone.team.is_none() && alone.user.is_some());
        let joined = User { id: "w".to_owned(), sso_user_id: None, teams: vec!["t".to_owned()], ..user("u") };
        entities.insert(&[joined], &[]).await.expect("it is new");
        let holder = entities.user("w").await.expect("an answer").expect("it is there");
        assert_eq!(holder.team.map(|team| team.id.clone()).as_deref(), Some("t"));
        assert!(entities.user("nobody").await.expect("an answer").is_none());
    }
}

#[tokio::test]
async fn customers_and_tags_come_with_their_budget() {
    for place in everywhere("customers_and_tags_come_with_their_budget").await {
        let entities = entities(&place).await;
        let naming = |id: &str| Terms { budget_id: Some(id.to_owned()), ..Terms::default() };
        entities.insert(&[budget("b")], &[]).await.expect("it is new");
        entities
            .insert(&[customer("c", naming("b")), customer("d", Terms::default())], &[])
            .await
            .expect("new");
        entities.insert(&[tag("t", naming("gone"))], &[]).await.expect("it is new");
        let (found, row) = entities.customer("c").await.expect("an answer").expect("it is there");
        assert_eq!((found.id.as_str(), row), ("c", Some(budget("b"))), "{}", place.kind);
        assert_eq!(entities.customer("d").await.expect("an answer").map(|(_, row)| row), Some(None));
        assert!(entities.customer("e").await.expect("an answer").is_none());
        assert_eq!(entities.tag("t").await.expect("an answer").map(|(_, row)| row), Some(None), "it is gone");
    }
}

#[tokio::test]
async fn a_key_that_was_replaced_is_good_until_its_grace_ends() {
    for place in everywhere("a_key_that_was_replaced_is_good_until_its_grace_ends").await {
        let entities = entities(&place).await;
        let old = key("old", 1);
        entities.insert(std::slice::from_ref(&old), &[]).await.expect("it is new");
        let of_key = |key: &VirtualKey| spent(&Subject::new(Scope::Key, key.id()), MONTH);
        entities.set_spent(&[Spent { amount: NanoDollars(8), ..of_key(&old) }]).await.expect("it is set");
        let hour = std::time::Duration::from_secs(3_600);
        let until = Timestamp::now().after(hour);
        let replacing = |name, hash, until| VirtualKey {
            replaced: Some((hash, until)),
            alias: Some("old".to_owned()),
            ..key(name, 2)
        };
        let new = replacing("new", old.hash, until);
        entities.rotate(&old.hash, &new, &entry(1, "rotated")).await.expect("it is replaced");
        for hash in [&old.hash, &new.hash] {
            let holder = entities.holder(hash).await.expect("an answer").expect("both are good");
            assert_eq!(holder.key.as_ref(), Some(&new), "{}", place.kind);
        }
        let gone: Option<VirtualKey> = entities.get(&old.id()).await.expect("an answer");
        assert!(gone.is_none(), "{}: it is no entity any more", place.kind);
        assert_eq!(amounts(&entities, vec![of_key(&old), of_key(&new)]).await, [0, 8], "{}", place.kind);

        let newest = replacing("newest", new.hash, Timestamp::now());
        entities.rotate(&new.hash, &newest, &entry(2, "rotated")).await.expect("it is replaced");
        for hash in [&old.hash, &new.hash] {
            assert!(entities.holder(hash).await.expect("an answer").is_none(), "{}: no grace", place.kind);
        }
        let again = entities.rotate(&old.hash, &key("other", 1), &entry(3, "rotated")).await;
        assert!(matches!(again, Err(StoreError::Missing(_))), "{again:?}");
        let log: Page<AuditEntry> = entities.list(&ListQuery::default()).await.expect("a list");
        assert_eq!(log.total, 2, "{}", place.kind);
    }
}
