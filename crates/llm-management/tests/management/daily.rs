//! Days: what is on a page, and whose.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::spend::world;
use crate::world::{MASTER, World};

const DAYS: &str = "start_date=2026-11-01&end_date=2026-11-30";

async fn requests(world: &World, caller: &str, target: &str) -> Value {
    let reply =
        world.get(caller, &format!("{target}{}{DAYS}", if target.contains('?') { '&' } else { '?' })).await;
    if reply.status == 200 {
        reply.body["metadata"]["total_api_requests"].clone()
    } else {
        json!(reply.status)
    }
}

#[tokio::test]
async fn a_day_has_its_models_keys_and_entities() {
    let world = world().await;
    let whole = world.shown(MASTER, &format!("/user/daily/activity?{DAYS}&page_size=1&page=2")).await;
    assert_eq!(whole["results"][0]["date"], json!("2026-11-20"), "the latest first");
    assert_json_snapshot!("day", whole);
    let team = world.shown(MASTER, &format!("/team/daily/activity?{DAYS}")).await;
    let red = &team["results"][0]["breakdown"]["entities"]["red"];
    assert_eq!(red["metadata"], json!({"team_alias": "team red"}));
    assert_eq!(red["api_key_breakdown"].as_object().map(serde_json::Map::len), Some(2));
    let all = world.shown(MASTER, &format!("/user/daily/activity/aggregated?{DAYS}")).await;
    assert_eq!((&all["metadata"]["total_pages"], &all["metadata"]["has_more"]), (&json!(1), &json!(false)));
    assert_eq!(all["results"].as_array().map(Vec::len), Some(2));
    let sums = world.shown(MASTER, &format!("/user/daily/activity/aggregated?{DAYS}&breakdown=none")).await;
    assert_eq!(sums["metadata"], all["metadata"]);
    for day in [0, 1] {
        assert_eq!(sums["results"][day]["metrics"], all["results"][day]["metrics"]);
        assert_eq!(sums["results"][day]["breakdown"], Value::Null);
    }
}

#[tokio::test]
async fn everybody_sees_the_days_that_are_theirs_to_see() {
    let world = world().await;
    for (caller, target, expected) in [
        (MASTER, "/user/daily/activity", 5),
        (MASTER, "/user/daily/activity?user_id=ann", 2),
        (MASTER, "/user/daily/activity?api_key=sk-of-ann", 2),
        (MASTER, "/user/daily/activity?model=claude", 2),
        ("sk-of-eve", "/user/daily/activity", 5),
        ("sk-of-ann", "/user/daily/activity", 2),
        ("sk-of-ann", "/user/daily/activity?user_id=ann", 2),
        ("sk-of-ann", "/user/daily/activity?user_id=mia", 403),
        ("sk-of-ann", "/user/daily/activity?api_key=sk-of-mia", 0),
        (MASTER, "/team/daily/activity", 2),
        (MASTER, "/team/daily/activity?exclude_team_ids=red", 0),
        ("sk-of-mia", "/team/daily/activity", 2),
        ("sk-of-ann", "/team/daily/activity?team_ids=red", 1),
        ("sk-of-ann", "/team/daily/activity?team_ids=red&api_key=sk-of-mia", 0),
        ("sk-of-tom", "/team/daily/activity?team_ids=red", 403),
        ("sk-of-tom", "/team/daily/activity", 403),
        (MASTER, "/tag/daily/activity?tags=night", 1),
        ("sk-of-mia", "/tag/daily/activity?tags=batch", 1),
        ("sk-of-tom", "/tag/daily/activity", 0),
        (MASTER, "/customer/daily/activity?end_user_ids=red-customer", 2),
        ("sk-of-mia", "/customer/daily/activity", 403),
        (MASTER, "/organization/daily/activity", 0),
        ("sk-of-mia", "/organization/daily/activity", 403),
        ("sk-of-mia", "/organization/daily/activity?organization_ids=acme", 403),
    ] {
        assert_eq!(requests(&world, caller, target).await, json!(expected), "{caller} {target}");
    }
    assert_eq!(world.get(MASTER, "/user/daily/activity").await.status, 400, "no days");
}
