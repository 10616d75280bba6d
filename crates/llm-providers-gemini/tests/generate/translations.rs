//! What is carried, approximated, refused and edited on the way to a vendor.

use bytes::Bytes;
use llm_core::message::{Media, Opaque, OpaqueKind, Reasoning, Source, ToolCall, ToolResult};
use llm_core::request::{Sampling, Tool, ToolChoice};
use llm_core::{
    ChatRequest, Dialect, DialectId, Envelope, How, Ingress, LossPolicy, Message, Part, RawJson, Role, Target,
};
use llm_providers_gemini::{GENERATE, Generate, GenerateIngress, GenerateQuirks};
use serde_json::json;

use crate::{ask, body_for, dialect, json as parse, reply};

const OTHER: DialectId = DialectId::new("acme.chat");

fn target(model: &str) -> Target {
    Target { model: model.to_owned(), ..Target::default() }
}

fn asks(parts: Vec<Part>) -> ChatRequest {
    ChatRequest { messages: vec![Message::new(Role::User, parts)], ..ChatRequest::default() }
}

#[test]
fn a_signature_survives_a_client_of_this_format_that_asks_another_vendor() {
    let state = Opaque { origin: OTHER, kind: OpaqueKind::Redacted, data: "secret+/=".into() };
    let thinking = Reasoning { opaque: Some(state.clone()), ..Reasoning::default() };
    let call = ToolCall { opaque: Some(state), ..ToolCall::new("call_1", "f", "{}") };
    let parts = vec![Part::Reasoning(thinking), Part::ToolCall(call)];
    let response = llm_core::ChatResponse {
        choices: vec![llm_core::Choice {
            index: 0,
            message: Message::new(Role::Assistant, parts.clone()),
            finish: None,
            logprobs: None,
        }],
        ..Default::default()
    };
    let shown = parse(&GenerateIngress::events().encode(&response, &ChatRequest::default()));
    let sent_back = json!({"contents": [shown["candidates"][0]["content"]]});
    let request = ask(&sent_back.to_string()).expect("its own words");
    assert_eq!(request.messages.first().map(|message| &message.parts), Some(&parts));
    // And none of it reaches a vendor of this format, whether it is forwarded or translated.
    let body = Bytes::from(sent_back.to_string());
    let envelope = Envelope::scan(&body).expect("an object");
    let forwarded = dialect().forward(&body, &envelope, &target("gemini-2.5-flash")).expect("passes");
    let text = String::from_utf8(forwarded.request.body.joined().to_vec()).expect("UTF-8");
    assert!(!text.contains("bGxtZ3cxL") && text.contains("functionCall"), "{text}");
    assert!(forwarded.losses.iter().all(|loss| loss.how == How::Dropped) && !forwarded.losses.is_empty());
}

#[test]
fn what_changes_the_meaning_is_refused_and_what_tunes_is_reported() {
    let hosted = Tool::Hosted { origin: OTHER, raw: RawJson::null() };
    let image = Media::new(Source::FileId { origin: OTHER, id: "file-1".into() });
    for (request, field) in [
        (ChatRequest { tools: vec![hosted], ..asks(vec![Part::text("x")]) }, "tools.hosted"),
        (asks(vec![Part::Image(image)]), "messages.image"),
        (
            ChatRequest { tool_choice: Some(ToolChoice::Required), ..asks(vec![Part::text("x")]) },
            "tool_choice",
        ),
    ] {
        let error = dialect().encode(&request, &target("gemini-2.5-flash")).expect_err("refused");
        assert_eq!(error.param(), Some(field));
        let drop = Target { policy: LossPolicy::Drop, ..target("gemini-2.5-flash") };
        let losses = dialect().encode(&request, &drop).expect("dropped").losses;
        assert_eq!(losses.first().map(|loss| loss.field.as_ref()), Some(field));
    }
    let sampling = Sampling { logit_bias: RawJson::parse("{\"5\":1}").ok(), ..Sampling::default() };
    let request = ChatRequest { sampling, user: Some("u".into()), ..asks(vec![Part::text("x")]) };
    let encoded = dialect().encode(&request, &target("gemini-2.5-flash")).expect("only tunes");
    let lost: Vec<_> = encoded.losses.iter().map(|loss| loss.field.as_ref()).collect();
    assert_eq!(lost, ["logit_bias", "user"]);
}

#[test]
fn media_of_results_stand_where_the_model_takes_them() {
    let png = Source::Base64 { media_type: String::new(), data: "iVBORw0KGgo=".into() };
    let result = ToolResult {
        call_id: "call_1".into(),
        name: None,
        content: vec![Part::text("[1]"), Part::Image(Media::new(png))],
        is_error: None,
        custom: false,
        cache: None,
    };
    let messages = vec![
        Message::new(Role::Assistant, vec![Part::ToolCall(ToolCall::new("call_1", "look", ""))]),
        Message::new(Role::Tool, vec![Part::ToolResult(result)]),
    ];
    let request = ChatRequest { messages, ..ChatRequest::default() };
    let blob = json!({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}});
    let answer = json!({"id": "call_1", "name": "look", "response": {"output": "[1]"}});
    let mut inside = answer.clone();
    inside["parts"] = json!([blob]);
    let newer = body_for(&request, "gemini-3-flash-preview");
    assert_eq!(newer["contents"][1]["parts"], json!([{ "functionResponse": inside }]));
    let older = body_for(&request, "gemini-2.5-flash");
    assert_eq!(older["contents"][1]["parts"], json!([{ "functionResponse": answer }, blob]));
}

#[test]
fn a_deployments_settings_join_the_clients() {
    let body = Bytes::from_static(
        br#"{"contents":[{"parts":[{"text":"x"}]}],"generation_config":{"temperature":1,"seed":4}}"#,
    );
    let envelope = Envelope::scan(&body).expect("an object");
    let extra =
        serde_json::from_str(r#"{"labels":{"a":"b"},"generationConfig":{"topK":3}}"#).expect("an object");
    let target = Target {
        max_output_tokens: Some(9),
        sampling: Sampling { temperature: Some(0.0), ..Sampling::default() },
        extra_body: extra,
        drop_fields: vec!["seed".into()],
        ..target("gemini-2.5-flash")
    };
    let forwarded =
        parse(&dialect().forward(&body, &envelope, &target).expect("passes").request.body.joined());
    let config = json!({"temperature": 1, "maxOutputTokens": 9, "topK": 3});
    assert_eq!(forwarded["generation_config"], config);
    assert_eq!(forwarded["labels"], json!({"a": "b"}));
    let request = ask(std::str::from_utf8(&body).expect("UTF-8")).expect("a request");
    let encoded = parse(&dialect().encode(&request, &target).expect("carried").request.body.joined());
    assert_eq!(encoded["generationConfig"], json!({"temperature": 1.0, "maxOutputTokens": 9, "topK": 3}));
}

#[test]
fn a_quirk_leaves_fields_out_and_counts_plain_requests() {
    let quirks = GenerateQuirks {
        drop_params: vec!["seed".into()],
        counts_plain_requests: true,
        ..GenerateQuirks::default()
    };
    let dialect = Generate::new(quirks);
    let sampling = Sampling { seed: Some(1), ..Sampling::default() };
    let request = ChatRequest { sampling, ..asks(vec![Part::text("x")]) };
    let encoded = dialect.encode(&request, &target("m")).expect("only tunes");
    assert_eq!(encoded.losses.first().map(|loss| loss.field.as_ref()), Some("seed"));
    let body = Bytes::from_static(br#"{"generateContentRequest":{"model":"models/x","contents":[]}}"#);
    let envelope = Envelope::scan(&body).expect("an object");
    let counted = dialect.count_tokens(&body, &envelope, &target("m")).expect("counts").expect("plain");
    assert_eq!(parse(&counted.body.joined()), json!({"contents": []}));
}

#[test]
fn results_without_ids_answer_the_open_calls_of_their_name_in_order() {
    let call = |name: &str| json!({"functionCall": {"name": name, "args": {}}});
    let result = |name: &str| json!({"functionResponse": {"name": name, "response": {"output": name}}});
    let body = json!({"contents": [
        {"role": "model", "parts": [call("a"), call("b"), call("a")]},
        {"role": "user", "parts": [result("b"), result("a"), result("a")]},
    ]});
    let request = ask(&body.to_string()).expect("a request");
    let ids: Vec<_> = request.messages[0].tool_calls().map(|call| call.id.clone()).collect();
    let answered: Vec<_> = request.messages[1]
        .parts
        .iter()
        .map(|part| match part {
            Part::ToolResult(result) => result.call_id.clone(),
            _ => String::new(),
        })
        .collect();
    assert_eq!(answered, [ids[1].clone(), ids[0].clone(), ids[2].clone()]);
}

#[test]
fn wrong_fields_are_named_and_not_quoted() {
    for (body, message) in [
        (
            r#"{"contents":[{"role":"my secret","parts":[]}]}"#,
            "invalid `contents.0.role`: expected `user` or `model`",
        ),
        (r#"{"contents":[{"parts":[{"text":7}]}]}"#, "invalid `contents.0.parts.0.text`: expected a string"),
        (
            r#"{"contents":[],"generationConfig":{"seed":"x"}}"#,
            "invalid `generationConfig.seed`: expected a whole number",
        ),
        ("{}", "invalid `contents`: field required"),
    ] {
        assert_eq!(ask(body).expect_err("wrong").message(), message);
    }
}

#[test]
fn a_refused_prompt_is_a_filtered_answer() {
    let body = r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}"#;
    let response = dialect().decode(&reply(200, body)).expect("an answer");
    let choice = response.choices.first().expect("a choice");
    assert_eq!(choice.finish, Some(llm_core::FinishReason::ContentFilter));
    assert_eq!(dialect().peek(body.as_bytes()).expect("an answer").finish, choice.finish);
    assert!(
        response
            .extras
            .is_some_and(|(origin, extras)| origin == GENERATE && extras.get("promptFeedback").is_some())
    );
}
