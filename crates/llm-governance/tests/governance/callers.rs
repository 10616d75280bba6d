//! Callers in memory: asked for once, read again after a change, served while nobody answers.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::join_all;
use llm_core::ErrorKind;
use llm_governance::entity::{Customer, Tag};
use llm_governance::{
    CallerSettings, Changed, Governance, KeyHash, Scope, Subject, Terms, Timestamp, Want, entity::VirtualKey,
};

use crate::people::{Mood, People, governance, key, team};

fn hash(shown: &str) -> KeyHash {
    KeyHash::of(shown.as_bytes())
}

async fn ask(
    governance: &Governance,
    shown: &str,
) -> Result<Arc<llm_governance::Principal>, llm_core::Error> {
    governance.identify(Some(shown.as_bytes()), None).await
}

/// Lets a call go on as far as it can without waiting.
fn poll<F: Future>(call: &mut Pin<Box<F>>) -> Poll<F::Output> {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Whatever is known is read again, by one call of those that come.
fn never_fresh() -> CallerSettings {
    CallerSettings { time_to_live: Duration::ZERO, ..CallerSettings::default() }
}

#[tokio::test]
async fn hundred_calls_of_a_new_key_ask_once() {
    let people = People::of([key("sk-one", Terms::default())]);
    let governance = governance(&people, CallerSettings::default());
    let callers = join_all((0..100).map(|_| ask(&governance, "sk-one"))).await;
    let first = callers[0].as_ref().expect("it is there");
    assert!(callers.iter().all(|caller| caller.as_ref().is_ok_and(|caller| Arc::ptr_eq(caller, first))));
    assert_eq!(people.asked(), 1);
    let refused = join_all((0..100).map(|_| ask(&governance, "sk-none"))).await;
    assert!(refused.iter().all(|refused| refused.as_ref().is_err_and(|error| error.status() == 401)));
    assert_eq!(people.asked(), 1, "those who have no key wait together too");
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_its_question_to_the_next() {
    let people = People::of([key("sk-one", Terms::default())]);
    let governance = governance(&people, CallerSettings::default());
    people.is(Mood::Silent);
    let mut first = Box::pin(ask(&governance, "sk-one"));
    let mut second = Box::pin(ask(&governance, "sk-one"));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    people.is(Mood::Well);
    drop(first);
    second.await.expect("it asks again");
    assert_eq!(people.asked(), 2);
}

#[tokio::test]
async fn what_was_changed_is_read_again_and_nothing_else() {
    let people = People::of([
        VirtualKey { team_id: Some("a".to_owned()), ..key("sk-one", Terms::default()) },
        key("sk-two", Terms::default()),
    ]);
    people.teams.lock().insert("a".to_owned(), Arc::new(team("a", Terms::default())));
    let governance = governance(&people, CallerSettings::default());
    for shown in ["sk-one", "sk-two", "sk-one", "sk-two"] {
        ask(&governance, shown).await.expect("known");
    }
    assert_eq!(people.asked(), 2);

    let blocked = Terms { blocked: true, ..Terms::default() };
    people.teams.lock().insert("a".to_owned(), Arc::new(team("a", blocked.clone())));
    ask(&governance, "sk-one").await.expect("nobody said so yet");
    governance.forget(&Changed::Team("a".to_owned()));
    let refused = ask(&governance, "sk-one").await.expect_err("its team is blocked");
    assert_eq!((refused.status(), refused.error_type()), (401, Some("auth_error")));
    assert!(refused.message().contains("Team=a") && refused.message().contains("/team/unblock"));
    ask(&governance, "sk-two").await.expect("it has no team");
    assert_eq!(people.asked(), 1);

    people.add(key("sk-two", blocked));
    governance.forget(&Changed::Key(hash("sk-two")));
    ask(&governance, "sk-two").await.expect_err("it is blocked itself");
    people.keys.lock().clear();
    governance.forget(&Changed::Everything);
    let refused = ask(&governance, "sk-two").await.expect_err("it is no more");
    assert_eq!(refused.error_type(), Some("token_not_found_in_db"));
}

#[tokio::test]
async fn a_change_while_it_is_read_is_not_missed() {
    let people = People::of([key("sk-one", Terms::default())]);
    let governance = governance(&people, CallerSettings::default());
    let mut asking = Box::pin(ask(&governance, "sk-one"));
    assert!(poll(&mut asking).is_pending());
    people.add(key("sk-one", Terms { blocked: true, ..Terms::default() }));
    governance.forget(&Changed::Key(hash("sk-one")));
    let mut later = Box::pin(ask(&governance, "sk-one"));
    assert!(poll(&mut later).is_pending());
    asking.await.expect("it began before the change");
    later.await.expect_err("it began after the change, and so did its answer");
}

#[tokio::test]
async fn a_store_that_is_gone_stops_nobody_who_is_known() {
    let people = People::of([key("sk-one", Terms::default()), key("sk-two", Terms::default())]);
    let governance = governance(&people, never_fresh());
    ask(&governance, "sk-one").await.expect("the store is there");
    people.is(Mood::Down);
    governance.forget(&Changed::Everything);
    people.asked();
    for _ in 0..100 {
        ask(&governance, "sk-one").await.expect("memory knows it");
    }
    assert!(people.asked() <= 2, "nor is it asked each time");
    let refused = ask(&governance, "sk-two").await.expect_err("memory does not know it");
    assert_eq!((refused.kind(), refused.error_type()), (ErrorKind::Overloaded, Some("no_db_connection")));
    governance.forget(&Changed::Key(hash("sk-one")));
    ask(&governance, "sk-one").await.expect_err("memory knows that it is not what it was");
    people.is(Mood::Well);
    for shown in ["sk-one", "sk-two"] {
        ask(&governance, shown).await.expect("the store is back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_says_nothing_keeps_nobody_waiting() {
    let people = People::of([key("sk-one", Terms::default())]);
    let governance = governance(&people, never_fresh());
    ask(&governance, "sk-one").await.expect("the store is there");
    people.is(Mood::Silent);
    let began = tokio::time::Instant::now();
    ask(&governance, "sk-one").await.expect("memory knows it");
    assert!(began.elapsed() <= Duration::from_millis(300), "{:?}", began.elapsed());
    let refused = ask(&governance, "sk-two").await.expect_err("nobody says who it is");
    assert_eq!(refused.kind(), ErrorKind::Overloaded);
    assert!(began.elapsed() <= Duration::from_secs(6));
}

#[tokio::test]
async fn one_reads_again_and_the_others_do_not_wait() {
    let people = People::of([key("sk-one", Terms::default())]);
    let governance = governance(&people, never_fresh());
    ask(&governance, "sk-one").await.expect("known");
    let mut reading = Box::pin(ask(&governance, "sk-one"));
    assert!(poll(&mut reading).is_pending());
    assert!(poll(&mut Box::pin(ask(&governance, "sk-one"))).is_ready());
    reading.await.expect("read again");
    assert_eq!(people.asked(), 2);
}

#[tokio::test]
async fn keys_that_nobody_has_are_remembered_until_somebody_has_them() {
    let people = People::of([]);
    let governance = governance(&people, CallerSettings::default());
    for _ in 0..10 {
        let refused = ask(&governance, "sk-new").await.expect_err("nobody has it");
        assert_eq!((refused.status(), refused.error_type()), (401, Some("token_not_found_in_db")));
        assert!(!refused.message().contains("sk-new"));
    }
    assert_eq!(people.asked(), 1);
    people.add(key("sk-new", Terms::default()));
    governance.forget(&Changed::Key(hash("sk-new")));
    ask(&governance, "sk-new").await.expect("it was made");
    people.asked();
    let refused = ask(&governance, "password").await.expect_err("this is no key");
    assert_eq!((refused.status(), people.asked()), (401, 0));
}

#[tokio::test]
async fn whoever_guesses_is_refused_before_the_store_is_asked() {
    let people = People::of([key("sk-one", Terms::default())]);
    let settings = CallerSettings { guesses_per_minute: 5, ..CallerSettings::default() };
    let governance = governance(&people, settings);
    let address: IpAddr = "203.0.113.7".parse().expect("an address");
    let mut statuses = Vec::new();
    for number in 0..10 {
        let shown = format!("sk-guess-{number}");
        let refused = governance.identify(Some(shown.as_bytes()), Some(address)).await.expect_err("a guess");
        assert_eq!(refused.status() == 429, refused.retry_after().is_some());
        statuses.push(refused.status());
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429, 429, 429]);
    assert_eq!(people.asked(), 5);
    governance.identify(Some(b"sk-one"), Some(address)).await.expect_err("not looked up from there");
    ask(&governance, "sk-one").await.expect("from elsewhere");
    governance.identify(Some(b"sk-one"), Some(address)).await.expect("now memory knows it");
}

#[tokio::test]
async fn a_key_ends_when_it_says_so_and_a_replaced_one_after_its_grace() {
    let soon = Timestamp::now().after(Duration::from_millis(60));
    let late = Timestamp::now().after(Duration::from_secs(60));
    let people = People::of([
        VirtualKey { expires: Some(soon), ..key("sk-short", Terms::default()) },
        VirtualKey { replaced: Some((hash("sk-old"), soon)), ..key("sk-new", Terms::default()) },
        VirtualKey { replaced: Some((hash("sk-older"), late)), ..key("sk-newer", Terms::default()) },
    ]);
    let governance = governance(&people, CallerSettings::default());
    for shown in ["sk-short", "sk-old", "sk-new", "sk-older", "sk-newer"] {
        ask(&governance, shown).await.expect(shown);
    }
    let old = ask(&governance, "sk-old").await.expect("known");
    assert_eq!(old.key(), Some(hash("sk-new")), "it spends what the new one has");
    tokio::time::sleep(Duration::from_millis(80)).await;
    for shown in ["sk-short", "sk-old"] {
        let refused = ask(&governance, shown).await.expect_err(shown);
        assert_eq!((refused.status(), refused.error_type()), (401, Some("expired_key")), "{shown}");
        assert_eq!(refused.message().contains("replaced"), shown == "sk-old", "{}", refused.message());
    }
    for shown in ["sk-new", "sk-older", "sk-newer"] {
        ask(&governance, shown).await.expect(shown);
    }
    people.add(VirtualKey {
        replaced: Some((hash("sk-older"), late)),
        ..key("sk-newer", Terms { blocked: true, ..Terms::default() })
    });
    governance.forget(&Changed::Key(hash("sk-newer")));
    ask(&governance, "sk-older").await.expect_err("what is said of the new one holds for the old one");
}

#[tokio::test]
async fn keys_of_a_team_share_its_account_and_keep_it_when_nothing_changed() {
    let in_team = |shown| VirtualKey { team_id: Some("a".to_owned()), ..key(shown, Terms::default()) };
    let people = People::of([in_team("sk-one"), in_team("sk-two")]);
    people.teams.lock().insert("a".to_owned(), Arc::new(team("a", Terms::default())));
    let governance = governance(&people, CallerSettings::default());
    let (one, two) = (ask(&governance, "sk-one").await, ask(&governance, "sk-two").await);
    let (one, two) = (one.expect("one"), two.expect("two"));
    let account =
        |caller: &llm_governance::Principal, scope| Arc::as_ptr(caller.account(scope).expect("it has one"));
    assert_eq!(account(&one, Scope::Team), account(&two, Scope::Team));
    assert_eq!(one.team_id(), Some("a"));
    assert_eq!(one.team_alias(), Some("a as people call it"));
    governance.forget(&Changed::Key(hash("sk-one")));
    let again = ask(&governance, "sk-one").await.expect("read again");
    assert!(!Arc::ptr_eq(&one, &again));
    for scope in [Scope::Global, Scope::Team, Scope::Key] {
        assert_eq!(account(&one, scope), account(&again, scope), "{scope:?}");
    }
    governance.forget(&Changed::Spent(Subject::new(Scope::Team, "a")));
    let again = ask(&governance, "sk-one").await.expect("read again");
    assert_ne!(account(&one, Scope::Team), account(&again, Scope::Team));
}

#[tokio::test]
async fn customers_and_tags_are_remembered_and_so_is_that_there_are_none() {
    let people = People::of([]);
    let made = Timestamp(0);
    let customer = Customer {
        id: "c".to_owned(),
        alias: None,
        allowed_model_region: None,
        default_model: None,
        terms: Terms::default(),
        created_at: made,
        updated_at: made,
    };
    let governance = governance(&people, CallerSettings::default());
    for _ in 0..3 {
        assert!(governance.customer("c").await.expect("asked").is_none());
        assert!(governance.tag("t").await.expect("asked").is_none());
    }
    assert_eq!(people.asked(), 2);
    people.customers.lock().insert("c".to_owned(), customer);
    let (name, terms) = ("t".to_owned(), Terms { rpm_limit: Some(1), ..Terms::default() });
    let tag = Tag { name, description: None, terms, created_by: None, created_at: made, updated_at: made };
    people.tags.lock().insert("t".to_owned(), tag);
    governance.forget(&Changed::Customer("c".to_owned()));
    governance.forget(&Changed::Tag("t".to_owned()));
    assert!(governance.customer("c").await.expect("asked").is_some());
    assert_eq!(governance.tag("t").await.expect("asked").expect("there").terms.rpm_limit, Some(1));
    people.is(Mood::Down);
    governance.forget(&Changed::Everything);
    assert!(governance.customer("c").await.expect("memory knows it").is_some());
}

#[tokio::test]
async fn a_customer_may_be_blocked_and_narrow_models() {
    let people = People::of([key("sk-one", Terms::default())]);
    let governance = governance(&people, CallerSettings::default());
    let caller = ask(&governance, "sk-one").await.expect("known");
    let refused = async |terms: Terms| {
        let name = "t".to_owned();
        let made = Timestamp(0);
        let tag =
            Tag { name, description: None, terms, created_by: None, created_at: made, updated_at: made };
        people.tags.lock().insert("t".to_owned(), tag);
        governance.forget(&Changed::Tag("t".to_owned()));
        let tags = ["t".to_owned()];
        let (customer, tokens, cost, at) = (None, 0, None, Timestamp::now());
        let want = Want { model: "small", customer, tags: &tags, tokens, cost, at };
        let refused = governance.admit(&caller, &want).await.err().map(llm_core::Error::from);
        refused.map(|error| (error.status(), error.message().to_owned()))
    };
    assert_eq!(refused(Terms { models: vec!["sm*".to_owned()], ..Terms::default() }).await, None);
    let (status, why) =
        refused(Terms { models: vec!["large".to_owned()], ..Terms::default() }).await.expect("no");
    assert!(status == 403 && why.contains("tag not allowed to access model"), "{why}");
    let (status, why) = refused(Terms { blocked: true, ..Terms::default() }).await.expect("blocked");
    assert!(status == 401 && why.contains("tag t is blocked"), "{why}");
}

#[tokio::test]
async fn memory_is_bounded_and_keeps_those_who_come_again() {
    let keys = (0..4000).map(|number| key(&format!("sk-{number}"), Terms::default()));
    let people = People::of(keys);
    let settings = CallerSettings { capacity: 1024, ..CallerSettings::default() };
    let governance = governance(&people, settings);
    for number in 0..4000 {
        ask(&governance, &format!("sk-{number}")).await.expect("known");
    }
    assert!(governance.callers() <= 1024 / 8 * 9 + 256, "{}", governance.callers());
    assert!(governance.callers() >= 512, "{}", governance.callers());
}
