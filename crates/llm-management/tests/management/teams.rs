//! Teams and their members.

use insta::assert_json_snapshot;
use llm_core::money::NanoDollars;
use llm_governance::entity::{MemberRole, Team, User, VirtualKey};
use llm_governance::{Changed, Role, Spent, Subject, Terms};
use llm_management::{Method, NewTeams, Settings};
use serde_json::{Value, json};

use crate::world::{MASTER, World, hash, still};

async fn user(world: &World, id: &str) -> User {
    world.store.get(id).await.expect("a store").expect("the user")
}

#[tokio::test]
async fn a_team_is_answered_with_all_that_was_said() {
    let world = World::new().await;
    world.user("mia", Role::InternalUser).await;
    let body = json!({
        "team_id": "red", "team_alias": "Red", "models": ["gpt-4o"], "max_budget": 100, "soft_budget": 80,
        "budget_duration": "1mo", "tpm_limit": 1000, "rpm_limit": 10, "metadata": {"cost_center": 7},
        "model_aliases": {"fast": "gpt-4o"}, "tags": ["red"], "team_member_budget": 5,
        "team_member_budget_duration": "1d", "team_member_rpm_limit": 2, "default_team_member_models": ["gpt-4o"],
        "team_member_permissions": ["/key/generate"], "team_member_key_duration": "7d",
        "members_with_roles": [{"user_id": "mia", "role": "admin"}, {"user_email": "new@example.com", "role": "user"}],
    });
    let reply = world.post(MASTER, "/team/new", body).await;
    assert_eq!(
        (reply.ignored, reply.without_effect),
        (Vec::<String>::new(), vec!["team_member_key_duration".into()])
    );
    let mut shown = still(reply.body);
    let new = shown["members_with_roles"][1]["user_id"].take().as_str().expect("an id").to_owned();
    shown["members"][1].take();
    assert_json_snapshot!("team", shown);
    assert_eq!(user(&world, "mia").await.teams, ["red"]);
    let new = user(&world, &new).await;
    assert_eq!((new.email.as_deref(), &new.teams[..]), (Some("new@example.com"), &["red".to_owned()][..]));
    assert!(world.heard.take().contains(&Changed::Team("red".to_owned())));
    assert_eq!(world.refused(MASTER, "/team/new", json!({"team_id": "red"})).await.0, 400);
}

#[tokio::test]
async fn members_come_change_and_go() {
    let world = World::new().await;
    world.user("mia", Role::InternalUser).await;
    world.team("red", &[], Terms::default()).await;
    let body = json!({
        "team_id": "red", "member": [{"user_id": "mia", "role": "user"}, {"user_id": "tom", "role": "user"}],
        "max_budget_in_team": 3, "budget_duration": "1d", "allowed_models": ["gpt-4o"],
    });
    let added = world.done(MASTER, "/team/member_add", body).await;
    assert_eq!(added["updated_users"].as_array().map(Vec::len), Some(2));
    assert_eq!(added["updated_team_memberships"][0]["litellm_budget_table"]["max_budget"], json!(3.0));
    assert_eq!(user(&world, "tom").await.teams, ["red"], "made when it was invited");
    let again = json!({"team_id": "red", "member": {"user_id": "mia", "role": "user"}});
    let (status, told) = world.refused(MASTER, "/team/member_add", again).await;
    assert!(status == 400 && told.contains("already in team"), "{told}");
    let update =
        json!({"team_id": "red", "user_id": "mia", "role": "admin", "max_budget_in_team": 4, "rpm_limit": 5});
    let updated = world.done(MASTER, "/team/member_update", update).await;
    assert_eq!((&updated["max_budget_in_team"], &updated["rpm_limit"]), (&json!(4.0), &json!(5)));
    assert_eq!(updated["allowed_models"], json!(["gpt-4o"]), "what is not named stays");
    let team: Team = world.store.get("red").await.expect("a store").expect("the team");
    assert_eq!(
        team.members.iter().find(|one| one.user_id == "mia").map(|one| one.role),
        Some(MemberRole::Admin)
    );
    let of_team = world.key(json!({"user_id": "mia", "team_id": "red"})).await;
    let gone = world.done(MASTER, "/team/member_delete", json!({"team_id": "red", "user_id": "mia"})).await;
    assert_eq!(gone["members"], json!(["tom"]));
    assert_eq!(user(&world, "mia").await.teams, Vec::<String>::new());
    let left: Option<VirtualKey> = world.store.get(&hash(&of_team)).await.expect("a store");
    assert!(left.is_none(), "its key of the team went with it");
    let (status, _) =
        world.refused(MASTER, "/team/member_delete", json!({"team_id": "red", "user_id": "mia"})).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn many_members_are_added_and_what_failed_is_told() {
    let world = World::new().await;
    world.user("mia", Role::InternalUser).await;
    world.user("ann", Role::InternalUser).await;
    world.team("red", &[("mia", MemberRole::User)], Terms::default()).await;
    let body = json!({"team_id": "red", "members": [{"user_id": "mia", "role": "user"}, {"user_id": "tom", "role": "user"}]});
    let told = world.done(MASTER, "/team/bulk_member_add", body).await;
    assert_eq!((&told["successful_additions"], &told["failed_additions"]), (&json!(1), &json!(1)));
    let told =
        world.done(MASTER, "/team/bulk_member_add", json!({"team_id": "red", "all_users": true})).await;
    assert_eq!(told["successful_additions"], json!(1), "ann; the others are in it");
    assert_eq!(told["updated_team"]["members"], json!(["mia", "tom", "ann"]));
}

#[tokio::test]
async fn deleting_a_team_deletes_its_keys() {
    let world = World::new().await;
    world.user("mia", Role::InternalUser).await;
    world.team("red", &[("mia", MemberRole::User)], Terms::default()).await;
    let (of_team, own) = (world.key(json!({"team_id": "red"})).await, "sk-of-mia");
    let deleted = world.done(MASTER, "/team/delete", json!({"team_ids": ["red"]})).await;
    assert_eq!(deleted, json!({"deleted_teams": ["red"]}));
    let key = async |key: &str| -> Option<VirtualKey> { world.store.get(&hash(key)).await.expect("a store") };
    assert_eq!((key(&of_team).await, key(own).await.is_some()), (None, true));
    assert_eq!(user(&world, "mia").await.teams, Vec::<String>::new());
    assert_eq!(world.refused(MASTER, "/team/delete", json!({"team_ids": ["red"]})).await.0, 404);
}

#[tokio::test]
async fn a_teams_administrator_narrows_it_and_does_not_widen_it() {
    let world = World::new().await;
    let ann = world.user("ann", Role::InternalUser).await;
    let mia = world.user("mia", Role::InternalUser).await;
    let limits = Terms {
        max_budget: Some(NanoDollars(5_000_000_000)),
        models: vec!["gpt-4o".to_owned(), "o1".to_owned()],
        ..Terms::default()
    };
    world.team("red", &[("ann", MemberRole::Admin), ("mia", MemberRole::User)], limits).await;
    let updated =
        world.done(&ann, "/team/update", json!({"team_id": "red", "max_budget": 4, "team_alias": "R"})).await;
    assert_eq!((&updated["data"]["max_budget"], &updated["team_id"]), (&json!(4.0), &json!("red")));
    for body in [
        json!({"max_budget": 6}),
        json!({"max_budget": null}),
        json!({"models": []}),
        json!({"models": ["*"]}),
        json!({"organization_id": "acme"}),
    ] {
        let mut update = body.clone();
        update["team_id"] = json!("red");
        let (status, _) = world.refused(&ann, "/team/update", update).await;
        assert!(status == 400 || status == 403, "{body}: {status}");
    }
    let model = json!({"team_id": "red", "models": ["o3"]});
    for (who, path, body) in [
        (&ann, "/team/block", json!({"team_id": "red"})),
        (&ann, "/team/model/add", model.clone()),
        (&mia, "/team/update", json!({"team_id": "red", "max_budget": 1})),
        (&mia, "/team/member_add", json!({"team_id": "red", "member": {"user_id": "eve", "role": "user"}})),
        (&mia, "/team/delete", json!({"team_ids": ["red"]})),
        (&mia, "/team/new", json!({})),
    ] {
        assert_eq!(world.refused(who, path, body).await.0, 403, "{path}");
    }
    world
        .done(
            &ann,
            "/team/member_add",
            json!({"team_id": "red", "member": {"user_id": "eve", "role": "user"}}),
        )
        .await;
    let added = world.done(MASTER, "/team/model/add", model).await;
    assert_eq!(added["models"], json!(["gpt-4o", "o1", "o3"]));
    let less = world
        .done(&ann, "/team/model/delete", json!({"team_id": "red", "models": ["gpt-4o", "o1", "o3"]}))
        .await;
    assert_eq!(less["models"], json!(["no-default-models"]), "an empty list would be all models");
    assert_eq!(world.done(MASTER, "/team/block", json!({"team_id": "red"})).await["blocked"], json!(true));
    let target = "/team/red";
    let reply = world.reply(MASTER, Method::Patch, target, br#"{"blocked": false}"#).await;
    assert_eq!((reply.status, &reply.body["blocked"]), (200, &json!(false)));
}

#[tokio::test]
async fn members_may_what_their_team_lets_them() {
    let world = World::new().await;
    let ann = world.user("ann", Role::InternalUser).await;
    let mia = world.user("mia", Role::InternalUser).await;
    world.team("red", &[("ann", MemberRole::Admin), ("mia", MemberRole::User)], Terms::default()).await;
    let service = world.key(json!({"team_id": "red"})).await;
    let make = json!({"team_id": "red"});
    assert_eq!(world.refused(&mia, "/key/generate", make.clone()).await.0, 403);
    let may =
        json!({"team_id": "red", "team_member_permissions": ["/key/generate", "/key/list", "/key/update"]});
    assert_eq!(world.refused(&mia, "/team/permissions_update", may.clone()).await.0, 403);
    world.done(&ann, "/team/permissions_update", may).await;
    world.done(&mia, "/key/generate", make).await;
    world.done(&mia, "/key/update", json!({"key": service, "max_budget": 1})).await;
    assert_eq!(world.refused(&mia, "/key/delete", json!({"keys": [service]})).await.0, 403);
    assert_eq!(world.shown(&mia, "/key/list?team_id=red").await["total_count"], json!(2));
    let shown = world.shown(&mia, "/team/permissions_list?team_id=red").await;
    assert_eq!(shown["team_member_permissions"], json!(["/key/generate", "/key/list", "/key/update"]));
    let bulk = json!({"permissions": ["/key/delete"], "apply_to_all_teams": true});
    assert_eq!(world.refused(&ann, "/team/permissions_bulk_update", bulk.clone()).await.0, 403);
    assert_eq!(world.done(MASTER, "/team/permissions_bulk_update", bulk).await["teams_updated"], json!(1));
    world.done(&mia, "/key/delete", json!({"keys": [service]})).await;
    let odd = json!({"team_id": "red", "team_member_permissions": ["/everything"]});
    assert_eq!(world.refused(MASTER, "/team/permissions_update", odd).await.0, 422);
}

#[tokio::test]
async fn what_a_member_spent_is_corrected_by_others() {
    let world = World::new().await;
    let ann = world.user("ann", Role::InternalUser).await;
    world.team("red", &[("ann", MemberRole::Admin)], Terms::default()).await;
    let spent = Spent {
        subject: Subject::member("red", "ann"),
        model: None,
        period: llm_governance::Period::EVER,
        amount: NanoDollars(2_000_000_000),
    };
    world.store.set_spent(&[spent]).await.expect("a store");
    let path = "/team/red/member/ann/reset_spend";
    assert_eq!(world.refused(&ann, path, json!({"reset_to": 0})).await.0, 403);
    let reset = world.done(MASTER, path, json!({"reset_to": 0.5})).await;
    assert_eq!(reset["spend"], json!(0.5));
    assert_eq!(world.shown(&ann, "/team/red/members/me").await["spend"], json!(0.5));
}

#[tokio::test]
async fn lists_show_teams_to_those_who_are_in_them() {
    let world = World::new().await;
    let mia = world.user("mia", Role::InternalUser).await;
    let eve = world.user("eve", Role::ProxyAdminViewer).await;
    world.team("red", &[("mia", MemberRole::User)], Terms::default()).await;
    world.team("blue", &[], Terms::default()).await;
    world.key(json!({"team_id": "red"})).await;
    let ids = |shown: &Value| -> Vec<String> {
        let teams = shown.get("teams").unwrap_or(shown).as_array().cloned().unwrap_or_default();
        teams.iter().map(|team| team["team_id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    for (who, target, expected) in [
        (MASTER, "/team/list", &["blue", "red"][..]),
        (&eve, "/v2/team/list?sort_by=team_id", &["blue", "red"]),
        (&eve, "/v2/team/list?sort_by=team_id&page_size=1&page=2", &["red"]),
        (&eve, "/v2/team/list?team_alias=RED", &["red"]),
        (&eve, "/v2/team/list?search=blue", &["blue"]),
        (&eve, "/team/list?user_id=mia", &["red"]),
        (&eve, "/team/list?organization_id=default_organization", &["blue", "red"]),
        (&mia, "/team/list", &["red"]),
        (&mia, "/v2/team/list", &["red"]),
    ] {
        assert_eq!(ids(&world.shown(who, target).await), expected, "{target}");
    }
    assert_eq!(world.get(&mia, "/team/list?user_id=eve").await.status, 403);
    let info = world.shown(&mia, "/team/info?team_id=red").await;
    assert_eq!(
        (info["keys"].as_array().map(Vec::len), &info["team_info"]["team_id"]),
        (Some(1), &json!("red"))
    );
    for team in ["blue", "nobodys"] {
        assert_eq!(world.get(&mia, &format!("/team/info?team_id={team}")).await.status, 403, "{team}");
    }
    assert_eq!(world.get(MASTER, "/team/info?team_id=nobodys").await.status, 404);
}

#[tokio::test]
async fn users_join_teams_that_are_open_to_all() {
    let teams = NewTeams { available: vec!["open".to_owned()], ..NewTeams::default() };
    let world = World::with(Settings { teams, ..Settings::default() }).await;
    let mia = world.user("mia", Role::InternalUser).await;
    world.team("open", &[], Terms::default()).await;
    world.team("shut", &[], Terms::default()).await;
    assert_eq!(world.shown(&mia, "/team/available").await[0]["team_id"], json!("open"));
    let join = |team: &str, user: &str, role: &str| json!({"team_id": team, "member": {"user_id": user, "role": role}});
    for body in [join("shut", "mia", "user"), join("open", "tom", "user"), join("open", "mia", "admin")] {
        assert_eq!(world.refused(&mia, "/team/member_add", body.clone()).await.0, 403, "{body}");
    }
    world.done(&mia, "/team/member_add", join("open", "mia", "user")).await;
    assert_eq!(world.shown(&mia, "/team/available").await, json!([]));
}
