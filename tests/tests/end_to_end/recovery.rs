//! Retries, fallbacks and deadlines: what a client never notices, and what it is told when nothing helps.

use std::time::{Duration, Instant};

use end_to_end::client::Answer as Got;
use end_to_end::dialect::{DIALECTS, Dialect, pairs};
use end_to_end::raw::{End, RawVendor, dead_address};
use end_to_end::request::Request;
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, configuration};
use futures_util::future::join_all;
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::{Value, json};

async fn fine(vendor: Dialect, stream: bool) -> ScriptedVendor {
    ScriptedVendor::start([vendor.answer(&Said::text("I am here."), stream)]).await
}

async fn failing(vendor: Dialect, status: u16, kind: &str, message: &str) -> ScriptedVendor {
    let error = vendor.vendor_error(kind, message);
    ScriptedVendor::start([Answer::json(status, error.to_string())]).await
}

fn assert_fine(client: Dialect, answer: &Got, stream: bool, case: &str) {
    assert_eq!(answer.status, 200, "{case}: {}", answer.text());
    let heard = client.hear(answer, stream);
    assert_eq!((heard.text.as_str(), heard.complete), ("I am here.", true), "{case}");
}

#[tokio::test]
async fn one_failure_is_made_good_by_another_attempt() {
    let calls = pairs().map(async |(client, vendor, stream)| {
        let first = Answer::json(500, vendor.vendor_error("api_error", "oops").to_string());
        let server = ScriptedVendor::start([first, vendor.answer(&Said::text("I am here."), stream)]).await;
        let deployment = Deployment::new("public", vendor, &server.url());
        let stage = Stage::start(&configuration(&[deployment], "num_retries: 1"));
        let answer = stage.post(client.path(), &client.ask("public", "Hi", stream)).await;
        let case = format!("{client:?} to {vendor:?}, stream {stream}");
        assert_fine(client, &answer, stream, &case);
        assert_eq!(answer.header("x-litellm-attempted-retries"), Some("1"), "{case}");
        assert_eq!(server.requests().len(), 2, "{case}");
    });
    join_all(calls).await;
}

#[tokio::test]
async fn of_two_deployments_a_dead_one_is_never_noticed() {
    for (client, vendor, stream) in pairs() {
        let server = fine(vendor, stream).await;
        let deployments = [
            Deployment::new("public", vendor, &dead_address().await),
            Deployment::new("public", vendor, &server.url()),
        ];
        let stage = Stage::start(&configuration(&deployments, "num_retries: 1"));
        let mut rescues = Vec::new();
        for _ in 0..8 {
            let began = Instant::now();
            let answer = stage.post(client.path(), &client.ask("public", "Hi", stream)).await;
            assert_fine(client, &answer, stream, &format!("{client:?} to {vendor:?}"));
            if answer.header("x-litellm-attempted-retries") == Some("1") {
                rescues.push(began.elapsed());
            }
        }
        let quickest = rescues.iter().min();
        let pause = Duration::from_millis(500);
        assert!(
            quickest.is_none_or(|took| *took < pause),
            "another deployment is asked at once: {rescues:?}"
        );
        assert_eq!(server.requests().len(), 8);
    }
}

#[tokio::test]
async fn a_stream_that_fails_before_its_first_word_is_made_good() {
    for (client, vendor, _) in pairs().filter(|(.., stream)| *stream) {
        let frames = vendor.stream(&Said::text("Never heard."));
        let first = frames.split_inclusive("\n\n").next().expect("there is one").to_owned();
        let broken = ScriptedVendor::start([Answer::events().chunk(first).broken()]).await;
        let server = fine(vendor, true).await;
        let deployments = [
            Deployment::new("public", vendor, &broken.url()).with("order: 0"),
            Deployment::new("public", vendor, &server.url()).with("order: 1"),
        ];
        let stage = Stage::start(&configuration(&deployments, "num_retries: 1"));
        let answer = stage.post(client.path(), &client.ask("public", "Hi", true)).await;
        assert_fine(client, &answer, true, &format!("{client:?} to {vendor:?}"));
        assert_eq!((broken.requests().len(), server.requests().len()), (1, 1));
    }
}

#[tokio::test]
async fn a_full_context_goes_to_the_fallback_and_a_mistake_only_where_it_should() {
    let too_long = "prompt is too long: 250000 tokens > 200000 maximum";
    for (client, vendor, stream) in pairs() {
        let cases = [
            (too_long, "context_length_exceeded", true),
            ("messages: wrong", "invalid_request_error", true),
            ("messages: wrong", "invalid_request_error", false),
        ];
        for (message, kind, helps) in cases {
            let kind = if vendor == Dialect::Messages { "invalid_request_error" } else { kind };
            let small = failing(vendor, 400, kind, message).await;
            let large = fine(Dialect::Chat, stream).await;
            let deployments = [
                Deployment::new("small", vendor, &small.url()),
                Deployment::new("large", Dialect::Chat, &large.url()),
            ];
            let router = format!(
                "num_retries: 2\nfallbacks: [{{small: [large]}}]\nfallback_on_unsupported_params: {helps}"
            );
            let stage = Stage::start(&configuration(&deployments, &router));
            let answer = stage.post(client.path(), &client.ask("small", "Hi", stream)).await;
            let case = format!("{client:?} to {vendor:?}, {message}");
            assert_eq!(small.requests().len(), 1, "{case}: the same model is not asked again");
            assert_eq!(large.requests().len(), usize::from(helps), "{case}");
            if helps {
                assert_fine(client, &answer, stream, &case);
                assert_eq!(answer.header("x-litellm-attempted-fallbacks"), Some("1"), "{case}");
                assert_eq!(answer.header("x-litellm-model-group"), Some("large"), "{case}");
            } else {
                assert_eq!(answer.status, 400, "{case}");
                assert!(client.error_message(&answer.json()).contains(message), "{case}");
            }
        }
    }
}

/// Three models: `one` and `two` fail, `three` answers.
async fn chain(stream: bool) -> (Stage, [ScriptedVendor; 3]) {
    let vendors = [
        failing(Dialect::Chat, 500, "server_error", "one is down").await,
        failing(Dialect::Messages, 529, "overloaded_error", "two is busy").await,
        fine(Dialect::Responses, stream).await,
    ];
    let [one, two, three] = &vendors;
    let deployments = [
        Deployment::new("one", Dialect::Chat, &one.url()),
        Deployment::new("two", Dialect::Messages, &two.url()),
        Deployment::new("three", Dialect::Responses, &three.url()),
    ];
    let stage =
        Stage::start(&configuration(&deployments, "num_retries: 0\nfallbacks: [{one: [two, three]}]"));
    (stage, vendors)
}

#[tokio::test]
async fn fallbacks_are_gone_through_in_order_across_dialects() {
    for client in DIALECTS {
        for stream in [false, true] {
            let (stage, vendors) = chain(stream).await;
            let answer = stage.post(client.path(), &client.ask("one", "Hi", stream)).await;
            let case = format!("{client:?}, stream {stream}");
            assert_fine(client, &answer, stream, &case);
            assert_eq!(
                client.hear(&answer, stream).model,
                "one",
                "{case}: the client sees the name that it asked for"
            );
            assert_eq!(answer.header("x-litellm-attempted-fallbacks"), Some("2"), "{case}");
            assert_eq!(answer.header("x-litellm-model-group"), Some("three"), "{case}");
            assert!(vendors.iter().all(|vendor| vendor.requests().len() == 1), "{case}");
        }
    }
}

#[tokio::test]
async fn a_request_may_bring_its_own_fallbacks_or_none() {
    let cases = [
        (json!({"fallbacks": ["three"]}), 200, [1, 0, 1]),
        (json!({"fallbacks": [{"model": "three"}]}), 200, [1, 0, 1]),
        (json!({"fallbacks": ["no-such-model", "three"]}), 200, [1, 0, 1]),
        (json!({"fallbacks": []}), 500, [1, 0, 0]),
        (json!({"disable_fallbacks": true}), 500, [1, 0, 0]),
        (json!({"disable_fallbacks": true, "fallbacks": ["three"]}), 500, [1, 0, 0]),
        (json!({"fallbacks": ["two"]}), 529, [1, 1, 0]),
    ];
    for client in DIALECTS {
        for (fields, status, asked) in &cases {
            let (stage, vendors) = chain(false).await;
            let mut body = client.ask("one", "Hi", false);
            body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
            let answer = stage.post(client.path(), &body).await;
            let case = format!("{client:?}, {fields}: {}", answer.text());
            assert_eq!(answer.status, *status, "{case}");
            assert_eq!(vendors.each_ref().map(|vendor| vendor.requests().len()), *asked, "{case}");
            for request in vendors.iter().flat_map(ScriptedVendor::requests) {
                let body = request.json();
                assert!(body.get("fallbacks").is_none() && body.get("disable_fallbacks").is_none(), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn the_clients_own_deadline_holds() {
    let silent = RawVendor::start("", End::Hang).await;
    let silent_server = silent.url();
    let stage = Stage::of(&[Deployment::new("public", Dialect::Chat, silent_server)]);
    let limits: [(&str, &str, Value); 3] = [
        ("x-litellm-timeout", "0.2", Value::Null),
        ("x-litellm-stream-timeout", "0.2", Value::Null),
        ("x-none", "", json!(0.2)),
    ];
    let cases = DIALECTS.into_iter().flat_map(|client| [(client, false), (client, true)]);
    let cases = cases.flat_map(|(client, stream)| limits.clone().map(|limit| (client, stream, limit)));
    let calls = cases.map(async |(client, stream, (header, value, timeout))| {
        if header == "x-litellm-stream-timeout" && !stream {
            return;
        }
        let mut body = client.ask("public", "Hi", stream);
        if !timeout.is_null() {
            body["timeout"] = timeout;
        }
        let began = Instant::now();
        let answer = stage.call(&Request::json(client.path(), &body).header(header, value)).await;
        let case = format!("{client:?}, {header}, stream {stream}");
        assert_eq!(answer.status, 408, "{case}: {}", answer.text());
        client.error_message(&answer.json());
        assert!(began.elapsed() < Duration::from_secs(3), "{case}");
    });
    join_all(calls).await;
}

#[tokio::test]
async fn retries_are_as_many_as_the_request_says() {
    let calls = [("body", 0), ("header", 0), ("body", 1), ("header", 1)].map(async |(place, retries)| {
        let server = failing(Dialect::Chat, 500, "server_error", "down").await;
        let deployments = [Deployment::new("public", Dialect::Chat, &server.url())];
        let stage = Stage::start(&configuration(&deployments, "num_retries: 3"));
        let mut body = Dialect::Messages.ask("public", "Hi", false);
        let mut request = Request::json("/v1/messages", &body);
        if place == "body" {
            body["num_retries"] = json!(retries);
            request = Request::json("/v1/messages", &body);
        } else {
            request = request.header("x-litellm-num-retries", &retries.to_string());
        }
        assert_eq!(stage.call(&request).await.status, 500, "{place}");
        assert_eq!(server.requests().len(), retries + 1, "{place}");
    });
    join_all(calls).await;
}

#[tokio::test]
async fn a_refused_key_or_a_missing_model_is_tried_elsewhere_but_not_again() {
    for (status, kind) in [(401, "authentication_error"), (404, "not_found_error"), (402, "billing_error")] {
        let bad = failing(Dialect::Messages, status, kind, "no").await;
        let good = fine(Dialect::Messages, false).await;
        let deployments = [
            Deployment::new("public", Dialect::Messages, &bad.url()).with("order: 0"),
            Deployment::new("public", Dialect::Messages, &good.url()).with("order: 1"),
            Deployment::new("alone", Dialect::Messages, &bad.url()),
        ];
        let stage = Stage::start(&configuration(&deployments, "num_retries: 2"));
        let answer = stage.post("/v1/chat/completions", &Dialect::Chat.ask("public", "Hi", false)).await;
        assert_fine(Dialect::Chat, &answer, false, kind);
        assert_eq!((bad.requests().len(), good.requests().len()), (1, 1), "{kind}");
        let answer = stage.post("/v1/chat/completions", &Dialect::Chat.ask("alone", "Hi", false)).await;
        assert!(answer.status >= 400, "{kind}");
        assert_eq!(bad.requests().len(), 2, "{kind}: the same key is not shown again");
    }
}
