//! Each contract against a service that keeps it: what is asked, what is found, and what happens when the service fails.

use std::sync::Arc;

use llm_core::guard::{Action, Asker, Finding, Found, Inspection, Inspector, Piece, Place, Side};
use llm_core::provider::BoxFuture;
use llm_core::wire::WireRequest;
use llm_core::{Authenticator, Result};
use llm_guardrails_remote::{KINDS, build};
use mockito::{Matcher, Server, ServerGuard};
use serde_json::{Value, json};

struct Signer;

impl Authenticator for Signer {
    fn authenticate<'a>(&'a self, request: &'a mut WireRequest, _base: &'a str) -> BoxFuture<'a, Result<()>> {
        request.headers.insert("x-signed", http::HeaderValue::from_static("yes"));
        Box::pin(std::future::ready(Ok(())))
    }
}

fn signer(_parameters: &Value) -> Result<Arc<dyn Authenticator>> {
    Ok(Arc::new(Signer))
}

fn made(kind: &str, parameters: &Value) -> Arc<dyn Inspector> {
    build(kind, parameters, &signer).expect("good parameters").expect("a kind that there is")
}

async fn inspect(inspector: &dyn Inspector, texts: &[(&str, Place)], side: Side) -> Result<Vec<Found>> {
    let pieces: Vec<Piece<'_>> =
        texts.iter().map(|(text, place)| Piece { text: (*text).into(), place: *place }).collect();
    let asker = Asker { team_id: Some("t1".to_owned()), ..Asker::default() };
    let inspection = Inspection { side, pieces: &pieces, call_id: "c1", model: "m", asker: &asker };
    inspector.inspect(inspection).await
}

/// What is found: the piece, the passage, the rule, what is done.
fn told(found: &[Found]) -> Vec<(usize, std::ops::Range<usize>, &str, Action)> {
    let one = |found: &Found| {
        let Finding { range, action, .. } = &found.finding;
        (found.piece, range.clone(), *action)
    };
    found
        .iter()
        .map(|found| {
            let (piece, range, action) = one(found);
            (piece, range, &*found.finding.rule, action)
        })
        .collect()
}

async fn serving(path: &str, asked: Matcher, said: &Value) -> ServerGuard {
    let mut server = Server::new_async().await;
    server.mock("POST", path).match_body(asked).with_body(said.to_string()).create_async().await;
    server
}

#[tokio::test]
async fn a_service_of_ones_own_blocks_rewrites_and_passes() {
    let path = "/beta/litellm_basic_guardrail_api";
    let asked = json!({"texts": ["mail a@b.example", "second"], "input_type": "request", "litellm_call_id": "c1",
        "model": "m", "request_data": {"user_api_key_team_id": "t1"},
        "additional_provider_specific_params": {"threshold": 0.8}});
    let texts = [("mail a@b.example", Place::User), ("second", Place::System)];
    for (said, expected) in [
        (json!({"action": "NONE"}), vec![]),
        (
            json!({"action": "BLOCKED", "blocked_reason": "a@b.example"}),
            vec![(0, 0..16, "blocked", Action::Block)],
        ),
        (
            json!({"action": "GUARDRAIL_INTERVENED", "texts": ["mail <X>", "second"]}),
            vec![(0, 5..16, "rewritten", Action::Mask)],
        ),
    ] {
        let server = serving(path, Matcher::PartialJson(asked.clone()), &said).await;
        for base in [server.url(), format!("{}{path}/", server.url())] {
            let parameters = json!({"api_base": base, "api_key": "k", "headers": {"x-a": "b"},
                "additional_provider_specific_params": {"threshold": 0.8}});
            let found = inspect(&*made("generic_guardrail_api", &parameters), &texts, Side::Request).await;
            assert_eq!(told(&found.expect("an answer")), expected);
        }
    }
}

#[tokio::test]
async fn a_service_that_does_not_keep_its_contract_is_an_error() {
    for said in [
        json!({}),
        json!({"action": "PERHAPS"}),
        json!({"action": "GUARDRAIL_INTERVENED", "texts": []}),
        json!([]),
    ] {
        let server = serving("/beta/litellm_basic_guardrail_api", Matcher::Any, &said).await;
        let inspector = made("generic_guardrail_api", &json!({"api_base": server.url()}));
        inspect(&*inspector, &[("x", Place::User)], Side::Request).await.expect_err("it says nothing");
    }
    let mut server = Server::new_async().await;
    server.mock("POST", Matcher::Any).with_status(500).with_body("secret").create_async().await;
    let inspector = made("generic_guardrail_api", &json!({"api_base": server.url()}));
    let error = inspect(&*inspector, &[("x", Place::User)], Side::Request).await.expect_err("it failed");
    assert!(error.to_string().contains("status 500") && !error.to_string().contains("secret"), "{error}");
    let nobody = made("generic_guardrail_api", &json!({"api_base": "http://127.0.0.1:1", "timeout": 1}));
    inspect(&*nobody, &[("x", Place::User)], Side::Request).await.expect_err("nobody is there");
}

#[tokio::test]
async fn presidio_says_where_in_characters() {
    let said = json!([
        {"start": 3, "end": 7, "score": 0.9, "entity_type": "PERSON"},
        {"start": 3, "end": 5, "score": 0.9, "entity_type": "LOCATION"},
        {"start": 8, "end": 9, "score": 0.2, "entity_type": "PERSON"}
    ]);
    let asked = json!({"text": "é, Änne x", "language": "de", "entities": ["LOCATION", "PERSON"]});
    let server = serving("/analyze", Matcher::Json(asked), &said).await;
    let inspector = made(
        "presidio",
        &json!({"presidio_analyzer_api_base": server.url(), "presidio_anonymizer_api_base": "http://unused",
            "presidio_language": "de", "presidio_score_thresholds": {"ALL": 0.5},
            "pii_entities_config": {"PERSON": "MASK", "LOCATION": "mask"}}),
    );
    let found = inspect(&*inspector, &[("é, Änne x", Place::User)], Side::Request).await.expect("an answer");
    assert_eq!(told(&found), [(0, 4..9, "PERSON", Action::Mask)]);
    assert_eq!(found.first().map(|found| &*found.finding.replacement), Some("<PERSON>"));
}

#[tokio::test]
async fn lakera_masks_personal_data_and_refuses_the_rest() {
    let pii = json!({"flagged": true,
        "breakdown": [{"detector_type": "pii/email", "detected": true}, {"detector_type": "prompt_attack", "detected": false}],
        "payload": [{"start": 5, "end": 16, "detector_type": "pii/email", "message_id": 1}]});
    let attack = json!({"flagged": true, "breakdown": [{"detector_type": "prompt_attack", "detected": true}], "payload": []});
    let texts = [("be kind", Place::System), ("mail a@b.example", Place::User)];
    for (said, expected) in [
        (pii, vec![(1, 5..16, "pii/email", Action::Mask)]),
        (attack, vec![(0, 0..7, "prompt_attack", Action::Block)]),
        (json!({"flagged": false}), vec![]),
    ] {
        let asked = json!({"project_id": "p", "messages": [{"role": "system", "content": "be kind"},
            {"role": "user", "content": "mail a@b.example"}], "payload": true});
        let server = serving("/v2/guard", Matcher::PartialJson(asked), &said).await;
        let inspector =
            made("lakera_v2", &json!({"api_base": server.url(), "api_key": "k", "project_id": "p"}));
        assert_eq!(told(&inspect(&*inspector, &texts, Side::Request).await.expect("an answer")), expected);
    }
}

#[tokio::test]
async fn azure_judges_by_category_and_sees_attacks() {
    let said = json!({"blocklistsMatch": [], "categoriesAnalysis": [{"category": "Hate", "severity": 2}, {"category": "Violence", "severity": 4}]});
    let path = "/contentsafety/text:analyze?api-version=2024-09-01";
    let server = serving(path, Matcher::PartialJson(json!({"text": "words"})), &said).await;
    for (parameters, rule) in [
        (json!({"severity_threshold": 6}), None),
        (json!({"severity_threshold": 4}), Some("Violence")),
        (json!({"severity_threshold_by_category": {"Hate": 1}}), Some("Hate")),
    ] {
        let mut all = json!({"api_base": server.url(), "api_key": "k"});
        all.as_object_mut().expect("a map").extend(parameters.as_object().cloned().expect("a map"));
        let found =
            inspect(&*made("azure/text_moderations", &all), &[("words", Place::User)], Side::Answer).await;
        let found = found.expect("an answer");
        assert_eq!(found.first().map(|found| &*found.finding.rule), rule);
    }
    let said = json!({"userPromptAnalysis": {"attackDetected": false}, "documentsAnalysis": [{"attackDetected": true}]});
    let path = "/contentsafety/text:shieldPrompt?api-version=2024-09-01";
    let server = serving(path, Matcher::PartialJson(json!({"documents": ["from a tool"]})), &said).await;
    let inspector = made("azure/prompt_shield", &json!({"api_base": server.url(), "api_key": "k"}));
    let texts = [("said before", Place::Assistant), ("from a tool", Place::ToolResult)];
    let found = inspect(&*inspector, &texts, Side::Request).await.expect("an answer");
    assert_eq!(told(&found), [(1, 0..11, "prompt_attack", Action::Block)]);
}

#[tokio::test]
async fn openais_moderation_judges_each_text() {
    let said = json!({"results": [{"flagged": false}, {"flagged": true, "categories": {"hate": false, "violence": true}}]});
    let asked = json!({"model": "omni-moderation-latest", "input": ["one", "two"]});
    let server = serving("/v1/moderations", Matcher::Json(asked), &said).await;
    let inspector =
        made("openai_moderation", &json!({"api_base": format!("{}/v1", server.url()), "api_key": "k"}));
    let texts = [("one", Place::User), ("two", Place::User)];
    let found = inspect(&*inspector, &texts, Side::Request).await.expect("an answer");
    assert_eq!(told(&found), [(1, 0..3, "violence", Action::Block)]);
}

#[tokio::test]
async fn bedrock_masks_or_blocks_and_is_signed() {
    let parameters = |server: &ServerGuard| {
        json!({"guardrailIdentifier": "arn:aws:x/1", "guardrailVersion": "DRAFT", "aws_region_name": "eu-west-1",
            "aws_bedrock_runtime_endpoint": server.url()})
    };
    for (said, expected) in [
        (json!({"action": "NONE", "outputs": [], "assessments": []}), vec![]),
        (
            json!({"action": "GUARDRAIL_INTERVENED", "outputs": [{"text": "I am {NAME}"}],
                "assessments": [{"sensitiveInformationPolicy": {"piiEntities": [{"action": "ANONYMIZED"}]}}]}),
            vec![(0, 5..8, "rewritten", Action::Mask)],
        ),
        (
            json!({"action": "GUARDRAIL_INTERVENED", "outputs": [{"text": "no"}],
                "assessments": [{"topicPolicy": {"topics": [{"action": "BLOCKED"}]}}]}),
            vec![(0, 0..8, "topicPolicy", Action::Block)],
        ),
    ] {
        let mut server = Server::new_async().await;
        let asked = json!({"source": "OUTPUT", "content": [{"text": {"text": "I am Ann"}}]});
        server
            .mock("POST", "/guardrail/arn%3Aaws%3Ax%2F1/version/DRAFT/apply")
            .match_header("x-signed", "yes")
            .match_body(Matcher::Json(asked))
            .with_body(said.to_string())
            .create_async()
            .await;
        let inspector = made("bedrock", &parameters(&server));
        let found = inspect(&*inspector, &[("I am Ann", Place::Assistant)], Side::Answer).await;
        assert_eq!(told(&found.expect("an answer")), expected);
    }
}

#[test]
fn wrong_parameters_are_named_and_never_repeated() {
    let refused = |kind: &str, parameters: Value| {
        build(kind, &parameters, &signer).map(|_| ()).expect_err("it is wrong")
    };
    assert!(refused("generic_guardrail_api", json!({})).contains("`api_base` is missing"));
    let unknown = refused("openai_moderation", json!({"api_key": "sk-secret", "modle": "x"}));
    assert!(
        unknown.contains("`modle`") && unknown.contains("model") && !unknown.contains("sk-secret"),
        "{unknown}"
    );
    assert!(refused("lakera", json!({"on_flagged": "cry"})).contains("`on_flagged`"));
    assert!(refused("presidio", json!({"presidio_analyzer_api_base": "nowhere"})).contains("http"));
    assert!(
        refused("generic_guardrail_api", json!({"api_base": "http://x", "timeout": 0})).contains("`timeout`")
    );
    assert!(build("nosuch", &json!({}), &signer).expect("no fault").is_none());
    assert!(KINDS.is_sorted());
}
