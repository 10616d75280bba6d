//! Parameters: what is accepted, what they do, and what errors say.

use llm_core::guard::Action;
use serde_json::{Value, json};

use crate::support::{judge, masked, scan};

fn error(kind: &str, parameters: &Value) -> String {
    match llm_guardrails::build(kind, parameters) {
        Err(error) => error,
        Ok(_) => panic!("{kind} takes {parameters}"),
    }
}

#[test]
fn kinds_of_others_are_none() {
    assert!(llm_guardrails::build("presidio", &Value::Null).expect("no error").is_none());
    assert!(llm_guardrails::build("hide-secrets", &Value::Null).expect("no error").is_some());
}

#[test]
fn errors_name_the_parameter_and_the_nearest() {
    assert_eq!(
        error("secrets", &json!({ "exclud": ["x"] })),
        "guardrail `secrets`: unknown parameter `exclud`: did you mean `exclude`?"
    );
    assert_eq!(
        error("pii", &json!({ "rules": ["EMAIL_ADRESS"] })),
        "guardrail `pii`: `rules` names an unknown rule `EMAIL_ADRESS`: did you mean `EMAIL_ADDRESS`?"
    );
    assert_eq!(
        error("pii", &json!({ "action": "delete" })),
        "guardrail `pii`: `action` must be `block`, `mask` or `flag`, not `delete`"
    );
    assert!(error("pii", &json!({ "pii_entities_config": { "LOCATION": "MASK" } })).contains("presidio"));
    assert!(error("banned_keywords", &json!({})).contains("`keywords` has no words"));
    assert!(error("regex", &json!({ "patterns": [{ "pattern": "(" }] })).contains("`patterns[0].pattern`"));
}

#[test]
fn actions_replacements_rules_and_allowed_values_are_chosen() {
    let text = "Mail a.b@example.org or c@example.com, card 4111 1111 1111 1111.";
    let all = judge("pii", &Value::Null);
    assert_eq!(masked(&*all, text), "Mail <EMAIL_ADDRESS> or <EMAIL_ADDRESS>, card <CREDIT_CARD>.");
    let chosen =
        judge("pii", &json!({ "exclude": "CREDIT_CARD", "allow": ["*@example.com"], "replacement": "…" }));
    assert_eq!(masked(&*chosen, text), "Mail … or c@example.com, card 4111 1111 1111 1111.");
    let pattern = judge("pii", &json!({ "allow": ["/[a-z.]+@example\\..+/"], "action": "BLOCK" }));
    let findings = scan(&*pattern, text);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].action, Action::Block);
}

#[test]
fn entities_have_their_own_actions() {
    let config = json!({ "pii_entities_config": { "CREDIT_CARD": "MASK", "EMAIL_ADDRESS": "BLOCK" } });
    let judge = judge("pii", &config);
    let findings = scan(&*judge, "x@example.org 4111111111111111 +1 415 555 0132");
    let actions: Vec<_> = findings.iter().map(|finding| (finding.rule.as_ref(), finding.action)).collect();
    assert_eq!(actions, [("EMAIL_ADDRESS", Action::Block), ("CREDIT_CARD", Action::Mask)]);
}

#[test]
fn secrets_are_redacted_as_litellm_does() {
    let judge = judge("hide_secrets", &Value::Null);
    assert_eq!(
        masked(&*judge, "Hey, how's it going, API_KEY = 'sk_1234567890abcdef'"),
        "Hey, how's it going, API_KEY = '[REDACTED]'"
    );
    assert_eq!(
        masked(&*judge, "what is the value of my open ai key? openai_api_key=sk-1234998222"),
        "what is the value of my open ai key? openai_api_key=[REDACTED]"
    );
    assert_eq!(
        masked(&*judge, "postgres://app:hunter2@db.internal/app and password: \"Tr0ub4dor&3\""),
        "postgres://app:[REDACTED]@db.internal/app and password: \"[REDACTED]\""
    );
}

#[test]
fn patterns_and_words_are_found() {
    let patterns = json!({ "patterns": [
        { "name": "employee_id", "pattern": r"\b[A-Z]{3}-\d{4}\b", "action": "MASK" },
        { "name": "project", "pattern": r"PROJECT-\d{6}", "action": "BLOCK", "replacement": "?" },
    ] });
    let judge_of_patterns = judge("regex", &patterns);
    assert_eq!(masked(&*judge_of_patterns, "ABC-1234 PROJECT-123456"), "[EMPLOYEE_ID_REDACTED] ?");
    let words = judge("banned_keywords", &json!({ "keywords": ["confidential", "机密"], "action": "mask" }));
    assert_eq!(masked(&*words, "Confidential, 绝对机密!"), "[KEYWORD_REDACTED], 绝对[KEYWORD_REDACTED]!");
}
