//! Keys: made, shown, changed, replaced and deleted.

use insta::assert_json_snapshot;
use llm_core::money::NanoDollars;
use llm_governance::entity::{AuditEntry, MemberRole, VirtualKey};
use llm_governance::{Changed, KeyHash, ListQuery, Records, Role, Terms};
use llm_management::{KeyGeneration, NewKeys, Settings, UpperBounds};
use serde_json::{Value, json};

use crate::world::{MASTER, World, hash, message, still, text};

/// Everything that `/key/generate` takes.
fn everything() -> Value {
    json!({
        "key": "sk-chosen-by-hand", "key_alias": "batch", "duration": "30d", "models": ["gpt-4o", "claude-*"],
        "aliases": {"fast": "gpt-4o-mini"}, "spend": 1.5, "max_budget": 10, "soft_budget": 8.5,
        "budget_duration": "1mo", "budget_limits": [{"budget_duration": "1d", "max_budget": 2}],
        "user_id": "mia", "team_id": "red", "max_parallel_requests": 4, "tpm_limit": 1000, "rpm_limit": "60",
        "tpd_limit": 100000, "model_max_budget": {"gpt-4o": {"budget_limit": 0.5, "time_period": "1d"}},
        "model_rpm_limit": {"gpt-4o": 5}, "model_tpm_limit": {"gpt-4o": 500}, "metadata": {"owner": "mia"},
        "permissions": {"allow_pii_controls": true}, "guardrails": ["pii"], "tags": ["batch"],
        "enforced_params": ["user"], "allowed_routes": ["llm_api_routes"], "blocked": false,
        "key_type": "llm_api", "policies": ["p"], "nobody_knows_this": 1,
    })
}

async fn world() -> World {
    let world = World::new().await;
    world.user("mia", Role::InternalUser).await;
    world.team("red", &[("mia", MemberRole::User)], Terms::default()).await;
    world
}

#[tokio::test]
async fn a_key_is_answered_with_all_that_was_said_and_shown_once() {
    let world = world().await;
    let reply = world.post(MASTER, "/key/generate", everything()).await;
    assert_eq!(
        (reply.ignored, reply.without_effect),
        (vec!["nobody_knows_this".into()], vec!["policies".into()])
    );
    assert_json_snapshot!("generated", still(reply.body));
    let info = world.shown(MASTER, "/key/info?key=sk-chosen-by-hand").await;
    assert!(!info.to_string().contains("sk-chosen-by-hand"), "{info}");
    assert_json_snapshot!("info", still(info));
}

#[tokio::test]
async fn a_key_without_fields_is_random_and_may_do_anything() {
    let world = World::new().await;
    let made = world.done(MASTER, "/key/generate", json!({})).await;
    let key = text(&made, "key");
    assert!(key.starts_with("sk-") && key.len() >= 27, "{}", key.len());
    assert_eq!((made["token"].as_str(), made["token_id"].as_str()), (Some(&*hash(&key)), Some(&*hash(&key))));
    assert_eq!(text(&made, "key_name"), format!("sk-...{}", &key[key.len() - 4..]));
    for name in ["expires", "max_budget", "user_id", "team_id", "budget_reset_at"] {
        assert_eq!(made[name], Value::Null, "{name}");
    }
    assert_eq!(world.heard.take(), [Changed::Key(KeyHash::of(key.as_bytes()))]);
    assert!(world.store.holder(&KeyHash::of(key.as_bytes())).await.expect("a store").is_some());
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_name() {
    let world = World::new().await;
    let bodies = [
        (json!({"max_budget": -1}), 422, "dollars"),
        (json!({"max_budget": "lots"}), 422, "dollars"),
        (json!({"rpm_limit": 1.5}), 422, "integer"),
        (json!({"models": "gpt-4o"}), 422, "list of strings"),
        (json!({"duration": "soon"}), 422, "30d"),
        (json!({"budget_duration": "5 parsecs"}), 422, "30d"),
        (json!({"budget_time_zone": "Mars/Olympus"}), 422, "Europe/Berlin"),
        (json!({"budget_limits": [{"max_budget": 1}]}), 422, "budget_duration"),
        (json!({"model_max_budget": {"m": {"max_budget": "x"}}}), 422, "dollars"),
        (json!({"key_type": "master"}), 422, "read_only"),
        (json!({"metadata": []}), 422, "dictionary"),
        (json!({"key": "my-key"}), 400, "sk-"),
        (json!({"team_id": "nobodys"}), 404, "nobodys"),
        (json!({"budget_id": "nobodys"}), 400, "/budget/new"),
        (json!({"organization_id": "nobodys"}), 400, "/organization/new"),
        (json!([]), 422, "object"),
    ];
    for (body, status, part) in bodies {
        let (found, message) = world.refused(MASTER, "/key/generate", body.clone()).await;
        assert!(found == status && message.contains(part), "{body}: {found} {message}");
    }
    let (status, message) = world.refused(MASTER, "/key/update", json!({"max_budget": 1})).await;
    assert_eq!((status, &*message), (422, "Field required"));
}

#[tokio::test]
async fn names_are_given_once() {
    let world = World::new().await;
    world.key(json!({"key": "sk-1234", "key_alias": "one"})).await;
    let (status, told) = world.refused(MASTER, "/key/generate", json!({"key": "sk-1234"})).await;
    assert!(status == 400 && told.contains("already exists"), "{told}");
    let (status, told) = world.refused(MASTER, "/key/generate", json!({"key_alias": "one"})).await;
    assert!(status == 400 && told.contains("'one'"), "{told}");
    let two = world.key(json!({"key_alias": "two"})).await;
    let (status, _) = world.refused(MASTER, "/key/update", json!({"key": two, "key_alias": "one"})).await;
    assert_eq!(status, 400);
    world.done(MASTER, "/key/update", json!({"key": "sk-1234", "key_alias": "one", "models": ["m"]})).await;
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_null_takes_away() {
    let world = world().await;
    world.key(everything()).await;
    let named = json!({"key": "sk-chosen-by-hand", "max_budget": null, "tpm_limit": 5, "metadata": {"a": 1}});
    let updated = world.done(MASTER, "/key/update", named).await;
    assert_eq!((&updated["max_budget"], &updated["tpm_limit"]), (&Value::Null, &json!(5)));
    assert_eq!((&updated["rpm_limit"], &updated["key_alias"]), (&json!(60), &json!("batch")));
    // Limits that LiteLLM keeps in the metadata are not lifted by other metadata.
    assert_eq!(updated["metadata"]["model_rpm_limit"], json!({"gpt-4o": 5}));
    assert_eq!(updated["metadata"]["owner"], Value::Null);
    let forever = world.done(MASTER, "/key/update", json!({"key": updated["token"], "duration": "-1"})).await;
    assert_eq!(forever["expires"], Value::Null);
}

#[tokio::test]
async fn limits_within_the_metadata_hold_as_those_beside_it() {
    let world = World::new().await;
    let key =
        world.key(json!({"metadata": {"tags": ["x"], "model_tpm_limit": {"m": 7}, "team": "ops"}})).await;
    let stored: VirtualKey = world.store.get(&hash(&key)).await.expect("a store").expect("the key");
    assert_eq!((stored.terms.tags, stored.terms.model_tpm_limit.get("m")), (vec!["x".to_owned()], Some(&7)));
    assert_eq!(Value::Object(stored.terms.metadata), json!({"team": "ops"}));
}

#[tokio::test]
async fn a_key_is_replaced_and_the_old_one_has_its_grace() {
    let world = World::new().await;
    let old = world.key(json!({"key_alias": "one", "max_budget": 5, "spend": 2})).await;
    let body = json!({"grace_period": "1h", "max_budget": 6});
    let new = world.done(MASTER, &format!("/key/{old}/regenerate"), body).await;
    let secret = text(&new, "key");
    assert_ne!(secret, old);
    assert_eq!(
        (&new["key_alias"], &new["max_budget"], &new["spend"]),
        (&json!("one"), &json!(6.0), &json!(2.0))
    );
    for shown in [&old, &secret] {
        let holder = world.store.holder(&KeyHash::of(shown.as_bytes())).await.expect("a store");
        assert!(holder.is_some(), "both are good");
    }
    let (status, _) = world.refused(MASTER, "/key/update", json!({"key": old, "max_budget": 1})).await;
    assert_eq!(status, 404, "the old one is no entity any more");
    let again = world.done(MASTER, "/key/regenerate", json!({"key": secret, "new_key": "sk-my-own"})).await;
    assert_eq!(text(&again, "key"), "sk-my-own");
    assert!(world.store.holder(&KeyHash::of(secret.as_bytes())).await.expect("a store").is_none());
}

#[tokio::test]
async fn keys_are_deleted_by_themselves_their_hash_or_their_alias() {
    let world = World::new().await;
    let one = world.key(json!({})).await;
    let two = world.key(json!({})).await;
    world.key(json!({"key_alias": "three"})).await;
    let named = json!({"keys": [one, hash(&two)]});
    let deleted = world.done(MASTER, "/key/delete", named).await;
    assert_eq!(deleted, json!({"deleted_keys": [one, hash(&two)]}));
    let deleted = world.done(MASTER, "/key/delete", json!({"key_aliases": ["three"]})).await;
    assert_eq!(deleted, json!({"deleted_keys": ["three"]}));
    for body in [json!({"keys": [one]}), json!({"key_aliases": ["three"]})] {
        assert_eq!(world.refused(MASTER, "/key/delete", body).await.0, 404);
    }
    assert_eq!(world.refused(MASTER, "/key/delete", json!({})).await.0, 400);
}

#[tokio::test]
async fn a_blocked_key_is_shown_as_such_until_it_is_unblocked() {
    let world = World::new().await;
    let key = world.key(json!({})).await;
    let blocked = world.done(MASTER, "/key/block", json!({"key": key})).await;
    assert_eq!(blocked["blocked"], json!(true));
    let unblocked = world.done(MASTER, "/key/unblock", json!({"key": hash(&key)})).await;
    assert_eq!(unblocked["blocked"], json!(false));
}

#[tokio::test]
async fn what_was_spent_is_corrected_downwards() {
    let world = World::new().await;
    let key = world.key(json!({"spend": 3, "max_budget": 10, "budget_duration": "30d"})).await;
    let path = format!("/key/{key}/reset_spend");
    assert_eq!(world.refused(MASTER, &path, json!({"reset_to": 4})).await.0, 400);
    world.heard.take();
    let reset = world.done(MASTER, &path, json!({"reset_to": 1})).await;
    assert_eq!((&reset["spend"], &reset["previous_spend"]), (&json!(1.0), &json!(3.0)));
    assert!(matches!(&world.heard.take()[..], [Changed::Spent(_), Changed::Key(_)]));
    let info = world.shown(MASTER, &format!("/key/info?key={key}")).await;
    assert_eq!(info["info"]["spend"], json!(1.0));
}

#[tokio::test]
async fn several_keys_are_changed_and_what_failed_is_told() {
    let world = World::new().await;
    let key = world.key(json!({})).await;
    let entries = json!({"keys": [{"key": key, "max_budget": 4}, {"key": "sk-nobody", "max_budget": 4}]});
    let told = world.done(MASTER, "/key/bulk_update", entries).await;
    assert_eq!(told["total_requested"], json!(2));
    assert_eq!(told["successful_updates"][0]["key_info"]["max_budget"], json!(4.0));
    assert!(text(&told["failed_updates"][0], "failed_reason").contains("not found"));
    assert!(!told.to_string().contains("sk-nobody"), "{told}");
}

#[tokio::test]
async fn the_operators_rules_hold_for_all_keys() {
    let bounds = UpperBounds {
        max_budget: Some(NanoDollars(100_000_000_000)),
        duration: Some("30d".to_owned()),
        rpm_limit: Some(60),
        ..UpperBounds::default()
    };
    let defaults = json!({"budget_duration": "1mo", "models": ["gpt-4o"]});
    let settings = Settings {
        keys: NewKeys {
            defaults: defaults.as_object().cloned().unwrap_or_default(),
            upper_bounds: bounds,
            personal: KeyGeneration { required_params: vec!["tags".to_owned()], ..KeyGeneration::default() },
            ..NewKeys::default()
        },
        ..Settings::default()
    };
    let world = World::with(settings).await;
    let (status, told) = world.refused(MASTER, "/key/generate", json!({})).await;
    assert_eq!((status, &*told), (400, "Required param tags not in data"));
    let made = world.done(MASTER, "/key/generate", json!({"tags": ["x"], "rpm_limit": 5})).await;
    assert_eq!((&made["max_budget"], &made["rpm_limit"]), (&json!(100.0), &json!(5)));
    assert_eq!((&made["budget_duration"], &made["models"]), (&json!("1mo"), &json!(["gpt-4o"])));
    assert_ne!(made["expires"], Value::Null);
    for (name, value) in [("max_budget", json!(101)), ("rpm_limit", json!(61)), ("duration", json!("31d"))] {
        let (status, told) = world.refused(MASTER, "/key/generate", json!({"tags": [], name: value})).await;
        assert!(status == 400 && told.starts_with(&format!("{name} is over max limit")), "{told}");
    }
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_without_the_key() {
    let world = World::new().await;
    let key = world.key(json!({"metadata": {"langfuse_secret_key": "hush"}})).await;
    world.done(MASTER, "/key/update", json!({"key": key, "max_budget": 1})).await;
    world.done(MASTER, "/key/block", json!({"key": key})).await;
    let new = world.done(MASTER, &format!("/key/{key}/regenerate"), json!({})).await;
    world.done(MASTER, "/key/delete", json!({"keys": [new["key"]]})).await;
    let query = ListQuery { limit: 10, ..ListQuery::default() };
    let log = Records::<AuditEntry>::list(&*world.store, &query).await.expect("a log");
    let actions: Vec<&str> = log.items.iter().rev().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["created", "updated", "blocked", "rotated", "deleted"]);
    let written = serde_json::to_string(&log.items).expect("JSON");
    for secret in [key.as_str(), "hush", new["key"].as_str().expect("a key")] {
        assert!(!written.contains(secret), "{written}");
    }
    assert!(log.items.iter().all(|entry| entry.changed_by == "default_user_id"));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_as_such() {
    let world = World::new().await;
    let reply = world.post(MASTER, "/key/unheard", json!({})).await;
    assert_eq!((reply.status, reply.body), (404, json!({"detail": "Not Found"})));
    let reply = world.get(MASTER, "/key/generate").await;
    assert_eq!(reply.status, 405);
    assert!(message(&reply.body).contains("POST"));
}
