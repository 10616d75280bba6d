//! A LiteLLM database taken over by the built program, and its keys served.

use std::path::Path;
use std::process::Output;

use llm_core::Secret;
use llm_governance::KeyHash;
use llm_store::{Database, DatabaseSettings};
use llm_testkit::postgres::PostgresServer;
use serde_json::{Value, json};

use crate::asks::nanos;
use crate::money::{MASTER, Node, chat, folder};
use crate::program::program;

const CONFIG: &str = "
model_list:
  - model_name: one
    litellm_params: {model: mock/echo, input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}
  - {model_name: two, litellm_params: {model: mock/echo}}
general_settings: {master_key: sk-master-of-the-tests}
";

/// Tables as LiteLLM's public `schema.prisma` names them, as far as it goes here.
const TABLES: [&str; 6] = [
    r#"CREATE TABLE "LiteLLM_BudgetTable" (budget_id TEXT PRIMARY KEY, max_budget DOUBLE PRECISION, budget_duration TEXT,
        budget_reset_at TIMESTAMP(3), created_at TIMESTAMP(3) DEFAULT '2026-01-01')"#,
    r#"CREATE TABLE "LiteLLM_TeamTable" (team_id TEXT PRIMARY KEY, team_alias TEXT, members_with_roles JSONB DEFAULT '[]',
        metadata JSONB DEFAULT '{}', max_budget DOUBLE PRECISION, spend DOUBLE PRECISION DEFAULT 0, models TEXT[],
        blocked BOOLEAN DEFAULT false, created_at TIMESTAMP(3) DEFAULT '2026-01-01')"#,
    r#"CREATE TABLE "LiteLLM_TeamMembership" (user_id TEXT, team_id TEXT, spend DOUBLE PRECISION DEFAULT 0,
        budget_id TEXT, PRIMARY KEY (user_id, team_id))"#,
    r#"CREATE TABLE "LiteLLM_UserTable" (user_id TEXT PRIMARY KEY, user_email TEXT, user_role TEXT, teams TEXT[],
        max_budget DOUBLE PRECISION, spend DOUBLE PRECISION DEFAULT 0, models TEXT[])"#,
    r#"CREATE TABLE "LiteLLM_EndUserTable" (user_id TEXT PRIMARY KEY, alias TEXT, spend DOUBLE PRECISION DEFAULT 0,
        budget_id TEXT, blocked BOOLEAN DEFAULT false)"#,
    r#"CREATE TABLE "LiteLLM_VerificationToken" (token TEXT PRIMARY KEY, key_name TEXT, key_alias TEXT,
        spend DOUBLE PRECISION DEFAULT 0, expires TIMESTAMP(3), models TEXT[], metadata JSONB DEFAULT '{}',
        user_id TEXT, team_id TEXT, blocked BOOLEAN, max_budget DOUBLE PRECISION, rpm_limit BIGINT)"#,
];

/// Keys of clients: one with room in its budget, one without, one that is blocked.
const KEYS: [(&str, &str); 3] = [
    ("sk-with-room", "'room', 'mia', 'red', 0.25, 10, '{one}', NULL"),
    ("sk-used-up", "'used-up', 'mia', NULL, 9.99999999, 10, '{}', NULL"),
    ("sk-blocked", "'blocked', NULL, NULL, 0, NULL, '{}', true"),
];

async fn fill(url: String) {
    let theirs = Database::connect(&DatabaseSettings::new(Secret::new(url))).expect("an address");
    let keys = KEYS.map(|(key, rest)| {
        let hash = KeyHash::of(key.as_bytes());
        format!(
            r#"INSERT INTO "LiteLLM_VerificationToken" (token, key_alias, user_id, team_id, spend, max_budget, models, blocked)
            VALUES ('{hash}', {rest})"#
        )
    });
    let people = [
        r#"INSERT INTO "LiteLLM_BudgetTable" (budget_id, max_budget) VALUES ('small', 0.5)"#,
        r#"INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias, members_with_roles, max_budget, spend, models)
            VALUES ('red', 'Red', '[{"user_id": "mia", "role": "admin"}]', 100, 12.5, '{one}')"#,
        r#"INSERT INTO "LiteLLM_TeamMembership" VALUES ('mia', 'red', 0.25, NULL)"#,
        r#"INSERT INTO "LiteLLM_UserTable" VALUES ('mia', 'mia@example.com', 'internal_user', '{red}', 50, 10.2, '{}')"#,
        r#"INSERT INTO "LiteLLM_EndUserTable" VALUES ('shop', 'Shop', 0.5, 'small', false)"#,
    ];
    let statements = TABLES.into_iter().chain(people).map(str::to_owned).chain(keys);
    for statement in statements {
        theirs.execute(&statement, &[]).await.expect("a statement");
    }
}

/// What the program reports of an import.
fn import(folder: &Path, url: &str, more: &[&str]) -> Value {
    let config = folder.join("config.yaml");
    std::fs::create_dir_all(folder).expect("a folder for files");
    std::fs::write(&config, CONFIG).expect("a folder for files");
    let config = config.to_str().expect("text");
    let arguments = [&["import", "litellm", "--database", url, "--config", config, "--json"], more].concat();
    let mut program = program(&arguments);
    let Output { status, stdout, stderr } =
        program.env("LLM_DATA_DIRECTORY", folder.join("data")).output().expect("the program is built");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).expect("JSON")
}

/// How many entities are new, changed, as they were.
fn counts(report: &Value) -> [i64; 3] {
    let kinds = report["kinds"].as_array().expect("kinds");
    ["new", "changed", "same"].map(|name| kinds.iter().filter_map(|kind| kind[name].as_i64()).sum())
}

#[test]
fn keys_of_litellm_are_served_and_what_they_spent_counts() {
    let Some(postgres) = PostgresServer::start("keys_of_litellm_are_served_and_what_they_spent_counts")
    else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(fill(postgres.url()));
    let folder = folder("takeover");
    let (url, all) = (postgres.url(), 7);
    assert_eq!(counts(&import(&folder, &url, &["--dry-run"])), [all, 0, 0]);
    assert_eq!(counts(&import(&folder, &url, &[])), [all, 0, 0], "the dry run wrote nothing");
    assert_eq!(counts(&import(&folder, &url, &[])), [0, 0, all]);

    let node = Node::start_with(&folder, CONFIG);
    let cost = node.ask("sk-with-room", &chat("one"));
    assert_eq!(cost.status, 200, "{}", cost.body);
    let cost = cost.cost().0;
    assert_eq!(node.ask("sk-with-room", &chat("two")).status, 403, "not its model");
    let refused = node.ask("sk-used-up", &chat("one"));
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(refused.body.contains("9.99999999"), "{}", refused.body);
    assert_eq!(node.ask("sk-blocked", &chat("one")).status, 401);
    assert_eq!(node.ask("sk-unheard-of", &chat("one")).status, 401);
    let mut of_shop = chat("one");
    of_shop["user"] = json!("shop");
    assert_eq!(node.ask("sk-with-room", &of_shop).status, 422, "the customer's budget is used up");

    // 200, 422, 422; refusals before a caller is known have none.
    let rows = node.rows(3 + 1);
    assert!(rows.iter().filter(|row| nanos(&row["spend"]) > 0).count() == 1, "{rows:?}");
    let info = node.get("/key/info", "sk-with-room").json();
    assert_eq!(nanos(&info["info"]["spend"]), 250_000_000 + cost, "{info}");
    assert_eq!(nanos(&node.look("/team/info?team_id=red")["team_info"]["spend"]), 12_500_000_000 + cost);
    assert_eq!(nanos(&node.look("/customer/info?end_user_id=shop")["spend"]), 500_000_000);
    let user = node.look("/user/info?user_id=mia");
    assert_eq!(user["user_info"]["user_email"], "mia@example.com", "{user}");

    // Again, beside a gateway that runs: what was spent here stays, once.
    assert_eq!(counts(&import(&folder, &url, &[])), [0, 0, all]);
    let info = node.get("/key/info", "sk-with-room").json();
    assert_eq!(nanos(&info["info"]["spend"]), 250_000_000 + cost, "{info}");
    let listed = node.get("/key/list?return_full_object=true", MASTER);
    assert!(listed.status == 200 && listed.body.contains("used-up"), "{}", listed.body);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
