//! The library as programs use it, over the built-in mock, and every example.

use futures_util::StreamExt as _;
use llm_client::{Chat, Client, Model, blocking};
use serde_json::json;

#[path = "../examples/own_guard.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod own_guard;
#[path = "../examples/own_provider.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod own_provider;
#[path = "../examples/own_strategy.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod own_strategy;
#[path = "../examples/rag.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod rag;

/// A model whose tokens cost a thousandth of a dollar each way, and two that do not answer.
fn client() -> Client {
    let priced = |name, model| {
        Model::new(name, model).set("input_cost_per_token", 0.001).set("output_cost_per_token", 0.001)
    };
    let client = Client::builder()
        .model(priced("fast", "mock/echo"))
        .model(priced("tools", "mock/tools"))
        .model(Model::new("broken", "mock/error-500"))
        .model(Model::new("cut", "mock/cut-1-reset"))
        .fallbacks("broken", ["fast"])
        .routing("num_retries", 0);
    client.build().expect("nothing is wrong with it")
}

#[tokio::test]
async fn an_answer_says_what_it_cost_and_how_long_it_took() {
    let answer = client().chat("hello").await.expect("an answer");
    assert!(answer.text().contains("hello"), "{}", answer.text());
    assert_eq!((answer.model(), answer.finish_reason()), ("fast", Some("stop")));
    let usage = answer.told.usage;
    assert!(usage.prompt_tokens > 0 && usage.total_tokens == usage.prompt_tokens + usage.completion_tokens);
    let cost = answer.told.cost.expect("a cost").0;
    assert_eq!(cost, i64::try_from(usage.total_tokens).expect("few") * 1_000_000);
    assert!(!answer.told.latency.is_zero() && !answer.told.call_id.is_empty());
}

#[tokio::test]
async fn another_model_answers_where_one_fails() {
    let client = client();
    let answer = client.chat(Chat::new("broken").user("hello")).await.expect("the configured fallback");
    assert_eq!((answer.told.fallbacks, answer.text().contains("hello")), (1, true));
    let request = Chat::new("cut").user("hello");
    let answer = client.chat_with_fallbacks(request, ["broken", "tools"]).await.expect("one of them");
    assert!(answer.told.fallbacks >= 1, "{:?}", answer.told);
    let error = client.chat(Chat::new("nobody").user("hello")).await.expect_err("there is none");
    assert!(error.is_of_request() && error.message.contains("nobody"), "{error}");
}

#[tokio::test]
async fn a_stream_is_the_answer_in_pieces_with_its_cost() {
    let client = client();
    let whole = client.chat("one two three four five six").await.expect("an answer");
    let mut stream = client.stream("one two three four five six").await.expect("a stream");
    let (mut said, mut pieces) = (String::new(), 0);
    while let Some(piece) = stream.next().await {
        said.push_str(&piece.expect("a piece").text);
        pieces += 1;
    }
    assert_eq!(said, whole.text());
    assert!(pieces > 3, "{pieces}");
    let told = stream.told();
    assert_eq!((told.usage, told.cost), (whole.told.usage, whole.told.cost));
    assert!(told.first_piece.expect("one came") <= told.latency);
    let mut cut = client.stream(Chat::new("cut").user("one two three")).await.expect("it begins");
    assert!(cut.text().await.is_err(), "an answer that breaks off is none");
}

#[tokio::test]
async fn tools_and_vectors_come_through() {
    let client = client();
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let request = Chat::new("tools").user("the weather in Rome").tool("weather", "tells the weather", schema);
    let calls = client.chat(request).await.expect("an answer").tool_calls();
    assert_eq!(calls.first().map(|call| call.name.as_str()), Some("weather"));
    let vectors = client.embed("fast", ["hello world", "hello moon"]).await.expect("vectors");
    assert_eq!(vectors.vectors.len(), 2);
    assert!(vectors.told.usage.prompt_tokens > 0);
}

#[tokio::test]
async fn blocking_calls_work_where_async_code_runs() {
    let client = blocking::Client::over(client());
    assert!(client.chat("hello").expect("an answer").text().contains("hello"));
    let pieces = client.stream("hello").expect("a stream");
    let said: String = pieces.map(|piece| piece.expect("a piece").text).collect();
    assert!(said.contains("hello"));
    assert_eq!(client.embed("fast", ["a"]).expect("vectors").vectors.len(), 1);
    assert_eq!(
        client.chat_with_fallbacks(Chat::new("cut").user("x"), ["fast"]).expect("an answer").told.fallbacks,
        1
    );
}

#[tokio::test]
async fn one_client_serves_the_whole_program() {
    llm_client::install(client()).expect("the first");
    assert!(llm_client::install(client()).is_err(), "there is one");
    let answer = llm_client::chat("hello").await.expect("an answer");
    assert!(answer.text().contains("hello"));
}

#[tokio::test]
async fn a_configuration_may_be_a_text_and_its_master_key_is_used() {
    let text = "model_list:\n  - {model_name: m, litellm_params: {model: mock/echo}}\n\
                general_settings: {master_key: sk-of-the-library-test}\n";
    let client = Client::builder().text(text).build().expect("a configuration");
    assert!(client.chat(Chat::new("m").user("hello")).await.is_ok());
    let other = client.clone().with_key("sk-wrong");
    assert_eq!(other.chat(Chat::new("m").user("hello")).await.expect_err("a wrong key").status, 401);
    let report = Client::builder().text("model_lst: []").build().expect_err("a misspelt key");
    assert!(report.to_string().contains("model_lst"), "{report}");
}

#[tokio::test]
async fn every_example_runs() {
    assert!(own_provider::run().await.contains("HELLO"));
    assert_eq!(own_strategy::run().await, ["night", "night", "day"]);
    let (refused, told) = own_guard::run().await;
    assert_eq!(refused, 400);
    assert!(!told.contains("Rosebud") && told.contains("[project]"), "{told}");
    let (found, answer) = rag::run().await;
    assert!(found.contains("harbour") && answer.contains("harbour"), "{found} {answer}");
}
