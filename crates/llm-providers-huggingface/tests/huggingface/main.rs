//! Text generation, feature extraction and the router's names against the documentation and recorded traffic.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::embedding::{EmbeddingInput, EmbeddingPurpose, EmbeddingRequest, Truncate};
use llm_core::message::{Media, Source};
use llm_core::request::{FunctionTool, JsonSchema, OutputFormat, Sampling, Tool};
use llm_core::wire::{Frame, WireResponse};
use llm_core::{
    ChatRequest, Dialect, Envelope, ErrorKind, Event, FinishReason, LossPolicy, Message, Part, RawJson, Role,
    Target,
};
use llm_providers_huggingface::{RouterChat, TextGeneration};
use llm_providers_openai::{ChatCompletions, Quirks};
use llm_testkit::{recordings, replay};
use proptest::prelude::*;
use serde_json::{Value, json};

/// <https://huggingface.co/docs/text-generation-inference/reference/api_reference>
const STREAM: &str = include_str!("fixtures/stream.sse");

fn target(model: &str) -> Target {
    Target { model: model.to_owned(), policy: LossPolicy::Default, ..Target::default() }
}

fn reply(status: u16, body: &str) -> WireResponse {
    WireResponse { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

fn ask(text: &str) -> ChatRequest {
    ChatRequest { messages: vec![Message::text(Role::User, text)], ..ChatRequest::default() }
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

/// The path, the body and what was lost.
fn encoded(request: &ChatRequest, target: &Target) -> (String, Value, Vec<String>) {
    let encoded = TextGeneration.encode(request, target).expect("nothing that changes the meaning");
    let losses = encoded.losses.iter().map(|loss| loss.field.to_string()).collect();
    (encoded.request.path, parse(&encoded.request.body.joined()), losses)
}

#[test]
fn parameters_have_this_formats_names() {
    let request = ChatRequest {
        sampling: Sampling {
            temperature: Some(0.0),
            top_p: Some(1.0),
            top_k: Some(5),
            seed: Some(3),
            stop: vec!["END".to_owned()],
            presence_penalty: Some(0.5),
            ..Sampling::default()
        },
        max_output_tokens: Some(9),
        output: OutputFormat::JsonSchema(JsonSchema {
            schema: RawJson::parse(r#"{"type":"object"}"#).ok(),
            ..JsonSchema::default()
        }),
        user: Some("someone".to_owned()),
        ..ask("Hi")
    };
    let (path, body, losses) = encoded(&request, &Target { stream: true, ..target("acme/x") });
    let expected = json!({
        "inputs": "Hi",
        "parameters": {
            "max_new_tokens": 9, "do_sample": false, "top_k": 5, "seed": 3, "stop": ["END"],
            "grammar": {"type": "json", "value": {"type": "object"}}, "return_full_text": false, "details": true,
        },
        "stream": true,
    });
    assert_eq!((path.as_str(), body), ("/hf-inference/models/acme/x", expected));
    assert_eq!(losses, ["presence_penalty", "user"]);
}

#[test]
fn a_server_of_ones_own_is_asked_at_its_root() {
    let extra_body =
        [("use_cache".to_owned(), RawJson::parse("false").expect("valid"))].into_iter().collect();
    let (path, body, _) = encoded(&ask("Hi"), &Target { extra_body, ..target("tgi") });
    assert_eq!((path.as_str(), &body["use_cache"]), ("/", &json!(false)));
}

#[test]
fn tools_and_pictures_are_refused() {
    let tool = Tool::Function(FunctionTool { name: "f".to_owned(), ..FunctionTool::default() });
    let picture = Part::Image(Media::new(Source::Url("https://a.example/b.png".to_owned())));
    let with_picture =
        ChatRequest { messages: vec![Message::new(Role::User, vec![picture])], ..ChatRequest::default() };
    let json_object = ChatRequest { output: OutputFormat::JsonObject, ..ask("Hi") };
    for (request, field) in [
        (ChatRequest { tools: vec![tool], ..ask("Hi") }, "tools"),
        (with_picture, "messages.image"),
        (json_object, "response_format"),
    ] {
        let error = TextGeneration.encode(&request, &target("tgi")).expect_err("refused");
        assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some(field)));
    }
}

const DETAILS: &str = r#"{"finish_reason":"eos_token","generated_tokens":3,"input_length":4,"prefill":[],"seed":null,"tokens":[]}"#;

#[test]
fn a_stream_tells_what_the_whole_answer_tells() {
    let body = format!(r#"[{{"generated_text":"Hello, world","details":{DETAILS}}}]"#);
    let whole = TextGeneration.decode(&reply(200, &body)).expect("an answer");
    assert_eq!((whole.usage.input, whole.usage.output), (Some(4), Some(3)));
    assert_eq!(whole.choices[0].finish, Some(FinishReason::Stop));
    assert_eq!(replay::folded(&TextGeneration, STREAM.as_bytes()).as_ref(), Ok(&whole));
    replay::assert_cuts_do_not_matter(&TextGeneration, STREAM.as_bytes(), "the example");
    let one = TextGeneration.decode(&reply(200, &body[1..body.len() - 1])).expect("an object alone");
    assert_eq!(one, whole);
    assert_eq!(TextGeneration.peek(body.as_bytes()).expect("an answer").usage, whole.usage);
}

#[test]
fn a_stream_that_stops_early_is_an_error() {
    let frames = STREAM.match_indices("\n\n").count();
    for (at, _) in STREAM.match_indices("\n\n").take(frames - 1) {
        let fault = replay::folded(&TextGeneration, &STREAM.as_bytes()[..at + 2]).expect_err("cut short");
        assert_eq!(fault.kind(), ErrorKind::Truncated);
    }
}

#[test]
fn counts_in_headers_are_read() {
    let mut reply = reply(200, r#"[{"generated_text":"Hello"}]"#);
    reply.headers.insert("x-prompt-tokens", http::HeaderValue::from_static("7"));
    reply.headers.insert("x-generated-tokens", http::HeaderValue::from_static("2"));
    assert_eq!(TextGeneration.decode(&reply).expect("an answer").usage.total(), Some(9));
}

#[test]
fn an_error_in_place_of_an_answer_is_one() {
    let text = r#"{"error":"Request failed during generation: CUDA","error_type":"generation"}"#;
    let error = TextGeneration.decode(&reply(200, text)).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::UpstreamFailure);
    let events = replay::events(&TextGeneration, &[format!("data:{text}\n\n").as_bytes()]).expect("a stream");
    assert_eq!(events, [Event::Error(error)]);
    let other = TextGeneration.decode(&reply(200, r#"[{"label":"POSITIVE"}]"#)).expect_err("another task");
    assert_eq!(other.kind(), ErrorKind::BadUpstreamAnswer);
}

#[test]
fn recorded_errors_are_classified() {
    for recording in recordings("hf-inference").iter().filter(|recording| !recording.is_success()) {
        let error = TextGeneration.decode(&recording.reply).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::UpstreamNotFound, "{}", recording.case);
    }
}

#[test]
fn the_router_is_openais_format_under_its_own_names() {
    let dialect = RouterChat::new(Quirks::default());
    let plain = ChatCompletions::new(Quirks::default());
    let all = recordings("openai-chat").into_iter().filter(|recording| recording.vendor == "huggingface");
    for recording in all {
        let body = Bytes::from(recording.request.clone());
        let envelope = Envelope::scan(&body).expect("an object");
        let model = parse(&body)["model"].as_str().expect("a text").to_owned();
        let stream = parse(&body)["stream"] == json!(true);
        let target = Target { stream, ..target(&format!("together/{model}")) };
        let sent = dialect.forward(&body, &envelope, &target).expect("passes").request;
        let shown =
            if model.contains(':') { format!("together/{model}") } else { format!("{model}:together") };
        assert_eq!(sent.path, "/v1/chat/completions");
        assert_eq!(parse(&sent.body.joined())["model"], json!(shown), "{}", recording.case);
        if recording.is_sse() {
            let body = &recording.reply.body;
            assert_eq!(replay::folded(&dialect, body), replay::folded(&plain, body), "{}", recording.case);
        } else {
            assert_eq!(
                dialect.decode(&recording.reply),
                plain.decode(&recording.reply),
                "{}",
                recording.case
            );
        }
    }
    let encoded = dialect.encode(&ask("Hi"), &target("groq/moonshotai/Kimi-K2")).expect("encodes").request;
    assert_eq!(parse(&encoded.body.joined())["model"], json!("moonshotai/Kimi-K2:groq"));
}

#[test]
fn vectors_are_made_by_feature_extraction() {
    let request = EmbeddingRequest {
        inputs: vec![EmbeddingInput::Text("a".to_owned()), EmbeddingInput::Text("b".to_owned())],
        truncate: Some(Truncate::Start),
        purpose: Some(EmbeddingPurpose::Query),
        ..EmbeddingRequest::default()
    };
    let dialect = RouterChat::new(Quirks::default());
    let exchange = dialect.embeddings().expect("embeddings");
    let encoded =
        exchange.encode(&request, &target("sentence-transformers/all-MiniLM-L6-v2")).expect("encodes");
    let path = "/hf-inference/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction";
    let body = json!({"inputs": ["a", "b"], "truncate": true, "truncation_direction": "Left"});
    assert_eq!((encoded.request.path.as_str(), parse(&encoded.request.body.joined())), (path, body));
    assert_eq!(encoded.losses.len(), 1);
    let answer = exchange.decode(&reply(200, "[[0.5,1],[2,3]]"), &request).expect("an answer");
    assert_eq!(answer.embeddings[1].float.as_deref(), Some([2.0, 3.0].as_slice()));
    for wrong in ["[[0.5]]", "[[[0.5]],[[1]]]", "{}"] {
        let error = exchange.decode(&reply(200, wrong), &request).expect_err(wrong);
        assert_eq!(error.kind(), ErrorKind::BadUpstreamAnswer);
    }
    let sized = EmbeddingRequest { dimensions: Some(9), ..request };
    assert_eq!(exchange.encode(&sized, &target("tei")).expect_err("refused").param(), Some("dimensions"));
}

proptest! {
    #[test]
    fn no_body_makes_reading_panic(text in "\\PC{0,40}|[\\[\\]{}\":,a-z_0-9]{0,40}|\\{\"(error|token|details|generated_text)\":[\\[\\]{}\":,a-z0-9]{0,20}\\}") {
        let _ = TextGeneration.decode(&reply(200, &text));
        let _ = TextGeneration.classify(&reply(500, &text));
        let _ = TextGeneration.peek(text.as_bytes());
        let _ = TextGeneration.decoder().push(Frame { event: None, data: &text }, &mut Vec::new());
        let _ = TextGeneration.embeddings().expect("embeddings").peek(text.as_bytes());
    }
}
