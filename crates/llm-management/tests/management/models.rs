//! Models kept in the store: sealed there, and never shown with their secrets.

use insta::assert_json_snapshot;
use llm_governance::entity::{AuditEntry, StoredModel};
use llm_governance::{Changed, ListQuery, Records, Role};
use llm_management::{Method, Sealing};
use serde_json::{Value, json};

use crate::books::Backwards;
use crate::world::{MASTER, World, message, still};

const SECRET: &str = "vendor-secret-1234";

async fn world() -> (World, Value) {
    let world = World::new().await;
    let body = json!({
        "model_name": "fast",
        "litellm_params": {
            "model": "openai/gpt-4o-mini", "api_key": SECRET, "rpm": 60, "api_base": "https://api.example.com/v1",
            "extra_headers": {"x-key": SECRET},
        },
        "model_info": {"id": "fast-1", "mode": "chat"},
    });
    let made = world.done(MASTER, "/model/new", body).await;
    (world, made)
}

async fn params(world: &World) -> Value {
    let model: Option<StoredModel> = world.store.get("fast-1").await.expect("a store");
    let opened = Backwards.open("model:fast-1", &model.expect("a model").sealed_params).expect("a seal");
    serde_json::from_str(opened.expose()).expect("JSON")
}

#[tokio::test]
async fn a_model_is_kept_sealed_and_shown_without_secrets() {
    let (world, made) = world().await;
    assert_eq!(world.heard.take(), [Changed::Model("fast-1".to_owned())]);
    assert!(!made.to_string().contains(SECRET), "{made}");
    assert_json_snapshot!("model", still(made));
    assert_eq!(params(&world).await["api_key"], json!(SECRET));
    let query = ListQuery { limit: 10, ..ListQuery::default() };
    let written = Records::<AuditEntry>::list(&*world.store, &query).await.expect("a store").items;
    let written = serde_json::to_string(&written).expect("JSON");
    let sealed: String = SECRET.chars().rev().collect();
    assert!(!written.contains(SECRET) && !written.contains(&sealed), "{written}");
}

#[tokio::test]
async fn changes_are_merged_and_what_was_hidden_stays() {
    let (world, _) = world().await;
    let body = json!({
        "litellm_params": {"api_key": "***", "rpm": 5, "api_base": null}, "litellm_params_to_remove": ["extra_headers"],
        "model_info": {"mode": "completion"},
    });
    let reply = world.reply(MASTER, Method::Patch, "/model/fast-1/update", body.to_string().as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["model_info"]["mode"], json!("completion"));
    let expected = json!({
        "model": "openai/gpt-4o-mini", "api_key": SECRET, "rpm": 5, "api_base": "https://api.example.com/v1",
    });
    assert_eq!(params(&world).await, expected);
    let body =
        json!({"model_name": "faster", "model_info": {"id": "fast-1"}, "litellm_params": {"api_key": "new"}});
    let updated = world.done(MASTER, "/model/update", body).await;
    assert_eq!(updated["model_name"], json!("faster"));
    assert_eq!(params(&world).await["api_key"], json!("new"));
    let told = world.done(MASTER, "/model/delete", json!({"id": "fast-1"})).await;
    assert_eq!(told["message"], json!("Model: fast-1 deleted successfully"));
}

#[tokio::test]
async fn models_that_cannot_be_are_refused() {
    let (world, _) = world().await;
    let some = json!({"model": "openai/gpt-4o"});
    for (path, body, status) in [
        ("/model/new", json!({"model_name": "x"}), 422),
        ("/model/new", json!({"model_name": "x", "litellm_params": {}}), 422),
        ("/model/new", json!({"litellm_params": some}), 422),
        (
            "/model/new",
            json!({"model_name": "x", "litellm_params": some, "model_info": {"id": "fast-1"}}),
            400,
        ),
        ("/model/new", json!({"model_name": "x", "litellm_params": some, "model_info": {"id": "a/b"}}), 422),
        ("/model/update", json!({"model_name": "x"}), 422),
        ("/model/update", json!({"model_info": {"id": "none"}}), 404),
        ("/model/delete", json!({"id": "none"}), 400),
    ] {
        assert_eq!(world.refused(MASTER, path, body.clone()).await.0, status, "{path} {body}");
    }
    let mia = world.user("mia", Role::InternalUser).await;
    assert_eq!(world.refused(&mia, "/model/delete", json!({"id": "fast-1"})).await.0, 403);
    let reply = world.reply(MASTER, Method::Patch, "/model/none/update", b"{}").await;
    assert!(reply.status == 404 && message(&reply.body).contains("none"), "{}", reply.body);
}
