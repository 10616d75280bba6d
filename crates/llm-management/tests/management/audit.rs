//! The audit log as it is read.

use llm_governance::Role;
use serde_json::{Value, json};

use crate::world::{MASTER, World};

async fn actions(world: &World, query: &str) -> Vec<String> {
    let shown = world.shown(MASTER, &format!("/audit?sort_order=asc&{query}")).await;
    let entries = shown["audit_logs"].as_array().expect("a list").iter();
    entries
        .map(|entry| format!("{} {}", entry["action"].as_str().unwrap_or("-"), entry["object_id"]))
        .collect()
}

#[tokio::test]
async fn changes_are_found_by_what_and_when() {
    let world = World::new().await;
    world.done(MASTER, "/budget/new", json!({"budget_id": "gold", "max_budget": 1.5})).await;
    world.done(MASTER, "/budget/update", json!({"budget_id": "gold", "max_budget": 2})).await;
    world.done(MASTER, "/tag/new", json!({"name": "batch"})).await;
    for (query, expected) in [
        ("", &["created \"gold\"", "updated \"gold\"", "created \"batch\""][..]),
        ("action=created", &["created \"gold\"", "created \"batch\""]),
        ("table_name=LiteLLM_TagTable", &["created \"batch\""]),
        ("table_name=tags", &["created \"batch\""]),
        ("object_id=gold&action=updated", &["updated \"gold\""]),
        ("search=BAT", &["created \"batch\""]),
        ("changed_by=nobody", &[]),
        ("end_date=2020-01-01", &[]),
        ("start_date=2020-01-01&page=2&page_size=2", &["created \"batch\""]),
    ] {
        assert_eq!(actions(&world, query).await, expected, "{query}");
    }
    let page = world.shown(MASTER, "/audit?table_name=budgets&action=updated").await;
    assert_eq!((&page["total"], &page["total_pages"]), (&json!(1), &json!(1)));
    let entry = &page["audit_logs"][0];
    assert_eq!(entry["table_name"], json!("LiteLLM_BudgetTable"));
    assert_eq!(entry["before_value"]["terms"]["max_budget"], json!(1.5), "dollars");
    assert_eq!(entry["updated_values"]["terms"]["max_budget"], json!(2.0));
    let id = entry["id"].as_str().expect("an id");
    assert_eq!(world.shown(MASTER, &format!("/audit/{id}")).await, *entry);
    assert_eq!(world.get(MASTER, "/audit/none").await.status, 404);
    assert_eq!(world.get(MASTER, "/audit?start_date=soon").await.status, 422);
}

#[tokio::test]
async fn only_those_who_see_everything_read_it() {
    let world = World::new().await;
    for (role, status) in [(Role::ProxyAdminViewer, 200), (Role::InternalUser, 403), (Role::OrgAdmin, 403)] {
        let key = world.user(role.name(), role).await;
        let reply = world.get(&key, "/audit").await;
        assert_eq!(reply.status, status, "{role:?}");
        assert!(status != 200 || reply.body["audit_logs"] != Value::Null);
    }
}
