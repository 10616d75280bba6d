//! Budgets of a key: held before a call, settled after it, never passed.

use llm_core::ErrorKind;
use llm_core::money::NanoDollars;
use llm_governance::authorise::NoGroups;
use llm_governance::{CallerSettings, Governance, Terms, Timestamp, Want};

use crate::people::{self, People, key};

fn governance(terms: Terms) -> Governance {
    people::governance(&People::of([key("sk-one", terms)]), CallerSettings::default())
}

fn want(cost: i64) -> Want<'static> {
    let cost = Some(NanoDollars(cost));
    Want { model: "m", customer: None, tags: &[], tokens: 0, cost, at: Timestamp::now() }
}

#[tokio::test]
async fn the_master_key_is_an_administrator_and_unknown_keys_are_refused() {
    let governance = governance(Terms::default());
    assert!(governance.identify(Some(b"sk-master"), None).await.expect("the master").is_admin());
    assert!(!governance.identify(Some(b"sk-one"), None).await.expect("a key").is_admin());
    for shown in [None, Some(&b"sk-two"[..])] {
        let refused = governance.identify(shown, None).await.expect_err("nobody");
        assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    }
}

#[tokio::test]
async fn a_budget_holds_what_calls_under_way_may_cost() {
    let governance = governance(Terms { max_budget: Some(NanoDollars(100)), ..Terms::default() });
    let caller = governance.identify(Some(b"sk-one"), None).await.expect("a key");
    let mut first = governance.admit(&caller, &want(60)).await.expect("there is room");
    let refused = governance.admit(&caller, &want(60)).await.expect_err("60 and 60 are more than 100");
    let refused = refused.error();
    assert_eq!(refused.kind(), ErrorKind::BudgetExceeded);
    assert!(refused.message().contains("Max budget: 0.0000001"), "{}", refused.message());
    let charges = first.charges(NanoDollars(10)).into_iter().map(|charge| charge.scope.name());
    assert_eq!(charges.collect::<Vec<_>>(), ["global", "key"]);
    first.settle(NanoDollars(10), 0);
    // The truth was cheaper than the estimate, and a call that is dropped costs nothing.
    drop(governance.admit(&caller, &want(90)).await.expect("10 are spent"));
    let again = governance.identify(Some(b"sk-one"), None).await.expect("looked up again");
    governance.admit(&again, &want(91)).await.expect_err("the counters are the same");
    governance.admit(&again, &want(90)).await.expect("90 are left").settle(NanoDollars(90), 0);
    governance.admit(&again, &want(1)).await.expect_err("nothing is left");
    governance.admit(&again, &want(0)).await.expect("what is free needs no money");
}

#[tokio::test]
async fn a_model_that_is_not_among_the_terms_is_refused_by_name() {
    let governance = governance(Terms { models: vec!["gpt-*".to_owned()], ..Terms::default() });
    let caller = governance.identify(Some(b"sk-one"), None).await.expect("a key");
    assert!(caller.may_use("gpt-4o", &NoGroups).is_ok());
    let denied = caller.may_use("claude", &NoGroups).expect_err("not a gpt");
    assert_eq!((denied.kind(), denied.status()), (ErrorKind::PermissionDenied, 403));
    assert!(denied.message().contains("key ") && denied.message().contains("gpt-*"), "{}", denied.message());
}
