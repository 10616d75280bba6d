//! Properties that hold for every recorded answer of this format, read where the recordings lie.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::{Dialect, TapOptions};
use llm_core::event::unfold;
use llm_core::ingress::Ingress;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, ChatResponse, Event, Part};
use llm_providers_openai::{ChatCompletions, ChatIngress, Quirks};
use llm_testkit::{Recording, recordings, replay};
use serde_json::Value;

fn dialect() -> ChatCompletions {
    ChatCompletions::new(Quirks::default())
}

pub(crate) fn exchanges() -> Vec<Recording> {
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
                assert!(open.contains(&(*choice, *part)), "{case}: closed part");
            }
            Event::PartEnd { choice, part } => assert!(open.remove(&(*choice, *part)), "{case}: not open"),
            Event::Finish { choice, .. } => {
                assert!(finished.insert(*choice), "{case}: finished twice");
                assert!(!open.iter().any(|(of, _)| of == choice), "{case}: parts open at the finish");
            }
            Event::Error(_) | Event::End => {
                assert_eq!(at + 1, events.len(), "{case}: something after the end");
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
