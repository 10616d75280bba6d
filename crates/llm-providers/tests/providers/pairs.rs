//! Every client dialect through every vendor dialect, whole and streamed: the client understands what was said.

use http::{HeaderMap, HeaderName, HeaderValue};
use llm_core::FinishReason;
use llm_providers::DeploymentSpec;
use llm_testkit::scripted::{Answer, Received, ScriptedVendor};
use serde_json::json;

use crate::client::{ask, built, call, got, inbound, provider, said, spec, understood};
use crate::samples::{self, Sample, TEXT, TOKENS};

fn answer(vendor: &Sample, stream: bool) -> Answer {
    if stream {
        // Cut where it hurts: in the middle of frames, of lines and of escapes.
        Answer::events().chunks_of((vendor.stream)().as_bytes(), 37)
    } else {
        Answer::json(200, (vendor.whole)().to_string())
    }
}

#[tokio::test]
async fn every_client_understands_every_vendor() {
    for vendor in samples::all() {
        for client in samples::all() {
            for stream in [false, true] {
                let pair = format!("{} client, {} vendor, stream {stream}", client.name, vendor.name);
                let server = ScriptedVendor::start([answer(&vendor, stream)]).await;
                let got = ask(&*provider(&vendor, &server), &client, stream).await.expect(&pair);
                assert_eq!(got.error, None, "{pair}");
                assert_eq!(got.native, client.name == vendor.name, "{pair}");
                let response = understood(&client, &got, stream).expect(&pair);
                assert_eq!((said(&response).as_str(), response.model.as_str()), (TEXT, "public"), "{pair}");
                let choice = response.choices.first().expect(&pair);
                assert_eq!(choice.finish, Some(FinishReason::Stop), "{pair}");
                if !stream || !matches!(client.name, "chat" | "completions") {
                    let tokens = (response.usage.prompt_total(), response.usage.completion_total());
                    assert_eq!(tokens, (Some(TOKENS.0), Some(TOKENS.1)), "{pair}");
                }
                let requests = server.requests();
                assert_eq!(requests.len(), 1, "{pair}");
                check_request(&vendor, requests.first().expect("one"), stream, &pair);
            }
        }
    }
}

#[tokio::test]
async fn a_custom_tool_that_travelled_as_a_function_is_called_as_itself() {
    let vendor = samples::messages();
    for client in [samples::chat(), samples::responses()] {
        for stream in [false, true] {
            let pair = format!("{} client, stream {stream}", client.name);
            let reply = if stream {
                Answer::events().chunks_of(samples::messages_call_stream().as_bytes(), 37)
            } else {
                Answer::json(200, samples::messages_call().to_string())
            };
            let server = ScriptedVendor::start([reply]).await;
            let mut request = (client.request)(stream);
            request["tools"] = samples::custom_tool(&client);
            let inbound = inbound(&client.ingress, &request, HeaderMap::new());
            let got = got(&*provider(&vendor, &server), call(&inbound, stream)).await.expect(&pair);
            let response = understood(&client, &got, stream).expect(&pair);
            let message = &response.choices.first().expect(&pair).message;
            let calls: Vec<_> = message
                .tool_calls()
                .map(|call| (call.custom, call.name.as_str(), call.arguments.as_str()))
                .collect();
            assert_eq!(calls, [(true, "shell", "ls \"a\"")], "{pair}");
            let sent = server.requests().first().expect("one").json();
            assert_eq!(sent["tools"][0]["input_schema"]["required"][0], "input", "{pair}");
        }
    }
}

fn check_request(vendor: &Sample, request: &Received, stream: bool, pair: &str) {
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", vendor.path), "{pair}");
    let (name, value) = vendor.key_header;
    assert_eq!(request.header(name), Some(value), "{pair}");
    assert_eq!(request.header("content-type"), Some("application/json"), "{pair}");
    assert!(request.header("user-agent").is_some_and(|agent| agent.starts_with("llm-gateway/")), "{pair}");
    let body = request.json();
    assert_eq!(body["model"], "vendor-large", "{pair}");
    assert_eq!(body["stream"].as_bool().unwrap_or(false), stream, "{pair}");
    let text = body.to_string();
    assert!(text.contains("Be kind.") && text.contains("Hi") && text.contains("100"), "{pair}: {text}");
}

#[tokio::test]
async fn a_native_answer_shows_the_public_name_and_is_metered() {
    for sample in samples::all() {
        for stream in [false, true] {
            let server = ScriptedVendor::start([answer(&sample, stream)]).await;
            let got = ask(&*provider(&sample, &server), &sample, stream).await.expect("an answer");
            let name = sample.name;
            assert!(got.native, "{name}");
            let text = String::from_utf8(got.bytes.to_vec()).expect("UTF-8");
            assert!(text.contains("\"public\""), "{name}: {text}");
            assert!(!text.contains(samples::VENDOR_MODEL), "{name}: {text}");
            let usage = got.usage.expect("metered");
            assert_eq!((usage.input, usage.output), (Some(TOKENS.0), Some(TOKENS.1)), "{name}");
        }
    }
}

#[tokio::test]
async fn bytes_of_a_native_answer_stay_when_the_name_is_the_same() {
    for sample in samples::all() {
        for stream in [false, true] {
            let server = ScriptedVendor::start([answer(&sample, stream)]).await;
            let provider = provider(&sample, &server);
            let mut request = (sample.request)(stream);
            if matches!(sample.name, "chat" | "completions") {
                request["stream_options"] = json!({"include_usage": true});
            }
            let inbound = inbound(&sample.ingress, &request, HeaderMap::new());
            let mut call = call(&inbound, stream);
            call.public_model = samples::VENDOR_MODEL;
            let got = got(&*provider, call).await.expect("an answer");
            let sent = if stream { (sample.stream)() } else { (sample.whole)().to_string() };
            assert_eq!(got.bytes, sent, "{}", sample.name);
        }
    }
}

#[tokio::test]
async fn gateway_fields_and_client_credentials_do_not_reach_the_vendor() {
    for vendor in samples::all() {
        for client in samples::all() {
            let server = ScriptedVendor::start([answer(&vendor, false)]).await;
            let mut request = (client.request)(false);
            request["fallbacks"] = json!(["other"]);
            request["api_key"] = json!("sk-client-body");
            request["num_retries"] = json!(3);
            let mut headers = HeaderMap::new();
            for name in
                ["authorization", "x-api-key", "api-key", "cookie", "x-litellm-tags", "host", "forwarded"]
            {
                let name = HeaderName::from_static(name);
                headers.insert(name, HeaderValue::from_static("Bearer sk-client"));
            }
            let inbound = inbound(&client.ingress, &request, headers);
            let provider = provider(&vendor, &server);
            got(&*provider, call(&inbound, false)).await.expect("an answer");
            let received = server.requests().into_iter().next().expect("one request");
            let pair = format!("{} to {}", client.name, vendor.name);
            for (name, value) in &received.headers {
                assert!(!value.to_str().unwrap_or_default().contains("sk-client"), "{pair}: {name}");
            }
            let body = received.json();
            for field in ["fallbacks", "api_key", "num_retries"] {
                assert!(body.get(field).is_none(), "{pair}: {field}");
            }
            assert_eq!(received.header("cookie"), None, "{pair}");
        }
    }
}

#[tokio::test]
async fn headers_of_a_dialect_go_to_vendors_of_the_same_one_only() {
    let client = samples::messages();
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-beta", HeaderValue::from_static("feature-1"));
    for (vendor, expected) in [(samples::messages(), Some("feature-1")), (samples::chat(), None)] {
        let server = ScriptedVendor::start([answer(&vendor, false)]).await;
        let inbound = inbound(&client.ingress, &(client.request)(false), headers.clone());
        got(&*provider(&vendor, &server), call(&inbound, false)).await.expect("an answer");
        let received = server.requests().into_iter().next().expect("one request");
        assert_eq!(received.header("anthropic-beta"), expected);
        assert_eq!(received.header("anthropic-version").is_some(), expected.is_some());
    }
}

#[tokio::test]
async fn the_vendors_headers_come_back_without_its_cookies() {
    let (chat, messages) = (samples::chat(), samples::messages());
    for client in [&chat, &messages] {
        let answer = answer(&chat, false)
            .header("x-request-id", "req_1")
            .header("x-ratelimit-remaining-requests", "9")
            .header("set-cookie", "session=1")
            .header("access-control-allow-origin", "*");
        let server = ScriptedVendor::start([answer]).await;
        let got = ask(&*provider(&chat, &server), client, false).await.expect("an answer");
        let header = |name| got.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        assert_eq!(header("x-request-id"), Some("req_1"));
        assert_eq!(header("x-ratelimit-remaining-requests"), Some("9"));
        for name in ["set-cookie", "content-length", "transfer-encoding", "access-control-allow-origin"] {
            assert_eq!(header(name), None, "{name}");
        }
        assert_eq!(header("content-type").is_some(), got.native);
    }
}

#[tokio::test]
async fn the_deployments_settings_reach_the_vendor() {
    let chat = samples::chat();
    let server = ScriptedVendor::start([answer(&chat, false)]).await;
    let mut spec = spec(&chat, &server);
    spec.api_base = Some(format!("{}/proxy/v1/chat/completions?api-version=7", server.url()));
    spec.organization = Some("org-1".to_owned());
    spec.extra_headers = vec![("X-Team".to_owned(), llm_core::Secret::new("blue".to_owned()))];
    spec.extra_body.insert("seed", llm_core::RawJson::parse("7").expect("a number"));
    spec.drop_fields = vec!["user".to_owned()];
    spec.sampling.temperature = Some(0.25);
    let mut request = (chat.request)(false);
    request["user"] = json!("u-1");
    let inbound = inbound(&chat.ingress, &request, HeaderMap::new());
    got(&*built(&spec), call(&inbound, false)).await.expect("an answer");
    let received = server.requests().into_iter().next().expect("one request");
    assert_eq!(received.target, "/proxy/v1/chat/completions?api-version=7");
    assert_eq!(received.header("openai-organization"), Some("org-1"));
    assert_eq!(received.header("x-team"), Some("blue"));
    let body = received.json();
    assert_eq!((&body["seed"], &body["temperature"]), (&json!(7), &json!(0.25)));
    assert!(body.get("user").is_none());
}

#[tokio::test]
async fn tokens_are_counted_by_the_vendor_for_clients_of_its_dialect() {
    let (messages, chat) = (samples::messages(), samples::chat());
    let server = ScriptedVendor::start([Answer::json(200, r#"{"input_tokens":42}"#)]).await;
    let provider = provider(&messages, &server);
    let mut request = (messages.request)(false);
    request.as_object_mut().expect("an object").remove("max_tokens");
    request["num_retries"] = json!(1);
    let own = inbound(&messages.ingress, &request, HeaderMap::new());
    assert_eq!(provider.count_tokens(call(&own, false)).await, Ok(Some(42)));
    let received = server.requests().into_iter().next().expect("one request");
    assert_eq!(received.target, "/v1/messages/count_tokens");
    assert!(received.header("anthropic-version").is_some());
    let mut expected = request.clone();
    expected["model"] = json!("vendor-large");
    expected.as_object_mut().expect("an object").remove("num_retries");
    assert_eq!(received.json(), expected);
    let other = inbound(&chat.ingress, &(chat.request)(false), HeaderMap::new());
    assert_eq!(provider.count_tokens(call(&other, false)).await, Ok(None));
}

#[tokio::test]
async fn choices_that_a_client_is_not_told_are_reported() {
    let choice = |index: u32| json!({"index": index, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"});
    let whole = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [choice(0), choice(1)], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}});
    let vendor = samples::chat();
    for (client, stream, untold) in [
        (samples::messages(), false, true),
        (samples::messages(), true, true),
        (samples::responses(), false, false),
        (samples::completions(), false, false),
    ] {
        let reply = if stream { answer(&vendor, true) } else { Answer::json(200, whole.to_string()) };
        let server = ScriptedVendor::start([reply]).await;
        let extra_body = serde_json::from_str(r#"{"n":2}"#).expect("an object");
        let provider = built(&DeploymentSpec { extra_body, ..spec(&vendor, &server) });
        let inbound = inbound(&client.ingress, &(client.request)(stream), HeaderMap::new());
        let reply = provider.chat(call(&inbound, stream)).await.expect("an answer");
        let reported = reply.losses.iter().any(|loss| loss.field == "choices");
        assert_eq!(reported, untold, "{} stream {stream}", client.name);
    }
}
