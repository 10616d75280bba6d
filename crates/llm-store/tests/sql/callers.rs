//! Callers with everybody behind them, and what they spent.

use std::sync::Arc;

use llm_core::money::NanoDollars;
use llm_governance::entity::{AuditEntry, Entity, Member, MemberRole, Team, User, VirtualKey};
use llm_governance::{
    Directory, KeyHash, ListQuery, Page, Period, Records, Scope, Spent, Store, StoreError, Subject, Terms,
    Timestamp,
};
use llm_store::Entities;

use crate::entities::entities;
use crate::places::everywhere;
use crate::samples::{budget, customer, entry, key, organization, tag, team, user};

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
        let entities = entities(&place).await;
        let day = Period { end: Some(Timestamp(9)), ..MONTH };
        let (team, key) = (Subject::new(Scope::Team, "t"), Subject::new(Scope::Key, "k"));
        let model = Spent { model: Some(Arc::from("gpt")), ..spent(&team, MONTH) };
        let asked = vec![
            spent(&key, Period::EVER),
            spent(&team, MONTH),
            model,
            spent(&key, MONTH),
            spent(&team, day),
        ];
        let booked = [(0, 12), (1, 14), (2, 10), (4, 2)]
            .map(|(at, amount): (usize, i64)| Spent { amount: NanoDollars(amount), ..asked[at].clone() });
        entities.set_spent(&booked).await.expect("they are set");
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
        let people = entities.people([Some("t"), Some("w"), Some("nobody")]).await.expect("an answer");
        let found = (people.team.is_some(), people.user.is_some(), people.organization.is_some());
        assert_eq!(found, (true, true, true), "the team's organisation");
        let people = entities.people([Some("nobody"), None, Some("nobody")]).await.expect("an answer");
        assert!(people.team.is_none() && people.user.is_none() && people.organization.is_none());
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
