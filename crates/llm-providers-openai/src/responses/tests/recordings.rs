//! Recorded traffic: what vendors of this format really send, and what they really took.

use bytes::Bytes;
use llm_core::dialect::{Seen, TapOptions};
use llm_core::event::unfold;
use llm_core::message::Reasoning;
use llm_core::wire::WireResponse;
use llm_core::{ChatResponse, Dialect, Envelope, ErrorKind, Ingress, Part, RawJson};
use llm_testkit::{Recording, recordings, replay};
use serde_json::{Map, Value, json};

use super::{request, streamed, target, written};
use crate::responses::{Responses, ResponsesIngress};

/// Recordings of answers to requests for answers: the collection has one of a token count, too.
fn answers() -> impl Iterator<Item = Recording> {
    let all = recordings("openai-responses").into_iter();
    all.filter(|case| case.path.ends_with("/responses") && case.is_success())
}

fn streams() -> impl Iterator<Item = Recording> {
    answers().filter(Recording::is_sse)
}

/// The `response` of a stream's last event.
fn last_response(case: &Recording) -> Value {
    let text = std::str::from_utf8(&case.reply.body).expect("UTF-8");
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let mut events = data.filter_map(|json| serde_json::from_str::<Value>(json).ok());
    let last = events.rfind(|event| event.get("response").is_some()).expect("a last event");
    last["response"].clone()
}

/// A response without what a stream cannot tell: it settles the tier, and adds members, only at its end. What is
/// encrypted is so anew each time that it is sent, and a vendor that has no ids makes others up each time.
fn told(mut response: ChatResponse) -> ChatResponse {
    for part in &mut response.choices[0].message.parts {
        if let Part::Reasoning(Reasoning { opaque: Some(opaque), .. }) = part {
            opaque.data.clear();
        }
        if let Part::Reasoning(Reasoning { id, .. }) = part {
            *id = id.take().filter(|id| !id.starts_with("rs_tmp_"));
        }
    }
    response.service_tier = None;
    response.extras = None;
    response
}

#[test]
fn every_whole_answer_decodes_and_its_usage_adds_up() {
    for case in answers().filter(|case| !case.is_sse()) {
        let name = &case.case;
        let response =
            Responses::default().decode(&case.reply).unwrap_or_else(|error| panic!("{name}: {error}"));
        let body: Value = serde_json::from_slice(&case.reply.body).expect("JSON");
        let peeked = Responses::default().peek(&case.reply.body).expect("can be read");
        assert_eq!(peeked.usage, response.usage, "{name}");
        assert_eq!(peeked.finish, response.choices[0].finish, "{name}");
        let model = peeked.model.and_then(|range| case.reply.body.get(range)).expect("a model");
        assert_eq!(model, json!(response.model).to_string().as_bytes(), "{name}");
        if let Some(usage) = body.get("usage").filter(|usage| !usage.is_null()) {
            assert_eq!(json!(response.usage.prompt_total()), usage["input_tokens"], "{name}");
            assert_eq!(json!(response.usage.completion_total()), usage["output_tokens"], "{name}");
            assert_eq!(json!(response.usage.total()), usage["total_tokens"], "{name}");
        }
        assert!(!response.choices[0].message.parts.is_empty(), "{name}");
    }
}

#[test]
fn every_stream_tells_what_its_last_event_repeats() {
    for case in streams() {
        let name = &case.case;
        let folded = replay::folded(&Responses::default(), &case.reply.body)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let whole = last_response(&case);
        let empty = whole["output"].as_array().is_some_and(Vec::is_empty);
        let body = Bytes::from(whole.to_string());
        let whole = Responses::default().decode(&WireResponse { body, ..case.reply.clone() }).expect("whole");
        let (mut folded, mut whole) = (told(folded), told(whole));
        if empty {
            whole.choices[0].message.parts.clone_from(&folded.choices[0].message.parts);
            whole.choices[0].finish.clone_from(&folded.choices[0].finish);
        }
        // Written again by this test, the spelling of what stays raw is another one.
        respell(&mut folded);
        respell(&mut whole);
        assert_eq!(folded, whole, "{name}");
    }
}

fn respell(response: &mut ChatResponse) {
    let again = |raw: &RawJson| RawJson::of(&raw.read::<Value>().expect("valid")).expect("writes");
    for part in &mut response.choices[0].message.parts {
        match part {
            Part::ServerTool(block) | Part::Unknown(block) => block.raw = again(&block.raw),
            Part::Text(text) => {
                for citation in &mut text.citations {
                    citation.raw = citation.raw.as_ref().map(|(origin, raw)| (*origin, again(raw)));
                }
            }
            _ => {}
        }
    }
    response.choices[0].logprobs = response.choices[0].logprobs.as_ref().map(again);
}

#[test]
fn cuts_between_chunks_do_not_matter() {
    for case in streams() {
        replay::assert_cuts_do_not_matter(&Responses::default(), &case.reply.body, &case.case);
    }
}

#[test]
fn a_stream_that_is_cut_short_is_an_error() {
    for case in streams() {
        let body = &case.reply.body;
        let needles = ["response.completed", "response.incomplete"];
        let text = std::str::from_utf8(body).expect("UTF-8");
        let end = needles.iter().filter_map(|needle| text.find(needle)).min().expect("an end");
        for at in [0, 1, end / 3, end / 2, end - 1] {
            let cut = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            assert!(replay::folded(&Responses::default(), &body[..cut]).is_err(), "{}: {cut}", case.case);
            let tapped = replay::tapped(&Responses::default(), TapOptions::default(), &body[..cut]);
            let kind = tapped.expect_err(&case.case).kind();
            let expected = [ErrorKind::Truncated, ErrorKind::BadUpstreamAnswer];
            assert!(expected.contains(&kind), "{}: {cut}: {kind:?}", case.case);
        }
    }
}

#[test]
fn a_tap_keeps_every_byte_and_sees_what_the_decoder_sees() {
    for case in streams() {
        let name = &case.case;
        let folded = replay::folded(&Responses::default(), &case.reply.body).expect("decodes");
        let (out, seen): (_, Seen) =
            replay::tapped(&Responses::default(), TapOptions::default(), &case.reply.body).expect("whole");
        assert_eq!(out, case.reply.body, "{name}");
        assert!(seen.content && seen.ended && seen.error.is_none(), "{name}");
        assert_eq!(seen.usage, folded.usage, "{name}");
        assert_eq!(seen.finish, folded.choices[0].finish, "{name}");
    }
}

#[test]
fn a_tap_shows_the_public_name_and_changes_nothing_else() {
    for case in streams() {
        let name = &case.case;
        let options = TapOptions { public_model: Some("public\"name".into()), include_usage: true };
        let (out, _) = replay::tapped(&Responses::default(), options, &case.reply.body).expect("whole");
        let out = String::from_utf8(out).expect("UTF-8");
        let body = std::str::from_utf8(&case.reply.body).expect("UTF-8");
        let pairs: Vec<(&str, &str)> = body.lines().zip(out.lines()).collect();
        assert_eq!(body.lines().count(), out.lines().count(), "{name}");
        for (before, after) in pairs.into_iter().filter(|(before, after)| before != after) {
            let parse = |line: &str| serde_json::from_str::<Value>(&line[5..]).expect("JSON");
            let (mut before, after) = (parse(before), parse(after));
            before["response"]["model"] = json!("public\"name");
            assert_eq!(before, after, "{name}");
        }
        assert!(
            out.contains(r#""model":"public\"name""#) || out.contains(r#""model": "public\"name""#),
            "{name}"
        );
    }
}

#[test]
fn errors_are_errors_with_the_vendors_words() {
    let refused = recordings("openai-responses").into_iter().filter(|case| !case.is_success());
    for case in refused {
        let error = Responses::default().classify(&case.reply);
        assert!(!error.message().is_empty(), "{}", case.case);
        let key = [ErrorKind::UpstreamAuth].contains(&error.kind());
        assert_eq!(key, case.reply.status == 401 || error.message().contains("API key"), "{}", case.case);
    }
}

/// What may differ between a recorded request and the one written from its canonical form, and why.
fn explained(mut body: Value) -> Value {
    let Some(members) = body.as_object_mut() else { return body };
    members.retain(|_, value| !value.is_null());
    // Said by the target, or nothing said.
    for key in ["model", "stream"] {
        members.remove(key);
    }
    let silent = |key: &str, value: &Value| {
        key == "instructions" && *value == json!("") || key == "tools" && *value == json!([])
    };
    members.retain(|key, value| !silent(key, value));
    // Text is the form of an answer if nothing else is asked for.
    if members.get("text") == Some(&json!({"format": {"type": "text"}})) {
        members.remove("text");
    }
    if let Some(Value::String(text)) = members.get("input") {
        let item = json!([{"type": "message", "role": "user", "content": text}]);
        members.insert("input".into(), item);
    }
    for item in members.get_mut("input").and_then(Value::as_array_mut).into_iter().flatten() {
        explained_item(item.as_object_mut().expect("an item"));
    }
    for tool in members.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        tool.as_object_mut().expect("a tool").retain(|_, value| !value.is_null());
    }
    numbers(&mut body);
    body
}

fn explained_item(item: &mut Map<String, Value>) {
    if item.contains_key("role") {
        item.insert("type".into(), json!("message"));
    }
    item.retain(|_, value| !value.is_null());
    // Told for the client's information; a message keeps it.
    if item.get("type") != Some(&json!("message")) {
        item.remove("status");
    }
    for key in ["content", "output"] {
        if let Some(Value::String(text)) = item.get(key) {
            let assistant = item.get("role") == Some(&json!("assistant"));
            let kind = if assistant { "output_text" } else { "input_text" };
            item.insert(key.into(), json!([{"type": kind, "text": text}]));
        }
        for part in item.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            let part = part.as_object_mut().expect("a part");
            part.retain(|key, value| {
                !(["annotations", "logprobs"].contains(&key.as_str()) && *value == json!([]))
            });
        }
    }
}

/// `0` and `0.0` are the same number.
fn numbers(value: &mut Value) {
    for key in ["temperature", "top_p"] {
        if let Some(number) = value.get(key).and_then(Value::as_f64) {
            value[key] = json!(number);
        }
    }
}

#[test]
fn every_request_is_written_again_as_it_was() {
    for case in recordings("openai-responses") {
        let before: Value = serde_json::from_str(&case.request).expect("JSON");
        let decoded = request(&case.request);
        let after = written(&decoded, &target(decoded.stream));
        assert_eq!(explained(after), explained(before), "{}", case.case);
    }
}

#[test]
fn every_request_is_passed_on_with_only_the_model_changed() {
    for case in recordings("openai-responses") {
        let body = Bytes::from(case.request.clone());
        let envelope = Envelope::scan(&body).expect("an object");
        let encoded = Responses::default().forward(&body, &envelope, &target(true)).expect("passes");
        let mut before: Value = serde_json::from_str(&case.request).expect("JSON");
        before["model"] = json!("vendor-model");
        let after: Value = serde_json::from_slice(&encoded.request.body.joined()).expect("JSON");
        assert_eq!(after, before, "{}", case.case);
        assert_eq!(
            ResponsesIngress.max_output_tokens(&body, &envelope),
            before["max_output_tokens"].as_u64()
        );
    }
}

#[test]
fn every_answer_reaches_a_client_whole_and_streamed_alike() {
    for case in answers() {
        let name = &case.case;
        let asked = request(&case.request);
        let response = if case.is_sse() {
            replay::folded(&Responses::default(), &case.reply.body).expect("decodes")
        } else {
            Responses::default().decode(&case.reply).expect("decodes")
        };
        let whole = ResponsesIngress.encode(&response, &asked);
        let again = Responses::default()
            .decode(&WireResponse { body: whole.clone(), ..case.reply.clone() })
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(again.choices[0].message, response.choices[0].message, "{name}");
        assert_eq!(again.choices[0].finish, response.choices[0].finish, "{name}");
        assert_eq!(again.usage.total(), response.usage.total(), "{name}");

        let stream = streamed(&unfold(response.clone()), &asked);
        let folded = replay::folded(&Responses::default(), stream.as_bytes()).expect("our own stream");
        assert_eq!(folded.choices[0].message, response.choices[0].message, "{name}");
        let last = super::frames(&stream).pop().expect("a last event");
        let mut whole: Value = serde_json::from_slice(&whole).expect("JSON");
        let mut last = last["response"].clone();
        without_logprobs(&mut whole);
        without_logprobs(&mut last);
        assert_eq!(last, whole, "{name}");
    }
}

/// A stream tells all log probabilities with the newest text, a whole answer with the first.
fn without_logprobs(response: &mut Value) {
    for item in response["output"].as_array_mut().into_iter().flatten() {
        for part in item.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
            part.as_object_mut().expect("a part").remove("logprobs");
        }
    }
}
