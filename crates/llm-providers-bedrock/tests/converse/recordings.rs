//! Properties that hold for every recorded exchange.

use llm_core::dialect::TapOptions;
use llm_core::framing::{Splitter, parse};
use llm_core::wire::Framing;
use llm_core::{Dialect, Envelope, ErrorKind, Ingress, LossPolicy, Target, Usage};
use llm_providers_bedrock::ConverseIngress;
use llm_testkit::{Recording, recordings, replay};
use serde_json::{Value, json};

use crate::{ask, body_for, dialect, json as read, stream_for};

fn is_stream(recording: &Recording) -> bool {
    recording.framing == "aws-eventstream"
}

fn streams() -> Vec<Recording> {
    recordings("bedrock-converse").into_iter().filter(is_stream).collect()
}

fn wholes() -> Vec<Recording> {
    let all = recordings("bedrock-converse").into_iter();
    all.filter(|recording| recording.is_success() && !is_stream(recording)).collect()
}

fn frames(body: &[u8]) -> Vec<(String, Value)> {
    let mut splitter = Splitter::new(Framing::AwsEventStream);
    splitter.push(bytes::Bytes::copy_from_slice(body)).expect("small");
    std::iter::from_fn(|| splitter.next_frame())
        .map(|raw| {
            let parsed = parse(Framing::AwsEventStream, &raw).expect("whole").expect("data");
            let frame = parsed.frame();
            let mut data = read(frame.data.as_bytes());
            data.as_object_mut().map(|members| members.remove("p"));
            (frame.event.expect("named").to_owned(), data)
        })
        .collect()
}

fn counted(recording: &Recording) -> Value {
    if is_stream(recording) {
        let last = frames(&recording.reply.body).pop().expect("a last event");
        return last.1["usage"].clone();
    }
    read(&recording.reply.body)["usage"].clone()
}

fn assert_adds_up(usage: &Usage, recording: &Recording) {
    let counts = counted(recording);
    let count = |name: &str| counts[name].as_u64().unwrap_or(0);
    let prompt = count("inputTokens") + count("cacheReadInputTokens") + count("cacheWriteInputTokens");
    if !counts.is_null() {
        assert_eq!(usage.prompt_total(), Some(prompt), "{}", recording.case);
        assert_eq!(usage.completion_total(), Some(count("outputTokens")), "{}", recording.case);
        assert_eq!(usage.total(), counts["totalTokens"].as_u64(), "{}", recording.case);
    }
}

fn assert_tools(choice: &llm_core::Choice, recording: &Recording) {
    let expected = recording.finish.iter().any(|finish| finish == "tool_use");
    assert_eq!(choice.wants_tools(), expected, "{}", recording.case);
    for call in choice.message.tool_calls() {
        assert!(call.arguments_object().is_some(), "{}", recording.case);
    }
}

#[test]
fn whole_answers_decode_and_their_usage_adds_up() {
    for recording in wholes() {
        let response =
            dialect().decode(&recording.reply).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let choice = response.choices.first().expect("a choice");
        assert!(!choice.message.parts.is_empty() && choice.finish.is_some(), "{}", recording.case);
        assert_tools(choice, &recording);
        assert_adds_up(&response.usage, &recording);
        let peek = dialect().peek(&recording.reply.body).expect("an answer");
        assert_eq!((peek.usage, &peek.finish), (response.usage, &choice.finish), "{}", recording.case);
    }
}

/// What is written anew differs in words that say the same: doubled names of counts, a guardrail's reason, and
/// signatures before or behind their text.
fn plain(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.retain(|name, value| !value.is_null() && !name.ends_with("InputTokenCount"));
            // Without an hour's cache the details say no more than the sum.
            let hour = |detail: &Value| detail["ttl"] == "1h";
            if members
                .get("cacheDetails")
                .and_then(Value::as_array)
                .is_some_and(|list| !list.iter().any(hour))
            {
                members.remove("cacheDetails");
            }
            if members.get("stopReason") == Some(&json!("guardrail_intervened")) {
                members.insert("stopReason".into(), json!("content_filtered"));
            }
            members.values_mut().for_each(|value| *value = plain(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = plain(item.take())),
        _ => {}
    }
    value
}

/// A call of a client's own tool may say so.
fn plain_calls(mut value: Value) -> Value {
    for block in value["output"]["message"]["content"].as_array_mut().into_iter().flatten() {
        if block["toolUse"]["type"] == "tool_use" {
            block["toolUse"].as_object_mut().map(|call| call.remove("type"));
        }
    }
    value
}

#[test]
fn whole_answers_come_back_whole() {
    for recording in wholes() {
        let response = dialect().decode(&recording.reply).expect("decodes");
        let expected = plain(plain_calls(read(&recording.reply.body)));
        assert_eq!(plain(body_for(&response)), expected, "{}", recording.case);
    }
}

#[test]
fn streams_fold_and_their_usage_adds_up() {
    for recording in streams() {
        let response = replay::folded(&dialect(), &recording.reply.body)
            .unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let choice = response.choices.first().expect("a choice");
        assert!(choice.finish.is_some(), "{}", recording.case);
        assert_tools(choice, &recording);
        assert_adds_up(&response.usage, &recording);
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
        let mut at = 0;
        for (name, _) in frames(&recording.reply.body) {
            let cut = &recording.reply.body[..at];
            at += frame_length(&recording.reply.body[at..]);
            if name == "metadata" {
                break;
            }
            let fault = replay::folded(&dialect(), cut).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated, "{}", recording.case);
            let fault = replay::tapped(&dialect(), TapOptions::default(), cut).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated, "{}", recording.case);
        }
    }
}

fn frame_length(body: &[u8]) -> usize {
    u32::from_be_bytes(body[..4].try_into().expect("four bytes")) as usize
}

#[test]
fn taps_let_streams_through_and_see_what_the_decoder_sees() {
    for recording in streams() {
        let body = &recording.reply.body;
        let (out, seen) = replay::tapped(&dialect(), TapOptions::default(), body).expect("complete");
        let response = replay::folded(&dialect(), body).expect("complete");
        assert_eq!(out, body[..], "{}", recording.case);
        assert_eq!((seen.usage, &seen.finish), (response.usage, &response.choices[0].finish));
        assert!(seen.ended && seen.content && seen.error.is_none(), "{}", recording.case);
    }
}

/// What a client of this format is told of a recorded stream is the recorded answer again.
#[test]
fn streams_come_back_the_same() {
    for recording in streams() {
        let events = replay::events(&dialect(), &[&recording.reply.body]).expect("complete");
        let told = replay::folded(&dialect(), &stream_for(&events)).expect("complete");
        let mut expected = replay::fold(events).expect("complete");
        for choice in &mut expected.choices {
            // A part without content is not told.
            choice.message.parts.retain(|part| part.as_text() != Some(""));
        }
        let (mut told, mut expected) = (told, expected);
        // An answer that reports no usage is told with zeros: SDKs demand the counts.
        if expected.usage == Usage::default() {
            told.usage = Usage::default();
        }
        told.extras = None;
        expected.extras = None;
        assert_eq!(told, expected, "{}", recording.case);
    }
}

#[test]
fn errors_mean_what_they_say() {
    for recording in recordings("bedrock-converse").iter().filter(|recording| !recording.is_success()) {
        let error = dialect().classify(&recording.reply);
        let expected = match recording.reply.status {
            403 => ErrorKind::UpstreamAuth,
            _ if error.message().contains("model identifier") => ErrorKind::UpstreamNotFound,
            _ => ErrorKind::InvalidRequest,
        };
        assert_eq!(error.kind(), expected, "{}: {error}", recording.case);
    }
}

fn model(recording: &Recording) -> String {
    let path = recording.path.split('?').next().expect("a path").to_owned();
    let endpoint =
        |path: &str| ConverseIngress.endpoints().iter().find_map(|endpoint| endpoint.matches(path));
    endpoint(&path).and_then(|asked| asked.model).unwrap_or_else(|| panic!("{}: {path}", recording.case))
}

#[test]
fn requests_pass_as_they_are() {
    for recording in recordings("bedrock-converse") {
        let body: bytes::Bytes = recording.request.clone().into();
        let envelope = Envelope::scan(&body).expect("an object");
        let stream = recording.path.ends_with("-stream");
        let target = Target { model: model(&recording), stream, ..Target::default() };
        let encoded = dialect().forward(&body, &envelope, &target).expect("passes");
        assert_eq!(encoded.request.body.joined(), body, "{}", recording.case);
        assert_eq!(encoded.request.path, recording.path.replace("v1:0", "v1%3A0"), "{}", recording.case);
    }
}

/// What is written anew differs in words that say the same: empty objects that need not be there, marks of success
/// that are the default, neighbours of one role that are one turn, names of documents.
fn request_plain(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, value| *value != json!({}) && *value != json!([]));
    }
    if let Some(config) = value["inferenceConfig"].as_object_mut() {
        config.retain(|_, value| *value != json!([]));
    }
    let mut turns: Vec<Value> = Vec::new();
    for turn in value["messages"].as_array().cloned().unwrap_or_default() {
        match turns.last_mut().filter(|last| last["role"] == turn["role"]) {
            Some(last) => {
                let more = turn["content"].as_array().cloned().unwrap_or_default();
                last["content"].as_array_mut().expect("a list").extend(more);
            }
            None => turns.push(turn),
        }
    }
    for turn in &mut turns {
        let blocks = turn["content"].as_array_mut().expect("a list");
        blocks.retain(|block| block["text"].as_str().is_none_or(|text| !text.trim().is_empty()));
        blocks.iter_mut().for_each(block_plain);
    }
    value["messages"] = Value::Array(turns);
    let fields = &mut value["additionalModelRequestFields"];
    if let Some(config) = fields.as_object_mut().and_then(|fields| fields.remove("reasoning_config")) {
        fields["thinking"] = config;
    }
    if let Some(temperature) = value["inferenceConfig"].get_mut("temperature") {
        *temperature = json!(temperature.as_f64());
    }
    if value["inferenceConfig"].is_null() {
        value.as_object_mut().map(|members| members.remove("inferenceConfig"));
    }
    if value["additionalModelRequestFields"].is_null() {
        value.as_object_mut().map(|members| members.remove("additionalModelRequestFields"));
    }
    value
}

fn block_plain(block: &mut Value) {
    if block["document"].is_object() {
        block["document"]["name"] = json!("name");
    }
    if block["toolResult"].is_object() {
        for content in block["toolResult"]["content"].as_array_mut().into_iter().flatten() {
            if content["json"].is_object() {
                *content = json!({"text": content["json"].to_string()});
            }
            let text = content["text"].as_str().unwrap_or_default();
            if let Ok(object @ Value::Object(_)) = serde_json::from_str::<Value>(text) {
                content["text"] = json!(object.to_string());
            }
        }
    }
}

#[test]
fn requests_come_back_through_the_canonical_form() {
    for recording in recordings("bedrock-converse") {
        let request = ask(&recording.request);
        let policy = LossPolicy::Default;
        let target = Target { model: model(&recording), policy, ..Target::default() };
        let encoded = dialect().encode(&request, &target);
        let encoded = encoded.unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let mut written = request_plain(read(&encoded.request.body.joined()));
        let mut sent = request_plain(read(recording.request.as_bytes()));
        // A schema that the documentation does not promise for this model: a tool asks for it here.
        if encoded.losses.iter().any(|loss| loss.field == "response_format") {
            for body in [&mut written, &mut sent] {
                ["outputConfig", "toolConfig"]
                    .iter()
                    .for_each(|key| drop(body.as_object_mut().map(|body| body.remove(*key))));
            }
        }
        assert_eq!(written, sent, "{}: {:?}", recording.case, encoded.losses);
    }
}
