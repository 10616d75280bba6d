//! Who may do what: roles, owners, teams' administrators, and what narrow keys can make.

use llm_core::money::NanoDollars;
use llm_governance::entity::MemberRole;
use llm_governance::{Role, Terms};
use llm_management::{Access, Deed, routes};
use serde_json::json;

use crate::world::{MASTER, World, hash};

/// Whether each role comes as far as the handler, for each kind of route.
const MATRIX: [(Role, &str); 7] = [
    // holder looks, changes; maker looks, changes; admin looks, changes
    (Role::ProxyAdmin, "yyyyyy"),
    (Role::ProxyAdminViewer, "ynynyn"),
    (Role::OrgAdmin, "yyyynn"),
    (Role::InternalUser, "yyyynn"),
    (Role::InternalUserViewer, "ynynnn"),
    (Role::Team, "ynnnnn"),
    (Role::Customer, "ynnnnn"),
];

#[test]
fn roles_come_as_far_as_the_table_says() {
    for (role, expected) in MATRIX {
        let accesses = [Access::Holder, Access::Maker, Access::Admin];
        let cells = accesses.into_iter().flat_map(|access| [(access, Deed::Look), (access, Deed::Change)]);
        let found: String =
            cells.map(|(access, deed)| if access.admits(role, deed) { 'y' } else { 'n' }).collect();
        assert_eq!(found, expected, "{role:?}");
    }
}

#[tokio::test]
async fn every_route_refuses_the_roles_that_it_does_not_admit() {
    let world = World::new().await;
    let mut refused = 0;
    for role in Role::ALL.into_iter().filter(|role| *role != Role::ProxyAdmin) {
        world.user(role.name(), role).await;
        for route in routes() {
            // A new one for each: some of the routes replace the key that asks.
            let key = world.key(json!({"user_id": role.name()})).await;
            let reply = world.reply(&key, route.method, route.path, b"{}").await;
            let is_refused = reply.body.to_string().contains("Only proxy admin can be used");
            assert_eq!(
                !is_refused,
                route.access.admits(role, route.deed),
                "{role:?} {route:?}: {}",
                reply.body
            );
            if is_refused {
                assert_eq!(reply.status, 403, "{role:?} {route:?}");
                refused += 1;
            }
        }
    }
    assert!(refused >= 40, "{refused}");
}

#[test]
fn no_route_stands_twice() {
    let mut seen = std::collections::HashSet::new();
    for route in routes() {
        assert!(seen.insert((route.method, route.path)), "{route:?}");
    }
}

#[tokio::test]
async fn keys_of_a_kind_do_what_they_are_for() {
    let world = World::new().await;
    let kinds =
        [("llm_api", 403, 403), ("read_only", 200, 403), ("management", 200, 404), ("default", 200, 404)];
    world.user("mia", Role::ProxyAdmin).await;
    for (kind, look, change) in kinds {
        let key = world.key(json!({"user_id": "mia", "key_type": kind})).await;
        assert_eq!(world.get(&key, "/key/info").await.status, look, "{kind}");
        let found = world.post(&key, "/key/delete", json!({"keys": ["sk-nobody"]})).await.status;
        assert_eq!(found, change, "{kind}");
    }
    for (routes, look, change) in [
        ("info_routes", 200, 403),
        ("management_routes", 200, 404),
        ("/key/*", 200, 404),
        ("/key/delete", 403, 404),
    ] {
        let key = world.key(json!({"user_id": "mia", "allowed_routes": [routes]})).await;
        assert_eq!(world.get(&key, "/key/info").await.status, look, "{routes}");
        let found = world.post(&key, "/key/delete", json!({"keys": ["sk-nobody"]})).await.status;
        assert_eq!(found, change, "{routes}");
    }
}

#[tokio::test]
async fn users_make_and_change_keys_for_themselves_alone() {
    let world = World::new().await;
    let mia = world.user("mia", Role::InternalUser).await;
    let tom = world.user("tom", Role::InternalUser).await;
    let made = world.done(&mia, "/key/generate", json!({"max_budget": 5})).await;
    assert_eq!((&made["user_id"], &made["created_by"]), (&json!("mia"), &json!("mia")));
    let (status, told) = world.refused(&mia, "/key/generate", json!({"user_id": "tom"})).await;
    assert!(status == 403 && told.contains("keys for themselves"), "{told}");
    for (path, body) in [
        ("/key/update", json!({"key": tom, "max_budget": 1})),
        ("/key/delete", json!({"keys": [tom]})),
        ("/key/regenerate", json!({"key": tom})),
        ("/key/block", json!({"key": tom})),
        ("/key/update", json!({"key": mia, "user_id": "tom"})),
        ("/key/update", json!({"key": mia, "spend": 0})),
        ("/key/generate", json!({"spend": 1})),
    ] {
        assert_eq!(world.refused(&mia, path, body.clone()).await.0, 403, "{path} {body}");
    }
    assert_eq!(world.get(&mia, &format!("/key/info?key={tom}")).await.status, 403);
    assert_eq!(world.get(&mia, "/key/info?key=sk-nobody").await.status, 403, "nor whether there is one");
    world.done(&mia, "/key/delete", json!({"keys": [made["key"]]})).await;
}

#[tokio::test]
async fn a_narrow_key_makes_no_wide_one() {
    let world = World::new().await;
    world.user("mia", Role::InternalUser).await;
    let narrow = json!({"user_id": "mia", "models": ["gpt-*"], "max_budget": 2, "rpm_limit": 5});
    let narrow = world.key(narrow).await;
    let made = world.done(&narrow, "/key/generate", json!({})).await;
    assert_eq!((&made["models"], &made["max_budget"]), (&json!(["gpt-*"]), &json!(2.0)));
    assert_eq!(made["rpm_limit"], json!(5));
    for (body, status) in [
        (json!({"models": ["claude"]}), 403),
        (json!({"models": ["gpt-4o", "*"]}), 403),
        (json!({"models": ["all-proxy-models"]}), 403),
        (json!({"max_budget": 3}), 400),
        (json!({"rpm_limit": 6}), 400),
    ] {
        assert_eq!(world.refused(&narrow, "/key/generate", body.clone()).await.0, status, "{body}");
        let mut update = body.clone();
        update["key"] = json!(narrow);
        assert_eq!(world.refused(&narrow, "/key/update", update).await.0, status, "{body}");
    }
    for body in [json!({"max_budget": null}), json!({"models": null}), json!({"rpm_limit": null})] {
        let mut update = body.clone();
        update["key"] = json!(narrow);
        assert_eq!(world.refused(&narrow, "/key/update", update).await.0, 403, "{body}");
    }
    world.done(&narrow, "/key/update", json!({"key": narrow, "max_budget": 1})).await;
}

#[tokio::test]
async fn a_key_that_somebody_else_made_is_not_widened_by_its_holder() {
    let world = World::new().await;
    let own = world.user("mia", Role::InternalUser).await;
    let given =
        world.key(json!({"user_id": "mia", "max_budget": 2, "duration": "1d", "blocked": true})).await;
    for body in [
        json!({"max_budget": 3}),
        json!({"max_budget": null}),
        json!({"duration": "2d"}),
        json!({"duration": null}),
        json!({"blocked": false}),
    ] {
        let mut update = body.clone();
        update["key"] = json!(given);
        let (status, _) = world.refused(&own, "/key/update", update).await;
        assert!(status == 403 || status == 400, "{body}: {status}");
    }
    world.done(&own, "/key/update", json!({"key": given, "max_budget": 1, "duration": "1h"})).await;
}

#[tokio::test]
async fn keys_of_a_team_are_its_administrators_business_within_its_limits() {
    let world = World::new().await;
    let ann = world.user("ann", Role::InternalUser).await;
    let mia = world.user("mia", Role::InternalUser).await;
    let tom = world.user("tom", Role::InternalUser).await;
    let limits = Terms {
        models: vec!["gpt-4o".to_owned()],
        max_budget: Some(NanoDollars(5_000_000_000)),
        ..Terms::default()
    };
    world.team("red", &[("ann", MemberRole::Admin), ("mia", MemberRole::User)], limits).await;
    let body = json!({"team_id": "red", "user_id": "mia", "max_budget": 5, "models": ["gpt-4o"]});
    let made = world.done(&ann, "/key/generate", body).await;
    let service = json!({"team_id": "red", "key_alias": "robot", "models": ["all-team-models"]});
    let service = world.done(&ann, "/key/service-account/generate", service).await;
    assert_eq!(service["user_id"], json!(null));
    for (who, body, status) in [
        (&ann, json!({"team_id": "red", "max_budget": 6}), 400),
        (&ann, json!({"team_id": "red", "models": ["claude"]}), 403),
        (&ann, json!({"team_id": "red", "user_id": "tom"}), 403),
        (&mia, json!({"team_id": "red"}), 403),
        (&tom, json!({"team_id": "red"}), 403),
        (&tom, json!({"team_id": "blue"}), 404),
    ] {
        assert_eq!(world.refused(who, "/key/generate", body.clone()).await.0, status, "{body}");
    }
    // Members see keys of their team, and do not change them.
    assert_eq!(
        world
            .get(&mia, &format!("/key/info?key={}", service["token"].as_str().expect("a hash")))
            .await
            .status,
        200
    );
    assert_eq!(
        world.refused(&mia, "/key/update", json!({"key": service["key"], "max_budget": 1})).await.0,
        403
    );
    assert_eq!(
        world.get(&tom, &format!("/key/info?key={}", made["token"].as_str().expect("a hash"))).await.status,
        403
    );
    world.done(&ann, "/key/update", json!({"key": made["key"], "max_budget": 1})).await;
    world.done(&ann, "/key/block", json!({"key": made["key"]})).await;
    world.done(&ann, "/key/delete", json!({"keys": [service["key"]]})).await;
}

#[tokio::test]
async fn viewers_see_everything_and_change_nothing() {
    let world = World::new().await;
    let eve = world.user("eve", Role::ProxyAdminViewer).await;
    let key = world.key(json!({})).await;
    let info = world.shown(&eve, &format!("/key/info?key={key}")).await;
    assert_eq!(info["key"], json!(hash(&key)));
    assert_eq!(world.shown(&eve, "/key/list").await["total_count"], json!(2));
    assert_eq!(world.refused(&eve, "/key/generate", json!({})).await.0, 403);
    assert_eq!(world.get(&eve, "/key/info?key=sk-nobody").await.status, 404);
    assert_eq!(world.get(MASTER, "/key/info").await.status, 400);
}
