//! Answers that others go on with, those who refuse to, and fallbacks that a request has tested.

use serde_json::{Value, json};

use super::clients::{DIALECTS, Dialect};
use super::processes::{Deployment, Process};
use super::scenarios::ECHO;

/// A gateway with one group, whose deployments are these models, by their ids and in this order.
fn group(vendor: &Process, models: &[(&str, &str)], more: &str) -> Process {
    let line = |(order, (id, model)): (usize, &(&str, &str))| {
        let more = format!("order: {order}");
        Deployment { group: "g", id, vendor: "openai", model, at: vendor.address, more: &more }.line()
    };
    let lines: String = models.iter().enumerate().map(line).collect();
    Process::gateway(&format!("model_list:\n{lines}{more}\n"))
}

#[tokio::test]
async fn who_takes_no_beginning_is_passed_by() {
    let vendor = Process::vendor();
    for client in DIALECTS {
        let models = [("broken", "cut-3"), ("modern", "prefill"), ("able", "echo")];
        let gateway = group(&vendor, &models, "router_settings: {mid_stream: continue}");
        let answer = gateway.call(client.ask("g", true, &json!({}))).await;
        let heard = client.hear(&answer, true);
        assert!(heard.complete && heard.text == ECHO, "{client:?}: {heard:?}");
        assert_eq!(gateway.metrics().await.failures("modern", "invalid_request"), 1.0, "{client:?}");
        assert_eq!(gateway.status("modern").await["status"], "healthy", "a refusal speaks against nobody");
    }
}

#[tokio::test]
async fn where_nobody_goes_on_the_answer_ends_with_an_error() {
    let vendor = Process::vendor();
    for client in DIALECTS {
        let gateway = group(
            &vendor,
            &[("broken", "cut-3"), ("modern", "prefill")],
            "router_settings: {num_retries: 0}",
        );
        let answer = gateway.call(client.ask("g", true, &json!({"mid_stream": "continue"}))).await;
        let heard = client.hear(&answer, true);
        assert!(!heard.complete && heard.error.is_some() && heard.finish.is_none(), "{client:?}: {heard:?}");
        assert!(!heard.text.is_empty() && ECHO.starts_with(&heard.text), "{client:?}: {heard:?}");
        let told = heard.usage.map(|(prompt, said)| prompt + said);
        let booked = gateway.status("broken").await["total_tokens"].as_u64();
        assert!(told == booked && told > Some(0), "{client:?}: {told:?} {booked:?}");
    }
}

#[tokio::test]
async fn a_fallback_that_rejects_what_the_client_began_is_not_the_last_one() {
    let vendor = Process::vendor();
    let models = [("down", "error-503"), ("modern", "prefill"), ("able", "echo")];
    let gateway = group(&vendor, &models, "");
    let begun = json!({"messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "This is the gateway's"},
    ]});
    for client in DIALECTS {
        for stream in [false, true] {
            let answer = gateway.call(client.ask("g", stream, &begun)).await;
            let heard = client.hear(&answer, stream);
            assert!(heard.complete, "{client:?}, {stream}: {heard:?}");
            assert_eq!(
                Some(heard.text.trim_start()),
                ECHO.strip_prefix("This is the gateway's ").map(str::trim_start)
            );
            assert_eq!(answer.header("x-litellm-model-id"), Some("able"));
        }
    }
}

/// A gateway with a fallback for everything, which may be tested or not.
fn tested(vendor: &Process, allowed: bool) -> Process {
    let line = |group, id| {
        Deployment { group, id, vendor: "openai", model: "echo", at: vendor.address, more: "weight: 1" }
            .line()
    };
    let lines =
        [line("asked", "asked"), line("general", "general"), line("large", "large"), line("lax", "lax")];
    let lines = lines.concat();
    Process::gateway(&format!(
        "model_list:\n{lines}router_settings:\n  fallbacks: [{{asked: [general]}}]\n  context_window_fallbacks: \
         [{{asked: [large]}}]\n  content_policy_fallbacks: [{{asked: [lax]}}]\ngeneral_settings: \
         {{dangerously_allow_mock_testing_request_params: {allowed}}}\n"
    ))
}

#[tokio::test]
async fn a_request_has_fallbacks_tested_where_that_is_allowed() {
    let vendor = Process::vendor();
    let (open, closed) = (tested(&vendor, true), tested(&vendor, false));
    let fields = [
        ("mock_testing_fallbacks", "general", 500),
        ("mock_testing_context_fallbacks", "large", 400),
        ("mock_testing_content_policy_fallbacks", "lax", 400),
    ];
    for client in DIALECTS {
        for (field, group, status) in fields {
            let asks = |value: Value| client.ask("asked", false, &json!({field: value}));
            let answer = open.call(asks(json!(true))).await;
            assert_eq!(
                (answer.status, answer.header("x-litellm-model-group")),
                (200, Some(group)),
                "{field}"
            );
            assert_eq!(answer.header("x-litellm-attempted-fallbacks"), Some("1"));
            let none = json!({field: true, "disable_fallbacks": true});
            let answer = open.call(client.ask("asked", false, &none)).await;
            assert_eq!(answer.status, status, "{field}: {}", answer.body);
            assert!(client.hear(&answer, false).error.is_some());
            let answer = closed.call(asks(json!(true))).await;
            assert_eq!(answer.status, 400, "{field}: {}", answer.body);
            assert!(answer.body.contains("dangerously_allow_mock_testing_request_params"), "{}", answer.body);
            let answer = closed.call(asks(json!(false))).await;
            assert_eq!(
                (answer.status, answer.header("x-litellm-model-group")),
                (200, Some("asked")),
                "{field}"
            );
        }
    }
    assert_eq!(open.status("asked").await["attempts"], 0, "nobody of the group was asked");
    assert_eq!(closed.status("asked").await["attempts"], 2 * fields.len());
}

#[tokio::test]
async fn a_slow_beginning_is_hedged_and_the_loser_booked() {
    let vendor = Process::vendor();
    for client in DIALECTS {
        let more = "router_settings: {groups: {g: {hedge: {after: 0.3, budget: 1}}}}";
        let gateway = group(&vendor, &[("slow", "start-60s"), ("quick", "echo")], more);
        let answer = gateway.call(client.ask("g", true, &json!({}))).await;
        let heard = client.hear(&answer, true);
        assert!(heard.complete && heard.text == ECHO, "{client:?}: {heard:?}");
        assert_eq!(answer.header("x-litellm-model-id"), Some("quick"), "{client:?}");
        assert_eq!(answer.header("x-litellm-attempted-retries"), Some("0"), "a hedge is no retry");
        let metrics = gateway.metrics().await;
        assert_eq!(metrics.failures("slow", "cancelled"), 1.0, "{client:?}");
        assert!(metrics.spent("slow") > 0.0 && metrics.spent("quick") > 0.0, "{client:?}");
        let slow = gateway.status("slow").await;
        assert_eq!((&slow["in_flight"], &slow["status"]), (&json!(0), &json!("healthy")), "{client:?}");
        let whole = Dialect::Chat.ask("g", false, &json!({"timeout": 1}));
        assert_eq!(gateway.call(whole).await.status, 408, "whole answers are not hedged");
    }
}
