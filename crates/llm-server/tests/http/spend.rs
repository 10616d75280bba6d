//! What calls cost, seen from every side: each sum that administrators are shown is that of the rows.

use std::collections::BTreeMap;

use llm_core::money::NanoDollars;
use llm_governance::{Day, LedgerRow, Timestamp};
use llm_testkit::postgres::PostgresServer;
use serde_json::{Value, json};

use crate::asks::{around_today, leave_rows, nanos};
use crate::money::{MASTER, Node, folder};

const CONFIG: &str = "
model_list:
  - model_name: one
    litellm_params: {model: mock/echo, input_cost_per_token: 0.00001, output_cost_per_token: 0.00003}
  - model_name: two
    litellm_params: {model: openai/gpt-4o, api_key: sk-vendor, mock_response: two words, input_cost_per_token: 0.000002,
      output_cost_per_token: 0.000004}
  - {model_name: broken, litellm_params: {model: mock/error-500}}
router_settings: {num_retries: 0}
general_settings: {master_key: sk-master-of-the-tests}
";

/// Sums by name, in nano-dollars.
type Sums = BTreeMap<String, i64>;

/// Looks at a gateway with a database in a file, and at one with a PostgreSQL.
fn everywhere(test: &str, look: impl Fn(&Node)) {
    let folders = [folder(test), folder(&format!("{test}-postgres"))];
    look(&Node::start_with(&folders[0], CONFIG));
    if let Some(postgres) = PostgresServer::start(test) {
        look(&Node::configured(&folders[1], CONFIG, &[("DATABASE_URL", &postgres.url())]));
    }
    for folder in folders {
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// Calls of an organisation's team, of another team, and of a user, in this order of keys; all rows of them.
fn calls(node: &Node) -> ([String; 3], Vec<Value>) {
    node.manage("/organization/new", &json!({"organization_id": "acme", "organization_alias": "Acme"}));
    node.manage("/team/new", &json!({"team_id": "red", "team_alias": "Red", "organization_id": "acme"}));
    node.manage("/team/new", &json!({"team_id": "blue", "team_alias": "Blue"}));
    node.manage(
        "/user/new",
        &json!({"user_id": "mia", "user_role": "internal_user", "auto_create_key": false}),
    );
    let red = node.key(&json!({"team_id": "red", "key_alias": "of red"}));
    let blue = node.key(&json!({"team_id": "blue", "key_alias": "of blue"}));
    let mia = node.key(&json!({"user_id": "mia", "key_alias": "of mia"}));
    let words = |model: &str, count: usize| {
        let text = "word ".repeat(count);
        json!({"model": model, "messages": [{"role": "user", "content": text}]})
    };
    for count in 1..4 {
        let mut body = words("one", count);
        body["user"] = json!("customer-1");
        body["metadata"] = json!({"tags": ["first", "second"]});
        assert_eq!(node.ask(&red, &body).status, 200);
    }
    for count in 1..3 {
        let mut body = words("two", count * 10);
        body["tags"] = json!(["second", "second"]);
        assert_eq!(node.ask(&blue, &body).status, 200);
    }
    assert_eq!(node.ask(&mia, &words("one", 7)).status, 200);
    assert_eq!(node.ask(&mia, &words("two", 7)).status, 200);
    assert_eq!(node.ask(&mia, &words("broken", 7)).status, 500);
    assert_eq!(node.ask(MASTER, &words("one", 50)).status, 200);
    ([red, blue, mia], node.rows(9))
}

/// What rows cost together.
fn cost(rows: &[Value]) -> i64 {
    rows.iter().map(|row| nanos(&row["spend"])).sum()
}

/// What rows cost by a field that is a text, or texts; without those that have none.
fn by(rows: &[Value], field: &str) -> Sums {
    let mut sums = Sums::new();
    for row in rows {
        let names = match &row[field] {
            Value::Array(names) => names.clone(),
            name => vec![name.clone()],
        };
        for name in names.iter().filter_map(Value::as_str).filter(|name| !name.is_empty()) {
            *sums.entry(name.to_owned()).or_default() += nanos(&row["spend"]);
        }
    }
    sums
}

/// What a list says by name.
fn listed(list: &Value, name: &str, spend: &str) -> Sums {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    let pair = |one: &Value| (one[name].as_str().unwrap_or_default().to_owned(), nanos(&one[spend]));
    list.iter().map(pair).filter(|(name, _)| !name.is_empty()).collect()
}

/// What the days of a page say by a breakdown.
fn broken_down(page: &Value, breakdown: &str) -> Sums {
    let mut sums = Sums::new();
    for day in page["results"].as_array().expect("days") {
        for (name, part) in day["breakdown"][breakdown].as_object().expect("parts") {
            *sums.entry(name.clone()).or_default() += nanos(&part["metrics"]["spend"]);
        }
    }
    sums
}

fn without_nothing(sums: Sums) -> Sums {
    sums.into_iter().filter(|(_, sum)| *sum > 0).collect()
}

#[test]
fn days_come_to_what_the_rows_say() {
    everywhere("days", |node| {
        let (_, rows) = calls(node);
        let days = around_today();
        for variant in ["", "/aggregated"] {
            let page = node.look(&format!("/user/daily/activity{variant}?{days}"));
            assert_eq!(nanos(&page["metadata"]["total_spend"]), cost(&rows), "{page}");
            assert_eq!(page["metadata"]["total_api_requests"], 9, "{page}");
            assert_eq!(page["metadata"]["total_successful_requests"], 8, "{page}");
            assert_eq!(page["metadata"]["total_failed_requests"], 1, "{page}");
            for (breakdown, field) in [
                ("models", "model"),
                ("model_groups", "model_group"),
                ("providers", "custom_llm_provider"),
                ("api_keys", "api_key"),
            ] {
                let told = without_nothing(broken_down(&page, breakdown));
                assert_eq!(told, without_nothing(by(&rows, field)), "{breakdown}: {page}");
            }
            for (kind, field) in [
                ("team", "team_id"),
                ("tag", "request_tags"),
                ("customer", "end_user"),
                ("organization", "organization_id"),
            ] {
                let page = node.look(&format!("/{kind}/daily/activity{variant}?{days}"));
                let sums = by(&rows, field);
                assert!(!sums.is_empty(), "{field}: {rows:?}");
                assert_eq!(nanos(&page["metadata"]["total_spend"]), sums.values().sum::<i64>(), "{page}");
                assert_eq!(broken_down(&page, "entities"), sums, "{kind}: {page}");
            }
        }
        let red = by(&rows, "team_id")["red"];
        for narrowed in ["team_ids=red", "exclude_team_ids=blue"] {
            let page = node.look(&format!("/team/daily/activity?{days}&{narrowed}"));
            assert_eq!(nanos(&page["metadata"]["total_spend"]), red, "{narrowed}: {page}");
        }
        let page = node.look(&format!("/user/daily/activity?{days}&user_id=mia"));
        assert_eq!(nanos(&page["metadata"]["total_spend"]), by(&rows, "user")["mia"], "{page}");
        let page = node.look(&format!("/user/daily/activity?{days}&model=two"));
        assert_eq!(nanos(&page["metadata"]["total_spend"]), by(&rows, "model_group")["two"], "{page}");
    });
}

#[test]
fn spending_of_the_gateway_and_of_each_is_that_of_the_rows() {
    everywhere("spending", |node| {
        let ([red, _, mia], rows) = calls(node);
        assert_eq!(nanos(&node.look("/global/spend")["spend"]), cost(&rows));
        let keys = node.look("/global/spend/keys");
        assert_eq!(without_nothing(listed(&keys, "api_key", "total_spend")), by(&rows, "api_key"));
        let models = node.look("/global/spend/models");
        assert_eq!(
            without_nothing(listed(&models, "model", "total_spend")),
            without_nothing(by(&rows, "model_group"))
        );
        let providers = node.look("/global/spend/provider");
        assert_eq!(listed(&providers, "provider", "spend"), by(&rows, "custom_llm_provider"), "{providers}");
        let tags = node.look("/global/spend/tags");
        assert_eq!(listed(&tags["spend_per_tag"], "name", "spend"), by(&rows, "request_tags"));
        let customers = node.manage("/global/spend/end_users", &json!({}));
        assert_eq!(listed(&customers, "end_user", "total_spend"), by(&rows, "end_user"));
        let teams = by(&rows, "team_id");
        let told = node.look("/global/spend/teams");
        let expected: Sums = [("Red".to_owned(), teams["red"]), ("Blue".to_owned(), teams["blue"])].into();
        assert_eq!(listed(&told["total_spend_per_team"], "team_id", "total_spend"), expected, "{told}");
        let days = node.look("/global/spend/logs");
        assert_eq!(listed(&days, "date", "spend").values().sum::<i64>(), cost(&rows));

        let tags = node.look("/spend/tags");
        assert_eq!(listed(&tags, "individual_request_tag", "total_spend"), by(&rows, "request_tags"));
        let keys = node.look("/spend/keys");
        assert_eq!(listed(&keys, "token", "spend"), by(&rows, "api_key"), "{keys}");
        let users = node.look("/spend/users?user_id=mia");
        assert_eq!(nanos(&users[0]["spend"]), by(&rows, "user")["mia"], "{users}");
        let own = node.get("/spend/logs", &mia).json();
        assert_eq!(own.as_array().map(Vec::len), Some(3), "{own}");

        let info = node.get("/key/info", &red).json();
        assert_eq!(nanos(&info["info"]["spend"]), teams["red"], "{info}");
        assert_eq!(nanos(&node.look("/team/info?team_id=red")["team_info"]["spend"]), teams["red"]);
        assert_eq!(
            nanos(&node.look("/user/info?user_id=mia")["user_info"]["spend"]),
            by(&rows, "user")["mia"]
        );
        let organization = node.look("/organization/info?organization_id=acme");
        assert_eq!(nanos(&organization["spend"]), by(&rows, "organization_id")["acme"], "{organization}");
    });
}

#[test]
fn reports_group_the_rows() {
    everywhere("reports", |node| {
        let (_, rows) = calls(node);
        let days = around_today();
        let of = |path: &str, list: &str, name: &str| {
            let told = node.look(path);
            let mut sums = Sums::new();
            for day in told.as_array().expect("days") {
                for (name, sum) in listed(&day[list], name, "total_spend") {
                    *sums.entry(name).or_default() += sum;
                }
            }
            sums
        };
        let teams = by(&rows, "team_id");
        let expected: Sums = [("Red".to_owned(), teams["red"]), ("Blue".to_owned(), teams["blue"])].into();
        assert_eq!(of(&format!("/global/spend/report?{days}"), "teams", "team_name"), expected);
        let path = format!("/global/spend/report?{days}&group_by=customer");
        assert_eq!(of(&path, "customers", "customer"), by(&rows, "end_user"));
        let keys = node.look(&format!("/global/spend/report?{days}&group_by=api_key"));
        assert_eq!(without_nothing(listed(&keys, "api_key", "total_cost")), by(&rows, "api_key"), "{keys}");

        let activity = node.look(&format!("/global/activity?{days}"));
        let tokens: i64 = rows.iter().filter_map(|row| row["total_tokens"].as_i64()).sum();
        assert_eq!(
            (&activity["sum_api_requests"], &activity["sum_total_tokens"]),
            (&json!(9), &json!(tokens))
        );
        for (group, field) in [
            ("model", "model_group"),
            ("upstream_model", "model"),
            ("provider", "custom_llm_provider"),
            ("key", "api_key"),
            ("team", "team_id"),
            ("tag", "request_tags"),
            ("customer", "end_user"),
        ] {
            let told = node.look(&format!("/usage?group_by={group}"));
            let sums = without_nothing(listed(&told["results"], group, "cost"));
            assert_eq!(sums, without_nothing(by(&rows, field)), "{told}");
        }
        let summary = node.look(&format!("/spend/logs?{days}"));
        let total: i64 = summary.as_array().expect("days").iter().map(|day| nanos(&day["spend"])).sum();
        assert_eq!(total, cost(&rows), "{summary}");
    });
}

#[test]
fn days_come_in_pages_and_wrong_days_are_refused() {
    let folder = folder("pages");
    let today = Day::of(Timestamp::now());
    let row = |back: i64| LedgerRow {
        id: format!("of-{back}"),
        cost: NanoDollars(1_000 * (back + 1)),
        started: Day(today.0 - back).start(),
        model_group: "one".to_owned(),
        upstream_model: "mock/echo".to_owned(),
        provider: "mock".to_owned(),
        ..LedgerRow::default()
    };
    leave_rows(&folder, (0..5).map(row));
    let node = Node::start_with(&folder, CONFIG);
    let days = format!("start_date={}&end_date={today}", Day(today.0 - 10));
    let mut seen = Vec::new();
    for page in 1..=3 {
        let told = node.look(&format!("/user/daily/activity?{days}&page={page}&page_size=2"));
        let results = told["results"].as_array().expect("days").clone();
        let sum: i64 = results.iter().map(|day| nanos(&day["metrics"]["spend"])).sum();
        assert_eq!(nanos(&told["metadata"]["total_spend"]), sum, "{told}");
        assert_eq!((&told["metadata"]["page"], &told["metadata"]["total_pages"]), (&json!(page), &json!(3)));
        assert_eq!(told["metadata"]["has_more"], page < 3);
        seen.extend(results.into_iter().map(|day| (day["date"].clone(), nanos(&day["metrics"]["spend"]))));
    }
    let expected = (0..5).map(|back| (json!(Day(today.0 - back).to_string()), 1_000 * (back + 1)));
    assert_eq!(seen, expected.collect::<Vec<_>>());
    let whole = node.look(&format!("/user/daily/activity/aggregated?{days}"));
    assert_eq!(nanos(&whole["metadata"]["total_spend"]), 15_000);
    let none = node.look(&format!("/user/daily/activity?{days}&page=4&page_size=2"));
    assert_eq!(none["results"], json!([]));

    for (query, status) in [
        ("", 400),
        ("start_date=2026-01-01", 400),
        ("start_date=soon&end_date=2026-01-01", 422),
        ("start_date=2026-02-31&end_date=2026-03-01", 422),
        ("start_date=2026-02-02&end_date=2026-02-01", 422),
        ("start_date=2026-02-01&end_date=2026-02-02&page=0", 422),
        ("start_date=2026-02-01&end_date=2026-02-02&page_size=many", 422),
    ] {
        for path in ["/user/daily/activity", "/team/daily/activity", "/tag/daily/activity"] {
            let answer = node.get(&format!("{path}?{query}"), MASTER);
            assert_eq!(answer.status, status, "{path}?{query}: {}", answer.body);
        }
    }
    for path in ["/global/spend/logs", "/global/spend/keys", "/global/spend/models", "/spend/tags"] {
        let answer = node.get(&format!("{path}?start_date=yesterday"), MASTER);
        assert_eq!(answer.status, 422, "{path}: {}", answer.body);
    }
    assert_eq!(node.get("/global/spend/report", MASTER).status, 400);
    let stranger = node.key(&json!({}));
    assert_eq!(node.get("/global/spend", &stranger).status, 403);
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
