//! Budgets, customers and tags.

use insta::assert_json_snapshot;
use llm_governance::{Changed, Role, Subject};
use serde_json::{Value, json};

use crate::world::{MASTER, World, still};

#[tokio::test]
async fn a_budget_is_made_changed_and_deleted() {
    let world = World::new().await;
    let body = json!({
        "budget_id": "gold", "max_budget": 10.5, "soft_budget": 8, "rpm_limit": 60, "budget_duration": "1mo",
        "model_max_budget": {"gpt-4o": {"budget_limit": 0.1, "time_period": "1d"}},
    });
    world.done(MASTER, "/budget/new", body.clone()).await;
    assert_eq!(world.heard.take(), [Changed::Budget("gold".to_owned())]);
    assert_eq!(world.refused(MASTER, "/budget/new", body).await.0, 400, "twice");
    let changed = json!({"budget_id": "gold", "max_budget": 0.000000001, "rpm_limit": null});
    let mut changed = world.done(MASTER, "/budget/update", changed).await;
    assert_eq!((&changed["max_budget"], &changed["rpm_limit"]), (&json!(1e-9), &Value::Null));
    changed["budget_reset_at"] = json!("[reset]");
    assert_json_snapshot!("budget", still(changed));
    let shown = world.done(MASTER, "/budget/info", json!({"budgets": ["gold", "none"]})).await;
    assert_eq!((shown[0]["budget_id"].clone(), shown[1].clone()), (json!("gold"), Value::Null));
    let settings = world.shown(MASTER, "/budget/settings?budget_id=gold").await;
    assert_eq!(settings[0]["field_value"], json!(1e-9));
    assert_eq!(world.shown(MASTER, "/budget/list").await.as_array().map(Vec::len), Some(1));
    world.done(MASTER, "/budget/delete", json!({"id": "gold"})).await;
    for (path, body) in
        [("/budget/delete", json!({"id": "gold"})), ("/budget/update", json!({"budget_id": "gold"}))]
    {
        assert_eq!(world.refused(MASTER, path, body).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn others_see_the_budgets_that_hold_for_them_alone() {
    let world = World::new().await;
    world.user("mia", Role::InternalUser).await;
    for id in ["own", "other"] {
        world.done(MASTER, "/budget/new", json!({"budget_id": id, "max_budget": 1})).await;
    }
    let key = world.key(json!({"user_id": "mia", "budget_id": "own"})).await;
    let shown = world.done(&key, "/budget/info", json!({"budgets": ["own", "other"]})).await;
    let ids: Vec<&Value> = shown.as_array().expect("a list").iter().map(|row| &row["budget_id"]).collect();
    assert_eq!(ids, [&json!("own")]);
    assert_eq!(world.get(&key, "/budget/list").await.status, 403);
}

#[tokio::test]
async fn a_customer_is_made_changed_blocked_and_deleted() {
    let world = World::new().await;
    world.done(MASTER, "/budget/new", json!({"budget_id": "free", "max_budget": 1})).await;
    world.heard.take();
    let body = json!({"user_id": "acme-7", "alias": "Acme", "max_budget": 5, "spend": 0.25, "default_model": "gpt-4o"});
    let made = world.done(MASTER, "/customer/new", body.clone()).await;
    let subject = Subject::new(llm_governance::Scope::Customer, "acme-7");
    assert_eq!(world.heard.take(), [Changed::Spent(subject), Changed::Customer("acme-7".to_owned())]);
    assert_json_snapshot!("customer", still(made));
    assert_eq!(world.refused(MASTER, "/end_user/new", body).await.0, 400, "twice");
    let body = json!({"user_id": "acme-7", "budget_id": "free", "max_budget": null});
    let changed = world.done(MASTER, "/customer/update", body).await;
    assert_eq!(changed["litellm_budget_table"]["max_budget"], json!(1.0));
    assert_eq!(changed["alias"], json!("Acme"));
    let blocked = world.done(MASTER, "/customer/block", json!({"user_ids": ["acme-7", "new-one"]})).await;
    assert_eq!(blocked["blocked_users"][1]["blocked"], json!(true));
    let listed = world.shown(MASTER, "/customer/list?search=ACME").await;
    assert_eq!((&listed[0]["user_id"], &listed[0]["blocked"]), (&json!("acme-7"), &json!(true)));
    world.done(MASTER, "/end_user/unblock", json!({"user_ids": ["acme-7"]})).await;
    let shown = world.shown(MASTER, "/end_user/info?end_user_id=acme-7").await;
    assert_eq!((&shown["blocked"], &shown["spend"]), (&json!(false), &json!(0.25)));
    let told = world.done(MASTER, "/customer/delete", json!({"user_ids": ["acme-7", "new-one"]})).await;
    assert_eq!(told["deleted_customers"], json!(2));
}

#[tokio::test]
async fn customers_that_are_not_there_are_refused() {
    let world = World::new().await;
    for (path, body, status) in [
        ("/customer/update", json!({"user_id": "x"}), 404),
        ("/customer/delete", json!({"user_ids": ["x"]}), 404),
        ("/customer/unblock", json!({"user_ids": ["x"]}), 404),
        ("/customer/delete", json!({"user_ids": []}), 422),
        ("/customer/block", json!({"user_ids": [""]}), 422),
        ("/customer/new", json!({}), 422),
        ("/customer/new", json!({"user_id": "x", "budget_id": "none"}), 400),
        ("/customer/new", json!({"user_id": "x", "max_budget": -1}), 422),
    ] {
        assert_eq!(world.refused(MASTER, path, body.clone()).await.0, status, "{path} {body}");
    }
    assert_eq!(world.get(MASTER, "/customer/info?end_user_id=x").await.status, 404);
}

#[tokio::test]
async fn a_tag_is_made_changed_and_deleted() {
    let world = World::new().await;
    let body = json!({"name": "batch", "description": "nightly", "models": ["gpt-4o"], "max_budget": 3});
    let made = world.done(MASTER, "/tag/new", body.clone()).await;
    assert_json_snapshot!("tag", still(made));
    assert_eq!(world.refused(MASTER, "/tag/new", body).await.0, 400, "twice");
    let body = json!({"name": "batch", "models": null});
    let changed = world.done(MASTER, "/tag/update", body).await;
    assert_eq!((&changed["tag"]["models"], &changed["tag"]["description"]), (&json!([]), &json!("nightly")));
    let shown = world.done(MASTER, "/tag/info", json!({"names": ["batch"]})).await;
    assert_eq!(shown["batch"]["litellm_budget_table"]["max_budget"], json!(3.0));
    assert_eq!(world.shown(MASTER, "/tag/list").await[0]["name"], json!("batch"));
    world.done(MASTER, "/tag/delete", json!({"name": "batch"})).await;
    for (path, body) in [
        ("/tag/delete", json!({"name": "batch"})),
        ("/tag/update", json!({"name": "batch"})),
        ("/tag/info", json!({"names": ["batch"]})),
    ] {
        assert_eq!(world.refused(MASTER, path, body).await.0, 404, "{path}");
    }
}
