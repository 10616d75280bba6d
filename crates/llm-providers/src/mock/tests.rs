//! The mock keeps what its names promise, whole and streamed.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use llm_core::event::{Event, Fold};
use llm_core::ingress::{EventEncoder, Ingress, ModelCard};
use llm_core::message::ToolResult;
use llm_core::operation::{Endpoint, Operation};
use llm_core::provider::{Deadlines, Inbound};
use llm_core::request::{FunctionTool, JsonSchema, OutputFormat, Tool, ToolChoice};
use llm_core::{ChatRequest, ChatResponse, Envelope, Error, ErrorKind, FinishReason, Message, Part, RawJson};

use super::*;

/// A client whose requests are canonical already.
struct Canned(ChatRequest);

impl Ingress for Canned {
    fn id(&self) -> DialectId {
        DialectId::new("canned")
    }
    fn endpoints(&self) -> &'static [Endpoint] {
        const { &[] }
    }
    fn decode(&self, _: &Bytes, _: &HeaderMap) -> Result<ChatRequest> {
        Ok(self.0.clone())
    }
    fn encode(&self, _: &ChatResponse, _: &ChatRequest) -> Bytes {
        Bytes::new()
    }
    fn encoder(&self, _: &ChatRequest) -> Box<dyn EventEncoder> {
        struct Nothing;
        impl EventEncoder for Nothing {
            fn push(&mut self, _: &Event, _: &mut BytesMut) {}
        }
        Box::new(Nothing)
    }
    fn wants_usage(&self, _: &Bytes, _: &Envelope) -> bool {
        false
    }
    fn max_output_tokens(&self, _: &Bytes, _: &Envelope) -> Option<u64> {
        None
    }
    fn error(&self, _: &Error) -> Bytes {
        Bytes::new()
    }
    fn stream_error(&self, _: &Error) -> Bytes {
        Bytes::new()
    }
    fn encode_token_count(&self, _: u64) -> Bytes {
        Bytes::new()
    }
    fn claims_model_list(&self, _: &HeaderMap) -> bool {
        false
    }
    fn encode_models(&self, _: &[ModelCard]) -> Bytes {
        Bytes::new()
    }
}

fn asking(text: &str) -> ChatRequest {
    ChatRequest { messages: vec![Message::text(Role::User, text)], ..ChatRequest::default() }
}

fn inbound(request: ChatRequest) -> Inbound {
    let body = Bytes::from_static(b"{}");
    Inbound::new(Arc::new(Canned(request)), Operation::Chat, HeaderMap::new(), body).expect("an object")
}

fn call<'a>(inbound: &'a Inbound, model: &'a str, stream: bool) -> Call<'a> {
    let deadlines = Deadlines::default();
    Call { inbound, model, public_model: model, stream, canonical: false, policy: None, deadlines }
}

/// The answer, asked whole and streamed: both must be the same but for the id.
async fn ask(model: &str, request: ChatRequest) -> Result<ChatResponse> {
    let inbound = inbound(request);
    let whole = match Mock::default().chat(call(&inbound, model, false)).await?.body {
        ReplyBody::Decoded(response) => *response,
        _ => panic!("a whole answer"),
    };
    let mut fold = Fold::default();
    for event in streamed(&inbound, model).await?.0 {
        fold.push(event);
    }
    let told = fold.finish()?;
    assert_eq!((&told.usage, told.choices.len()), (&whole.usage, whole.choices.len()));
    assert_eq!(
        told.choices.first().map(|choice| &choice.finish),
        whole.choices.first().map(|choice| &choice.finish)
    );
    Ok(whole)
}

/// The events of a stream up to its error, the error, and how many chunks came.
async fn streamed(inbound: &Inbound, model: &str) -> Result<(Vec<Event>, Option<Error>, usize)> {
    told(Mock::default().chat(call(inbound, model, true)).await?).await
}

async fn told(reply: Reply) -> Result<(Vec<Event>, Option<Error>, usize)> {
    let ReplyBody::Events(mut stream) = reply.body else { panic!("a stream") };
    let (mut events, mut error, mut chunks) = (Vec::new(), None, 0);
    while let Some(item) = stream.next().await {
        assert!(error.is_none(), "nothing follows an error");
        match item {
            Ok(more) => {
                chunks += 1;
                events.extend(more);
            }
            Err(fault) => error = Some(fault),
        }
    }
    Ok((events, error, chunks))
}

fn said(response: &ChatResponse) -> String {
    response.choices.first().map(|choice| choice.message.joined_text()).unwrap_or_default()
}

fn weather() -> Tool {
    let parameters = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;
    Tool::Function(FunctionTool {
        name: "weather".to_owned(),
        parameters: RawJson::parse(parameters).ok(),
        ..FunctionTool::default()
    })
}

#[tokio::test]
async fn the_echo_says_that_it_is_a_mock_and_what_was_said() {
    let response = ask("echo", asking("How are you?")).await.expect("an answer");
    assert_eq!(
        said(&response),
        "This is the gateway's built-in mock; no model answered. You said: How are you?"
    );
    assert_eq!((response.usage.input, response.usage.output), (Some(3), Some(20)));
    assert_eq!(response.choices.first().and_then(|choice| choice.finish.clone()), Some(FinishReason::Stop));
}

#[tokio::test]
async fn the_first_tool_is_called_and_its_result_ends_the_turn() {
    let mut request = ChatRequest { tools: vec![weather()], ..asking("Weather?") };
    let response = ask("reasoning-tools", request.clone()).await.expect("an answer");
    let message = response.choices.into_iter().next().expect("one choice").message;
    assert!(matches!(message.parts.first(), Some(Part::Reasoning(_))));
    let called = message.tool_calls().next().expect("a call").clone();
    assert_eq!((called.name.as_str(), called.arguments.as_str()), ("weather", r#"{"city":"mock"}"#));
    let result = ToolResult {
        call_id: called.id,
        name: None,
        content: vec![Part::text("sunny")],
        is_error: None,
        custom: false,
        cache: None,
    };
    request.messages.push(message);
    request.messages.push(Message::new(Role::Tool, vec![Part::ToolResult(result)]));
    let response = ask("tools", request.clone()).await.expect("an answer");
    assert!(said(&response).contains("results"), "{}", said(&response));
    request.messages.truncate(1);
    request.tool_choice = Some(ToolChoice::None);
    assert!(said(&ask("tools", request).await.expect("an answer")).contains("forbids"));
}

#[tokio::test]
async fn json_follows_the_schema_that_is_asked() {
    let schema =
        RawJson::parse(r#"{"type":"object","properties":{"n":{"type":"integer","minimum":4}}}"#).ok();
    let output = OutputFormat::JsonSchema(JsonSchema { schema, ..JsonSchema::default() });
    let response = ask("json", ChatRequest { output, ..asking("x") }).await.expect("an answer");
    assert_eq!(said(&response), r#"{"n":4}"#);
    let free = said(&ask("json", asking("x")).await.expect("an answer"));
    assert!(free.contains(r#""mock":true"#), "{free}");
}

#[tokio::test]
async fn limits_and_choices_of_the_request_are_kept() {
    let mut request = ChatRequest { max_output_tokens: Some(2), ..asking("x") };
    request.sampling.n = Some(3);
    let response = ask("long-50", request).await.expect("an answer");
    assert_eq!(response.choices.len(), 3);
    assert_eq!(said(&response), "This is ");
    assert!(response.choices.iter().all(|choice| choice.finish == Some(FinishReason::Length)));
    assert_eq!(response.usage.output, Some(6));
    let length = ask("length", asking("x")).await.expect("an answer");
    assert_eq!(length.choices.first().and_then(|choice| choice.finish.clone()), Some(FinishReason::Length));
    let refusal = ask("refusal", asking("x")).await.expect("an answer");
    assert_eq!(refusal.choices.first().and_then(|choice| choice.finish.clone()), Some(FinishReason::Refusal));
}

#[tokio::test]
async fn a_cut_stream_breaks_after_its_chunks() {
    let inbound = inbound(asking("x"));
    let (events, error, chunks) = streamed(&inbound, "cut-3").await.expect("it begins");
    assert_eq!((chunks, events.iter().filter(|event| event.is_content()).count()), (3, 3));
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Truncated));
    let (_, error, chunks) = streamed(&inbound, "cut-2-error-500").await.expect("it begins");
    assert_eq!((chunks, error.map(|error| error.kind())), (2, Some(ErrorKind::UpstreamFailure)));
    assert!(ask("cut-3", asking("x")).await.is_err_and(|error| error.kind() == ErrorKind::Truncated));
}

#[tokio::test]
async fn failures_come_in_place_of_an_answer() {
    let error = ask("error-429", asking("x")).await.expect_err("fails");
    assert_eq!((error.kind(), error.status()), (ErrorKind::RateLimited, 429));
    let error = ask("gpt-4o", asking("x")).await.expect_err("no such model");
    assert_eq!(error.kind(), ErrorKind::UpstreamNotFound);
}

/// How calls one after the other ended.
async fn ends(mock: &Mock, model: &str, calls: usize) -> Vec<Option<ErrorKind>> {
    let inbound = inbound(asking("x"));
    let mut ends = Vec::new();
    for _ in 0..calls {
        ends.push(mock.chat(call(&inbound, model, false)).await.err().map(|error| error.kind()));
    }
    ends
}

#[tokio::test]
async fn faults_come_when_their_words_say() {
    let (failure, down) = (Some(ErrorKind::UpstreamFailure), Some(ErrorKind::Overloaded));
    let mock = Mock::default();
    assert_eq!(ends(&mock, "error-500-once", 3).await, [failure, None, None]);
    assert_eq!(ends(&mock, "every-2", 4).await, [None, down, None, down]);
    assert_eq!(
        ends(&mock, "reset-times-2", 3).await,
        [Some(ErrorKind::Connection), Some(ErrorKind::Connection), None]
    );
    assert_eq!(ends(&mock, "error-503", 3).await, [down; 3]);
    assert_eq!((mock.calls(), mock.faults()), (13, 8));
    assert_eq!(
        ends(&Mock::default(), "error-500-once", 1).await,
        [failure],
        "each deployment counts its own"
    );
}

#[tokio::test]
async fn every_fault_may_come_in_the_middle() {
    let inbound = inbound(asking("x"));
    for (model, kind) in [
        ("cut-2", ErrorKind::Truncated),
        ("cut-2-reset", ErrorKind::Connection),
        ("cut-2-malformed", ErrorKind::BadUpstreamAnswer),
        ("cut-2-error-529", ErrorKind::Overloaded),
        ("cut-2-error-filter", ErrorKind::ContentFilter),
    ] {
        let (events, error, chunks) = streamed(&inbound, model).await.expect("it begins");
        assert_eq!((chunks, error.map(|error| error.kind())), (2, Some(kind)), "{model}");
        assert!(!events.contains(&Event::End), "{model}");
        let error = ask(model, asking("x")).await.expect_err("a whole answer breaks at once");
        assert_eq!(error.kind(), kind, "{model}");
    }
    for model in ["unended", "mistyped"] {
        assert!(ask(model, asking("x")).await.is_ok(), "{model}");
    }
    assert!(ask("page", asking("x")).await.is_err_and(|error| error.kind() == ErrorKind::BadUpstreamAnswer));
}

#[tokio::test(start_paused = true)]
async fn a_stalled_stream_meets_the_idle_deadline() {
    let inbound = inbound(asking("x"));
    let mut stalling = call(&inbound, "stall-3", true);
    stalling.deadlines.idle = Some(Duration::from_secs(30));
    let began = tokio::time::Instant::now();
    let (_, error, chunks) =
        told(Mock::default().chat(stalling).await.expect("it begins")).await.expect("a stream");
    assert_eq!((chunks, error.map(|error| error.kind())), (3, Some(ErrorKind::Timeout)));
    assert_eq!(began.elapsed().as_secs(), 30);
    stalling.deadlines.idle = None;
    let endless = told(Mock::default().chat(stalling).await.expect("it begins"));
    assert!(tokio::time::timeout(Duration::from_secs(100_000), endless).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_first_token_and_the_others_come_at_their_own_pace() {
    let inbound = inbound(asking("x"));
    let mut slow = call(&inbound, "start-2s-pace-100ms-long-1", true);
    let began = tokio::time::Instant::now();
    let (_, error, chunks) =
        told(Mock::default().chat(slow).await.expect("it begins")).await.expect("a stream");
    assert_eq!(error, None);
    assert_eq!(began.elapsed().as_millis(), 2000 + 100 * (chunks as u128 - 1));
    slow.deadlines.first_content = Some(Duration::from_secs(1));
    let (_, error, chunks) =
        told(Mock::default().chat(slow).await.expect("it begins")).await.expect("a stream");
    assert_eq!((chunks, error.map(|error| error.kind())), (0, Some(ErrorKind::Timeout)));
}

#[tokio::test]
async fn a_prefill_is_refused_where_the_name_says_so() {
    let mut request = asking("Say yes.");
    assert!(ask("prefill", request.clone()).await.is_ok());
    request.messages.push(Message::text(Role::Assistant, "Yes"));
    assert!(ask("echo", request.clone()).await.is_ok());
    let error = ask("prefill", request).await.expect_err("refused");
    assert_eq!((error.kind(), error.param()), (ErrorKind::InvalidRequest, Some("messages")));
}

#[tokio::test]
async fn settings_of_litellm_answer_in_a_vendors_place() {
    let inbound = inbound(asking("x"));
    let settings = |text: &str| MockSettings { response: Some(text.to_owned()), ..MockSettings::default() };
    for (text, kind) in [
        ("litellm.RateLimitError", ErrorKind::RateLimited),
        ("litellm.ContextWindowExceededError", ErrorKind::ContextLength),
        ("litellm.ContentPolicyViolationError", ErrorKind::ContentFilter),
        ("litellm.InternalServerError", ErrorKind::UpstreamFailure),
    ] {
        let error =
            Mock::in_place_of_a_vendor(settings(text)).chat(call(&inbound, "gpt-4o", false)).await.err();
        assert_eq!(error.map(|error| error.kind()), Some(kind), "{text}");
    }
    let mock = Mock::in_place_of_a_vendor(settings("It's simple."));
    let reply = mock.chat(call(&inbound, "error-500", false)).await.expect("no name is a script here");
    let ReplyBody::Decoded(response) = reply.body else { panic!("a whole answer") };
    assert_eq!(said(&response), "It's simple.");
    let mock = Mock::scripted_by_name(settings("It's simple."));
    assert!(mock.chat(call(&inbound, "error-500", false)).await.is_err(), "and here it is");
}

#[tokio::test]
async fn what_a_server_can_break_itself_is_left_to_it() {
    let inbound = inbound(asking("x"));
    let mock = Mock::default().for_a_server(true);
    for (model, word) in [
        ("reset", "reset"),
        ("cut-3", "cut; after=3"),
        ("cut-2-malformed", "malformed; after=2"),
        ("page", "page"),
        ("unended", "unended"),
        ("mistyped", "mistyped"),
    ] {
        let reply = mock.chat(call(&inbound, model, true)).await.expect("a good answer");
        assert_eq!(reply.headers[ON_THE_WIRE], word, "{model}");
        let (events, error, _) = told(reply).await.expect("a stream");
        assert_eq!((error, events.last()), (None, Some(&Event::End)), "{model}");
    }
    assert!(mock.chat(call(&inbound, "error-429", true)).await.is_err());
    let reply = mock.chat(call(&inbound, "reset-every-2", true)).await.expect("an answer");
    assert!(reply.headers.is_empty(), "not yet");
}

#[tokio::test]
async fn a_server_for_tests_answers_under_other_vendors_names() {
    let inbound = inbound(asking("x"));
    let mock = Mock::default().for_a_server(true);
    assert!(mock.chat(call(&inbound, "gpt-4o", false)).await.is_ok());
    let mut misspelt = call(&inbound, "eror-429", false);
    misspelt.public_model = "mock/eror-429";
    assert!(mock.chat(misspelt).await.is_err_and(|error| error.kind() == ErrorKind::UpstreamNotFound));
}

#[tokio::test]
async fn a_model_that_hangs_meets_the_deadline() {
    let inbound = inbound(asking("x"));
    let mut call = call(&inbound, "hang", false);
    assert!(Mock::default().chat(call).now_or_never().is_none());
    call.deadlines.headers = Some(Duration::from_millis(1));
    let error = Mock::default().chat(call).await.err().expect("a timeout");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    call.model = "echo-delay-600s";
    assert!(Mock::default().chat(call).await.is_err_and(|error| error.kind() == ErrorKind::Timeout));
    call.model = "echo-delay-1ms";
    call.deadlines.headers = Some(Duration::from_secs(60));
    assert!(Mock::default().chat(call).await.is_ok());
}

#[tokio::test]
async fn tokens_are_counted_the_same_every_time() {
    let inbound = inbound(asking("How are you?"));
    for _ in 0..2 {
        assert_eq!(Mock::default().count_tokens(call(&inbound, "echo", false)).await, Ok(Some(3)));
    }
}
