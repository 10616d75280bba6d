//! Bodies and queries that nobody in their right mind sends: clear refusals, never a panic.

use llm_management::{Method, routes};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{MASTER, World, message};

/// A target for each route, with something in the parts that have names.
fn targets() -> Vec<(Method, String)> {
    let fill = |path: &str| {
        path.split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/")
    };
    routes().map(|route| (route.method, fill(route.path))).collect()
}

#[tokio::test]
async fn bodies_that_are_no_objects_are_refused_with_words() {
    let world = World::new().await;
    let deep = "[".repeat(5_000);
    let bodies: [&[u8]; 9] = [
        b"{",
        b"[]",
        b"\"text\"",
        b"12",
        b"\xff\xfe",
        b"{\"a\": \"\\u0000\"}",
        b"{\"metadata\": {\"\\u0000\": 1}}",
        deep.as_bytes(),
        b"{\"max_budget\": 1e999}",
    ];
    for (method, target) in targets().into_iter().filter(|(method, _)| *method != Method::Get) {
        for body in bodies {
            let reply = world.reply(MASTER, method, &target, body).await;
            // Some routes have no body, and do not look at it.
            assert!(reply.status < 500, "{target}: {}", reply.body);
            if reply.status >= 400 {
                assert!(!message(&reply.body).is_empty());
            }
        }
    }
}

/// Any value, of the kinds that fields have.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9 €/*-]{0,12}".prop_map(Value::from),
        Just(json!("1d")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,8}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Names of fields that the routes read.
const NAMES: [&str; 30] = [
    "aliases",
    "allowed_models",
    "blocked",
    "budget_duration",
    "budget_id",
    "budget_limits",
    "duration",
    "grace_period",
    "key",
    "key_alias",
    "keys",
    "max_budget",
    "max_budget_in_team",
    "member",
    "members",
    "members_with_roles",
    "metadata",
    "model_aliases",
    "model_max_budget",
    "model_rpm_limit",
    "models",
    "organization_id",
    "permissions",
    "reset_to",
    "rpm_limit",
    "tags",
    "team_id",
    "team_ids",
    "user_id",
    "user_ids",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fields_hold_the_answer_is_an_answer(
        fields in proptest::collection::btree_map(proptest::sample::select(&NAMES[..]), values(), 0..8),
        query in "[ -~]{0,30}",
    ) {
        let body = Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let world = World::new().await;
            for (method, target) in targets() {
                let target = format!("{target}?{query}");
                let reply = world.reply(MASTER, method, &target, body.to_string().as_bytes()).await;
                // What this gateway has nothing for says so, whatever is asked.
                prop_assert!(reply.status < 500 || reply.status == 501, "{target} {body}: {}", reply.body);
            }
            Ok(())
        })?;
    }
}
