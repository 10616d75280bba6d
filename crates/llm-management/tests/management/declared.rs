//! What routes declare is what they read: handlers that read more are stopped (`declared.rs` of the library), and a field
//! that is declared is one that is taken.

use llm_governance::Role;
use llm_governance::Terms;
use llm_governance::entity::MemberRole;
use llm_management::{Field, Kind, Route, TERMS, routes};
use serde_json::{Map, Value, json};

use crate::world::{MASTER, World};

/// Everything that examples name.
async fn world() -> World {
    let world = World::new().await;
    world.user("mia", Role::InternalUser).await;
    world.team("team-docs", &[("mia", MemberRole::User)], Terms::default()).await;
    for (path, body) in [
        ("/organization/new", json!({"organization_id": "acme", "organization_alias": "Acme"})),
        ("/organization/member_add", json!({"organization_id": "acme", "member": {"user_id": "mia"}})),
        ("/budget/new", json!({"budget_id": "small", "max_budget": 5})),
        ("/customer/new", json!({"user_id": "acme-7"})),
        ("/tag/new", json!({"name": "nightly"})),
        ("/key/generate", json!({"key": "sk-docs", "key_alias": "docs"})),
        (
            "/model/new",
            json!({"model_name": "docs", "litellm_params": {"model": "mock/echo"},
                              "model_info": {"id": "model-docs"}}),
        ),
    ] {
        world.done(MASTER, path, body).await;
    }
    world
}

/// A value that a field may have; `None`: it has no meaning beside the others.
fn value(route: &Route, field: &Field) -> Option<Value> {
    let known = match field.name {
        "budget_id" | "organization_id" | "team_id" | "new_master_key" | "member" | "budget_limits"
        | "all_users" | "key_aliases" | "apply_to_all_teams" | "spend" | "models" => return None,
        "budget_duration"
        | "duration"
        | "team_member_budget_duration"
        | "grace_period"
        | "temp_budget_expiry" => json!("30d"),
        "budget_time_zone" => json!("Europe/Berlin"),
        "model_max_budget" => json!({"mock/echo": {"max_budget": 1, "budget_duration": "1d"}}),
        "budget_fallbacks" => json!({"mock/echo": ["mock/json"]}),
        "allowed_ips" => json!(["10.0.0.0/8"]),
        "aliases" | "model_aliases" => json!({"short": "mock/echo"}),
        "key_type" => json!("llm_api"),
        "allowed_model_region" => json!("eu"),
        "user_role" => json!("internal_user"),
        "organizations" if route.path == "/user/update" => return None,
        "admins" | "teams" | "organizations" => json!([]),
        "members" if field.kind == Kind::Texts => json!(["mia"]),
        "members_with_roles" => json!([{"user_id": "mia", "role": "user"}]),
        _ => match field.kind {
            Kind::Text => return None,
            Kind::Whole => json!(7),
            Kind::Money => json!(1.5),
            Kind::Switch => json!(false),
            Kind::Texts => json!([]),
            Kind::Object | Kind::Wholes => json!({}),
            Kind::Objects | Kind::Any => return None,
        },
    };
    Some(known)
}

fn body(route: &Route) -> Map<String, Value> {
    let text = if route.path.ends_with("/new") {
        let text = route
            .example
            .replace("acme-7", "acme-8")
            .replace("\"acme\"", "\"corp\"")
            .replace("small", "tiny");
        text.replace("team-docs", "team-new").replace("mia", "zoe").replace("nightly", "weekly")
    } else {
        route.example.to_owned()
    };
    // What is there already cannot be made again.
    let text = match route.path {
        "/key/generate" => text.replace("docs", "other"),
        "/team/member_add" | "/organization/member_add" => text.replace("mia", "zoe"),
        _ => text,
    };
    let mut body: Map<String, Value> = serde_json::from_str(&text).expect("an example is an object");
    for field in route.body.iter().copied().flatten() {
        if let Some(value) = value(route, field) {
            body.entry(field.name).or_insert(value);
        }
    }
    body
}

#[tokio::test]
async fn declared_fields_are_taken() {
    let mut done = 0;
    for route in routes().filter(|route| !route.body.is_empty()) {
        let world = world().await;
        let path = route
            .path
            .replace("{key}", "sk-docs")
            .replace("{team_id}", "team-docs")
            .replace("{user_id}", "mia");
        let path = path.replace("{organization_id}", "acme").replace("{model_id}", "model-docs");
        let body = Value::Object(body(route));
        let reply = world.reply(MASTER, route.method, &path, body.to_string().as_bytes()).await;
        assert!(reply.status < 500, "{route:?}: {}", reply.body);
        assert_eq!(reply.ignored, Vec::<String>::new(), "{route:?} declares what nobody reads");
        done += u32::from(reply.status == 200);
    }
    assert!(done >= 50, "{done} examples were done");
}

#[test]
fn every_route_is_described() {
    for route in routes() {
        assert!(route.about.ends_with('.'), "{route:?}");
        for declared in [route.body, route.query] {
            let mut names: Vec<&str> = declared.iter().copied().flatten().map(|field| field.name).collect();
            assert!(declared.iter().copied().flatten().all(|field| !field.about.is_empty()), "{route:?}");
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all, "{route:?} has a field twice: {names:?}");
        }
        assert_eq!(route.body.is_empty(), route.example.is_empty(), "{route:?}");
        if !route.example.is_empty() {
            let example: Map<String, Value> = serde_json::from_str(route.example).expect("an object");
            let known = |name: &str| route.body.iter().copied().flatten().any(|field| field.name == name);
            assert!(example.keys().all(|name| known(name)), "{route:?}: {}", route.example);
            let needed = route.body.iter().copied().flatten().filter(|field| field.needed);
            for field in needed {
                assert!(example.contains_key(field.name), "{route:?} has no `{}` in its example", field.name);
            }
        }
    }
    assert!(TERMS.iter().any(|field| field.name == "max_budget"));
}
