//! Lists: pages, filters, sorting, and what others may not see.

use llm_governance::entity::MemberRole;
use llm_governance::{Role, Terms};
use serde_json::{Value, json};

use crate::world::{MASTER, World};

async fn world() -> (World, String) {
    let world = World::new().await;
    let mia = world.user("mia", Role::InternalUser).await;
    world.user("ann", Role::InternalUser).await;
    world.team("red", &[("mia", MemberRole::Admin), ("ann", MemberRole::User)], Terms::default()).await;
    world.key(json!({"key_alias": "a-team", "team_id": "red"})).await;
    world.key(json!({"key_alias": "b-ann", "user_id": "ann", "blocked": true})).await;
    world.key(json!({"key_alias": "c-old", "duration": "1s"})).await;
    world.key(json!({"key_alias": "d-mia", "user_id": "mia"})).await;
    (world, mia)
}

async fn aliases(world: &World, key: &str, query: &str) -> Vec<String> {
    let target =
        format!("/key/list?return_full_object=true&sort_by=key_alias&sort_order=asc&size=100&{query}");
    let shown = world.shown(key, &target).await;
    let keys = shown["keys"].as_array().expect("a list").iter();
    keys.map(|key| key["key_alias"].as_str().unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn filters_narrow_a_list() {
    let (world, _) = world().await;
    for (query, expected) in [
        ("", &["a-team", "b-ann", "c-old", "d-mia", "-", "-"][..]),
        ("user_id=ann", &["b-ann", "-"]),
        ("team_id=red", &["a-team"]),
        ("key_alias=b-ann", &["b-ann"]),
        ("key_alias=ann", &[]),
        ("key_alias=ANN&substring_matching=true", &["b-ann"]),
        ("search=d-m", &["d-mia"]),
        ("status=blocked", &["b-ann"]),
        ("status=active&user_id=mia", &["d-mia", "-"]),
        ("key_hash=sk-of-mia", &["-"]),
    ] {
        assert_eq!(aliases(&world, MASTER, query).await, expected, "{query}");
    }
    for query in ["status=deleted", "sort_by=colour", "page=0", "size=1000", "page=x", "sort_order=up"] {
        let reply = world.get(MASTER, &format!("/key/list?{query}")).await;
        assert_eq!(reply.status, 422, "{query}: {}", reply.body);
    }
}

#[tokio::test]
async fn pages_follow_each_other() {
    let (world, _) = world().await;
    let page = async |page: u64| {
        let target = format!("/key/list?size=4&page={page}&sort_by=created_at&sort_order=asc");
        world.shown(MASTER, &target).await
    };
    let (first, second) = (page(1).await, page(2).await);
    assert_eq!((&first["total_count"], &first["total_pages"]), (&json!(6), &json!(2)));
    assert_eq!(second["current_page"], json!(2));
    let keys = |page: &Value| page["keys"].as_array().cloned().unwrap_or_default();
    let mut all = [keys(&first), keys(&second)].concat();
    all.dedup();
    assert_eq!((keys(&first).len(), all.len()), (4, 6));
    assert!(all.iter().all(|key| key.as_str().is_some_and(|hash| hash.len() == 64)));
    assert_eq!(keys(&page(3).await), Vec::<Value>::new());
}

#[tokio::test]
async fn others_see_their_own() {
    let (world, mia) = world().await;
    assert_eq!(aliases(&world, &mia, "").await, ["d-mia", "-"]);
    assert_eq!(aliases(&world, &mia, "include_team_keys=true").await, ["a-team", "d-mia", "-"]);
    assert_eq!(aliases(&world, &mia, "team_id=red").await, ["a-team"]);
    assert_eq!(aliases(&world, &mia, "user_id=ann").await, Vec::<String>::new());
    // A member who is no administrator does not see the team's keys in lists.
    assert_eq!(aliases(&world, "sk-of-ann", "include_team_keys=true").await, ["b-ann", "-"]);
    assert_eq!(aliases(&world, "sk-of-ann", "team_id=red").await, Vec::<String>::new());
    let names = world.shown(&mia, "/key/aliases").await;
    assert_eq!(names["aliases"], json!(["a-team", "d-mia"]));
    let names = world.shown(MASTER, "/key/aliases?search=A&size=2").await;
    assert_eq!((&names["aliases"], &names["total_count"]), (&json!(["a-team", "b-ann"]), &json!(3)));
}
