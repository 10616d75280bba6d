//! Connections used in every way that HTTP allows, and many at once.

use end_to_end::dialect::{DIALECTS, Dialect, pairs};
use end_to_end::request::{CLIENT_KEY, Request};
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, configuration};
use futures_util::future::join_all;
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::json;

use crate::bad_bodies::House;

#[tokio::test]
async fn a_connection_serves_on_after_every_kind_of_mistake() {
    let house = House::open().await;
    let mut connection = house.stage.connect().await;
    for client in DIALECTS {
        let good = Request::json(client.path(), &client.ask("chat", "Hi", false));
        let stream = Request::json(client.path(), &client.ask("chat", "Hi", true));
        for (request, status) in [
            (Request::post(client.path(), "{"), 400),
            (good.clone(), 200),
            (good.clone().without("authorization"), 401),
            (stream, 200),
            (Request::json(client.path(), &client.ask("no-such", "Hi", true)), client.unknown_model()),
            (good.clone().chunked(11), 200),
            (good.clone().method("PUT"), 405),
            (Request::get("/v1/nothing"), 404),
            (good, 200),
        ] {
            let answer = connection.call(&request).await;
            assert_eq!(answer.status, status, "{client:?}: {}", answer.text());
            assert_eq!(answer.header("connection"), None, "{client:?}: {status} keeps the connection");
        }
    }
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let house = House::open().await;
    let mut connection = house.stage.connect().await;
    let requests = DIALECTS.map(|client| Request::json(client.path(), &client.ask("messages", "Hi", false)));
    let bad = Request::post("/v1/messages", "[]");
    let all = [&requests[0], &bad, &requests[1], &bad, &requests[2]];
    connection.send(all.map(Request::bytes).concat()).await;
    for (number, status) in [200, 400, 200, 400, 200].into_iter().enumerate() {
        let answer = connection.answer().await;
        assert_eq!(answer.status, status, "answer {number}");
        if let Some(client) = DIALECTS.get(number / 2).filter(|_| status == 200) {
            assert_eq!(client.hear(&answer, false).text, "Fine.");
        }
    }
}

#[tokio::test]
async fn a_query_and_the_other_paths_mean_the_same() {
    let house = House::open().await;
    for (client, path) in [
        (Dialect::Chat, "/chat/completions"),
        (Dialect::Chat, "/v1/chat/completions?api-version=2024-10-21"),
        (Dialect::Responses, "/responses"),
        (Dialect::Messages, "/messages"),
        (Dialect::Messages, "/v1/messages?beta=true"),
    ] {
        let answer = house.stage.post(path, &client.ask("chat", "Hi", false)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(client.hear(&answer, false).text, "Fine.", "{path}");
    }
}

/// A gateway in front of one with the mock models, a name for each dialect between them.
async fn towers() -> (Stage, Stage) {
    let back = Stage::start("model_list: [{model_name: vendor-large, litellm_params: {model: mock/echo}}]\n");
    let url = format!("http://{}", back.address);
    let deployments =
        DIALECTS.map(|dialect| Deployment::new(&format!("{dialect:?}"), dialect, &url).key(CLIENT_KEY));
    let front = Stage::start(&configuration(&deployments, "num_retries: 0"));
    (front, back)
}

#[tokio::test]
async fn many_at_once_each_hear_their_own_answer() {
    let (front, _back) = towers().await;
    let calls = (0..10).flat_map(|round| pairs().map(move |pair| (round, pair)));
    let calls = calls.map(async |(round, (client, vendor, stream))| {
        let own = format!("round {round}: {client:?} to {vendor:?}, stream {stream} 你好");
        let answer = front.post(client.path(), &client.ask(&format!("{vendor:?}"), &own, stream)).await;
        assert_eq!(answer.status, 200, "{own}: {}", answer.text());
        let heard = client.hear(&answer, stream);
        assert!(heard.complete && heard.text.contains(&own), "{own}: {heard:?}");
        answer.header("x-litellm-call-id").expect("each call has an id").to_owned()
    });
    let mut ids = join_all(calls).await;
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 180, "ids are never given twice");
}

#[tokio::test]
async fn a_redirect_does_not_carry_the_key_away() {
    let elsewhere = ScriptedVendor::start([Dialect::Chat.answer(&Said::text("Gotcha."), false)]).await;
    let location: &'static str = format!("{}/v1/chat/completions", elsewhere.url()).leak();
    for status in [301, 302, 307, 308] {
        let server = ScriptedVendor::start([Answer::json(status, "").header("location", location)]).await;
        let stage = Stage::of(&[Deployment::new("public", Dialect::Chat, &server.url())]);
        for client in DIALECTS {
            let answer = stage.post(client.path(), &client.ask("public", "Hi", false)).await;
            assert_eq!(
                (answer.status, answer.header("location")),
                (502, None),
                "{client:?}: {}",
                answer.text()
            );
            client.error_message(&answer.json());
        }
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[tokio::test]
async fn several_answers_to_one_question_all_arrive() {
    let choice = |index: u32, text: &str| json!({"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
    let mut whole = Dialect::Chat.whole(&Said::text("one"));
    whole["choices"] = json!([choice(0, "one"), choice(1, "two")]);
    let server = ScriptedVendor::start([Answer::json(200, whole.to_string())]).await;
    let stage = Stage::of(&[Deployment::new("public", Dialect::Chat, &server.url())]);
    let mut body = Dialect::Chat.ask("public", "Hi", false);
    body["n"] = json!(2);
    let answer = stage.post("/v1/chat/completions", &body).await.json();
    let texts: Vec<_> =
        answer["choices"].as_array().into_iter().flatten().map(|one| &one["message"]["content"]).collect();
    assert_eq!(texts, ["one", "two"]);
}
