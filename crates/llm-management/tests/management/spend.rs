//! What was spent, call by call and together: its forms, and who may see it.

use insta::assert_json_snapshot;
use llm_governance::entity::MemberRole;
use llm_governance::{LedgerRow, Role, Terms};
use serde_json::{Value, json};

use crate::books::made;
use crate::world::{MASTER, World, hash};

/// Mia leads the team red, Ann is in it; Tom is in none. One call was made with the master key.
pub(crate) async fn world() -> World {
    let world = World::new().await;
    for user in ["mia", "ann", "tom"] {
        world.user(user, Role::InternalUser).await;
    }
    world.user("eve", Role::ProxyAdminViewer).await;
    world.team("red", &[("mia", MemberRole::Admin), ("ann", MemberRole::User)], Terms::default()).await;
    world.books.0.lock().extend([
        made("1", "2026-11-20T10:00:00Z", ("mia", "red", "gpt-4o", 100_000_001), &["batch"]),
        made("2", "2026-11-20T11:00:00Z", ("ann", "red", "gpt-4o", 50_000_000), &["batch", "night"]),
        made("3", "2026-11-21T10:00:00Z", ("ann", "", "claude", 7_000_000), &[]),
        made("4", "2026-11-21T11:00:00Z", ("tom", "", "claude", 0), &[]),
        made("5", "2026-11-21T12:00:00Z", ("", "", "gpt-4o", 3), &[]),
    ]);
    world
}

const DAYS: &str = "start_date=2026-11-20&end_date=2026-11-21";

fn ids(rows: &Value) -> String {
    let rows = rows.as_array().expect("a list").iter();
    rows.map(|row| row["litellm_call_id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn everybody_sees_the_calls_that_are_theirs_to_see() {
    let world = world().await;
    let key = format!("api_key={}", hash("sk-of-ann"));
    let (all, of_key) = (format!("summarize=false&{DAYS}"), key.as_str());
    for (caller, query, expected) in [
        (MASTER, "", "54321"),
        ("sk-of-eve", "", "54321"),
        (MASTER, "user_id=ann", "32"),
        (MASTER, "team_id=red", "21"),
        (MASTER, of_key, "32"),
        (MASTER, "api_key=sk-of-ann", "32"),
        (MASTER, &all, "54321"),
        (MASTER, "start_date=2026-11-21&end_date=2026-11-21T10:00:00&summarize=false", "3"),
        (MASTER, "request_id=chatcmpl-2", "2"),
        (MASTER, "request_id=none", ""),
        ("sk-of-ann", "", "32"),
        ("sk-of-ann", "user_id=mia", ""),
        ("sk-of-ann", "team_id=red", "2"),
        ("sk-of-ann", "api_key=sk-of-mia", ""),
        ("sk-of-ann", "request_id=1", ""),
        ("sk-of-mia", "team_id=red", "21"),
        ("sk-of-mia", "request_id=2", "2"),
        ("sk-of-mia", "request_id=3", ""),
        ("sk-of-tom", "api_key=sk-of-ann", ""),
        ("sk-of-tom", "team_id=red", ""),
    ] {
        let shown = world.shown(caller, &format!("/spend/logs?{query}")).await;
        assert_eq!(ids(&shown), expected, "{caller} {query}");
    }
    let row = world.shown(MASTER, "/spend/logs?request_id=2").await;
    assert_json_snapshot!("row", row[0]);
}

#[tokio::test]
async fn calls_are_shown_in_pages() {
    let world = world().await;
    world.key(json!({"key": "sk-aliased", "key_alias": "aliased"})).await;
    for (query, expected) in [
        ("", "54321"),
        ("page=2&page_size=2", "32"),
        ("sort_by=spend", "12354"),
        ("sort_by=spend&sort_order=asc&page_size=1", "4"),
        ("status_filter=failure", "4"),
        ("status_filter=success&model_group=claude", "3"),
        ("min_spend=0.007&max_spend=0.05", "32"),
        ("end_user=red-customer", "21"),
        ("key_alias=aliased", ""),
        ("key_alias=nobodys", ""),
        ("request_id=3", "3"),
    ] {
        let shown = world.shown(MASTER, &format!("/spend/logs/v2?{query}")).await;
        assert_eq!(ids(&shown["data"]), expected, "{query}");
    }
    let page = world.shown(MASTER, "/spend/logs/ui?page=2&page_size=2").await;
    assert_eq!((&page["total"], &page["total_pages"], &page["page"]), (&json!(5), &json!(3), &json!(2)));
    for query in [
        "search=x",
        "group_by_session=true",
        "sort_by=model",
        "min_spend=x",
        "status_filter=odd",
        "start_date=soon",
    ] {
        assert_eq!(world.get(MASTER, &format!("/spend/logs/v2?{query}")).await.status, 422, "{query}");
    }
}

#[tokio::test]
async fn an_export_has_what_its_caller_sees_the_oldest_first() {
    let world = world().await;
    for (caller, query, expected) in [
        (MASTER, "", "12345"),
        ("sk-of-eve", "status_filter=success", "1235"),
        (MASTER, "team_id=red", "12"),
        (MASTER, "start_date=2026-11-21", "345"),
        ("sk-of-ann", "", "23"),
        ("sk-of-ann", "user_id=mia", ""),
        ("sk-of-mia", "team_id=red", "12"),
    ] {
        let reply = world.get(caller, &format!("/spend/logs/export?format=jsonl&{query}")).await;
        let lines = world.exported(reply).await;
        let id = |line| {
            let row: LedgerRow = serde_json::from_str(line).expect("a row");
            row.id
        };
        assert_eq!(lines.lines().map(id).collect::<String>(), expected, "{caller} {query}");
    }
    let table = world.exported(world.get(MASTER, "/spend/logs/export?format=csv").await).await;
    assert_eq!(table.lines().count(), 6);
    for query in ["format=xlsx", "start_date=soon", "min_spend=x"] {
        assert_eq!(world.get(MASTER, &format!("/spend/logs/export?{query}")).await.status, 422, "{query}");
    }
}

#[tokio::test]
async fn days_are_summed_up() {
    let world = world().await;
    let all = world.shown(MASTER, &format!("/spend/logs?{DAYS}")).await;
    assert_json_snapshot!("summary", all);
    let own = world.shown("sk-of-ann", &format!("/spend/logs?{DAYS}")).await;
    assert_eq!(own[0]["users"], json!({"ann": 0.05}));
    assert_eq!(own[0]["spend"], json!(0.05));
    let others = format!("/spend/logs?{DAYS}&user_id=mia");
    assert_eq!(world.get("sk-of-ann", &others).await.status, 403);
    let key = world.shown("sk-of-ann", &format!("/spend/logs?{DAYS}&api_key=sk-of-mia")).await;
    assert_eq!(key, json!([]), "nobody else's key");
}

#[tokio::test]
async fn the_dearest_come_first() {
    let world = world().await;
    let keys = world.shown(MASTER, &format!("/spend/keys?{DAYS}")).await;
    let owners = |rows: &Value| {
        let rows = rows.as_array().expect("a list").iter();
        rows.map(|row| row["user_id"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(owners(&keys), ["mia", "ann", "tom"]);
    assert_eq!(owners(&world.shown("sk-of-ann", &format!("/spend/keys?{DAYS}")).await), ["ann"]);
    assert_eq!(owners(&world.shown(MASTER, &format!("/spend/users?{DAYS}")).await), ["mia", "ann", "tom"]);
    assert_eq!(owners(&world.shown("sk-of-ann", "/spend/users?user_id=mia").await), ["ann"]);
    let tags = world.shown(MASTER, &format!("/spend/tags?{DAYS}")).await;
    let first = json!({"individual_request_tag": "batch", "log_count": 2, "total_spend": 0.150000001});
    assert_eq!(tags[0], first);
    let seen = world.shown(MASTER, &format!("/tag/list?{DAYS}")).await;
    assert_eq!(seen.as_array().map(Vec::len), Some(2), "tags that nobody made: {seen}");
}

#[tokio::test]
async fn the_whole_gateway_is_summed_up() {
    let world = world().await;
    let mut shown = serde_json::Map::new();
    for path in [
        "spend",
        "spend/logs",
        "spend/keys",
        "spend/teams",
        "spend/models",
        "spend/tags",
        "spend/provider",
        "activity",
        "activity/model",
    ] {
        let found = world.shown(MASTER, &format!("/global/{path}?{DAYS}")).await;
        shown.insert(path.to_owned(), found);
        let status = world.get("sk-of-mia", &format!("/global/{path}?{DAYS}")).await.status;
        assert_eq!(status, if path.starts_with("activity") { 200 } else { 403 }, "{path}");
    }
    let body = json!({"startTime": "2026-11-20", "endTime": "2026-11-21", "selectedKey": "sk-of-ann"});
    shown.insert("end_users".to_owned(), world.done(MASTER, "/global/spend/end_users", body).await);
    assert_json_snapshot!("global", shown);
    let own = world.shown("sk-of-tom", &format!("/global/activity?{DAYS}")).await;
    assert_eq!(own["sum_api_requests"], json!(1));
}

#[tokio::test]
async fn reports_are_by_team_customer_or_key() {
    let world = world().await;
    let mut shown = serde_json::Map::new();
    for query in [
        "",
        "group_by=customer",
        "group_by=api_key",
        "api_key=sk-of-ann",
        "internal_user_id=tom",
        "team_id=none",
    ] {
        let found = world.shown(MASTER, &format!("/global/spend/report?{DAYS}&{query}")).await;
        shown.insert(query.to_owned(), found);
    }
    assert_json_snapshot!("reports", shown);
    for (query, status) in [("", 400), ("start_date=2026-11-20", 400)] {
        let reply = world.get(MASTER, &format!("/global/spend/report?{query}")).await;
        assert_eq!(
            (reply.status, &reply.body["detail"]["error"]),
            (status, &json!("Please provide start_date and end_date"))
        );
    }
    for query in ["group_by=x", "team_id=red&group_by=customer", "end_date=2026-01-01"] {
        assert_eq!(
            world.get(MASTER, &format!("/global/spend/report?{DAYS}&{query}")).await.status,
            422,
            "{query}"
        );
    }
}

#[tokio::test]
async fn usage_is_counted_by_whatever_is_asked() {
    let world = world().await;
    let days = "from=2026-11-20&to=2026-11-21";
    assert_json_snapshot!("usage", world.shown(MASTER, &format!("/usage?{days}")).await);
    for (caller, query, name, expected) in [
        (MASTER, "group_by=team", "team", &["red"][..]),
        (MASTER, "group_by=user", "user", &["mia", "ann", "tom"]),
        (MASTER, "group_by=tag", "tag", &["batch", "night"]),
        (MASTER, "group_by=day&model=claude", "day", &["2026-11-21"]),
        (MASTER, "group_by=provider", "provider", &["openai"]),
        (MASTER, "group_by=upstream_model&limit=1", "upstream_model", &["openai/gpt-4o"]),
        (MASTER, "group_by=user&key=sk-of-ann", "user", &["ann"]),
        ("sk-of-ann", "group_by=model", "model", &["gpt-4o", "claude"]),
        ("sk-of-ann", "group_by=model&key=sk-of-mia", "model", &[]),
        ("sk-of-ann", "group_by=user", "user", &["ann"]),
    ] {
        let shown = world.shown(caller, &format!("/usage?{days}&{query}")).await;
        let groups = shown["results"].as_array().expect("a list").iter();
        let groups: Vec<&str> = groups.map(|group| group[name].as_str().expect("a name")).collect();
        assert_eq!(groups, expected, "{caller} {query}");
    }
    for (caller, query, status) in [
        (MASTER, "group_by=weather", 422),
        (MASTER, "from=2026-11-22&to=2026-11-21", 422),
        ("sk-of-ann", "group_by=team", 403),
    ] {
        assert_eq!(world.get(caller, &format!("/usage?{query}")).await.status, status, "{caller} {query}");
    }
}
