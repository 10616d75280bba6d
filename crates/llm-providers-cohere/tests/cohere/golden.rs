//! Own examples after the documentation, compared whole.

use llm_core::event::Fold;
use llm_core::ingress::ModelCard;
use llm_core::{ChatRequest, Dialect, Error, ErrorKind, Event, Ingress, RawObject};
use llm_providers_cohere::{CHAT, Chat, CohereIngress};
use llm_testkit::replay;

use crate::{ask, body_for, json, reply, stream_for};

/// <https://docs.cohere.com/reference/chat>, with the parts of "Documents and citations", "Image inputs" and
/// "Reasoning".
const REQUEST: &str = include_str!("fixtures/request.json");

/// The answer's shape of the same page.
const ANSWER: &str = include_str!("fixtures/answer.json");

/// The same answer after <https://docs.cohere.com/docs/streaming>, with an event of a kind to come.
const STREAM: &str = include_str!("fixtures/stream.sse");

#[test]
fn a_full_request_reads_as_canonical() {
    insta::assert_debug_snapshot!(ask(REQUEST).expect("a request"));
}

#[test]
fn a_full_request_is_written_as_it_came() {
    let request = ask(REQUEST).expect("a request");
    assert_eq!(body_for(&request), json(REQUEST.as_bytes()));
}

#[test]
fn a_full_answer_reads_as_canonical() {
    insta::assert_debug_snapshot!(Chat::default().decode(&reply(200, ANSWER)).expect("an answer"));
}

#[test]
fn a_full_answer_is_written_as_it_came() {
    let response = Chat::default().decode(&reply(200, ANSWER)).expect("an answer");
    let mut expected = json(ANSWER.as_bytes());
    let written = json(&CohereIngress.encode(&response, &ChatRequest::default()));
    let citations = expected["message"]["citations"].as_array().cloned().expect("a list");
    assert_eq!(written["message"]["citations"].as_array().map(Vec::len), Some(citations.len()));
    expected["message"]["citations"] = written["message"]["citations"].clone();
    assert_eq!(written, expected);
}

#[test]
fn a_stream_tells_what_the_whole_answer_tells() {
    let mut whole = Chat::default().decode(&reply(200, ANSWER)).expect("an answer");
    let (_, mut extras) = whole.extras.take().expect("fields that are not modelled");
    extras.remove("something_new");
    let mut streamed = replay::folded(&Chat::default(), STREAM.as_bytes()).expect("a stream");
    let (_, told) = streamed.extras.take().expect("fields that are not modelled");
    let sorted = |object: &RawObject| {
        let mut names: Vec<String> =
            object.iter().map(|(name, value)| format!("{name}: {}", value.get())).collect();
        names.sort();
        names.concat().replace(' ', "")
    };
    assert_eq!(sorted(&told), sorted(&extras));
    // The same citation, spelled with other white space.
    for response in [&mut whole, &mut streamed] {
        for part in &mut response.choices[0].message.parts {
            if let llm_core::Part::Text(text) = part {
                assert_eq!(text.citations.len(), 1);
                text.citations[0].raw = None;
            }
        }
    }
    assert_eq!(streamed, whole);
}

#[test]
fn a_full_stream_reads_as_events() {
    insta::assert_debug_snapshot!(replay::events(&Chat::default(), &[STREAM.as_bytes()]).expect("a stream"));
    replay::assert_cuts_do_not_matter(&Chat::default(), STREAM.as_bytes(), "the example");
}

#[test]
fn a_full_stream_is_written_for_a_client() {
    let events = replay::events(&Chat::default(), &[STREAM.as_bytes()]).expect("a stream");
    let written = stream_for(&events);
    insta::assert_snapshot!(written);
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    assert_eq!(replay::folded(&Chat::default(), written.as_bytes()), fold.finish());
}

/// The shape of a recorded failure: status 200, and the end says it.
#[test]
fn a_failure_in_the_middle_ends_the_stream() {
    let text = "event: message-start\ndata: {\"id\":\"1\",\"type\":\"message-start\",\"delta\":{\"message\":{}}}\n\n\
                event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\
                \"usage\":{},\"error\":\"no luck\"}}\n\ndata: [DONE]\n\n";
    let events = replay::events(&Chat::default(), &[text.as_bytes()]).expect("a stream");
    let error = Error::new(ErrorKind::UpstreamFailure, "no luck");
    assert_eq!(events.last(), Some(&Event::Error(error.clone())));
    let written = stream_for(&events);
    assert!(written.ends_with(std::str::from_utf8(&CohereIngress.stream_error(&error)).expect("UTF-8")));
    let (bytes, seen) =
        replay::tapped(&Chat::default(), Default::default(), text.as_bytes()).expect("a stream");
    assert_eq!((bytes.as_slice(), seen.error, seen.ended), (text.as_bytes(), Some(error), false));
}

#[test]
fn a_whole_answer_that_failed_is_no_answer() {
    for (reason, kind) in [("ERROR", ErrorKind::UpstreamFailure), ("TIMEOUT", ErrorKind::Timeout)] {
        let body = format!(r#"{{"id":"1","finish_reason":"{reason}","message":{{"role":"assistant"}}}}"#);
        assert_eq!(Chat::default().decode(&reply(200, &body)).expect_err("failed").kind(), kind);
        assert_eq!(Chat::default().peek(body.as_bytes()).expect_err("failed").kind(), kind);
    }
}

/// Proxies in front of vendors write errors of other shapes into streams.
#[test]
fn an_error_without_a_type_is_an_error_all_the_same() {
    for text in
        ["data: {\"error\":{\"message\":\"no capacity\"}}\n\n", "data: {\"message\":\"no capacity\"}\n\n"]
    {
        let events = replay::events(&Chat::default(), &[text.as_bytes()]).expect("a stream");
        assert!(matches!(events.as_slice(), [Event::Error(error)] if error.message() == "no capacity"));
        let (_, seen) =
            replay::tapped(&Chat::default(), Default::default(), text.as_bytes()).expect("a stream");
        assert_eq!(seen.error.map(|error| error.message().to_owned()).as_deref(), Some("no capacity"));
    }
}

/// <https://docs.cohere.com/reference/list-models>
#[test]
fn models_are_listed() {
    let card = |id: &str, mode: &str| ModelCard {
        id: id.to_owned(),
        mode: Some(mode.to_owned()),
        max_input_tokens: Some(256_000),
        max_output_tokens: None,
        abilities: Default::default(),
    };
    let listed = json(&CohereIngress.encode_models(&[card("a", "chat"), card("b", "embedding")]));
    let expected = serde_json::json!({
        "models": [
            {"name": "a", "endpoints": ["chat"], "finetuned": false, "context_length": 256_000},
            {"name": "b", "endpoints": ["embed"], "finetuned": false, "context_length": 256_000},
        ],
        "next_page_token": null,
    });
    assert_eq!(listed, expected);
}

#[test]
fn the_documents_of_a_request_stand_before_the_last_question() {
    let request = ask(REQUEST).expect("a request");
    let last = request.messages.last().expect("a message");
    assert!(matches!(last.parts.as_slice(), [llm_core::Part::Document(_), llm_core::Part::Text(_)]));
    assert!(
        request.extras.is_some_and(|(origin, extras)| origin == CHAT && extras.get("documents").is_none())
    );
}
