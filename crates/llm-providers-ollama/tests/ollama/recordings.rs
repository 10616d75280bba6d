//! Properties that hold for every recorded exchange.

use bytes::Bytes;
use llm_core::dialect::TapOptions;
use llm_core::{ChatRequest, Dialect, Envelope, ErrorKind, FinishReason, Ingress, Target, Usage};
use llm_providers_ollama::{ChatIngress, GenerateIngress};
use llm_testkit::{Recording, recordings, replay};
use serde_json::{Value, json};

use crate::{ask, body_for, dialect, json as parse, prompt, stream_for};

fn all() -> Vec<Recording> {
    let prompts = recordings("ollama-generate");
    recordings("ollama-chat").into_iter().chain(prompts).collect()
}

fn streams() -> impl Iterator<Item = Recording> {
    all().into_iter().filter(|recording| recording.is_success() && recording.framing == "ndjson")
}

fn wholes() -> impl Iterator<Item = Recording> {
    all().into_iter().filter(|recording| recording.is_success() && recording.framing == "json")
}

fn is_prompt(recording: &Recording) -> bool {
    recording.dialect == "ollama-generate"
}

fn ingress(recording: &Recording) -> &'static dyn Ingress {
    if is_prompt(recording) { &GenerateIngress } else { &ChatIngress }
}

fn assert_adds_up(usage: &Usage, last: &Value, case: &str) {
    let count = |name: &str| last[name].as_u64();
    assert_eq!(usage.completion_total(), count("eval_count"), "{case}");
    assert_eq!(usage.prompt_total().unwrap_or(0), count("prompt_eval_count").unwrap_or(0), "{case}");
}

fn expected_finish(recording: &Recording, calls: bool) -> FinishReason {
    match recording.finish.first().map(String::as_str) {
        Some("length") => FinishReason::Length,
        _ if calls => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

#[test]
fn whole_answers_decode_and_come_back_whole() {
    for recording in wholes() {
        let case = &recording.case;
        let response = dialect().decode(&recording.reply).unwrap_or_else(|fault| panic!("{case}: {fault}"));
        let body = parse(&recording.reply.body);
        assert_adds_up(&response.usage, &body, case);
        let choice = response.choices.first().expect("a choice");
        let calls =
            recording.features.iter().any(|feature| feature == "tool-call" || feature.contains("done-line"));
        assert_eq!(choice.wants_tools(), calls, "{case}");
        assert_eq!(choice.finish, Some(expected_finish(&recording, calls)), "{case}");
        let peek = dialect().peek(&recording.reply.body).expect("an answer");
        assert_eq!((peek.usage, peek.finish), (response.usage, choice.finish.clone()), "{case}");
        let written = parse(&ingress(&recording).encode(&response, &ChatRequest::default()));
        assert_eq!(normal(written), normal(body), "{case}");
    }
}

/// Explained differences: durations that are not known are 0; an empty prompt's count is left out by some; times are
/// kept to the last digit.
fn normal(mut answer: Value) -> Value {
    let members = answer.as_object_mut().expect("an object");
    members.retain(|_, value| *value != json!(0));
    answer
}

#[test]
fn streams_fold_and_their_usage_adds_up() {
    for recording in streams() {
        let case = &recording.case;
        let response = replay::folded(&dialect(), &recording.reply.body)
            .unwrap_or_else(|fault| panic!("{case}: {fault}"));
        let text = std::str::from_utf8(&recording.reply.body).expect("UTF-8");
        let last = parse(text.lines().last().expect("a line").as_bytes());
        assert_adds_up(&response.usage, &last, case);
        let choice = response.choices.first().expect("a choice");
        let calls = recording
            .features
            .iter()
            .any(|feature| feature == "streamed-tool-call" || feature.contains("tool-call-before"));
        assert_eq!(choice.wants_tools(), calls, "{case}");
        assert_eq!(choice.finish, Some(expected_finish(&recording, calls)), "{case}");
        assert!(choice.message.tool_calls().all(|call| call.arguments_object().is_some()), "{case}");
        let said: String = text
            .lines()
            .map(|line| parse(line.as_bytes()))
            .map(|line| {
                let text = line["message"]["content"].as_str().or(line["response"].as_str());
                text.unwrap_or_default().to_owned()
            })
            .collect();
        assert_eq!(choice.message.joined_text(), said, "{case}");
    }
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
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for at in (0..lines.len()).step_by((lines.len() / 8).max(1)) {
            let cut = lines[..at].concat();
            let fault = replay::folded(&dialect(), cut.as_bytes()).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated, "{}", recording.case);
            let fault =
                replay::tapped(&dialect(), TapOptions::default(), cut.as_bytes()).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated, "{}", recording.case);
        }
    }
}

#[test]
fn streams_pass_as_they_are_and_the_tap_sees_what_the_decoder_reads() {
    for recording in streams() {
        let body = &recording.reply.body;
        let (bytes, seen) = replay::tapped(&dialect(), TapOptions::default(), body).expect("complete");
        assert_eq!(bytes.as_slice(), &body[..], "{}", recording.case);
        let response = replay::folded(&dialect(), body).expect("folds");
        assert_eq!(
            (seen.usage, seen.finish),
            (response.usage, response.choices[0].finish.clone()),
            "{}",
            recording.case
        );
        let options = TapOptions { public_model: Some("public".into()), include_usage: false };
        let (bytes, _) = replay::tapped(&dialect(), options, body).expect("complete");
        let models = String::from_utf8(bytes).expect("UTF-8");
        assert!(models.lines().all(|line| parse(line.as_bytes())["model"] == "public"), "{}", recording.case);
    }
}

#[test]
fn streams_are_written_so_that_they_fold_to_the_same() {
    for recording in streams() {
        let events = replay::events(&dialect(), &[&recording.reply.body]).expect("a stream");
        let expected = replay::fold(events.clone()).expect("folds");
        let text = stream_for(ingress(&recording), &ChatRequest::default(), &events);
        let mut again = replay::folded(&dialect(), text.as_bytes()).expect("folds");
        // Ids of ours follow the time of the line, and durations that were not told are 0.
        again.extras.clone_from(&expected.extras);
        let ids = expected.choices[0].message.tool_calls().map(|call| call.id.clone());
        let ids: Vec<String> = ids.collect();
        assert_eq!(again.choices[0].message.tool_calls().count(), ids.len(), "{}", recording.case);
        assert_eq!(again, expected, "{}", recording.case);
    }
}

#[test]
fn errors_are_classified() {
    for recording in all().into_iter().filter(|recording| !recording.is_success()) {
        let error = dialect().decode(&recording.reply).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::UpstreamNotFound, "{}", recording.case);
        assert_eq!(parse(&ChatIngress.error(&error)), parse(&recording.reply.body), "{}", recording.case);
    }
}

#[test]
fn recorded_requests_come_back_as_the_server_took_them() {
    for recording in recordings("ollama-chat") {
        let request = ask(&recording.request).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let expected = normal_request(parse(recording.request.as_bytes()));
        assert_eq!(normal_request(body_for(&request)), expected, "{}", recording.case);
    }
    for recording in recordings("ollama-generate") {
        let request =
            prompt(&recording.request).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let body = body_for(&request);
        let given = parse(recording.request.as_bytes());
        assert_eq!(body["messages"][0]["content"], given["prompt"], "{}", recording.case);
        assert_eq!(body["stream"], given.get("stream").cloned().unwrap_or(json!(true)), "{}", recording.case);
    }
}

/// Two spellings of the same request become one: what is empty or null is not said, streaming is said, calls say
/// their type, results name their tool.
fn normal_request(mut body: Value) -> Value {
    let members = body.as_object_mut().expect("an object");
    members.entry("stream").or_insert(json!(true));
    let empty =
        |value: &Value| *value == json!("") || *value == json!([]) || *value == json!({}) || value.is_null();
    members.retain(|_, value| !empty(value));
    for option in body["options"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        *option = option.as_f64().map_or_else(|| option.take(), Value::from);
    }
    for message in body["messages"].as_array_mut().into_iter().flatten() {
        let message = message.as_object_mut().expect("an object");
        message.remove("tool_name");
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            call["type"] = "function".into();
        }
    }
    body
}

#[test]
fn recorded_requests_pass_with_another_model_and_nothing_else() {
    for recording in recordings("ollama-chat") {
        let body = Bytes::from(recording.request.clone());
        let envelope = Envelope::scan(&body).expect("an object");
        let mut expected = parse(&body);
        let stream = expected.get("stream") != Some(&json!(false));
        let target = Target { model: "other".to_owned(), stream, ..Target::default() };
        let forwarded = dialect().forward(&body, &envelope, &target).expect("passes");
        expected["model"] = "other".into();
        assert_eq!(parse(&forwarded.request.body.joined()), expected, "{}", recording.case);
        assert!(forwarded.losses.is_empty());
    }
}
