//! What a database of LiteLLM's holds, taken over into ours.

mod tables;

use llm_core::money::NanoDollars;
use llm_governance::entity::{MemberRole, Setting, Team, VirtualKey};
use llm_governance::{
    BudgetDuration, Directory as _, KeyHash, ListQuery, Page, Period, Records, Scope, Spent, Store as _,
    Subject, Timestamp,
};
use llm_store::import::{ImportReport, litellm};
use tables::Move;

const KEY: &str = "sk-of-a-client";

/// A budget of a week that ends tomorrow, an organisation, a team with a member, its user, a customer and its key.
async fn fill(to: &Move) {
    let hash = KeyHash::of(KEY.as_bytes()).hex();
    for statement in [
        r#"INSERT INTO "LiteLLM_BudgetTable" (budget_id, max_budget, budget_duration, budget_reset_at)
            VALUES ('weekly', 20.5, '7d', date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day')"#,
        r#"INSERT INTO "LiteLLM_OrganizationTable" (organization_id, organization_alias, budget_id, spend)
            VALUES ('org', 'Organisation', 'weekly', 3.25)"#,
        r#"INSERT INTO "LiteLLM_UserTable" (user_id, user_email, password, user_role, teams, max_budget, spend)
            VALUES ('user', 'user@example.com', 'secret-password', 'internal_user', '{team}', 50, 0.30000000000000004)"#,
        r#"INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias, organization_id, members_with_roles, metadata,
            max_budget, spend, models, budget_duration, budget_reset_at)
            VALUES ('team', 'Team', 'org', '[{"user_id": "user", "role": "admin"}]',
            '{"model_rpm_limit": {"gpt-4o": 7}, "note": "kept"}', 100, 12.000000001, '{gpt-4o,mini}', '30d',
            date_trunc('day', now() AT TIME ZONE 'UTC') + interval '10 days')"#,
        r#"INSERT INTO "LiteLLM_TeamMembership" VALUES ('user', 'team', 1.5, 'weekly')"#,
        r#"INSERT INTO "LiteLLM_EndUserTable" VALUES ('customer', 'Customer', 0.5, 'weekly', true)"#,
        &format!(
            r#"INSERT INTO "LiteLLM_VerificationToken" (token, key_name, key_alias, user_id, team_id, spend, max_budget,
            models, aliases, metadata, config, model_max_budget, rpm_limit, expires)
            VALUES ('{hash}', 'sk-...ient', 'client', 'user', 'team', 1e-07, 10.1, '{{gpt-4o}}', '{{"fast": "mini"}}',
            '{{"tags": ["a"]}}', '{{"x": 1}}', '{{"gpt-4o": {{"budget_limit": "0.1", "time_period": "1d"}}}}', 9,
            '2099-01-01')"#
        ),
        r#"INSERT INTO "LiteLLM_VerificationToken" (token, key_alias) VALUES ('sk-never-hashed', 'plain')"#,
        r#"INSERT INTO "LiteLLM_VerificationToken" (token, budget_duration)
            VALUES (repeat('ab', 32), 'now and then')"#,
    ] {
        to.run(statement).await;
    }
}

async fn import(to: &Move) -> ImportReport {
    litellm(&to.theirs, &to.ours, false).await.expect("an import")
}

/// Of each kind: read, new, changed, same, refused.
fn counts(report: &ImportReport) -> Vec<(&'static str, [u64; 5])> {
    let counts = |refused: usize| u64::try_from(refused).expect("few");
    let kinds = report.kinds.iter();
    kinds
        .map(|one| (one.kind, [one.read, one.new, one.changed, one.same, counts(one.refused.len())]))
        .collect()
}

async fn ever(to: &Move, subject: &Subject) -> i64 {
    spent(to, subject, Period::EVER).await
}

async fn spent(to: &Move, subject: &Subject, period: Period) -> i64 {
    let mut of = [Spent { subject: subject.clone(), model: None, period, amount: NanoDollars::default() }];
    to.ours.spent(&mut of).await.expect("an answer");
    of[0].amount.0
}

fn of(scope: Scope, id: &str) -> Subject {
    Subject::new(scope, id)
}

#[tokio::test]
async fn a_key_opens_with_everybody_behind_it() {
    let Some(to) = Move::with_tables("a_key_opens_with_everybody_behind_it").await else { return };
    fill(&to).await;
    let report = import(&to).await;
    let one = [1, 1, 0, 0, 0];
    let mut expected: Vec<_> =
        ["budgets", "organizations", "teams", "users", "customers"].map(|kind| (kind, one)).into();
    expected.push(("keys", [3, 1, 0, 0, 2]));
    assert_eq!(counts(&report), expected);

    let hash = KeyHash::of(KEY.as_bytes());
    let holder = to.ours.holder(&hash).await.expect("an answer").expect("the key is known");
    let (key, team) = (holder.key.expect("the key"), holder.team.expect("its team"));
    assert_eq!((key.name.as_str(), key.alias.as_deref()), ("sk-...ient", Some("client")));
    assert_eq!(key.terms.max_budget, Some(NanoDollars(10_100_000_000)));
    assert_eq!(key.terms.aliases.get("fast").map(String::as_str), Some("mini"));
    assert_eq!((key.terms.tags.as_slice(), key.terms.rpm_limit), (&["a".to_owned()][..], Some(9)));
    assert_eq!(key.terms.model_max_budget["gpt-4o"].max_budget, NanoDollars(100_000_000));
    assert_eq!(key.expires, Timestamp::parse("2099-01-01"));
    assert_eq!(team.terms.models, ["gpt-4o", "mini"]);
    assert_eq!(team.terms.model_rpm_limit.get("gpt-4o"), Some(&7));
    assert_eq!(team.terms.metadata.get("note").and_then(|note| note.as_str()), Some("kept"));
    assert_eq!((team.members[0].user_id.as_str(), team.members[0].role), ("user", MemberRole::Admin));
    assert_eq!(holder.user.expect("its user").email.as_deref(), Some("user@example.com"));
    assert_eq!(holder.organization.expect("the organisation").terms.budget_id.as_deref(), Some("weekly"));
    assert!(holder.budgets.iter().any(|row| row.terms.max_budget == Some(NanoDollars(20_500_000_000))));
    let (customer, row) = to.ours.customer("customer").await.expect("an answer").expect("the customer");
    assert!(customer.terms.blocked && row.is_some());
}

#[tokio::test]
async fn money_is_exact_and_taken_over_once() {
    let Some(to) = Move::with_tables("money_is_exact_and_taken_over_once").await else { return };
    fill(&to).await;
    import(&to).await;
    let key = of(Scope::Key, &KeyHash::of(KEY.as_bytes()).hex());
    let team = of(Scope::Team, "team");
    for _ in 0..2 {
        assert_eq!(ever(&to, &key).await, 100);
        assert_eq!(ever(&to, &team).await, 12_000_000_001);
        assert_eq!(ever(&to, &of(Scope::User, "user")).await, 300_000_000);
        assert_eq!(ever(&to, &of(Scope::Organization, "org")).await, 3_250_000_000);
        assert_eq!(ever(&to, &Subject::member("team", "user")).await, 1_500_000_000);
        assert_eq!(ever(&to, &of(Scope::Customer, "customer")).await, 500_000_000);
        let again = import(&to).await;
        assert!(again.kinds.iter().all(|one| one.new + one.changed == 0 && one.same == 1), "{again}");
    }
    let found: Team = to.ours.get("team").await.expect("an answer").expect("the team");
    let start = found.terms.budget_start.expect("a start");
    let duration = BudgetDuration::parse("30d").expect("a period");
    let running = duration.period(start, None, Timestamp::now());
    assert_eq!(spent(&to, &team, running).await, 12_000_000_001);
    let days = running.end.expect("an end").0 - Timestamp::now().0;
    assert_eq!(days / 86_400_000_000, 9, "it ends when litellm's does");

    // Both go on: what was spent here stays, what was spent there comes on top, once.
    let here =
        |period, amount| Spent { subject: team.clone(), model: None, period, amount: NanoDollars(amount) };
    let more = [here(Period::EVER, 13_000_000_001), here(running, 13_000_000_001)];
    to.ours.set_spent(&more).await.expect("a correction");
    to.run(r#"UPDATE "LiteLLM_TeamTable" SET spend = 14.000000001"#).await;
    let report = import(&to).await;
    assert_eq!(counts(&report)[2], ("teams", [1, 0, 1, 0, 0]));
    assert_eq!(ever(&to, &team).await, 15_000_000_001);
    assert_eq!(spent(&to, &team, running).await, 15_000_000_001);
    import(&to).await;
    assert_eq!(ever(&to, &team).await, 15_000_000_001);
}

#[tokio::test]
async fn changes_there_come_over_and_changes_here_stay() {
    let Some(to) = Move::with_tables("changes_there_come_over_and_changes_here_stay").await else { return };
    fill(&to).await;
    import(&to).await;
    let id = KeyHash::of(KEY.as_bytes()).hex();
    let entry = |key: &VirtualKey| llm_governance::entity::AuditEntry {
        id: "entry".to_owned(),
        at: Timestamp(1),
        changed_by: "admin".to_owned(),
        changed_by_key: String::new(),
        action: "updated".to_owned(),
        table: "virtual_keys".to_owned(),
        object_id: key.hash.hex(),
        before: None,
        after: None,
    };
    let change = |mut key: VirtualKey| {
        key.terms.rpm_limit = Some(99);
        let entry = entry(&key);
        Ok((key, entry))
    };
    to.ours.update(&id, Box::new(change)).await.expect("a change here");
    to.run(r#"UPDATE "LiteLLM_VerificationToken" SET models = '{mini}' WHERE key_alias = 'client'"#).await;
    let report = import(&to).await;
    assert_eq!(counts(&report)[5], ("keys", [3, 0, 1, 0, 2]));
    let key: VirtualKey = to.ours.get(&id).await.expect("an answer").expect("the key");
    assert_eq!((key.terms.models.as_slice(), key.terms.rpm_limit), (&["mini".to_owned()][..], Some(99)));
}

#[tokio::test]
async fn what_is_gone_there_is_named_and_gateways_see_that_there_was_an_import() {
    let test = "what_is_gone_there_is_named_and_gateways_see_that_there_was_an_import";
    let Some(to) = Move::with_tables(test).await else { return };
    fill(&to).await;
    let signed = async || {
        let setting: Option<Setting> = to.ours.get("import/litellm").await.expect("an answer");
        setting.map(|setting| setting.updated_at)
    };
    assert_eq!(signed().await, None);
    let report = import(&to).await;
    assert!(report.kinds.iter().all(|kind| kind.gone.is_empty()), "{report}");
    let first = signed().await.expect("it is signed");
    to.run(r#"DELETE FROM "LiteLLM_VerificationToken" WHERE key_alias = 'client'"#).await;
    to.run(r#"DELETE FROM "LiteLLM_EndUserTable""#).await;
    let report = import(&to).await;
    let hash = KeyHash::of(KEY.as_bytes()).hex();
    assert_eq!(
        (&report.kinds[5].gone, &report.kinds[4].gone),
        (&vec![hash.clone()], &vec!["customer".to_owned()])
    );
    assert!(report.to_string().contains(&format!("gone there, and still here: keys `{hash}`")), "{report}");
    assert_eq!(report.to_json()["kinds"][5]["gone"][0], hash.as_str());
    assert!(signed().await.is_some_and(|second| second > first));
    let entry = |key: &VirtualKey| llm_governance::entity::AuditEntry {
        id: "gone".to_owned(),
        at: Timestamp(1),
        changed_by: "admin".to_owned(),
        changed_by_key: String::new(),
        action: "deleted".to_owned(),
        table: "virtual_keys".to_owned(),
        object_id: key.hash.hex(),
        before: None,
        after: None,
    };
    to.ours.delete(std::slice::from_ref(&hash), Box::new(entry)).await.expect("it was there");
    let report = import(&to).await;
    assert_eq!(report.kinds[5].gone, Vec::<String>::new(), "it is not here any more either");
}

#[tokio::test]
async fn a_dry_run_counts_and_writes_nothing() {
    let Some(to) = Move::with_tables("a_dry_run_counts_and_writes_nothing").await else { return };
    fill(&to).await;
    let report = litellm(&to.theirs, &to.ours, true).await.expect("a report");
    assert_eq!(counts(&report)[5], ("keys", [3, 1, 0, 0, 2]));
    let text = report.to_string();
    assert!(text.contains("nothing was written") && text.contains("refused: keys `sk-...`"), "{text}");
    assert!(text.contains("`budget_duration` is no period"), "{text}");
    assert!(text.contains("without effect here: `config` of keys (1 rows)"), "{text}");
    assert!(!text.contains("never-hashed"), "{text}");
    let json = report.to_json();
    assert_eq!((&json["dry_run"], &json["kinds"][5]["new"]), (&true.into(), &1.into()));
    let keys: Page<VirtualKey> = to.ours.list(&ListQuery::default()).await.expect("a list");
    let settings: Page<Setting> = to.ours.list(&ListQuery::default()).await.expect("a list");
    assert_eq!((keys.total, settings.total), (0, 0));
    let counters = to.database.query("SELECT scope FROM llm_spent", &[]).await.expect("an answer");
    assert!(counters.is_empty());
}

#[tokio::test]
async fn an_old_version_lacks_columns_and_tables() {
    let Some(to) = Move::begin("an_old_version_lacks_columns_and_tables").await else { return };
    let none = litellm(&to.theirs, &to.ours, false).await.expect_err("no tables");
    assert!(none.to_string().contains("none of litellm's"), "{none}");
    to.run(
        r#"CREATE TABLE "LiteLLM_VerificationToken" (token TEXT UNIQUE, spend DOUBLE PRECISION, models TEXT[],
        metadata JSONB, user_id TEXT)"#,
    )
    .await;
    to.run(
        r#"INSERT INTO "LiteLLM_VerificationToken" VALUES (repeat('cd', 32), 2, '{}', '{}', 'user'),
        (repeat('ef', 32), -1, NULL, NULL, NULL)"#,
    )
    .await;
    let report = import(&to).await;
    assert_eq!(counts(&report)[5], ("keys", [2, 1, 0, 0, 1]));
    assert!(report.to_string().contains("`spend` is no amount of money: -1"), "{report}");
    assert_eq!(ever(&to, &of(Scope::Key, &"cd".repeat(32))).await, 2_000_000_000);
}
