//! Properties that hold for every recorded exchange.

use bytes::Bytes;
use llm_core::dialect::TapOptions;
use llm_core::embedding::EmbeddingInput;
use llm_core::{ChatRequest, ChatResponse, Dialect, Envelope, ErrorKind, Ingress, Target, Usage};
use llm_providers_gemini::{EmbeddingForm, Generate, GenerateIngress, GenerateQuirks};
use llm_testkit::{Recording, recordings, replay};
use serde_json::{Value, json};

use crate::{ask, body_for, dialect, json as parse, stream_for};

fn all() -> Vec<Recording> {
    recordings("gemini-generate-content")
}

fn streams() -> Vec<Recording> {
    all().into_iter().filter(|recording| recording.is_success() && recording.is_sse()).collect()
}

fn wholes() -> Vec<Recording> {
    all().into_iter().filter(|recording| recording.is_success() && !recording.is_sse()).collect()
}

/// The pieces of an answer, however it was framed.
fn pieces(recording: &Recording) -> Vec<Value> {
    let text = std::str::from_utf8(&recording.reply.body).expect("UTF-8");
    if recording.is_sse() {
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        return data.map(|data| parse(data.as_bytes())).collect();
    }
    match parse(text.as_bytes()) {
        Value::Array(pieces) => pieces,
        whole => vec![whole],
    }
}

/// What the vendor counted, from its last report.
fn counted(recording: &Recording, name: &str) -> Option<u64> {
    let pieces = pieces(recording);
    let last = pieces.iter().rfind(|piece| piece["usageMetadata"].is_object())?;
    last["usageMetadata"][name].as_u64()
}

fn assert_adds_up(usage: &Usage, recording: &Recording) {
    let count = |name: &str| counted(recording, name);
    let prompt = count("promptTokenCount").map(|all| all + count("toolUsePromptTokenCount").unwrap_or(0));
    assert_eq!(usage.prompt_total(), prompt, "{}", recording.case);
    let answer = count("candidatesTokenCount").unwrap_or(0) + count("thoughtsTokenCount").unwrap_or(0);
    assert_eq!(usage.completion_total().unwrap_or(0), answer, "{}", recording.case);
    assert_eq!(usage.cache_read, count("cachedContentTokenCount"), "{}", recording.case);
    let total = count("totalTokenCount").or(usage.total());
    assert_eq!(usage.total(), total, "{}", recording.case);
}

fn decoded(recording: &Recording) -> ChatResponse {
    let whole = || dialect().decode(&recording.reply);
    let response =
        if recording.is_sse() { replay::folded(&dialect(), &recording.reply.body) } else { whole() };
    response.unwrap_or_else(|fault| panic!("{}: {fault}", recording.case))
}

#[test]
fn answers_decode_and_their_usage_adds_up() {
    for recording in all().into_iter().filter(Recording::is_success) {
        let response = decoded(&recording);
        let choices = recording.features.iter().any(|feature| feature == "n-choices");
        assert_eq!(response.choices.len() > 1, choices, "{}", recording.case);
        let called = pieces(&recording).iter().any(|piece| {
            piece
                .pointer("/candidates/0/content/parts")
                .and_then(Value::as_array)
                .is_some_and(|parts| parts.iter().any(|part| part.get("functionCall").is_some()))
        });
        let choice = response.choices.first().expect("a choice");
        assert_eq!(choice.wants_tools(), called, "{}", recording.case);
        assert!(choice.finish.is_some(), "{}", recording.case);
        for call in choice.message.tool_calls() {
            assert!(call.arguments_object().is_some() && !call.id.is_empty(), "{}", recording.case);
        }
        assert_adds_up(&response.usage, &recording);
    }
}

/// Nothing that the model said is lost: text, thoughts and signatures byte for byte.
#[test]
fn every_word_and_signature_is_kept() {
    for recording in all().into_iter().filter(Recording::is_success) {
        let response = decoded(&recording);
        let (mut text, mut thoughts, mut signatures) = (String::new(), String::new(), Vec::new());
        for piece in pieces(&recording) {
            let parts = piece.pointer("/candidates/0/content/parts").and_then(Value::as_array).cloned();
            for part in parts.unwrap_or_default() {
                let words = part["text"].as_str().unwrap_or_default();
                if part["thought"] == json!(true) {
                    thoughts.push_str(words);
                } else {
                    text.push_str(words);
                }
                let block = ["executableCode", "codeExecutionResult", "toolCall", "toolResponse"];
                if block.iter().all(|name| part.get(name).is_none()) {
                    signatures.extend(part["thoughtSignature"].as_str().map(str::to_owned));
                }
            }
        }
        let message = &response.choices.first().expect("a choice").message;
        assert_eq!(message.joined_text(), text, "{}", recording.case);
        let (mut told, mut states) = (String::new(), Vec::new());
        for part in &message.parts {
            match part {
                llm_core::Part::Reasoning(reasoning) => {
                    told.push_str(&reasoning.text);
                    states.extend(reasoning.opaque.as_ref().map(|state| state.data.clone()));
                }
                llm_core::Part::ToolCall(call) => {
                    states.extend(call.opaque.as_ref().map(|state| state.data.clone()));
                }
                _ => {}
            }
        }
        assert_eq!((told, states), (thoughts, signatures), "{}", recording.case);
    }
}

#[test]
fn a_glance_at_a_whole_answer_sees_what_the_decoder_sees() {
    for recording in wholes().into_iter().filter(|recording| recording.framing == "json") {
        let response = decoded(&recording);
        let peek = dialect().peek(&recording.reply.body).expect("an answer");
        assert_eq!(peek.usage, response.usage, "{}", recording.case);
        assert_eq!(peek.finish, response.choices[0].finish, "{}", recording.case);
        if !response.model.is_empty() {
            let model = &recording.reply.body[peek.model.expect("answers name their model")];
            assert_eq!(model, format!("\"{}\"", response.model).as_bytes(), "{}", recording.case);
        }
    }
}

/// Explained differences: the numbers of tokens in lists, signatures of texts on the text itself or behind it.
#[test]
fn answers_written_for_clients_tell_the_same_answer() {
    for recording in all().into_iter().filter(Recording::is_success) {
        let response = decoded(&recording);
        let request = ChatRequest::default();
        let whole = GenerateIngress::events().encode(&response, &request);
        let again = dialect().decode(&crate::reply(200, std::str::from_utf8(&whole).expect("UTF-8")));
        let again = again.unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        assert_eq!(ours(again), ours(response.clone()), "{}", recording.case);
        let events = llm_core::event::unfold(response.clone());
        let text = stream_for(GenerateIngress::events(), &request, &events);
        let streamed = replay::folded(&dialect(), text.as_bytes());
        let streamed = streamed.unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        assert_eq!(ours(streamed), ours(response.clone()), "{}", recording.case);
        let array = stream_for(GenerateIngress::array(), &request, &events);
        let listed = dialect().decode(&crate::reply(200, &array)).expect("an array of pieces");
        assert_eq!(ours(listed), ours(response), "{}", recording.case);
    }
}

/// Ids that were made here are not shown to clients; content filters share one word; blanks between the tokens of
/// arguments say nothing.
fn ours(mut response: ChatResponse) -> ChatResponse {
    for choice in &mut response.choices {
        for part in &mut choice.message.parts {
            let llm_core::Part::ToolCall(call) = part else { continue };
            if call.id.starts_with("gwcall_") {
                call.id = "made".to_owned();
            }
            if let Ok(arguments) = serde_json::from_str::<Value>(&call.arguments) {
                call.arguments = arguments.to_string();
            }
        }
    }
    response
}

#[test]
fn streams_may_be_cut_into_chunks_anywhere() {
    for recording in streams() {
        replay::assert_cuts_do_not_matter(&dialect(), &recording.reply.body, &recording.case);
    }
}

#[test]
fn streams_that_stop_early_are_an_error() {
    for recording in streams() {
        let text = std::str::from_utf8(&recording.reply.body).expect("UTF-8");
        let reason = text.find("\"finishReason\"").expect("every answer ends with its reason");
        for (at, _) in text.match_indices("\n\r\n").filter(|(at, _)| *at < reason) {
            let cut = &text.as_bytes()[..at + 3];
            let fault = replay::folded(&dialect(), cut).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated, "{}", recording.case);
            let fault = replay::tapped(&dialect(), TapOptions::default(), cut).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated, "{}", recording.case);
        }
    }
}

#[test]
fn the_tap_keeps_every_byte_and_sees_what_the_decoder_sees() {
    for recording in streams() {
        let body = &recording.reply.body;
        let (bytes, seen) = replay::tapped(&dialect(), TapOptions::default(), body).expect("a stream");
        assert!(bytes == *body, "{}", recording.case);
        let response = decoded(&recording);
        assert_eq!(seen.usage, response.usage, "{}", recording.case);
        assert_eq!(seen.finish, response.choices[0].finish, "{}", recording.case);
        assert!(seen.ended && seen.content && seen.error.is_none(), "{}", recording.case);
    }
}

#[test]
fn the_tap_changes_the_models_name_and_nothing_else() {
    for recording in streams() {
        let options = TapOptions { public_model: Some("my \"model\"".to_owned()), include_usage: true };
        let (bytes, _) = replay::tapped(&dialect(), options, &recording.reply.body).expect("a stream");
        let text = std::str::from_utf8(&recording.reply.body).expect("UTF-8");
        let name = decoded(&recording).model;
        let renamed =
            ["\"modelVersion\":\"", "\"modelVersion\": \""].into_iter().fold(text.to_owned(), |text, key| {
                text.replace(&format!("{key}{name}\""), &format!("{key}my \\\"model\\\"\""))
            });
        assert_eq!(String::from_utf8_lossy(&bytes), renamed, "{}", recording.case);
    }
}

#[test]
fn errors_are_classified_and_come_back() {
    for recording in all().into_iter().filter(|recording| !recording.is_success()) {
        let error = dialect().decode(&recording.reply).expect_err("an error");
        let text = String::from_utf8_lossy(&recording.reply.body).into_owned();
        let expected = match recording.reply.status {
            400 if text.contains("API_KEY_INVALID") => ErrorKind::UpstreamAuth,
            400 if text.contains("maximum number of tokens") => ErrorKind::ContextLength,
            401 | 403 => ErrorKind::UpstreamAuth,
            404 => ErrorKind::UpstreamNotFound,
            429 => ErrorKind::RateLimited,
            _ => ErrorKind::InvalidRequest,
        };
        assert_eq!(error.kind(), expected, "{}", recording.case);
        let body = parse(&GenerateIngress::events().error(&error));
        let original = parse(&recording.reply.body);
        assert_eq!(body["error"]["status"], original["error"]["status"], "{}", recording.case);
        assert_eq!(body["error"]["message"], original["error"]["message"], "{}", recording.case);
    }
}

#[test]
fn recorded_requests_come_back_as_the_vendor_took_them() {
    for recording in all().into_iter().filter(Recording::is_success) {
        let request = ask(&recording.request).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let model = recording.path.rsplit('/').next().and_then(|last| last.split(':').next());
        let encoded = body_for(&request, model.expect("a path with a model"));
        assert_eq!(normal(encoded), normal(parse(recording.request.as_bytes())), "{}", recording.case);
    }
}

/// Two spellings of the same request become one: names in one spelling, null and empty text left out, schemas in the
/// newer dialect, neighbours of one role joined, declarations in one list, base64 in the standard alphabet, the
/// signature of an empty text on the text before it, calls of older models excused.
fn normal(body: Value) -> Value {
    let mut body = normal_value(body, "");
    if let Some(members) = body.as_object_mut() {
        members.remove("model");
        for name in ["systemInstruction", "generationConfig", "toolConfig", "tools"] {
            let empty =
                |value: &Value| *value == json!({}) || *value == json!([]) || *value == json!({"parts": []});
            members.retain(|key, value| key != name || !empty(value));
        }
    }
    if let Some(instruction) = body.get_mut("systemInstruction").and_then(Value::as_object_mut) {
        instruction.remove("role");
    }
    join_contents(&mut body);
    join_tools(&mut body);
    body
}

fn join_contents(body: &mut Value) {
    let Some(contents) = body["contents"].as_array_mut() else { return };
    let mut joined: Vec<Value> = Vec::new();
    for mut content in contents.drain(..) {
        content["role"] = if content["role"] == "model" { "model" } else { "user" }.into();
        match joined.last_mut().filter(|last| last["role"] == content["role"]) {
            Some(last) => {
                let parts = content["parts"].as_array().cloned().unwrap_or_default();
                last["parts"].as_array_mut().expect("parts").extend(parts);
            }
            None => joined.push(content),
        }
    }
    for content in &mut joined {
        let parts = content["parts"].as_array_mut().expect("parts");
        let mut kept: Vec<Value> = Vec::new();
        for part in parts.drain(..) {
            let bare = part.as_object().is_some_and(|part| part.keys().eq(["thoughtSignature"]));
            match kept.last_mut().filter(|last| bare && last.get("text").is_some()) {
                Some(last) => last["thoughtSignature"] = part["thoughtSignature"].clone(),
                None => kept.push(part),
            }
        }
        *parts = kept;
    }
    *contents = joined;
}

fn join_tools(body: &mut Value) {
    let Some(tools) = body.get_mut("tools").and_then(Value::as_array_mut) else { return };
    let (mut declared, mut rest) = (Vec::new(), Vec::new());
    for tool in tools.drain(..) {
        for (name, value) in tool.as_object().cloned().unwrap_or_default() {
            match value {
                Value::Array(list) if name == "functionDeclarations" => declared.extend(list),
                value => rest.push(json!({ name: value })),
            }
        }
    }
    *tools = rest;
    if !declared.is_empty() {
        tools.insert(0, json!({ "functionDeclarations": declared }));
    }
}

fn normal_value(value: Value, key: &str) -> Value {
    // What is the client's own stays as it is.
    let own = ["args", "response", "parametersJsonSchema", "responseJsonSchema", "modelArmorConfig"];
    match value {
        value if own.contains(&key) => value,
        Value::Object(members) => {
            let members = members.into_iter().filter_map(|(name, value)| member(&name, value));
            Value::Object(
                members.filter(|(name, value)| !(name == "thought" && *value == json!(false))).collect(),
            )
        }
        Value::Array(items) => {
            let items = items.into_iter().map(|item| normal_value(item, ""));
            Value::Array(items.filter(|item| !item.is_null() && *item != json!({})).collect())
        }
        Value::Number(number) => number.as_f64().map_or(Value::Null, |number| json!(number)),
        other => other,
    }
}

fn member(name: &str, value: Value) -> Option<(String, Value)> {
    let name = camel(name);
    if value.is_null()
        || (name == "text" && value == json!(""))
        || (name == "toolConfig" && value == json!({}))
    {
        return None;
    }
    if value == json!("skip_thought_signature_validator") {
        return None;
    }
    if name == "id" && value.as_str().is_some_and(|id| id.starts_with("gwcall_")) {
        return None;
    }
    Some(match name.as_str() {
        "parameters" => ("parametersJsonSchema".to_owned(), lower(value)),
        "responseSchema" => ("responseJsonSchema".to_owned(), lower(value)),
        "data" => (name, json!(value.as_str().unwrap_or_default().replace('-', "+").replace('_', "/"))),
        "thinkingLevel" => (name, json!(value.as_str().unwrap_or_default().to_ascii_uppercase())),
        "parts" if value.is_object() => (name, normal_value(json!([value]), "")),
        _ => {
            let value = normal_value(value, &name);
            (name, value)
        }
    })
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |all, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        all + &head.to_ascii_uppercase() + tail
    })
}

/// A schema of the older dialect as JSON schema.
fn lower(schema: Value) -> Value {
    match schema {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(name, _)| {
                    !matches!(name.as_str(), "nullable" | "propertyOrdering" | "property_ordering")
                })
                .map(|(name, value)| match (name.as_str(), value) {
                    ("type", Value::String(word)) => (name, json!(word.to_ascii_lowercase())),
                    ("type", Value::Number(number)) => {
                        let words = ["", "string", "number", "integer", "boolean", "array", "object"];
                        let at = usize::try_from(number.as_u64().unwrap_or(0)).unwrap_or(0);
                        (name, json!(words.get(at)))
                    }
                    (_, value) => (name, lower(value)),
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(lower).collect()),
        other => other,
    }
}

#[test]
fn recorded_requests_pass_with_their_bytes() {
    for recording in all() {
        let body = Bytes::from(recording.request.clone());
        let envelope = Envelope::scan(&body).expect("an object");
        let target = Target { model: "other".to_owned(), stream: recording.is_sse(), ..Target::default() };
        let forwarded = dialect().forward(&body, &envelope, &target).expect("passes");
        let mut expected = parse(&body);
        expected.as_object_mut().map(|members| members.remove("model"));
        assert_eq!(parse(&forwarded.request.body.joined()), expected, "{}", recording.case);
        let method = if recording.is_sse() { "streamGenerateContent?alt=sse" } else { "generateContent" };
        assert_eq!(forwarded.request.path, format!("/models/other:{method}"), "{}", recording.case);
    }
}

#[test]
fn counts_of_tokens_are_asked_and_read() {
    for recording in recordings("gemini-count-tokens") {
        let request = ask(&recording.request).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        assert!(!request.messages.is_empty(), "{}", recording.case);
        let tokens = dialect().read_token_count(&recording.reply.body).expect("a count");
        let written = parse(&GenerateIngress::events().encode_token_count(tokens));
        assert_eq!(written["totalTokens"], parse(&recording.reply.body)["totalTokens"], "{}", recording.case);
        let body = Bytes::from(recording.request.clone());
        let envelope = Envelope::scan(&body).expect("an object");
        let target = Target { model: "other".to_owned(), ..Target::default() };
        let asked = dialect().count_tokens(&body, &envelope, &target).expect("counts").expect("readable");
        assert_eq!(asked.path, "/models/other:countTokens");
        let mut expected = parse(&body);
        if expected.get("generateContentRequest").is_some() {
            expected["generateContentRequest"]["model"] = "models/other".into();
        }
        assert_eq!(parse(&asked.body.joined()), expected, "{}", recording.case);
    }
}

#[test]
fn embeddings_are_read_there_and_back() {
    let kinds = ["gemini-embed", "vertex-predict"];
    let form =
        |kind| if kind == "gemini-embed" { EmbeddingForm::EmbedContent } else { EmbeddingForm::Predict };
    for (kind, recording) in
        kinds.iter().flat_map(|kind| recordings(kind).into_iter().map(move |one| (*kind, one)))
    {
        let dialect = Generate::new(GenerateQuirks { embeddings: form(kind), ..GenerateQuirks::default() });
        let embeddings = dialect.embeddings().expect("has embeddings");
        let batch = recording.path.contains("batchEmbedContents");
        let client = GenerateIngress::all().into_iter().nth(if batch { 2 } else { 0 }).expect("three");
        let client = client.embeddings().expect("asks for embeddings");
        let body = Bytes::from(recording.request.clone());
        let request = match kind {
            "gemini-embed" => {
                client.decode(&body).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case))
            }
            _ => llm_core::embedding::EmbeddingRequest {
                inputs: vec![EmbeddingInput::Text(String::new())],
                ..Default::default()
            },
        };
        match embeddings.decode(&recording.reply, &request) {
            Ok(answer) => {
                assert_eq!(answer.embeddings.len(), request.inputs.len(), "{}", recording.case);
                if kind == "gemini-embed" {
                    let written = parse(&client.encode(&answer, &request));
                    let vectors = if batch { "embeddings" } else { "embedding" };
                    let original = parse(&recording.reply.body);
                    assert_eq!(floats(&written[vectors]), floats(&original[vectors]), "{}", recording.case);
                }
            }
            Err(error) => {
                assert!(!recording.is_success(), "{}: {error}", recording.case);
                let expected = if recording.reply.status == 404 {
                    ErrorKind::UpstreamNotFound
                } else {
                    ErrorKind::UpstreamAuth
                };
                assert_eq!(error.kind(), expected, "{}", recording.case);
            }
        }
    }
}

/// Vectors have the precision of 32 bits.
fn floats(value: &Value) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "both sides are compared at 32 bits")]
    match value {
        Value::Number(number) => vec![number.as_f64().unwrap_or_default() as f32],
        Value::Array(items) => items.iter().flat_map(floats).collect(),
        Value::Object(members) => members.get("values").map(floats).unwrap_or_default(),
        _ => Vec::new(),
    }
}
