//! Users and organisations.

use insta::assert_json_snapshot;
use llm_governance::entity::{MemberRole, Organization, Team, User, VirtualKey};
use llm_governance::{Role, Terms};
use llm_management::{Method, NewUsers, Settings};
use serde_json::{Value, json};

use crate::world::{MASTER, World, hash, message, still, text};

async fn user(world: &World, id: &str) -> Option<User> {
    world.store.get(id).await.expect("a store")
}

#[tokio::test]
async fn a_user_gets_a_key_that_spends_from_its_budget() {
    let world = World::new().await;
    world.team("red", &[], Terms::default()).await;
    let body = json!({
        "user_id": "tom", "user_email": "tom@example.com", "user_alias": "Tom", "user_role": "internal_user",
        "max_budget": 10, "budget_duration": "1mo", "models": ["gpt-4o"], "tpm_limit": 100, "key_alias": "toms",
        "teams": [{"team_id": "red", "user_role": "admin", "max_budget_in_team": 2}], "metadata": {"floor": 3},
    });
    let made = world.done(MASTER, "/user/new", body).await;
    let key = text(&made, "key");
    assert_eq!(made["token"], json!(hash(&key)));
    let mut shown = still(made.clone());
    for name in ["key", "token", "token_id", "key_name"] {
        shown[name] = json!("[random]");
    }
    assert_json_snapshot!("user", shown);
    let stored: VirtualKey = world.store.get(&hash(&key)).await.expect("a store").expect("the key");
    assert_eq!((stored.user_id.as_deref(), stored.terms.max_budget), (Some("tom"), None));
    let red: Team = world.store.get("red").await.expect("a store").expect("the team");
    assert_eq!(
        (red.members[0].role, user(&world, "tom").await.map(|user| user.teams)),
        (MemberRole::Admin, Some(vec!["red".to_owned()]))
    );
    let info = world.shown(&key, "/user/info").await;
    assert_eq!((&info["user_id"], &info["user_info"]["max_budget"]), (&json!("tom"), &json!(10.0)));
    assert_eq!(
        (info["keys"].as_array().map(Vec::len), info["teams"].as_array().map(Vec::len)),
        (Some(1), Some(1))
    );
    for (body, part) in [
        (json!({"user_id": "tom"}), "already exists"),
        (json!({"user_email": "tom@example.com"}), "already exists"),
    ] {
        let (status, told) = world.refused(MASTER, "/user/new", body).await;
        assert!(status == 409 && told.contains(part), "{told}");
    }
    let (status, _) = world.refused(MASTER, "/user/new", json!({"user_role": "team"})).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn a_user_without_a_key_takes_the_operators_defaults() {
    let defaults = json!({"user_role": "internal_user_viewer", "max_budget": 1.5, "budget_duration": "30d"});
    let users = NewUsers { defaults: defaults.as_object().cloned().unwrap_or_default() };
    let world = World::with(Settings { users, ..Settings::default() }).await;
    let made = world.done(MASTER, "/user/new", json!({"auto_create_key": false})).await;
    assert_eq!((&made["key"], &made["token"]), (&json!(""), &Value::Null));
    assert_eq!((&made["user_role"], &made["max_budget"]), (&json!("internal_user_viewer"), &json!(1.5)));
    assert_eq!(world.shown(MASTER, "/key/list").await["total_count"], json!(0));
}

#[tokio::test]
async fn users_change_little_of_themselves_and_administrators_all() {
    let world = World::new().await;
    let mia = world.user("mia", Role::InternalUser).await;
    world.user("tom", Role::InternalUser).await;
    world.done(&mia, "/user/update", json!({"user_id": "mia", "user_alias": "M"})).await;
    for body in [
        json!({"user_id": "mia", "max_budget": 100}),
        json!({"user_id": "mia", "user_role": "proxy_admin"}),
        json!({"user_id": "tom", "user_alias": "T"}),
        json!({"user_id": "nobody", "user_alias": "N"}),
    ] {
        assert_eq!(world.refused(&mia, "/user/update", body.clone()).await.0, 403, "{body}");
    }
    let updated =
        world.done(MASTER, "/user/update", json!({"user_email": "mia@example.com", "max_budget": 7})).await;
    assert_eq!((&updated["user_id"], &updated["data"]["max_budget"]), (&json!("mia"), &json!(7.0)));
    assert_eq!(updated["data"]["user_alias"], json!("M"));
    let body = json!({"users": [{"user_id": "mia", "rpm_limit": 1}, {"user_id": "nobody"}]});
    let told = world.done(MASTER, "/user/bulk_update", body).await;
    assert_eq!((&told["successful_updates"], &told["failed_updates"]), (&json!(1), &json!(1)));
    let body = json!({"all_users": true, "user_updates": {"rpm_limit": 9}});
    assert_eq!(world.done(MASTER, "/user/bulk_update", body).await["successful_updates"], json!(2));
    assert_eq!(user(&world, "tom").await.and_then(|user| user.terms.rpm_limit), Some(9));
    assert_eq!(world.refused(MASTER, "/user/update", json!({"user_id": "nobody"})).await.0, 404);
}

#[tokio::test]
async fn deleting_a_user_deletes_its_keys_and_memberships() {
    let world = World::new().await;
    world.user("mia", Role::InternalUser).await;
    world.team("red", &[("mia", MemberRole::User)], Terms::default()).await;
    let of_team = world.key(json!({"user_id": "mia", "team_id": "red"})).await;
    let robot = world.done(MASTER, "/key/service-account/generate", json!({"team_id": "red"})).await;
    assert_eq!(world.done(MASTER, "/user/delete", json!({"user_ids": ["mia"]})).await, json!(1));
    let list = world.shown(MASTER, "/key/list").await;
    assert_eq!(
        list["keys"],
        json!([robot["token"]]),
        "the robot's key is nobody's; {} is gone",
        hash(&of_team)
    );
    let red: Team = world.store.get("red").await.expect("a store").expect("the team");
    assert!(red.members.is_empty() && user(&world, "mia").await.is_none());
    assert_eq!(world.refused(MASTER, "/user/delete", json!({"user_ids": ["mia"]})).await.0, 404);
}

#[tokio::test]
async fn lists_of_users_are_filtered_and_for_administrators() {
    let world = World::new().await;
    let mia = world.user("mia", Role::InternalUser).await;
    let eve = world.user("eve", Role::ProxyAdminViewer).await;
    world.team("red", &[("mia", MemberRole::User)], Terms::default()).await;
    for (query, expected) in [
        ("", &["eve", "mia"][..]),
        ("role=internal_user", &["mia"]),
        ("user_ids=eve,nobody", &["eve"]),
        ("user_email=MIA", &["mia"]),
        ("team=red", &["mia"]),
        ("search=ev", &["eve"]),
        ("page_size=1&page=2", &["mia"]),
    ] {
        let shown = world.shown(&eve, &format!("/user/list?sort_by=user_id&{query}")).await;
        let ids: Vec<&str> = shown["users"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|user| user["user_id"].as_str())
            .collect();
        assert_eq!(ids, expected, "{query}");
        assert_eq!(shown["users"][0]["key_count"], json!(1));
    }
    assert_eq!(world.get(&mia, "/user/list").await.status, 403);
    assert_eq!(world.get(&eve, "/user/list?role=king").await.status, 422);
    assert_eq!(world.get(&mia, "/user/info?user_id=eve").await.status, 403);
    assert_eq!(world.get(&eve, "/user/info?user_id=nobody").await.status, 404);
    assert!(world.shown(&mia, "/user/available_roles").await["internal_user"].is_object());
}

async fn acme(world: &World) -> Value {
    let body = json!({
        "organization_id": "acme", "organization_alias": "Acme", "max_budget": 100, "models": ["gpt-4o", "o1"],
        "rpm_limit": 50, "metadata": {"country": "DE"},
    });
    let made = world.done(MASTER, "/organization/new", body).await;
    let member = json!({"organization_id": "acme", "member": {"user_id": "olga", "role": "org_admin"}});
    world.done(MASTER, "/organization/member_add", member).await;
    made
}

#[tokio::test]
async fn an_organization_has_members_and_teams() {
    let world = World::new().await;
    let olga = world.user("olga", Role::InternalUser).await;
    let made = acme(&world).await;
    assert_json_snapshot!("organization", still(made));
    // Its administrator makes teams within its limits, and users.
    let body = json!({"organization_id": "acme", "team_id": "red", "max_budget": 40, "models": ["o1"]});
    world.done(&olga, "/team/new", body).await;
    for (body, status) in [
        (json!({"organization_id": "acme", "max_budget": 101}), 400),
        (json!({"organization_id": "acme", "models": ["claude"]}), 403),
        (json!({"organization_id": "other"}), 403),
        (json!({}), 403),
    ] {
        assert_eq!(world.refused(&olga, "/team/new", body.clone()).await.0, status, "{body}");
    }
    let new = world.done(&olga, "/user/new", json!({"user_id": "nils", "organizations": ["acme"]})).await;
    assert!(text(&new, "key").starts_with("sk-"));
    for body in [json!({"user_id": "x"}), json!({"organizations": ["acme"], "user_role": "proxy_admin"})] {
        assert_eq!(world.refused(&olga, "/user/new", body.clone()).await.0, 403, "{body}");
    }
    let shown = world.shown(&olga, "/organization/info?organization_id=acme").await;
    let members: Vec<&str> = shown["members"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["user_id"].as_str())
        .collect();
    assert_eq!((members, &shown["teams"][0]["team_id"]), (vec!["olga", "nils"], &json!("red")));
    assert_eq!(world.shown(&olga, "/organization/list").await.as_array().map(Vec::len), Some(1));
    assert_eq!(world.shown(&olga, "/user/list").await["total"], json!(2));
    let infos = world.done(&olga, "/organization/info", json!({"organizations": ["acme"]})).await;
    assert_eq!(infos[0]["organization_id"], json!("acme"));
}

#[tokio::test]
async fn an_organization_is_changed_within_what_it_was_given() {
    let world = World::new().await;
    let olga = world.user("olga", Role::InternalUser).await;
    let mia = world.user("mia", Role::InternalUser).await;
    acme(&world).await;
    let patch = async |key: &str, path: &str, body: Value| {
        world.reply(key, Method::Patch, path, body.to_string().as_bytes()).await
    };
    let body = json!({"organization_id": "acme", "max_budget": 50});
    let reply = patch(&olga, "/organization/update", body).await;
    assert_eq!((reply.status, &reply.body["litellm_budget_table"]["max_budget"]), (200, &json!(50.0)));
    for (who, body) in [(&olga, json!({"max_budget": 51})), (&olga, json!({"models": []})), (&mia, json!({}))]
    {
        let reply = patch(who, "/v2/organization/acme", body.clone()).await;
        assert!(reply.status == 403 || reply.status == 400, "{body}: {}", reply.body);
        assert!(reply.body["detail"]["error"].is_string(), "{}", reply.body);
    }
    let member = json!({"organization_id": "acme", "member": {"user_id": "mia", "role": "internal_user"}});
    let reply = world.post(&olga, "/organization/member_add", member.clone()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(
        message(&world.post(&olga, "/organization/member_add", member).await.body)
            .contains("already a member")
    );
    let body = json!({"organization_id": "acme", "user_id": "mia", "role": "internal_user_viewer", "max_budget_in_organization": 1});
    let reply = patch(&olga, "/organization/member_update", body).await;
    assert_eq!(reply.body["user_role"], json!("internal_user_viewer"));
    assert_eq!(reply.without_effect, ["max_budget_in_organization"]);
    let body = json!({"organization_id": "acme", "user_id": "mia"}).to_string();
    let reply = world.reply(&olga, Method::Delete, "/organization/member_delete", body.as_bytes()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(user(&world, "mia").await.map(|user| user.organizations), Some(Vec::new()));
}

#[tokio::test]
async fn deleting_an_organization_deletes_its_teams_and_keys() {
    let world = World::new().await;
    world.user("olga", Role::InternalUser).await;
    acme(&world).await;
    world.done(MASTER, "/team/new", json!({"team_id": "red", "organization_id": "acme"})).await;
    world.key(json!({"team_id": "red"})).await;
    world.key(json!({"organization_id": "acme"})).await;
    let body = br#"{"organization_ids": ["acme"]}"#;
    let reply = world.reply(MASTER, Method::Delete, "/organization/delete", body).await;
    assert_eq!((reply.status, &reply.body[0]["organization_id"]), (200, &json!("acme")));
    let gone: Option<Organization> = world.store.get("acme").await.expect("a store");
    let team: Option<Team> = world.store.get("red").await.expect("a store");
    assert_eq!((gone, team), (None, None));
    assert_eq!(world.shown(MASTER, "/key/list").await["total_count"], json!(1), "olga's own");
    assert_eq!(user(&world, "olga").await.map(|user| user.organizations), Some(Vec::new()));
}
