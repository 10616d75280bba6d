//! Rules that change while a gateway runs, patterns of models, budgets for a while, and keys that take another's place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use llm_core::Secret;
use llm_core::money::NanoDollars;
use llm_governance::entity::VirtualKey;
use llm_governance::{
    Admission, BudgetLimit, Changed, Governance, GovernanceParts, KeyHash, Principal, Refused, Rules, Terms,
    Timestamp, Want,
};

use crate::people::{People, key};

fn governance(people: &Arc<People>) -> Governance {
    Governance::new(GovernanceParts {
        master_key: Some(Secret::new("sk-master".to_owned())),
        directory: Arc::clone(people) as _,
        ..GovernanceParts::default()
    })
}

async fn caller(governance: &Governance, shown: &str) -> Arc<Principal> {
    governance.identify(Some(shown.as_bytes()), None).await.expect("a key")
}

async fn admit(
    governance: &Governance,
    shown: &str,
    (model, cost): (&str, i64),
    customer: Option<&str>,
) -> Result<Admission, Refused> {
    let caller = caller(governance, shown).await;
    let (cost, at) = (Some(NanoDollars(cost)), Timestamp::now());
    governance.admit(&caller, &Want { model, customer, tags: &[], tokens: 1, cost, at }).await
}

#[tokio::test]
async fn what_a_pattern_matches_shares_one_budget_and_one_limit() {
    let limit = BudgetLimit { max_budget: NanoDollars(100), duration: None };
    let terms = Terms {
        model_max_budget: BTreeMap::from([("dear/*".to_owned(), limit)]),
        model_rpm_limit: BTreeMap::from([("fast-*".to_owned(), 2)]),
        ..Terms::default()
    };
    let governance = governance(&People::of([key("sk-one", terms)]));
    let mut first = admit(&governance, "sk-one", ("dear/large", 60), None).await.expect("there is room");
    first.settle(NanoDollars(60), 1);
    assert_eq!(first.charges(NanoDollars(60))[0].model.or(Some("dear/*")), Some("dear/*"));
    let refused = admit(&governance, "sk-one", ("dear/small", 50), None).await.expect_err("one budget");
    assert_eq!(refused.refusal().expect("a budget").model.as_deref(), Some("dear/*"));
    admit(&governance, "sk-one", ("cheap", 1_000), None).await.expect("it is of no model there");
    for (model, is_room) in [("fast-a", true), ("fast-b", true), ("fast-c", false), ("slow", true)] {
        assert_eq!(admit(&governance, "sk-one", (model, 0), None).await.is_ok(), is_room, "{model}");
    }
}

#[tokio::test]
async fn a_budget_is_higher_until_its_time_is_over() {
    let until = Timestamp::now().after(Duration::from_millis(150));
    let terms = Terms {
        max_budget: Some(NanoDollars(100)),
        temp_budget: Some((NanoDollars(50), until)),
        ..Terms::default()
    };
    let governance = governance(&People::of([key("sk-one", terms)]));
    drop(admit(&governance, "sk-one", ("m", 150), None).await.expect("as much as both"));
    admit(&governance, "sk-one", ("m", 151), None).await.expect_err("no more");
    tokio::time::sleep(Duration::from_millis(200)).await;
    admit(&governance, "sk-one", ("m", 101), None).await.expect_err("its time is over");
    admit(&governance, "sk-one", ("m", 100), None).await.expect("what it always has");
}

#[tokio::test]
async fn rules_hold_for_the_next_call_and_what_was_spent_stays() {
    let governance = governance(&People::of([key("sk-one", Terms::default())]));
    let rules = |cap| Rules {
        global: Terms { max_budget: Some(NanoDollars(cap)), ..Terms::default() },
        customers: Some(Terms { max_budget: Some(NanoDollars(10)), ..Terms::default() }),
        ..(*governance.rules()).clone()
    };
    admit(&governance, "sk-one", ("m", 1_000), Some("c")).await.expect("nothing is capped");
    governance.apply(rules(100));
    let mut call = admit(&governance, "sk-one", ("m", 90), None).await.expect("there is room");
    call.settle(NanoDollars(90), 1);
    for shown in ["sk-one", "sk-master"] {
        let refused = admit(&governance, shown, ("m", 11), None).await.expect_err("the gateway's budget");
        assert!(refused.error().message().contains("Proxy"), "{shown}");
    }
    admit(&governance, "sk-one", ("m", 9), Some("c")).await.expect("a customer has ten");
    governance.apply(rules(200));
    admit(&governance, "sk-one", ("m", 111), None).await.expect_err("ninety are spent");
    let refused =
        admit(&governance, "sk-one", ("m", 11), Some("c")).await.expect_err("more than a customer has");
    assert!(refused.error().message().contains("End User"), "{}", refused.error().message());
    admit(&governance, "sk-one", ("m", 110), None).await.expect("the rest");
}

#[tokio::test]
async fn a_key_that_takes_anothers_place_has_what_that_one_took() {
    let terms = Terms { max_budget: Some(NanoDollars(100)), ..Terms::default() };
    let people = People::of([key("sk-old", terms.clone())]);
    let governance = governance(&people);
    let mut under_way = admit(&governance, "sk-old", ("m", 60), None).await.expect("there is room");
    let hash = |shown: &str| KeyHash::of(shown.as_bytes());
    people.add(VirtualKey {
        replaced: Some((hash("sk-old"), Timestamp::now())),
        former: vec![hash("sk-old")],
        ..key("sk-new", terms)
    });
    governance.forget(&Changed::Replaced { old: hash("sk-old"), new: hash("sk-new") });
    admit(&governance, "sk-new", ("m", 50), None).await.expect_err("sixty are held");
    under_way.settle(NanoDollars(30), 1);
    admit(&governance, "sk-new", ("m", 71), None).await.expect_err("thirty are spent");
    admit(&governance, "sk-new", ("m", 70), None).await.expect("the rest");
}

#[test]
fn fallbacks_are_named_by_model_or_by_pattern() {
    let named = |models: &[&str]| models.iter().map(|model| (*model).to_owned()).collect::<Vec<_>>();
    let terms = Terms {
        budget_fallbacks: BTreeMap::from([
            ("gpt-4o".to_owned(), named(&["gpt-4o-mini"])),
            ("gpt-*".to_owned(), named(&["other"])),
        ]),
        ..Terms::default()
    };
    assert_eq!(terms.fallbacks_of("gpt-4o"), Some(&named(&["gpt-4o-mini"])));
    assert_eq!(terms.fallbacks_of("gpt-5"), Some(&named(&["other"])));
    assert_eq!(terms.fallbacks_of("claude"), None);
}
