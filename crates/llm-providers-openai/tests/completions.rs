//! Text completions: small bodies after the documentation, and recorded traffic.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use llm_core::dialect::TapOptions;
use llm_core::message::{Media, Source};
use llm_core::request::{FunctionTool, Sampling, Tool};
use llm_core::wire::WireResponse;
use llm_core::{
    ChatRequest, Dialect, Endpoint, Envelope, ErrorKind, Event, FinishReason, Ingress, LossPolicy, Message,
    Part, Result, Role, Target,
};
use llm_providers_openai::{
    COMPLETIONS, ChatCompletions, ChatIngress, Completions, CompletionsIngress, CompletionsQuirks, Quirks,
};
use llm_testkit::{Recording, recordings, replay};
use proptest::prelude::*;
use serde_json::{Value, json};

fn dialect() -> Completions {
    Completions::new(CompletionsQuirks::default())
}

fn ask(body: &str) -> Result<ChatRequest> {
    CompletionsIngress.decode(&Bytes::copy_from_slice(body.as_bytes()), &HeaderMap::new())
}

fn read(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn reply(status: u16, body: &str) -> WireResponse {
    WireResponse { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

fn target(model: &str, stream: bool) -> Target {
    Target { model: model.into(), stream, ..Target::default() }
}

fn written(ingress: &dyn Ingress, request: &ChatRequest, events: &[Event]) -> String {
    let mut encoder = ingress.encoder(request);
    let mut out = BytesMut::new();
    events.iter().for_each(|event| encoder.push(event, &mut out));
    String::from_utf8(out.to_vec()).expect("UTF-8")
}

/// <https://platform.openai.com/docs/api-reference/completions/create>
const REQUEST: &str = r#"{"model":"gpt-3.5-turbo-instruct","prompt":"Say this is a test","suffix":"!","max_tokens":7,"temperature":0.5,"n":2,"best_of":3,"echo":true,"logprobs":2,"stop":["\n"],"stream":true,"stream_options":{"include_usage":true},"user":"someone","seed":7}"#;

/// <https://platform.openai.com/docs/api-reference/completions/object>
const ANSWER: &str = r#"{"id":"cmpl-uqkvlQyYK7bGYrRHQ0eXlWi7","object":"text_completion","created":1589478378,"model":"gpt-3.5-turbo-instruct","choices":[{"text":"\n\nThis is","index":0,"logprobs":{"tokens":["\n\n","This"," is"],"token_logprobs":[-0.5,-0.25,-1.5],"top_logprobs":[{"\n\n":-0.5,"A":-2.5},{"This":-0.25},{" is":-1.5}],"text_offset":[0,2,6]},"finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12},"system_fingerprint":"fp_44709d6fcb"}"#;

const STREAM: &str = "data: {\"id\":\"cmpl-7\",\"object\":\"text_completion\",\"created\":1690759702,\"choices\":[{\"text\":\"This\",\"index\":0,\"logprobs\":null,\"finish_reason\":null}],\"model\":\"gpt-3.5-turbo-instruct\",\"usage\":null}\n\n\
data: {\"id\":\"cmpl-7\",\"object\":\"text_completion\",\"created\":1690759702,\"choices\":[{\"text\":\" is\",\"index\":0,\"logprobs\":{\"tokens\":[\" is\"],\"token_logprobs\":[-0.5],\"top_logprobs\":null,\"text_offset\":[4]},\"finish_reason\":\"stop\"}],\"model\":\"gpt-3.5-turbo-instruct\",\"usage\":null}\n\n\
data: {\"id\":\"cmpl-7\",\"object\":\"text_completion\",\"created\":1690759702,\"model\":\"gpt-3.5-turbo-instruct\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}\n\n\
data: [DONE]\n\n";

#[test]
fn a_full_request_is_written_as_it_came() {
    let request = ask(REQUEST).expect("a request");
    assert_eq!(request.messages, [Message::text(Role::User, "Say this is a test")]);
    let encoded = dialect().encode(&request, &target(&request.model, true)).expect("no loss");
    assert_eq!((encoded.request.path.as_str(), encoded.losses.len()), ("/completions", 0));
    assert_eq!(read(&encoded.request.body.joined()), read(REQUEST.as_bytes()));
}

#[test]
fn a_vendor_of_conversations_gets_a_users_message_and_the_rest_is_reported() {
    let request = ask(REQUEST).expect("a request");
    let chat = ChatCompletions::new(Quirks::default());
    let encoded = chat.encode(&request, &target("gpt-x", true)).expect("encodes");
    let body = read(&encoded.request.body.joined());
    assert_eq!(body["messages"], json!([{"role": "user", "content": "Say this is a test"}]));
    assert_eq!((&body["logprobs"], &body["top_logprobs"], &body["n"]), (&json!(true), &json!(2), &json!(2)));
    let losses: Vec<_> = encoded.losses.iter().map(|loss| loss.field.as_ref()).collect();
    assert_eq!(losses, ["suffix", "best_of", "echo"]);
    let defaults =
        r#"{"model":"m","prompt":["p"],"suffix":null,"echo":false,"best_of":1,"logit_bias":{},"stop":null}"#;
    let request = ask(defaults).expect("a request");
    assert_eq!(chat.encode(&request, &target("gpt-x", false)).expect("encodes").losses, []);
}

#[test]
fn prompts_that_only_this_format_has_are_refused() {
    for (prompt, kind) in [
        (r#"["a","b"]"#, ErrorKind::Unsupported),
        ("[1,2]", ErrorKind::Unsupported),
        ("[[1,2],[3]]", ErrorKind::Unsupported),
        ("[]", ErrorKind::InvalidRequest),
        ("7", ErrorKind::InvalidRequest),
        ("null", ErrorKind::InvalidRequest),
    ] {
        let error = ask(&format!(r#"{{"model":"m","prompt":{prompt}}}"#)).expect_err(prompt);
        assert_eq!((error.kind(), error.param()), (kind, Some("prompt")), "{prompt}");
    }
    assert_eq!(ask(r#"{"model":"m","prompt":"p","n":"x"}"#).expect_err("no number").param(), Some("n"));
}

#[test]
fn a_conversation_becomes_a_prompt_or_is_refused() {
    let user =
        |parts| ChatRequest { messages: vec![Message::new(Role::User, parts)], ..ChatRequest::default() };
    let mut request = user(vec![Part::text("Hi")]);
    request.messages.insert(0, Message::text(Role::System, "Be kind."));
    request.sampling = Sampling { logprobs: Some(true), ..Sampling::default() };
    let encoded = dialect().encode(&request, &target("davinci-002", false)).expect("no loss");
    let expected =
        json!({"model": "davinci-002", "prompt": "Be kind.\n\nUser: Hi\n\nAssistant:", "logprobs": 0});
    assert_eq!(read(&encoded.request.body.joined()), expected);
    let image = user(vec![Part::Image(Media::new(Source::Url("https://example.com/a.png".into())))]);
    let tools =
        ChatRequest { tools: vec![Tool::Function(FunctionTool::default())], ..user(vec![Part::text("Hi")]) };
    for request in [image, tools] {
        assert!(dialect().encode(&request, &target("davinci-002", false)).is_err());
        let dropping = Target { policy: LossPolicy::Drop, ..target("davinci-002", false) };
        assert_eq!(dialect().encode(&request, &dropping).expect("allowed").losses.len(), 1);
    }
}

#[test]
fn a_full_answer_is_written_as_it_came() {
    let response = dialect().decode(&reply(200, ANSWER)).expect("an answer");
    assert_eq!(response.choices[0].message.joined_text(), "\n\nThis is");
    assert_eq!(response.choices[0].finish, Some(FinishReason::Length));
    assert_eq!(read(&CompletionsIngress.encode(&response, &ChatRequest::default())), read(ANSWER.as_bytes()));
    let chat = read(&ChatIngress.encode(&response, &ChatRequest::default()));
    assert_eq!(chat["choices"][0]["message"]["content"], "\n\nThis is");
    assert_eq!(chat["choices"][0]["logprobs"]["content"][1]["token"], "This");
    let peek = dialect().peek(ANSWER.as_bytes()).expect("an answer");
    assert_eq!((peek.usage, peek.finish), (response.usage, Some(FinishReason::Length)));
}

#[test]
fn a_stream_is_read_watched_and_written() {
    replay::assert_cuts_do_not_matter(&dialect(), STREAM.as_bytes(), "the example");
    let events = replay::events(&dialect(), &[STREAM.as_bytes()]).expect("a stream");
    let response = replay::fold(events.clone()).expect("complete");
    assert_eq!(response.choices[0].message.joined_text(), "This is");
    let request = ChatRequest { model: "public".into(), include_usage: Some(true), ..ChatRequest::default() };
    let text = written(&CompletionsIngress, &request, &events);
    insta::assert_snapshot!(text);
    let again = replay::folded(&dialect(), text.as_bytes()).expect("complete");
    assert_eq!((&again.choices, again.usage), (&response.choices, response.usage));
    let options = TapOptions { public_model: Some("public".into()), include_usage: false };
    let (bytes, seen) = replay::tapped(&dialect(), options, STREAM.as_bytes()).expect("complete");
    let passed = String::from_utf8(bytes).expect("UTF-8");
    assert_eq!((passed.matches("\"public\"").count(), passed.contains("prompt_tokens")), (2, false));
    assert!(seen.content && seen.ended);
    assert_eq!((seen.usage, seen.finish), (response.usage, Some(FinishReason::Stop)));
    let first = STREAM.split_inclusive("\n\n").next().expect("a chunk");
    assert_eq!(replay::folded(&dialect(), first.as_bytes()).expect_err("cut").kind(), ErrorKind::Truncated);
    let cut = replay::tapped(&dialect(), TapOptions::default(), first.as_bytes());
    assert_eq!(cut.expect_err("cut").kind(), ErrorKind::Truncated);
}

#[test]
fn a_body_passes_with_another_model_and_usage_asked_for() {
    let body = Bytes::from_static(
        br#"{"model":"public","prompt":[[1,2],[3]],"suffix":"x","stream":true,"stream_options":{"a":1}}"#,
    );
    let envelope = Envelope::scan(&body).expect("an object");
    let settings = Target {
        sampling: Sampling { temperature: Some(0.5), ..Sampling::default() },
        max_output_tokens: Some(9),
        ..target("m", true)
    };
    let forwarded = dialect().forward(&body, &envelope, &settings).expect("passes").request.body.joined();
    let expected = json!({
        "model": "m", "prompt": [[1, 2], [3]], "suffix": "x", "stream": true, "temperature": 0.5, "max_tokens": 9,
        "stream_options": {"a": 1, "include_usage": true},
    });
    assert_eq!(read(&forwarded), expected);
    let quirks = CompletionsQuirks { drop_params: vec!["suffix".into(), "stream_options".into()] };
    let encoded = Completions::new(quirks).forward(&body, &envelope, &target("m", false)).expect("passes");
    assert_eq!(encoded.losses.len(), 1);
    assert_eq!(
        read(&encoded.request.body.joined()),
        json!({"model": "m", "prompt": [[1, 2], [3]], "stream": false})
    );
}

#[test]
fn the_model_may_stand_in_the_path() {
    let asked = |path: &str| {
        CompletionsIngress.endpoints().iter().find_map(|endpoint: &Endpoint| endpoint.matches(path))
    };
    assert_eq!(
        asked("/v1/engines/acme/large/completions").and_then(|asked| asked.model).as_deref(),
        Some("acme/large")
    );
    assert!(asked("/v1/completions").is_some());
    let longest = |ingress: &dyn Ingress, path: &str| {
        let matching = ingress.endpoints().iter().filter(|endpoint| endpoint.matches(path).is_some());
        matching.map(|endpoint| endpoint.path.len()).max()
    };
    let path = "/v1/engines/gpt-x/chat/completions";
    assert!(
        longest(&ChatIngress, path) > longest(&CompletionsIngress, path),
        "the more particular path wins"
    );
}

fn good() -> impl Iterator<Item = Recording> {
    recordings("openai-completions").into_iter().filter(Recording::is_success)
}

#[test]
fn recorded_answers_decode_and_come_back() {
    for recording in good() {
        let case = &recording.case;
        let body = &recording.reply.body;
        let response = if recording.is_sse() {
            replay::folded(&dialect(), body)
        } else {
            dialect().decode(&recording.reply)
        };
        let response = response.unwrap_or_else(|fault| panic!("{case}: {fault}"));
        assert!(response.usage.total().is_some(), "{case}");
        assert!(response.choices.iter().all(|choice| choice.finish.is_some()), "{case}");
        if recording.is_sse() {
            replay::assert_cuts_do_not_matter(&dialect(), body, case);
            let options = TapOptions { public_model: None, include_usage: true };
            let (bytes, seen) = replay::tapped(&dialect(), options, body).expect("complete");
            assert_eq!((bytes.as_slice(), seen.usage), (&body[..], response.usage), "{case}");
            continue;
        }
        let peek = dialect().peek(body).expect("an answer");
        assert_eq!((peek.usage, &peek.finish), (response.usage, &response.choices[0].finish), "{case}");
        let written = read(&CompletionsIngress.encode(&response, &ChatRequest::default()));
        let original = read(body);
        for key in ["id", "created", "model", "usage"] {
            assert_eq!(written[key], original[key], "{case} {key}");
        }
        for (written, original) in written["choices"]
            .as_array()
            .expect("choices")
            .iter()
            .zip(original["choices"].as_array().expect("choices"))
        {
            for key in ["text", "index", "finish_reason"] {
                assert_eq!(written[key], original[key], "{case} {key}");
            }
        }
    }
}

#[test]
fn recorded_requests_come_back_or_are_refused_for_their_tokens() {
    for recording in recordings("openai-completions") {
        let case = &recording.case;
        let mut original = read(recording.request.as_bytes());
        if original["prompt"].is_array() {
            assert_eq!(ask(&recording.request).expect_err(case).kind(), ErrorKind::Unsupported);
        } else {
            let request = ask(&recording.request).unwrap_or_else(|fault| panic!("{case}: {fault}"));
            let dropping = Target { policy: LossPolicy::Drop, ..target(&request.model, request.stream) };
            let mut again =
                read(&dialect().encode(&request, &dropping).expect("allowed").request.body.joined());
            // What says nothing is left out, and one stop text is a list of one.
            for body in [&mut original, &mut again] {
                let members = body.as_object_mut().expect("an object");
                members
                    .retain(|name, value| !value.is_null() && (name != "stream" || *value != json!(false)));
                if let Some(stop) = members.get_mut("stop").filter(|stop| stop.is_string()) {
                    *stop = json!([stop.clone()]);
                }
                if let Some(value) = members.get_mut("temperature") {
                    *value = json!(value.as_f64());
                }
            }
            assert_eq!(again, original, "{case}");
        }
        let body = Bytes::from(recording.request.clone());
        let envelope = Envelope::scan(&body).expect("an object");
        let stream = read(&body)["stream"] == json!(true);
        let forwarded = dialect().forward(&body, &envelope, &target("other", stream)).expect("passes");
        let mut expected = read(&body);
        expected["model"] = "other".into();
        assert_eq!(read(&forwarded.request.body.joined()), expected, "{case}");
    }
}

#[test]
fn recorded_errors_are_classified() {
    for recording in recordings("openai-completions").into_iter().filter(|recording| !recording.is_success())
    {
        let kind = dialect().classify(&recording.reply).kind();
        let expected =
            if recording.reply.status == 401 { ErrorKind::UpstreamAuth } else { ErrorKind::InvalidRequest };
        assert_eq!(kind, expected, "{}", recording.case);
    }
}

proptest! {
    #[test]
    fn prompts_come_back(prompt in "\\PC{0,40}", limit in prop::option::of(1u64..99), stream in any::<bool>()) {
        let body = json!({"model": "m", "prompt": prompt, "max_tokens": limit, "stream": stream}).to_string();
        let request = ask(&body).expect("a request");
        prop_assert_eq!(request.extras.as_ref().map(|(origin, _)| *origin), Some(COMPLETIONS));
        let encoded = dialect().encode(&request, &target("m", stream)).expect("no loss");
        prop_assert_eq!(&read(&encoded.request.body.joined())["prompt"], &json!(prompt));
    }

    #[test]
    fn no_bytes_make_it_panic(text in "\\PC{0,40}") {
        let _ = ask(&text);
        let _ = dialect().decode(&reply(200, &text));
        let _ = dialect().peek(text.as_bytes());
        let _ = replay::folded(&dialect(), text.as_bytes());
    }
}
