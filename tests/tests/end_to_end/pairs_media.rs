//! Pictures, answers in a given form, and refusals between every client dialect and every vendor dialect.

use end_to_end::dialect::{Dialect, pairs};
use end_to_end::said::{Finish, Said};
use serde_json::{Value, json};

use crate::pairs_text::{Exchange, exchange};

const ADDRESS: &str = "https://pictures.example/cat.png?size=1&x=%20";
const BYTES: &str = "iVBORw0KGgoAAAANSUhEUg==";

fn data_url() -> String {
    format!("data:image/png;base64,{BYTES}")
}

/// A question with a picture by address and one by bytes.
fn pictures(client: Dialect) -> Value {
    match client {
        Dialect::Chat => json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "Which?"},
            {"type": "image_url", "image_url": {"url": ADDRESS}},
            {"type": "image_url", "image_url": {"url": data_url()}},
        ]}]}),
        Dialect::Responses => json!({"input": [{"role": "user", "content": [
            {"type": "input_text", "text": "Which?"},
            {"type": "input_image", "image_url": ADDRESS, "detail": "auto"},
            {"type": "input_image", "image_url": data_url(), "detail": "auto"},
        ]}]}),
        Dialect::Messages => json!({"max_tokens": 99, "messages": [{"role": "user", "content": [
            {"type": "text", "text": "Which?"},
            {"type": "image", "source": {"type": "url", "url": ADDRESS}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BYTES}},
        ]}]}),
    }
}

/// What stands in each part of the first turn of a vendor's request.
fn parts(vendor: Dialect, body: &Value) -> Vec<String> {
    let list = if vendor == Dialect::Responses { &body["input"] } else { &body["messages"] };
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let part = |part: &Value| match (vendor, part["type"].as_str()) {
        (Dialect::Chat, Some("text")) | (Dialect::Messages, Some("text")) => word(&part["text"]),
        (Dialect::Responses, Some("input_text")) => word(&part["text"]),
        (Dialect::Chat, Some("image_url")) => word(&part["image_url"]["url"]),
        (Dialect::Responses, Some("input_image")) => word(&part["image_url"]),
        (Dialect::Messages, Some("image")) if part["source"]["type"] == "url" => word(&part["source"]["url"]),
        (Dialect::Messages, Some("image")) => {
            let source = &part["source"];
            assert_eq!(source["type"], "base64");
            format!("data:{};base64,{}", word(&source["media_type"]), word(&source["data"]))
        }
        _ => panic!("no known part: {part}"),
    };
    list[0]["content"].as_array().into_iter().flatten().map(part).collect()
}

#[tokio::test]
async fn pictures_by_address_and_by_bytes_reach_the_vendor() {
    for pair @ (client, vendor, _) in pairs() {
        let Exchange { heard, received, .. } =
            exchange(pair, &Said::text("The cat."), &pictures(client)).await;
        assert_eq!(heard.text, "The cat.", "{pair:?}");
        let body = received.json();
        assert_eq!(
            parts(vendor, &body),
            ["Which?".to_owned(), ADDRESS.to_owned(), data_url()],
            "{pair:?}: {body}"
        );
    }
}

fn schema() -> Value {
    let properties = json!({"name": {"type": "string"}, "age": {"type": "integer"}});
    json!({"type": "object", "properties": properties, "required": ["name", "age"], "additionalProperties": false})
}

#[tokio::test]
async fn an_answer_after_a_schema_is_asked_for_in_the_vendors_words() {
    for pair @ (client, vendor, stream) in pairs() {
        let mut body = client.ask("public", "Who?", stream);
        match client {
            Dialect::Chat => {
                let wanted = json!({"name": "person", "schema": schema(), "strict": true});
                body["response_format"] = json!({"type": "json_schema", "json_schema": wanted});
            }
            Dialect::Responses => {
                let format =
                    json!({"type": "json_schema", "name": "person", "schema": schema(), "strict": true});
                body["text"] = json!({"format": format});
            }
            Dialect::Messages => {
                body["output_config"] = json!({"format": {"type": "json_schema", "schema": schema()}});
            }
        }
        let Exchange { heard, received, .. } =
            exchange(pair, &Said::text(r#"{"name":"Ada","age":36}"#), &body).await;
        assert_eq!(heard.text, r#"{"name":"Ada","age":36}"#, "{pair:?}");
        let body = received.json();
        let sent = match vendor {
            Dialect::Chat => &body["response_format"]["json_schema"]["schema"],
            Dialect::Responses => &body["text"]["format"]["schema"],
            Dialect::Messages => &body["output_config"]["format"]["schema"],
        };
        assert_eq!(*sent, schema(), "{pair:?}: {body}");
    }
}

#[tokio::test]
async fn a_refusal_is_heard_as_one() {
    for pair @ (client, _, stream) in pairs() {
        let said = Said { refusal: Some("I would rather not."), finish: Finish::Refused, ..Said::text("") };
        let Exchange { heard, .. } = exchange(pair, &said, &client.ask("public", "Do harm!", stream)).await;
        let words = heard.text.clone() + &heard.refusal;
        assert_eq!((words.as_str(), heard.complete), ("I would rather not.", true), "{pair:?}: {heard:?}");
        if client == Dialect::Messages {
            assert_eq!(heard.finish, "refusal", "{pair:?}");
        }
    }
}
