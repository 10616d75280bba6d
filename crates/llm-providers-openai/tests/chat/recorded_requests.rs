//! Every recorded request, read as a client's and written for the vendor again.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::Dialect;
use llm_core::ingress::Ingress;
use llm_core::{Envelope, Target};
use llm_providers_openai::{ChatCompletions, ChatIngress, Quirks, ReasoningHistory, ThinkingSwitch};
use llm_testkit::Recording;
use serde_json::Value;

use crate::recordings::exchanges;

/// The quirks that the recorded clients knew of, by the vendor's documentation.
fn quirks(vendor: &str) -> Quirks {
    let row = match vendor {
        "deepseek" | "zai" => {
            r#"{"thinking_switch":"thinking_type","reasoning_history":"reasoning_content"}"#
        }
        "openrouter" | "vercel-gateway" | "snowflake" => {
            r#"{"thinking_switch":"reasoning","reasoning_history":"reasoning_details","cache_control":true}"#
        }
        "gpustack" | "ollama" => {
            r#"{"thinking_switch":"enable_thinking","reasoning_history":"reasoning_content","tool_result_media":true}"#
        }
        "cerebras" => r#"{"reasoning_history":"reasoning"}"#,
        "mistral" => {
            r#"{"reasoning_history":"thinking_part","seed_field":"random_seed","plain_audio":true,"tool_choice_required":"any"}"#
        }
        "llamacpp" | "doubleword" | "avian" | "xai" => {
            r#"{"reasoning_history":"reasoning_content","tool_result_media":true}"#
        }
        _ => "{}",
    };
    serde_json::from_str(row).expect("a valid row")
}

#[test]
fn every_request_read_and_written_again_is_what_the_vendor_took() {
    for recording in exchanges().into_iter().filter(Recording::is_success) {
        let case = &recording.case;
        let body = Bytes::from(recording.request.clone());
        let request =
            ChatIngress.decode(&body, &HeaderMap::new()).unwrap_or_else(|error| panic!("{case}: {error}"));
        let mut quirks = quirks(&recording.vendor);
        // Clients of one vendor say it in either way.
        if recording.request.contains("\"reasoning_effort\"")
            && !["deepseek", "zai"].contains(&&*recording.vendor)
        {
            quirks.thinking_switch = ThinkingSwitch::ReasoningEffort;
        }
        let target = Target { model: request.model.clone(), stream: request.stream, ..Target::default() };
        let encoded = ChatCompletions::new(quirks)
            .encode(&request, &target)
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        let written: Value = serde_json::from_slice(&encoded.request.body.joined()).expect("valid JSON");
        let recorded: Value = serde_json::from_str(&recording.request).expect("valid JSON");
        let (written, recorded) = (same_request(written), same_request(recorded));
        let members = recorded.as_object().into_iter().chain(written.as_object()).flatten();
        for (key, _) in members {
            assert_eq!(written.get(key), recorded.get(key), "{case}: `{key}`");
        }
    }
}

/// A request without the differences that do not matter: spellings that mean the same to every vendor.
fn same_request(mut request: Value) -> Value {
    let Some(members) = request.as_object_mut() else { return request };
    // Asking for usage is the gateway's own wish; labels are for its accounting; a vendor's form stays with it.
    for field in ["stream_options", "metadata"] {
        members.remove(field);
    }
    if members.get("stream") == Some(&Value::Bool(false)) {
        members.remove("stream");
    }
    members.retain(|key, value| *value != serde_json::json!([]) || key == "messages");
    // A choice among no tools, which most vendors refuse.
    if !members.contains_key("tools") && !members.contains_key("functions") {
        members.remove("tool_choice");
    }
    // Some vendors take the model from the path.
    if members.get("model") == Some(&"".into()) {
        members.remove("model");
    }
    if let Some(most) = members.remove("max_tokens") {
        members.insert("max_completion_tokens".into(), most);
    }
    if let Some(functions) = members.remove("functions") {
        let wrapped = functions.as_array().into_iter().flatten();
        let tools =
            wrapped.map(|function| serde_json::json!({"type": "function", "function": function})).collect();
        members.insert("tools".into(), tools);
    }
    if let Some(choice) = members.remove("function_call") {
        let named = choice.is_object().then(|| serde_json::json!({"type": "function", "function": choice}));
        members.insert("tool_choice".into(), named.unwrap_or(choice));
    }
    if let Some(Value::Array(stop)) = members.get("stop").cloned()
        && let [only] = stop.as_slice()
    {
        members.insert("stop".into(), only.clone());
    }
    if members.get("response_format") == Some(&serde_json::json!({"type": "text"})) {
        members.remove("response_format");
    }
    // A name, which most vendors demand.
    if let Some(schema) = members.get_mut("response_format").and_then(|format| format.get_mut("json_schema"))
    {
        schema.as_object_mut().expect("a schema").entry("name").or_insert("answer".into());
    }
    for tool in members.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        tool.as_object_mut().expect("a tool").entry("type").or_insert("function".into());
    }
    for message in members.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        same_message(message.as_object_mut().expect("a message"));
    }
    plain(request)
}

fn same_message(message: &mut serde_json::Map<String, Value>) {
    if let Some(Value::Array(parts)) = message.get("content").cloned() {
        let plain = |part: &Value| part["type"] == "text" && part.get("cache_control").is_none();
        if parts.iter().all(plain) && (parts.len() == 1 || message["role"] == "assistant") {
            let text: String = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            message.insert("content".into(), text.into());
        }
    }
    // Paragraphs of thinking as one, and a bare address.
    for part in message.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
        if part["image_url"].is_string() {
            part["image_url"] = serde_json::json!({"url": part["image_url"]});
        }
        if let Some(Value::Array(texts)) = part.get("thinking") {
            part["thinking"] =
                texts.iter().filter_map(|text| text["text"].as_str()).collect::<String>().into();
        }
    }
    if message.get("content") == Some(&"".into()) {
        message.remove("content");
    }
    if message.get("tool_calls").is_some_and(|calls| calls.as_array().is_none_or(Vec::is_empty)) {
        message.remove("tool_calls");
    }
    for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        let call = call.as_object_mut().expect("a call");
        call.remove("index");
        if call["function"]["arguments"] == "" {
            call["function"]["arguments"] = "{}".into();
        }
    }
    // Words without state: nothing hangs on how they were numbered.
    for detail in message.get_mut("reasoning_details").and_then(Value::as_array_mut).into_iter().flatten() {
        if detail.get("signature").or(detail.get("data")).is_none_or(|state| *state == "") {
            detail
                .as_object_mut()
                .expect("a detail")
                .retain(|key, _| ["type", "text", "summary"].contains(&key.as_str()));
        }
    }
    // The same thinking in a second field, or under its other name.
    let thinking = message.remove("reasoning");
    if let (Some(thinking), false) = (thinking, message.contains_key("reasoning_details")) {
        message.entry("reasoning_content").or_insert(thinking);
    }
}

/// Without nulls and spelled-out defaults, and all numbers as floats.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let says = |key: &str, value: &Value| !(value.is_null() || (key == "ttl" && value == "5m"));
            let kept = members.into_iter().filter(|(key, value)| says(key, value));
            kept.map(|(key, value)| (key, plain(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Number(number) => serde_json::json!(number.as_f64()),
        other => other,
    }
}

#[test]
fn forwarding_changes_only_the_model_and_what_metering_needs() {
    for recording in exchanges().into_iter().filter(Recording::is_success) {
        let case = &recording.case;
        let body = Bytes::from(recording.request.clone());
        let envelope = Envelope::scan(&body).expect("a request");
        let streamed = envelope.value(&body, "stream") == Some("true");
        let target = Target { model: "other".to_owned(), stream: streamed, ..Target::default() };
        let mut quirks = quirks(&recording.vendor);
        // Whatever the client said of thinking stands in the vendor's words already.
        quirks.reasoning_history = ReasoningHistory::ReasoningDetails;
        quirks.cache_control = true;
        quirks.seed_field = None;
        let switches = [
            ("enable_thinking", ThinkingSwitch::EnableThinking),
            ("thinking", ThinkingSwitch::ThinkingType),
            ("reasoning", ThinkingSwitch::Reasoning),
        ];
        let said = switches.iter().find(|(field, _)| envelope.range(&body, field).is_some());
        quirks.thinking_switch = said.map_or(ThinkingSwitch::ReasoningEffort, |(_, switch)| *switch);
        let encoded = ChatCompletions::new(quirks)
            .forward(&body, &envelope, &target)
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        assert!(encoded.losses.is_empty(), "{case}: {:?}", encoded.losses);
        let forwarded = encoded.request.body.joined();
        let mut expected: Value = serde_json::from_slice(&body).expect("valid");
        expected["model"] = "other".into();
        expected.as_object_mut().expect("an object").remove("metadata");
        if streamed {
            expected["stream_options"]["include_usage"] = true.into();
        } else {
            expected.as_object_mut().expect("an object").remove("stream_options");
        }
        let forwarded: Value = serde_json::from_slice(&forwarded).expect("valid");
        let unset = |mut request: Value| {
            if request["stream"] == false {
                request.as_object_mut().expect("an object").remove("stream");
            }
            request
        };
        assert_eq!(unset(forwarded), unset(expected), "{case}");
    }
}
