//! Three gateways with the same keys: limits and budgets hold for all of them together.

use std::sync::Arc;

use futures_util::FutureExt as _;
use llm_core::money::NanoDollars;
use llm_core::{ErrorKind, Secret};
use llm_governance::{
    Changed, Governance, GovernanceParts, Lacking, Principal, Scope, Subject, Terms, Timestamp, Want,
    WithoutShared,
};

use crate::counters::InMemory;
use crate::people::{People, key};

type Node = (Governance, Arc<Principal>);

async fn three(terms: &Terms, shared: &InMemory, without_shared: WithoutShared) -> Vec<Node> {
    let made = Timestamp::now();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let governance = Governance::new(GovernanceParts {
            master_key: Some(Secret::new("sk-master".to_owned())),
            directory: People::of([llm_governance::entity::VirtualKey {
                created_at: made,
                ..key("sk-one", terms.clone())
            }]),
            shared: Some(Arc::new(shared.clone())),
            without_shared,
            ..GovernanceParts::default()
        });
        let caller = governance.identify(Some(b"sk-one"), None).await.expect("a key");
        nodes.push((governance, caller));
    }
    nodes
}

fn want(cost: i64) -> Want<'static> {
    let cost = Some(NanoDollars(cost));
    Want { model: "m", customer: None, tags: &[], tokens: 1, cost, at: Timestamp::now() }
}

#[tokio::test]
async fn three_gateways_serve_exactly_what_a_budget_pays_for() {
    let terms = Terms { max_budget: Some(NanoDollars(500)), ..Terms::default() };
    let shared = InMemory::default();
    let nodes = three(&terms, &shared, WithoutShared::Local).await;
    let served: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = nodes
            .iter()
            .map(|(governance, caller)| {
                scope.spawn(move || {
                    let calls = (0..70).filter_map(|_| {
                        let admitted = governance.admit(caller, &want(10)).now_or_never().expect("at once");
                        admitted.ok().map(|mut admission| admission.settle(NanoDollars(10), 1))
                    });
                    calls.count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!((served, shared.money()), (50, 500));
}

#[tokio::test]
async fn three_gateways_share_requests_and_slots_and_say_what_is_left_of_all() {
    let terms = Terms { rpm_limit: Some(3), max_parallel_requests: Some(2), ..Terms::default() };
    let shared = InMemory::default();
    let nodes = three(&terms, &shared, WithoutShared::Local).await;
    let admit = |node: usize| {
        let (governance, caller) = &nodes[node];
        governance.admit(caller, &want(1)).now_or_never().expect("at once")
    };
    let first = admit(0).expect("one");
    let second = admit(1).expect("two");
    assert_eq!(second.limits().iter().map(|one| one.left).collect::<Vec<_>>(), [1, 0]);
    let refused = admit(2).expect_err("three at a time");
    assert_eq!(refused.refusal().expect("a limit").lack, Lacking::Slots { limit: 2 });
    assert_eq!((shared.requests(), shared.slots()), (2, 2), "a refusal took nothing");
    drop(first);
    let mut third = admit(2).expect("a slot came back");
    third.settle(NanoDollars(0), 5);
    drop(second);
    assert_eq!((shared.requests(), shared.slots()), (3, 0));
    let refused = admit(1).expect_err("four in a minute");
    assert_eq!(refused.refusal().expect("a limit").lack, Lacking::Requests { limit: 3 });
}

#[tokio::test]
async fn a_clamped_call_takes_what_others_leave() {
    let terms = Terms { max_budget: Some(NanoDollars(100)), ..Terms::default() };
    let shared = InMemory::default();
    let nodes = three(&terms, &shared, WithoutShared::Local).await;
    let (one, caller) = &nodes[0];
    let _holds = one.admit(caller, &want(60)).await.expect("there is room");
    let (other, caller) = &nodes[1];
    let clamped = other.admit_within(caller, &want(60), Some(NanoDollars(10))).await.expect("a shorter one");
    assert_eq!(clamped.held(), Some(NanoDollars(40)));
    let refused =
        other.admit_within(caller, &want(60), Some(NanoDollars(10))).await.expect_err("nothing left");
    assert_eq!(refused.error().kind(), ErrorKind::BudgetExceeded);
}

#[tokio::test]
async fn a_call_goes_on_with_a_dearer_model_where_all_gateways_leave_room() {
    let terms = Terms { max_budget: Some(NanoDollars(100)), rpm_limit: Some(2), ..Terms::default() };
    let shared = InMemory::default();
    let nodes = three(&terms, &shared, WithoutShared::Local).await;
    let (one, caller) = &nodes[0];
    let mut call = one.admit(caller, &want(20)).await.expect("there is room");
    let (other, its_caller) = &nodes[1];
    let other_call = other.admit(its_caller, &want(50)).await.expect("there is room");
    one.raise(&mut call, &want(60), None).await.expect_err("50 and 60");
    assert_eq!((shared.money(), call.held()), (70, Some(NanoDollars(20))));
    drop(other_call);
    one.raise(&mut call, &want(60), None).await.expect("60 of 100");
    assert_eq!((shared.money(), shared.requests()), (60, 2), "going on is no request");
    call.settle(NanoDollars(55), 1);
    assert_eq!(shared.money(), 55);
}

#[tokio::test]
async fn who_cannot_ask_goes_by_what_it_heard_last_or_refuses() {
    let terms = Terms { max_budget: Some(NanoDollars(100)), ..Terms::default() };
    let shared = InMemory::default();
    let nodes = three(&terms, &shared, WithoutShared::Local).await;
    let (one, caller) = &nodes[0];
    let (other, its_caller) = &nodes[1];
    one.admit(caller, &want(70)).await.expect("there is room").settle(NanoDollars(70), 1);
    other.admit(its_caller, &want(10)).await.expect("there is room").settle(NanoDollars(10), 1);
    shared.go(true);
    assert!(other.admit(its_caller, &want(30)).await.is_err(), "70 were spent elsewhere");
    assert_eq!(other.room(its_caller, &want(1)).await.expect("known"), Some(NanoDollars(20)));
    other.admit(its_caller, &want(20)).await.expect("20 are left").settle(NanoDollars(20), 1);

    let closed = three(&terms, &shared, WithoutShared::Refuse).await;
    let (closed, caller) = &closed[0];
    let refused = closed.admit(caller, &want(1)).await.expect_err("nobody knows");
    assert_eq!((refused.error().kind(), refused.refusal()), (ErrorKind::Overloaded, None));
}

#[tokio::test]
async fn calls_without_limits_ask_nobody() {
    let shared = InMemory::default();
    let nodes = three(&Terms::default(), &shared, WithoutShared::Refuse).await;
    let (one, caller) = &nodes[0];
    one.admit(caller, &want(70)).await.expect("nothing is limited").settle(NanoDollars(70), 1);
    assert_eq!(shared.asked(), 0);
}

#[tokio::test]
async fn what_a_key_has_spent_is_read_again_when_it_was_corrected() {
    let terms = Terms { max_budget: Some(NanoDollars(100)), ..Terms::default() };
    let nodes = three(&terms, &InMemory::default(), WithoutShared::Local).await;
    let (one, caller) = &nodes[0];
    one.admit(caller, &want(70)).await.expect("there is room").settle(NanoDollars(70), 1);
    assert_eq!(one.room(caller, &want(1)).await.expect("known"), Some(NanoDollars(30)));
    let hash = caller.key().expect("a key");
    one.forget(&Changed::Spent(Subject::new(Scope::Key, hash.hex())));
    let caller = one.identify(Some(b"sk-one"), None).await.expect("a key");
    assert_eq!(one.room(&caller, &want(1)).await.expect("known"), Some(NanoDollars(100)));
}
