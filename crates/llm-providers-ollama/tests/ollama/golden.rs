//! Own examples after the documentation, compared whole.

use llm_core::dialect::TapOptions;
use llm_core::ingress::{Abilities, ModelCard};
use llm_core::inquiry::About;
use llm_core::{ChatRequest, Dialect, ErrorKind, Event, FinishReason, Ingress};
use llm_providers_ollama::{ChatIngress, GenerateIngress};
use llm_testkit::replay;

use crate::{ask, body_for, dialect, json, prompt, reply, stream_for};

/// <https://docs.ollama.com/api/chat>, with the pieces of the pages "Thinking", "Vision", "Tool calling" and
/// "Structured outputs".
const REQUEST: &str = include_str!("fixtures/request.json");

/// The answer's shape of the same page.
const ANSWER: &str = include_str!("fixtures/answer.json");

/// <https://docs.ollama.com/capabilities/streaming> and <https://docs.ollama.com/capabilities/tool-calling>.
const STREAM: &str = include_str!("fixtures/stream.ndjson");

#[test]
fn a_full_request_reads_as_canonical() {
    insta::assert_debug_snapshot!(ask(REQUEST).expect("a request"));
}

#[test]
fn a_full_request_is_written_as_it_came() {
    assert_eq!(body_for(&ask(REQUEST).expect("a request")), json(REQUEST.as_bytes()));
}

#[test]
fn a_full_answer_reads_as_canonical() {
    insta::assert_debug_snapshot!(dialect().decode(&reply(200, ANSWER)).expect("an answer"));
}

#[test]
fn a_full_answer_is_written_as_it_came() {
    let response = dialect().decode(&reply(200, ANSWER)).expect("an answer");
    let body = ChatIngress.encode(&response, &ChatRequest::default());
    assert_eq!(json(&body), json(ANSWER.as_bytes()));
}

#[test]
fn a_full_stream_reads_as_events() {
    insta::assert_debug_snapshot!(replay::events(&dialect(), &[STREAM.as_bytes()]).expect("a stream"));
}

#[test]
fn a_full_stream_is_written_for_both_kinds_of_clients() {
    let events = replay::events(&dialect(), &[STREAM.as_bytes()]).expect("a stream");
    let request = ChatRequest { model: "public-name".into(), ..ChatRequest::default() };
    insta::assert_snapshot!("stream_for_chat", stream_for(&ChatIngress, &request, &events));
    insta::assert_snapshot!("stream_for_generate", stream_for(&GenerateIngress, &request, &events));
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    replay::assert_cuts_do_not_matter(&dialect(), STREAM.as_bytes(), "the example");
}

#[test]
fn a_stream_that_passes_shows_the_public_name_and_is_metered() {
    let options = TapOptions { public_model: Some("my \"model\"".into()), include_usage: true };
    let (bytes, seen) = replay::tapped(&dialect(), options, STREAM.as_bytes()).expect("complete");
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert_eq!(text, STREAM.replace(r#""model":"qwen3""#, r#""model":"my \"model\"""#));
    assert!(seen.ended && seen.content);
    assert_eq!((seen.usage.input, seen.usage.output), (Some(11), Some(18)));
    assert_eq!(seen.finish, Some(FinishReason::ToolCalls));
}

/// <https://docs.ollama.com/api/errors#errors-that-occur-while-streaming>
#[test]
fn an_error_line_ends_the_stream() {
    let text = format!(
        "{}\n{}\n",
        STREAM.lines().next().expect("a line"),
        r#"{"error":"an error was encountered while running the model"}"#
    );
    let events = replay::events(&dialect(), &[text.as_bytes()]).expect("a stream");
    let Some(Event::Error(error)) = events.last() else { panic!("{events:?}") };
    assert_eq!(error.kind(), ErrorKind::UpstreamFailure);
    let written = stream_for(&ChatIngress, &ChatRequest::default(), &events);
    assert!(
        written.ends_with("{\"error\":\"an error was encountered while running the model\"}\n"),
        "{written}"
    );
    let fault = replay::tapped(&dialect(), TapOptions::default(), text.as_bytes()).expect_err("an error");
    assert_eq!(&fault, error);
}

#[test]
fn a_stream_without_its_end_is_cut_short() {
    for at in [1, 3, 5] {
        let cut: String = STREAM.split_inclusive('\n').take(at).collect();
        let fault = replay::folded(&dialect(), cut.as_bytes()).expect_err("cut short");
        assert_eq!(fault.kind(), ErrorKind::Truncated);
        let fault = replay::tapped(&dialect(), TapOptions::default(), cut.as_bytes()).expect_err("cut short");
        assert_eq!(fault.kind(), ErrorKind::Truncated);
    }
    for broken in ["{\"model\":\"qwen3\",\n", "<html>\n", "[]\n"] {
        let fault = replay::folded(&dialect(), broken.as_bytes()).expect_err("no line of this format");
        assert_eq!(fault.kind(), ErrorKind::BadUpstreamAnswer);
        let fault = replay::tapped(&dialect(), TapOptions::default(), broken.as_bytes()).expect_err("none");
        assert_eq!(fault.kind(), ErrorKind::BadUpstreamAnswer);
    }
}

/// <https://docs.ollama.com/api/generate>
#[test]
fn a_single_prompt_is_a_question() {
    let request = prompt(
        r#"{"model":"gemma3","prompt":"Why?","system":"Be brief.","images":["/9j/4AAQ"],"format":"json","think":true,
            "raw":false,"context":[],"template":"","suffix":null,"options":{"num_ctx":1},"keep_alive":0}"#,
    )
    .expect("a request");
    insta::assert_debug_snapshot!(request);
    insta::assert_json_snapshot!(body_for(&request));
}

#[test]
fn what_only_the_models_own_server_could_do_is_refused() {
    for (field, value) in
        [("raw", "true"), ("suffix", "\"x\""), ("template", "\"{{ .Prompt }}\""), ("context", "[1,2]")]
    {
        let error = prompt(&format!(r#"{{"model":"m","prompt":"p","{field}":{value}}}"#)).expect_err(field);
        assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some(field)));
    }
    assert_eq!(prompt(r#"{"model":"m"}"#).expect_err("no prompt").param(), Some("prompt"));
    assert_eq!(ask(r#"{"model":"m","messages":[]}"#).expect_err("no message").param(), Some("messages"));
}

#[test]
fn a_wrong_field_is_named() {
    for (body, param) in [
        (r#"{"messages":[{"role":"user","content":"x"}]}"#, "model"),
        (r#"{"model":"m","messages":[{"role":"user","content":["x"]}]}"#, "messages.0.content"),
        (r#"{"model":"m","messages":[{"role":"king","content":"x"}]}"#, "messages.0.role"),
        (r#"{"model":"m","messages":[{"role":"user","content":"x"}],"think":3}"#, "think"),
        (r#"{"model":"m","messages":[{"role":"user","content":"x"}],"format":"xml"}"#, "format"),
        (
            r#"{"model":"m","messages":[{"role":"user","content":"x"}],"options":{"seed":"x"}}"#,
            "options.seed",
        ),
        (
            r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{}]}]}"#,
            "messages.0.tool_calls.0.function",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function"}]}"#,
            "tools.0.function",
        ),
    ] {
        assert_eq!(ask(body).expect_err(body).param(), Some(param));
    }
}

fn card(id: &str) -> ModelCard {
    ModelCard {
        id: id.to_owned(),
        mode: Some("chat".to_owned()),
        max_input_tokens: Some(128_000),
        max_output_tokens: None,
        abilities: Abilities { tools: Some(true), vision: Some(false), thinking: Some(true) },
    }
}

/// <https://docs.ollama.com/api/tags>, `ps`, `api-reference/get-version` and `api-reference/show-model-details`.
#[test]
fn questions_about_models_are_answered() {
    let cards = [card("acme/large"), card("small")];
    insta::assert_json_snapshot!("tags", json(&ChatIngress.encode_inquiry(About::Models, &cards)));
    insta::assert_json_snapshot!("ps", json(&ChatIngress.encode_inquiry(About::Running, &cards)));
    insta::assert_json_snapshot!("version", json(&ChatIngress.encode_inquiry(About::Version, &[])));
    insta::assert_json_snapshot!("show", json(&ChatIngress.encode_inquiry(About::Model, &cards[..1])));
    for (body, name) in [(r#"{"model":"a"}"#, Some("a")), (r#"{"name":"b"}"#, Some("b")), ("{}", None)] {
        assert_eq!(ChatIngress.inquired_model(&body.into()).ok().as_deref(), name);
    }
}
