//! One of every kind that administrators make.

use llm_core::money::NanoDollars;
use llm_governance::entity::{
    AuditEntry, BudgetRow, Customer, Member, Organization, StoredModel, Tag, Team, User, VirtualKey,
};
use llm_governance::{BudgetDuration, BudgetLimit, Role, Terms, Timestamp};
use serde_json::json;

pub(crate) fn key(name: &str, made: i64) -> VirtualKey {
    VirtualKey {
        alias: Some(name.to_owned()),
        created_at: Timestamp(made),
        updated_at: Timestamp(made),
        ..llm_testkit::keys::key(name, Terms::default())
    }
}

pub(crate) fn team(id: &str) -> Team {
    Team {
        id: id.to_owned(),
        alias: Some(format!("Team {id}")),
        organization_id: None,
        members: Vec::new(),
        member_terms: Terms::default(),
        terms: Terms::default(),
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
    }
}

pub(crate) fn user(id: &str) -> User {
    User {
        id: id.to_owned(),
        email: Some(format!("{id}@example.com")),
        alias: None,
        role: Role::InternalUser,
        sso_user_id: Some(format!("sso-{id}")),
        teams: Vec::new(),
        organizations: Vec::new(),
        terms: Terms::default(),
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
    }
}

pub(crate) fn budget(id: &str) -> BudgetRow {
    let terms = Terms { max_budget: Some(NanoDollars(5)), ..Terms::default() };
    let (created_at, updated_at) = (Timestamp(1), Timestamp(1));
    BudgetRow { id: id.to_owned(), terms, created_by: None, created_at, updated_by: None, updated_at }
}

pub(crate) fn entry(number: u32, action: &str) -> AuditEntry {
    AuditEntry {
        id: format!("entry-{action}-{number}"),
        at: Timestamp(i64::from(number)),
        changed_by: "admin".to_owned(),
        changed_by_key: "master".to_owned(),
        action: action.to_owned(),
        table: "virtual_keys".to_owned(),
        object_id: "k".to_owned(),
        before: None,
        after: Some(json!({"a": [1, null, {}]})),
    }
}

/// Terms that say something everywhere.
pub(crate) fn full_terms() -> Terms {
    let limit = BudgetLimit { max_budget: NanoDollars(7), duration: Some(BudgetDuration::Day) };
    let words = |word: &str| vec![word.to_owned()];
    let object = |value: serde_json::Value| value.as_object().cloned().expect("an object");
    Terms {
        temp_budget: Some((NanoDollars(7), Timestamp(8))),
        budget_fallbacks: [("gpt-4o".to_owned(), words("mini"))].into(),
        models: words("gpt-*"),
        aliases: [("a".to_owned(), "b".to_owned())].into(),
        max_budget: Some(NanoDollars(i64::MAX)),
        soft_budget: Some(NanoDollars(1)),
        budget_duration: BudgetDuration::parse("30d"),
        budget_start: Some(Timestamp(3)),
        budget_time_zone: Some("Europe/Berlin".to_owned()),
        budget_limits: vec![limit.clone()],
        model_max_budget: [("m".to_owned(), limit)].into(),
        budget_id: Some("b".to_owned()),
        rpm_limit: Some(1),
        tpm_limit: Some(2),
        tpd_limit: Some(3),
        max_parallel_requests: Some(4),
        model_rpm_limit: [("m".to_owned(), 5)].into(),
        model_tpm_limit: [("m".to_owned(), 6)].into(),
        allowed_routes: words("/chat/completions"),
        allowed_ips: words("10.0.0.0/8"),
        blocked: true,
        tags: words("t"),
        guardrails: words("g"),
        enforced_params: words("user"),
        permissions: object(json!({"p": false})),
        metadata: object(json!({"empty": {}, "null": null, "list": [], "snow": "\u{2603}"})),
        other: object(json!({"o": 1.5})),
    }
}

pub(crate) fn organization(id: &str, members: Vec<Member>) -> Organization {
    let (created_at, updated_at) = (Timestamp(1), Timestamp(1));
    Organization { id: id.to_owned(), alias: None, members, terms: Terms::default(), created_at, updated_at }
}

pub(crate) fn customer(id: &str, terms: Terms) -> Customer {
    Customer {
        id: id.to_owned(),
        alias: None,
        allowed_model_region: Some("eu".to_owned()),
        default_model: None,
        terms,
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
    }
}

pub(crate) fn tag(name: &str, terms: Terms) -> Tag {
    let (created_at, updated_at) = (Timestamp(1), Timestamp(1));
    Tag { name: name.to_owned(), description: None, terms, created_by: None, created_at, updated_at }
}

pub(crate) fn model(id: &str) -> StoredModel {
    StoredModel {
        id: id.to_owned(),
        model_name: "gpt".to_owned(),
        sealed_params: "sealed:1:…".to_owned(),
        model_info: serde_json::Map::new(),
        team_id: None,
        created_by: None,
        created_at: Timestamp(1),
        updated_by: None,
        updated_at: Timestamp(1),
    }
}
