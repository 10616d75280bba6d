//! Every client dialect in front of every vendor dialect: text, instructions, history, ends and tokens.

use end_to_end::dialect::{DIALECTS, Dialect, pairs};
use end_to_end::said::{Finish, Heard, Said, Tokens};
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, VENDOR_KEY, VENDOR_MODEL};
use llm_testkit::scripted::{Received, ScriptedVendor};
use serde_json::{Value, json};

/// A text whose escapes and letters break careless code: quotes, line ends, emoji, a frame's end, a terminator.
const AWKWARD: &str = "Grüße \"friend\" 你好 👩‍👩‍👧\n\n- a\\b\tdata: [DONE]\r\n\u{2028}\u{0}end";

/// Asks through a gateway and returns what the client heard and the vendor received.
pub(crate) async fn exchange(
    (client, vendor, stream): (Dialect, Dialect, bool),
    said: &Said,
    body: &Value,
) -> (Heard, Received) {
    let server = ScriptedVendor::start([vendor.answer(said, stream)]).await;
    let stage = Stage::of(&[Deployment::new("public", vendor, &server.url())]);
    let mut body = body.clone();
    (body["model"], body["stream"]) = (json!("public"), json!(stream));
    let answer = stage.post(client.path(), &body).await;
    assert_eq!(answer.status, 200, "{client:?} to {vendor:?}: {}", answer.text());
    let received = server.requests().into_iter().next().expect("the vendor was asked");
    assert_eq!(received.target, vendor.path());
    (client.hear(&answer, stream), received)
}

#[tokio::test]
async fn every_client_hears_what_every_vendor_says() {
    let said = Said { text: AWKWARD, ..Said::text("") };
    for pair @ (client, vendor, stream) in pairs() {
        let (heard, received) = exchange(pair, &said, &client.ask("public", AWKWARD, stream)).await;
        let name = format!("{pair:?}");
        assert_eq!((heard.text.as_str(), heard.model.as_str()), (AWKWARD, "public"), "{name}");
        assert!(heard.complete, "{name}");
        assert_eq!(heard.finish, client.finish_word(Finish::Stop), "{name}");
        assert_eq!(heard.tokens, Some((12, 0, 5)), "{name}");
        let body = received.json();
        assert_eq!(body["model"], VENDOR_MODEL, "{name}");
        assert_eq!(last_user_text(vendor, &body), AWKWARD, "{name}");
        let shown = match vendor {
            Dialect::Messages => received.header("x-api-key").map(str::to_owned),
            _ => received.header("authorization").map(|value| value.replace("Bearer ", "")),
        };
        assert_eq!(shown.as_deref(), Some(VENDOR_KEY), "{name}");
    }
}

/// The text of the last turn in a vendor's request, however its dialect writes it.
fn last_user_text(vendor: Dialect, body: &Value) -> String {
    let list = if vendor == Dialect::Responses { &body["input"] } else { &body["messages"] };
    let last = list.as_array().and_then(|turns| turns.last()).cloned().unwrap_or_default();
    match &last["content"] {
        Value::String(text) => text.clone(),
        parts => parts[0]["text"].as_str().unwrap_or_default().to_owned(),
    }
}
