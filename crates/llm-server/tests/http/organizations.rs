//! Organisations with teams, teams with members: whose budget and limits bind a call.

use serde_json::{Value, json};

use crate::asks::nanos;
use crate::money::{MASTER, Node, chat, folder};

const CONFIG: &str = "
model_list:
  - model_name: one
    litellm_params: {model: mock/echo, input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}
  - {model_name: two, litellm_params: {model: mock/echo, input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}}
general_settings: {master_key: sk-master-of-the-tests}
";

/// What a chat costs here, in dollars.
fn cost(node: &Node) -> f64 {
    let key = node.key(&json!({}));
    node.ask(&key, &chat("one")).cost().to_string().parse().expect("a number")
}

/// Asks with keys in turn, six times. How many were served; the others are refused for a budget, in these words.
fn served(node: &Node, keys: &[&str], words: &str) -> u8 {
    let mut served = 0;
    for turn in 0..6 {
        let answer = node.ask(keys[turn % keys.len()], &chat("one"));
        match answer.status {
            200 => served += 1,
            422 => {
                assert_eq!(answer.json()["error"]["type"], "budget_exceeded", "{}", answer.body);
                assert!(answer.body.contains(words), "{}", answer.body);
            }
            other => panic!("{other}: {}", answer.body),
        }
    }
    served
}

fn statuses(node: &Node, key: &str, count: usize) -> Vec<u16> {
    (0..count).map(|_| node.ask(key, &chat("one")).status).collect()
}

#[test]
fn a_budget_of_an_organisation_binds_all_of_its_teams() {
    let folder = folder("organization-budget");
    let node = Node::start_with(&folder, CONFIG);
    let cost = cost(&node);
    let fields = json!({"organization_id": "acme", "organization_alias": "Acme", "max_budget": cost * 4.5, "models": ["one"]});
    node.manage("/organization/new", &fields);
    for team in ["red", "blue"] {
        node.manage("/team/new", &json!({"team_id": team, "organization_id": "acme"}));
    }
    let (red, blue) = (node.key(&json!({"team_id": "red"})), node.key(&json!({"team_id": "blue"})));
    let outside = node.key(&json!({}));
    let served = served(&node, &[&red, &blue], "acme");
    assert!((2..=4).contains(&served), "{served}");
    assert_eq!(node.ask(&outside, &chat("one")).status, 200);
    assert_eq!(node.ask(&red, &chat("two")).status, 403, "a model that the organisation does not have");
    node.rows(1 + 6 + 2);
    let info = node.look("/organization/info?organization_id=acme");
    assert_eq!(nanos(&info["spend"]), nanos(&json!(cost * f64::from(served))), "{info}");

    let more = json!({"organization_id": "acme", "max_budget": 100, "rpm_limit": 8});
    let changed =
        crate::money::send(&node.address, "PATCH /organization/update", MASTER, &more).expect("it answers");
    assert_eq!(changed.status, 200, "{}", changed.body);
    let after: Vec<u16> = [&red, &blue].iter().flat_map(|key| statuses(&node, key, 6)).collect();
    let count = |status: u16| after.iter().filter(|one| **one == status).count();
    assert!(count(200) >= 1 && count(429) >= 4 && count(200) + count(429) == 12, "{after:?}");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn limits_and_budgets_of_a_team_bind_all_of_its_keys() {
    let folder = folder("team-limits");
    let node = Node::start_with(&folder, CONFIG);
    let cost = cost(&node);
    node.manage("/team/new", &json!({"team_id": "red", "rpm_limit": 5, "max_parallel_requests": 3}));
    let keys = [node.key(&json!({"team_id": "red"})), node.key(&json!({"team_id": "red"}))];
    let all: Vec<u16> = (0..8).map(|turn: usize| node.ask(&keys[turn % 2], &chat("one")).status).collect();
    assert_eq!(all, [200, 200, 200, 200, 200, 429, 429, 429]);

    node.manage("/team/new", &json!({"team_id": "blue", "max_budget": cost * 3.5}));
    let keys =
        [node.key(&json!({"team_id": "blue"})), node.key(&json!({"team_id": "blue", "max_budget": 50}))];
    let served = served(&node, &[&keys[0], &keys[1]], "blue");
    assert!((1..=3).contains(&served), "{served}");
    node.manage("/team/block", &json!({"team_id": "blue"}));
    assert_eq!(node.ask(&keys[0], &chat("one")).status, 401, "the very next call");
    node.manage("/team/unblock", &json!({"team_id": "blue"}));
    node.manage("/team/update", &json!({"team_id": "blue", "max_budget": 10}));
    assert_eq!(node.ask(&keys[0], &chat("one")).status, 200);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn a_member_has_a_budget_of_its_own_within_the_team() {
    let folder = folder("member-budget");
    let node = Node::start_with(&folder, CONFIG);
    let cost = cost(&node);
    for user in ["mia", "leo"] {
        node.manage("/user/new", &json!({"user_id": user, "auto_create_key": false}));
    }
    node.manage("/team/new", &json!({"team_id": "red", "max_budget": 100}));
    let member = json!({"role": "user", "user_id": "mia"});
    node.manage(
        "/team/member_add",
        &json!({"team_id": "red", "member": member, "max_budget_in_team": cost * 3.5}),
    );
    node.manage("/team/member_add", &json!({"team_id": "red", "member": {"role": "user", "user_id": "leo"}}));
    let mia = [
        node.key(&json!({"team_id": "red", "user_id": "mia"})),
        node.key(&json!({"team_id": "red", "user_id": "mia"})),
    ];
    let leo = node.key(&json!({"team_id": "red", "user_id": "leo"}));
    let served = served(&node, &[&mia[0], &mia[1]], "mia");
    assert!((1..=3).contains(&served), "{served}");
    assert_eq!(node.ask(&leo, &chat("one")).status, 200, "another member's is not used up");
    node.rows(1 + 6 + 1);
    let team = node.look("/team/info?team_id=red");
    let memberships = team["team_memberships"].as_array().expect("a list");
    let own: &Value = memberships.iter().find(|one| one["user_id"] == "mia").expect("a member");
    assert_eq!(nanos(&own["spend"]), nanos(&json!(cost * f64::from(served))), "{team}");
    assert_eq!(nanos(&team["team_info"]["spend"]), nanos(&json!(cost * f64::from(served + 1))), "{team}");

    node.manage(
        "/team/member_update",
        &json!({"team_id": "red", "user_id": "mia", "max_budget_in_team": 10}),
    );
    assert_eq!(node.ask(&mia[0], &chat("one")).status, 200, "the very next call");
    node.manage("/team/member_update", &json!({"team_id": "red", "user_id": "mia", "rpm_limit": 1}));
    assert!(statuses(&node, &mia[1], 3).contains(&429));
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn a_user_pays_for_its_own_keys_and_a_team_for_the_teams() {
    let folder = folder("user-budget");
    let node = Node::start_with(&folder, CONFIG);
    let cost = cost(&node);
    let user = json!({"user_id": "mia", "max_budget": cost * 3.5, "auto_create_key": false});
    node.manage("/user/new", &user);
    node.manage("/team/new", &json!({"team_id": "red"}));
    let (one, other) = (node.key(&json!({"user_id": "mia"})), node.key(&json!({"user_id": "mia"})));
    let of_team = node.key(&json!({"user_id": "mia", "team_id": "red"}));
    let served = served(&node, &[&one, &other], "mia");
    assert!((1..=3).contains(&served), "{served}");
    assert_eq!(node.ask(&of_team, &chat("one")).status, 200);
    let answer = node.ask(&one, &chat("one"));
    assert!(answer.body.contains("ExceededBudget: User=mia over budget"), "{}", answer.body);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
