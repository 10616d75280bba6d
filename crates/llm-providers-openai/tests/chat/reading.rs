//! What is read of vendors' answers and streams, on small bodies made after their documentation.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::{Dialect, TapOptions};
use llm_core::ingress::Ingress;
use llm_core::message::{CacheMark, Reasoning, ToolCall};
use llm_core::usage::ServiceTier;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, Delta, ErrorKind, Event, FinishReason, Message, Part, PartKind, Role, Usage};
use llm_providers_openai::ChatIngress;
use llm_testkit::replay;

use crate::golden::{target, text, vendor};

/// A stream of these chunks with its terminator.
fn stream(chunks: &[&str]) -> String {
    chunks.iter().chain(&["[DONE]"]).map(|chunk| format!("data: {chunk}\n\n")).collect()
}

fn choice(delta: &str, finish: &str) -> String {
    format!(
        r#"{{"id":"i","model":"m","created":1,"choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
    )
}

fn message(deltas: &[&str]) -> Vec<Part> {
    let chunks: Vec<String> =
        deltas.iter().map(|delta| choice(delta, "null")).chain([choice("{}", "\"stop\"")]).collect();
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let mut response = replay::folded(&vendor("{}"), stream(&chunks).as_bytes()).expect("complete");
    response.choices.remove(0).message.parts
}

fn function(id: &str, arguments: &str) -> Part {
    Part::ToolCall(ToolCall::new(id, "f", arguments))
}

#[test]
fn calls_are_put_together_however_vendors_number_and_repeat_them() {
    let begin =
        r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}"#;
    let more = r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":1}"}}]}"#;
    assert_eq!(message(&[begin, more]), [function("a", "{\"x\":1}")]);
    // Blank or repeated ids and names (https://www.alibabacloud.com/help/en/model-studio/qwen-function-calling).
    let blank =
        r#"{"tool_calls":[{"index":0,"id":"","type":"function","function":{"name":"","arguments":"{}"}}]}"#;
    let again = r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"","arguments":null}}]}"#;
    assert_eq!(message(&[begin, blank, again]), [function("a", "{}")]);
    // No index, all in one chunk (https://docs.mistral.ai/capabilities/function_calling).
    let both = r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"f","arguments":"{}"}}]}"#;
    assert_eq!(message(&[both]), [function("a", "{}"), function("b", "{}")]);
    // The same index for every call, arguments as an object, null lists.
    let zero = r#"{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":{"y":2}}}]}"#;
    let parts = message(&[begin, blank, zero, r#"{"content":"","tool_calls":null}"#]);
    assert_eq!(parts, [function("a", "{}"), function("b", "{\"y\":2}")]);
    // Pieces of two calls in turn.
    let second = r#"{"tool_calls":[{"index":1,"id":"b","function":{"name":"f","arguments":"{\"y\""}}]}"#;
    let half = r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}"#;
    let rest = r#"{"tool_calls":[{"index":0,"function":{"arguments":":1}"}},{"index":1,"function":{"arguments":":2}"}}]}"#;
    assert_eq!(
        message(&[begin, half, second, rest]),
        [function("a", "{\"x\":1}"), function("b", "{\"y\":2}")]
    );
}

#[test]
fn calls_without_ids_get_stable_ones() {
    let call = r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]}"#;
    let parts = message(&[call, call]);
    let ids: Vec<&str> = parts
        .iter()
        .filter_map(|part| if let Part::ToolCall(call) = part { Some(&*call.id) } else { None })
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(ids[0] != ids[1] && ids[0].starts_with("call_"), "{ids:?}");
    assert_eq!(message(&[call, call]), parts);
}

#[test]
fn thinking_is_read_once_wherever_it_stands() {
    let thought = |text: &str| Part::Reasoning(Reasoning { text: text.into(), ..Reasoning::default() });
    // https://openrouter.ai/docs/use-cases/reasoning-tokens
    let twice = r#"{"content":"","reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","index":0}]}"#;
    assert_eq!(message(&[twice, r#"{"content":"b"}"#]), [thought("a"), Part::text("b")]);
    // https://api-docs.deepseek.com/guides/reasoning_model
    assert_eq!(
        message(&[r#"{"reasoning_content":"a","content":null}"#, r#"{"reasoning_content":"b"}"#]),
        [thought("ab")]
    );
    // https://docs.mistral.ai/capabilities/reasoning
    let parts = r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]},{"type":"text","text":"b"}]}"#;
    assert_eq!(message(&[parts, r#"{"content":"c"}"#]), [thought("a"), Part::text("bc")]);
}

#[test]
fn signatures_in_details_go_back_as_they_came() {
    let details = [
        r#"{"reasoning_details":[{"type":"reasoning.text","text":"a","format":"f1","index":0}]}"#,
        r#"{"reasoning_details":[{"type":"reasoning.text","signature":"S","format":"f1","index":0}]}"#,
        r#"{"reasoning_details":[{"type":"reasoning.encrypted","data":"D","id":"x","index":1}]}"#,
        r#"{"content":"b"}"#,
    ];
    let request = ChatRequest {
        messages: vec![Message::new(Role::Assistant, message(&details))],
        ..ChatRequest::default()
    };
    let dialect = vendor(r#"{"reasoning_history":"reasoning_details"}"#);
    let body = dialect.encode(&request, &target()).expect("writes").request.body.joined();
    assert_eq!(
        text(&body),
        r#"{"model":"vendor-model","messages":[{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","format":"f1","index":0,"signature":"S","text":"a"},{"type":"reasoning.encrypted","id":"x","index":1,"data":"D"}]}]}"#
    );
}

#[test]
fn odd_chunks_are_read() {
    // A first chunk with filter results only (https://learn.microsoft.com/azure/ai-services/openai/concepts/content-streaming).
    let first = r#"{"id":"","model":"","object":"","created":0,"choices":[],"prompt_filter_results":[]}"#;
    let hello = choice(r#"{"role":"assistant","content":"hi"}"#, "null");
    let end = choice(r#"{"role":null,"content":"!"}"#, "\"stop\"");
    let usage = r#"{"id":"i","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
    let body = stream(&[first, &hello, &end, usage]);
    let events = replay::events(&vendor("{}"), &[body.as_bytes()]).expect("reads");
    let delta = |text: &str| Event::Delta { choice: 0, part: 0, delta: Delta::Text(text.into()) };
    assert_eq!(
        events[1..],
        [
            Event::PartStart { choice: 0, part: 0, kind: PartKind::Text },
            delta("hi"),
            delta("!"),
            Event::PartEnd { choice: 0, part: 0 },
            Event::Finish { choice: 0, reason: FinishReason::Stop },
            Event::Usage(Usage { input: Some(1), output: Some(2), ..Usage::default() }),
            Event::End,
        ]
    );
}

#[test]
fn an_end_without_terminator_is_clean_only_after_every_choice_finished() {
    let open = choice(r#"{"content":"hi"}"#, "null");
    let closed = choice("{}", "\"length\"");
    let other = r#"{"id":"i","choices":[{"index":1,"delta":{"content":"x"}}]}"#;
    let frames =
        |chunks: &[&str]| chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect::<String>();
    let ends = |text: String| {
        replay::events(&vendor("{}"), &[text.as_bytes()]).map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(ends(frames(&[&open, &closed])), Ok(()));
    for cut in [frames(&[&open]), frames(&[&open, other, &closed]), String::new(), frames(&["[DONE]"])] {
        assert_eq!(ends(cut), Err(ErrorKind::Truncated));
    }
    assert_eq!(ends(frames(&["{\"id\":"])), Err(ErrorKind::BadUpstreamAnswer));
}

fn tapped(options: TapOptions, body: &str) -> (String, llm_core::Seen) {
    let (bytes, seen) = replay::tapped(&vendor("{}"), options, body.as_bytes()).expect("passes");
    (String::from_utf8(bytes).expect("UTF-8"), seen)
}

#[test]
fn a_tap_replaces_only_the_models_own_name() {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"model\\\":1\",\"x\":{\"model\":\"in\"}},\"finish_reason\":\"stop\"}],\"y\":\"model\",\"model\" : \"m\\\"1\"}\r\n\r\ndata: [DONE]\r\n\r\n";
    let options = TapOptions { public_model: Some("public".into()), include_usage: false };
    assert_eq!(tapped(options, body).0, body.replace("\"m\\\"1\"", "\"public\""));
}

#[test]
fn a_tap_closes_a_complete_stream_and_drops_unasked_usage() {
    let hello = choice(r#"{"content":"hi"}"#, "\"stop\"");
    let usage =
        r#"{"id":"i","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
    let body = format!(": busy\n\ndata: {hello}\n\ndata: {usage}");
    let (bytes, seen) = tapped(TapOptions::default(), &body);
    assert_eq!(bytes, format!(": busy\n\ndata: {hello}\n\ndata: [DONE]\n\n"));
    assert_eq!(seen.usage.total(), Some(3));
    let asked = TapOptions { include_usage: true, ..TapOptions::default() };
    assert_eq!(
        tapped(asked, &body).0,
        format!(": busy\n\ndata: {hello}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
    );
}

#[test]
fn a_tap_holds_an_error_back_and_tells_it_at_the_end() {
    let hello = choice(r#"{"content":"hi"}"#, "null");
    let failed = r#"{"choices":[{"index":0,"delta":{},"finish_reason":null}],"error":{"code":502,"message":"gone, key sk-0123456789abcdef"}}"#;
    let body = format!("data: {hello}\n\ndata: {failed}\n\ndata: [DONE]\n\n");
    let error = replay::tapped(&vendor("{}"), TapOptions::default(), body.as_bytes()).expect_err("an error");
    assert_eq!((error.kind(), error.message()), (ErrorKind::UpstreamFailure, "gone, key ***"));
}

#[test]
fn an_error_in_place_of_an_answer_is_one() {
    let reply =
        |body: &'static str| WireResponse { status: 200, headers: HeaderMap::new(), body: Bytes::from(body) };
    for (body, kind) in [
        (r#"{"error":{"code":429,"message":"slow down"}}"#, ErrorKind::RateLimited),
        (r#"{"id":"x","choices":[],"error":{"message":"oops"}}"#, ErrorKind::UpstreamFailure),
        ("<html></html>", ErrorKind::BadUpstreamAnswer),
        (r#"{"id":"x","choices":[{"#, ErrorKind::BadUpstreamAnswer),
        ("", ErrorKind::BadUpstreamAnswer),
        ("{}", ErrorKind::BadUpstreamAnswer),
    ] {
        assert_eq!(vendor("{}").decode(&reply(body)).expect_err(body).kind(), kind, "{body}");
        assert_eq!(vendor("{}").peek(body.as_bytes()).expect_err(body).kind(), kind, "{body}");
    }
}

#[test]
fn the_tier_that_served_comes_with_the_usage() {
    let body = r#"{"id":"a","model":"m","choices":[],"service_tier":"flex","usage":{"prompt_tokens":3,"completion_tokens":1}}"#;
    let dialect = vendor("{}");
    let peek = dialect.peek(body.as_bytes()).expect("an answer");
    assert_eq!((peek.usage.input, peek.usage.tier), (Some(3), Some(ServiceTier::Flex)));
    let reply = WireResponse { status: 200, headers: HeaderMap::new(), body: body.into() };
    assert_eq!(dialect.decode(&reply).expect("an answer").usage, peek.usage);
    let ordinary = body.replace("flex", "default");
    assert_eq!(dialect.peek(ordinary.as_bytes()).expect("an answer").usage.tier, None);
}

#[test]
fn a_cache_mark_of_a_message_is_that_of_its_last_part() {
    let body = r#"{"model":"m","messages":[{"role":"system","content":"x","cache_control":{"type":"ephemeral"}},
        {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"cache_control":{"type":"ephemeral","ttl":"1h"}},
        {"role":"tool","tool_call_id":"c","content":"42","cache_control":{"type":"ephemeral"}},{"role":"user","content":"y"}]}"#;
    let mut request =
        ChatIngress.decode(&Bytes::from_static(body.as_bytes()), &HeaderMap::new()).expect("a request");
    let marks = request.messages.iter_mut().map(|message| {
        assert_eq!(message.extras, None);
        message.parts.last_mut().and_then(Part::cache_mut).and_then(|mark| *mark)
    });
    assert_eq!(
        marks.collect::<Vec<_>>(),
        [Some(CacheMark::Short), Some(CacheMark::Hour), Some(CacheMark::Short), None]
    );
}
