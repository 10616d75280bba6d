//! Properties that hold for every recorded exchange of this format, read where the recordings lie.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::{Dialect, Ingress, TapOptions};
use llm_core::event::unfold;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, ChatResponse, Envelope, Event, Part, Target};
use llm_providers_openai::{ChatCompletions, ChatIngress, Quirks, ReasoningHistory, ThinkingSwitch};
use llm_testkit::{Recording, recordings, replay};
use serde_json::Value;

fn dialect() -> ChatCompletions {
    ChatCompletions::new(Quirks::default())
}

fn exchanges() -> Vec<Recording> {
    recordings("openai-chat")
}

fn answers() -> impl Iterator<Item = Recording> {
    exchanges().into_iter().filter(Recording::is_success)
}

fn text(response: &ChatResponse) -> String {
    response.choices.iter().map(|choice| choice.message.joined_text() + "\n").collect()
}

fn reasoning(response: &ChatResponse) -> String {
    let parts = response.choices.iter().flat_map(|choice| &choice.message.parts);
    let thoughts = parts.filter_map(|part| if let Part::Reasoning(part) = part { Some(part) } else { None });
    thoughts.map(|part| part.text.clone() + &part.summary.concat()).collect()
}

fn calls(response: &ChatResponse) -> Vec<(u32, String, String, String)> {
    let calls = response.choices.iter().flat_map(|choice| {
        choice
            .message
            .tool_calls()
            .map(|call| (choice.index, call.id.clone(), call.name.clone(), call.arguments.clone()))
    });
    calls.collect()
}

/// Whether the vendor broke off in the middle with an error of its own.
fn fails_midway(recording: &Recording) -> bool {
    recording.features.iter().any(|feature| feature == "mid-stream-error")
}

#[test]
fn every_answer_decodes_and_says_something() {
    for recording in answers().filter(|recording| !recording.is_sse()) {
        let case = &recording.case;
        let response = dialect().decode(&recording.reply).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert!(!response.choices.is_empty(), "{case}");
        for choice in &response.choices {
            let says = !choice.message.parts.is_empty() || choice.finish.is_some();
            assert!(says, "{case}: choice {} is empty", choice.index);
            for call in choice.message.tool_calls() {
                assert!(!call.id.is_empty() && !call.name.is_empty(), "{case}: a call without id or name");
            }
        }
    }
}

#[test]
fn peeking_tells_what_decoding_tells() {
    for recording in answers().filter(|recording| !recording.is_sse()) {
        let case = &recording.case;
        let response = dialect().decode(&recording.reply).expect("decodes");
        let peek = dialect().peek(&recording.reply.body).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(peek.usage, response.usage, "{case}");
        let model = peek.model.and_then(|range| recording.reply.body.get(range)).expect("a model");
        assert_eq!(serde_json::from_slice::<String>(model).expect("a string"), response.model, "{case}");
    }
}

#[test]
fn usage_adds_up() {
    for recording in answers() {
        let case = &recording.case;
        let response = match whole(&recording) {
            Some(response) => response,
            None => continue,
        };
        let Some(reported) = last_usage(&recording) else { continue };
        let number = |key: &str| reported.get(key).and_then(Value::as_u64);
        let usage = response.usage;
        if let Some(prompt) = number("prompt_tokens") {
            assert_eq!(usage.prompt_total(), Some(prompt), "{case}");
        }
        if let (Some(completion), Some(shown)) = (number("completion_tokens"), usage.completion_total()) {
            let beside = usage.reasoning.unwrap_or(0);
            assert!(shown == completion || shown == completion + beside, "{case}: {shown} of {completion}");
        }
        assert_eq!(usage.prompt_total().is_some(), number("prompt_tokens").is_some(), "{case}");
    }
}

fn whole(recording: &Recording) -> Option<ChatResponse> {
    if fails_midway(recording) {
        return None;
    }
    let case = &recording.case;
    let read = if recording.is_sse() {
        replay::folded(&dialect(), &recording.reply.body)
    } else {
        dialect().decode(&recording.reply)
    };
    Some(read.unwrap_or_else(|error| panic!("{case}: {error}")))
}

fn last_usage(recording: &Recording) -> Option<Value> {
    chunks(recording)
        .iter()
        .filter_map(|chunk| chunk.get("usage").filter(|usage| usage.is_object()))
        .next_back()
        .cloned()
}

fn chunks(recording: &Recording) -> Vec<Value> {
    let body = String::from_utf8_lossy(&recording.reply.body).into_owned();
    if !recording.is_sse() {
        return serde_json::from_str(&body).into_iter().collect();
    }
    let payloads = body.split(['\n', '\r']).filter_map(|line| line.strip_prefix("data:"));
    payloads.filter_map(|payload| serde_json::from_str(payload.trim()).ok()).collect()
}

/// What a stream says, put together by plain means: all texts of all choices in order.
fn plainly(recording: &Recording, field: &str) -> String {
    let chunks = chunks(recording);
    let mut texts = std::collections::BTreeMap::<u64, String>::new();
    for choice in chunks.iter().filter_map(|chunk| chunk.get("choices")?.as_array()).flatten() {
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
        let text = texts.entry(index).or_default();
        match choice.get("delta").and_then(|delta| delta.get(field)) {
            Some(Value::String(more)) => text.push_str(more),
            Some(Value::Array(parts)) => {
                parts
                    .iter()
                    .filter_map(|part| part.get("text")?.as_str())
                    .for_each(|more| text.push_str(more));
            }
            _ => {}
        }
    }
    texts.into_values().map(|text| text + "\n").collect()
}

#[test]
fn a_folded_stream_holds_every_word() {
    for recording in answers().filter(Recording::is_sse) {
        let Some(response) = whole(&recording) else { continue };
        let case = &recording.case;
        assert_eq!(text(&response), plainly(&recording, "content"), "{case}");
        let thought = reasoning(&response);
        let said =
            ["reasoning_content", "reasoning"].map(|field| plainly(&recording, field).replace('\n', ""));
        let said = said.iter().find(|text| !text.is_empty());
        if let Some(said) = said {
            assert_eq!(&thought.replace('\n', ""), said, "{case}: thinking is lost or doubled");
        }
        for (_, id, name, arguments) in calls(&response) {
            assert!(!id.is_empty() && !name.is_empty(), "{case}: a call without id or name");
            let cut = recording.features.iter().any(|feature| feature == "quirk:truncated-tool-call");
            let whole = arguments.is_empty() || serde_json::from_str::<Value>(&arguments).is_ok();
            assert!(whole || cut, "{case}: broken arguments {arguments}");
        }
        assert!(response.choices.iter().all(|choice| choice.finish.is_some()), "{case}");
    }
}

#[test]
fn events_keep_their_order() {
    for recording in answers().filter(Recording::is_sse) {
        let case = &recording.case;
        let events = replay::events(&dialect(), &[&recording.reply.body]).unwrap_or_default();
        assert_order(case, &events);
    }
}

fn assert_order(case: &str, events: &[Event]) {
    let mut open = std::collections::BTreeSet::new();
    let mut finished = std::collections::BTreeSet::new();
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Start(_) => assert_eq!(at, 0, "{case}: a second start"),
            Event::PartStart { choice, part, .. } => {
                assert!(
                    !finished.contains(choice) && open.insert((*choice, *part)),
                    "{case}: part opened twice"
                );
            }
            Event::Delta { choice, part, .. } => {
                assert!(open.contains(&(*choice, *part)), "{case}: closed part")
            }
            Event::PartEnd { choice, part } => assert!(open.remove(&(*choice, *part)), "{case}: not open"),
            Event::Finish { choice, .. } => {
                assert!(finished.insert(*choice), "{case}: finished twice");
                assert!(!open.iter().any(|(of, _)| of == choice), "{case}: parts open at the finish");
            }
            Event::Error(_) | Event::End => {
                assert_eq!(at + 1, events.len(), "{case}: something after the end")
            }
            _ => {}
        }
    }
}

#[test]
fn cuts_between_bytes_do_not_matter() {
    for recording in answers().filter(Recording::is_sse) {
        replay::assert_cuts_do_not_matter(&dialect(), &recording.reply.body, &recording.case);
    }
}

#[test]
fn a_stream_cut_short_is_an_error() {
    for recording in answers().filter(Recording::is_sse).filter(|recording| !fails_midway(recording)) {
        let body = &recording.reply.body;
        let said = String::from_utf8_lossy(body);
        // Up to the first finish reason nothing is complete.
        let finish = ["\"finish_reason\":\"", "\"finish_reason\": \""].iter().filter_map(|word| {
            let found =
                said.match_indices(word).map(|(at, word)| (at, said[at + word.len()..].starts_with('"')));
            { found }.find(|(_, blank)| !blank).map(|(at, _)| at)
        });
        let Some(end) = finish.min() else { continue };
        for part in 1..8 {
            let cut = body.slice(..end * part / 8);
            assert!(replay::folded(&dialect(), &cut).is_err(), "{}: cut at {}", recording.case, cut.len());
            let tapped = replay::tapped(&dialect(), TapOptions::default(), &cut);
            assert!(tapped.is_err(), "{}: tapped, cut at {}", recording.case, cut.len());
        }
    }
}

#[test]
fn a_tap_keeps_every_byte_and_sees_what_the_decoder_sees() {
    for recording in answers().filter(Recording::is_sse).filter(|recording| !fails_midway(recording)) {
        let case = &recording.case;
        let options = TapOptions { public_model: None, include_usage: true };
        let (bytes, seen) = replay::tapped(&dialect(), options, &recording.reply.body)
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        assert!(bytes.starts_with(recording.reply.body.trim_ascii_end()), "{case}: bytes were changed");
        let response = whole(&recording).expect("a whole stream");
        assert_eq!(seen.usage, response.usage, "{case}");
        // One vendor never says why; the decoder then concludes it from the terminator.
        let finish = response.choices.first().and_then(|choice| choice.finish.clone());
        assert!(seen.finish.is_none() || seen.finish == finish, "{case}");
        assert!(seen.content && seen.ended, "{case}");
    }
}

#[test]
fn a_tap_renames_the_model_and_nothing_else() {
    for recording in answers().filter(Recording::is_sse).filter(|recording| !fails_midway(recording)) {
        let case = &recording.case;
        let options = TapOptions { public_model: Some("public \"name\"".into()), include_usage: true };
        let (bytes, _) = replay::tapped(&dialect(), options, &recording.reply.body).expect("passes");
        let renamed = Recording {
            reply: WireResponse { body: bytes.into(), ..recording.reply.clone() },
            ..recording.clone()
        };
        let mut expected = chunks(&recording);
        for chunk in &mut expected {
            if let Some(model) = chunk.get_mut("model") {
                *model = "public \"name\"".into();
            }
        }
        assert_eq!(chunks(&renamed), expected, "{case}");
    }
}

#[test]
fn a_tap_leaves_usage_out_that_the_client_did_not_ask_for() {
    for recording in answers().filter(Recording::is_sse).filter(|recording| !fails_midway(recording)) {
        let (bytes, seen) =
            replay::tapped(&dialect(), TapOptions::default(), &recording.reply.body).expect("passes");
        let passed = Recording {
            reply: WireResponse { body: bytes.into(), ..recording.reply.clone() },
            ..recording.clone()
        };
        let only_usage = |chunk: &Value| {
            chunk["choices"].as_array().is_none_or(Vec::is_empty) && chunk["usage"].is_object()
        };
        assert!(!chunks(&passed).iter().any(only_usage), "{}", recording.case);
        assert_eq!(seen.usage, whole(&recording).expect("whole").usage, "{}", recording.case);
    }
}

#[test]
fn errors_are_errors_with_a_message_of_the_right_side() {
    for recording in exchanges().into_iter().filter(|recording| !recording.is_success()) {
        let error = dialect().classify(&recording.reply);
        let case = &recording.case;
        assert!(!error.message().is_empty() && error.status() >= 400, "{case}: {error:?}");
        let is_auth = recording.features.iter().any(|feature| feature == "error-401");
        assert!(!is_auth || error.kind() == llm_core::ErrorKind::UpstreamAuth, "{case}: {error:?}");
        let is_missing = recording.features.iter().any(|feature| feature == "error-404");
        assert!(!is_missing || error.kind() == llm_core::ErrorKind::UpstreamNotFound, "{case}: {error:?}");
    }
}

#[test]
fn an_error_in_the_middle_is_an_event_and_ends_the_tap() {
    for recording in answers().filter(fails_midway) {
        let events = replay::events(&dialect(), &[&recording.reply.body]).expect("reads");
        assert!(matches!(events.last(), Some(Event::Error(_))), "{}", recording.case);
        assert!(replay::tapped(&dialect(), TapOptions::default(), &recording.reply.body).is_err());
    }
}

#[test]
fn what_is_decoded_and_encoded_for_a_client_says_the_same() {
    let request = ChatRequest { include_usage: Some(true), ..ChatRequest::default() };
    for recording in answers() {
        let Some(response) = whole(&recording) else { continue };
        let case = &recording.case;
        let body = ChatIngress.encode(&response, &request);
        let reply = WireResponse { status: 200, headers: HeaderMap::new(), body };
        let again = dialect().decode(&reply).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_same(case, &again, &response);
        let mut stream = bytes::BytesMut::new();
        let mut encoder = ChatIngress.encoder(&request);
        unfold(response.clone()).iter().for_each(|event| encoder.push(event, &mut stream));
        let again = replay::folded(&dialect(), &stream).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_same(case, &again, &response);
    }
}

fn assert_same(case: &str, again: &ChatResponse, response: &ChatResponse) {
    assert_eq!(text(again), text(response), "{case}");
    assert_eq!(reasoning(again), reasoning(response), "{case}");
    assert_eq!(calls(again), calls(response), "{case}");
    assert_eq!(again.usage.prompt_total(), response.usage.prompt_total(), "{case}");
    assert_eq!(again.usage, response.usage, "{case}");
    assert!(again.id == response.id || response.id.is_empty(), "{case}");
    assert_eq!(again.choices.len(), response.choices.len(), "{case}");
}

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

#[test]
fn no_recorded_body_is_changed_by_reading_it_as_bytes_of_another_kind() {
    // A whole answer where a stream is expected, and the reverse: an error or the same words, never a panic.
    for recording in answers() {
        let _ = replay::events(&dialect(), &[&recording.reply.body]);
        let _ = dialect().decode(&recording.reply);
        let _ = dialect().peek(&recording.reply.body);
        let _ = ChatIngress.decode(&Bytes::clone(&recording.reply.body), &HeaderMap::new());
    }
}
