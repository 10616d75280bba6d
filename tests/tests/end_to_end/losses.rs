//! What a vendor's dialect cannot express: refused, dropped and told, or dropped by configuration; never silently.

use end_to_end::client::Answer;
use end_to_end::dialect::{DIALECTS, Dialect};
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, configuration};
use llm_testkit::scripted::{Received, ScriptedVendor};
use serde_json::{Value, json};

/// Sends a request with more members to a vendor; returns the answer and what the vendor got.
async fn ask(client: Dialect, vendor: Dialect, fields: &Value, more: &str) -> (Answer, Option<Received>) {
    let server = ScriptedVendor::start([vendor.answer(&Said::text("ok"), false)]).await;
    let text = configuration(&[Deployment::new("public", vendor, &server.url())], "num_retries: 0") + more;
    let stage = Stage::start(&text);
    let mut body = client.ask("public", "Hi", false);
    body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    let answer = stage.post(client.path(), &body).await;
    (answer, server.requests().into_iter().next())
}

fn dropped(answer: &Answer) -> Vec<&str> {
    answer.header("x-llm-dropped").map(|list| list.split(',').collect()).unwrap_or_default()
}

/// Fields that only tune, in a client's dialect, with a vendor whose dialect has none of them.
const TUNING: [(Dialect, Dialect, &str, &str); 4] = [
    (Dialect::Chat, Dialect::Messages, "seed", "7"),
    (Dialect::Chat, Dialect::Messages, "frequency_penalty", "0.5"),
    (Dialect::Chat, Dialect::Responses, "presence_penalty", "0.5"),
    (Dialect::Messages, Dialect::Responses, "top_k", "40"),
];

fn with(field: &str, value: &str, more: Value) -> Value {
    let mut fields = more;
    fields[field] = serde_json::from_str(value).expect("JSON");
    fields
}

#[tokio::test]
async fn what_only_tunes_is_dropped_and_told() {
    for (client, vendor, field, value) in TUNING {
        let case = format!("{field}, {client:?} to {vendor:?}");
        let (answer, received) = ask(client, vendor, &with(field, value, json!({})), "").await;
        assert_eq!(answer.status, 200, "{case}: {}", answer.text());
        assert_eq!(dropped(&answer), [field], "{case}");
        let sent = received.expect(&case).json();
        assert!(sent.get(field).is_none(), "{case}: {sent}");
    }
}

#[tokio::test]
async fn on_loss_reject_refuses_what_only_tunes() {
    for (client, vendor, field, value) in TUNING {
        let case = format!("{field}, {client:?} to {vendor:?}");
        let (answer, received) =
            ask(client, vendor, &with(field, value, json!({"on_loss": "reject"})), "").await;
        assert_eq!(answer.status, 400, "{case}: {}", answer.text());
        let message = client.error_message(&answer.json());
        assert!(message.contains(field), "{case}: {message}");
        assert!(received.is_none(), "{case}: the vendor is not asked");
    }
}

#[tokio::test]
async fn what_changes_the_meaning_is_refused_unless_it_may_be_dropped() {
    let stop = (Dialect::Chat, Dialect::Responses, "stop", json!(["END"]));
    let choices = (Dialect::Chat, Dialect::Messages, "n", json!(2));
    let hosted = (Dialect::Responses, Dialect::Chat, "tools", json!([{"type": "web_search_preview"}]));
    let kept = (Dialect::Responses, Dialect::Messages, "previous_response_id", json!("resp_0"));
    for (client, vendor, field, value) in [stop, choices, hosted, kept] {
        let case = format!("{field}, {client:?} to {vendor:?}");
        let (answer, received) = ask(client, vendor, &json!({field: value}), "").await;
        assert_eq!(answer.status, 400, "{case}: {}", answer.text());
        let message = client.error_message(&answer.json());
        assert!(message.contains(field) && message.contains("drop_params"), "{case}: {message}");
        assert!(received.is_none(), "{case}: the vendor is not asked");

        let ways = [
            (json!({field: value, "drop_params": true}), ""),
            (json!({field: value, "on_loss": "drop"}), ""),
            (json!({field: value}), "litellm_settings: {drop_params: true}\n"),
        ];
        for (fields, configured) in ways {
            let (answer, received) = ask(client, vendor, &fields, configured).await;
            assert_eq!(answer.status, 200, "{case}, {fields}, {configured}: {}", answer.text());
            let told = dropped(&answer);
            assert!(told.iter().any(|loss| loss.contains(field)), "{case}: {told:?}");
            let sent = received.expect(&case).json();
            assert!(sent.get(field).is_none_or(|value| value == &json!([])), "{case}: {sent}");
        }
    }
}

#[tokio::test]
async fn nothing_is_dropped_where_nothing_is_lost() {
    for client in DIALECTS {
        for vendor in DIALECTS {
            let (answer, _) = ask(client, vendor, &json!({"temperature": 0.5}), "").await;
            assert_eq!((answer.status, dropped(&answer)), (200, Vec::new()), "{client:?} to {vendor:?}");
            let (answer, _) =
                ask(client, vendor, &json!({"temperature": 0.5, "on_loss": "reject"}), "").await;
            assert_eq!(answer.status, 200, "{client:?} to {vendor:?}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_deployment_may_set_and_take_members_of_every_request() {
    for client in DIALECTS {
        for vendor in DIALECTS {
            let server = ScriptedVendor::start([vendor.answer(&Said::text("ok"), false)]).await;
            let deployment = Deployment::new("public", vendor, &server.url())
                .with("extra_body: {x_team: blue}")
                .with("additional_drop_params: [top_p]")
                .with("extra_headers: {x-team: green}")
                .with("temperature: 0.25")
                .with("max_tokens: 55");
            let stage = Stage::of(&[deployment]);
            let mut body = client.ask("public", "Hi", false);
            body["top_p"] = json!(0.5);
            body.as_object_mut().expect("an object").remove("max_tokens");
            let answer = stage.post(client.path(), &body).await;
            let pair = format!("{client:?} to {vendor:?}");
            assert_eq!(answer.status, 200, "{pair}: {}", answer.text());
            let received = server.requests().into_iter().next().expect(&pair);
            let sent = received.json();
            assert_eq!(
                (&sent["x_team"], &sent["temperature"]),
                (&json!("blue"), &json!(0.25)),
                "{pair}: {sent}"
            );
            assert!(sent.get("top_p").is_none(), "{pair}: {sent}");
            assert_eq!(received.header("x-team"), Some("green"), "{pair}");
            let limits = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
            let limits: Vec<&Value> = limits.iter().filter_map(|name| sent.get(name)).collect();
            assert_eq!(limits, [&json!(55)], "{pair}: {sent}");
        }
    }
}
