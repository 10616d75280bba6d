//! What a deployment's chats say where the client's do not.

use end_to_end::dialect::{DIALECTS, Dialect};
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::Deployment;
use llm_testkit::scripted::ScriptedVendor;
use serde_json::{Value, json};

/// What a vendor is asked when a client of a dialect asks its gateway, which thinks a little by default.
async fn asked(client: Dialect, vendor: Dialect, stream: bool, own: &Value) -> Value {
    let scripted = ScriptedVendor::start([vendor.answer(&Said::text("Hello."), stream)]).await;
    let deployment = Deployment::new("public", vendor, &scripted.url())
        .with("reasoning_effort: low")
        .with("tools: [{type: function, function: {name: now, parameters: {type: object}}}]")
        .with("user: desk");
    let stage = Stage::of(&[deployment]);
    let mut body = client.ask("public", "Hi", stream);
    for (name, value) in own.as_object().expect("members") {
        body[name] = value.clone();
    }
    let answer = stage.post(client.path(), &body).await;
    assert_eq!(answer.status, 200, "{client:?} to {vendor:?}: {}", answer.text());
    let heard = client.hear(&answer, stream);
    assert_eq!((heard.text.as_str(), heard.complete), ("Hello.", true), "{client:?} to {vendor:?}");
    let requests = scripted.requests();
    serde_json::from_slice(&requests.first().expect("one request").body).expect("JSON")
}

/// Whether the vendor is asked to think a little, in its words.
fn thinks(vendor: Dialect, body: &Value) -> bool {
    match vendor {
        Dialect::Chat => body["reasoning_effort"] == "low",
        Dialect::Responses => body["reasoning"]["effort"] == "low",
        Dialect::Messages => body["thinking"]["type"] == "enabled",
    }
}

#[tokio::test]
async fn a_deployments_defaults_reach_its_vendor_in_the_vendors_words() {
    for client in DIALECTS {
        for vendor in DIALECTS {
            // Room for thinking, which clients of this format limit together with the answer.
            let own = if client == Dialect::Messages { json!({"max_tokens": 8_000}) } else { json!({}) };
            let body = asked(client, vendor, client == vendor, &own).await;
            assert!(thinks(vendor, &body), "{client:?} to {vendor:?}: {body}");
            assert!(body["tools"].to_string().contains("\"now\""), "{client:?} to {vendor:?}: {body}");
            assert!(body.to_string().contains("desk"), "{client:?} to {vendor:?}: {body}");
        }
    }
}

#[tokio::test]
async fn what_the_client_says_itself_stays() {
    let own = json!({"reasoning_effort": "high", "user": "ada", "tools": [
        {"type": "function", "function": {"name": "own", "parameters": {"type": "object"}}}
    ]});
    for vendor in DIALECTS {
        let body = asked(Dialect::Chat, vendor, false, &own).await.to_string();
        assert!(body.contains("ada") && !body.contains("desk"), "{vendor:?}: {body}");
        assert!(body.contains("\"own\"") && !body.contains("\"now\""), "{vendor:?}: {body}");
        assert!(!body.contains("\"low\""), "{vendor:?}: {body}");
    }
}
