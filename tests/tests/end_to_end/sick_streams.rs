//! Streams that begin well and end badly: the client hears what was said and an error, and never takes half of an
//! answer for the whole.

use end_to_end::client::Answer as Got;
use end_to_end::dialect::{DIALECTS, Dialect, pairs};
use end_to_end::said::{Call, Heard, Said, Thought};
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, configuration};
use futures_util::future::join_all;
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::json;

/// An answer with everything in it.
fn said() -> Said {
    let thought = Thought { text: "Let me think.", signature: "c2ln" };
    let calls = [Call::new("call_1", "weather", r#"{"city":"Paris"}"#), Call::new("call_2", "clock", "{}")];
    Said { thought: Some(thought), text: "Hello there, friend.", ..Said::calls(calls) }
}

/// The frames of a vendor's stream, each with its end.
fn frames(vendor: Dialect, said: &Said) -> Vec<String> {
    vendor.stream(said).split_inclusive("\n\n").map(str::to_owned).collect()
}

/// Something of the answer stands in this frame.
fn has_content(frame: &str) -> bool {
    ["reasoning_content", "\"content\":\"H", "text.delta\"", "\"text_delta", "thinking_delta"]
        .iter()
        .any(|mark| frame.contains(mark))
}

/// The frame that says that the answer is whole.
fn is_end(vendor: Dialect, frame: &str) -> bool {
    match vendor {
        Dialect::Chat => frame.contains("\"finish_reason\":\"") || frame.contains("[DONE]"),
        Dialect::Responses => frame.contains("response.completed"),
        Dialect::Messages => frame.contains("\"stop_reason\":\"") || frame.contains("message_stop"),
    }
}

/// What a client makes of an answer that may have failed before it began.
fn outcome(client: Dialect, answer: &Got) -> Option<Heard> {
    if answer.status == 200 {
        return Some(client.hear(answer, true));
    }
    client.error_message(&answer.json());
    None
}

/// Asks once for each of these answers.
async fn ask_all(client: Dialect, vendor: Dialect, answers: Vec<Answer>, router: &str) -> Vec<Option<Heard>> {
    let count = answers.len();
    let server = ScriptedVendor::start(answers).await;
    let deployment = Deployment::new("public", vendor, &server.url());
    let stage = Stage::start(&configuration(&[deployment], &format!("num_retries: 0\n{router}")));
    let mut heard = Vec::with_capacity(count);
    for _ in 0..count {
        let answer = stage.post(client.path(), &client.ask("public", "Hi", true)).await;
        heard.push(outcome(client, &answer));
    }
    assert_eq!(server.requests().len(), count);
    heard
}

fn assert_failed_midway(heard: &Heard, case: &str) {
    assert!(!heard.complete, "{case} looks complete: {heard:?}");
    assert!(heard.error.is_some(), "{case}: the client is told: {heard:?}");
    assert_eq!(heard.finish, "", "{case}: no end is told");
}

#[tokio::test]
async fn a_stream_cut_after_any_frame_never_looks_complete() {
    for client in DIALECTS {
        for vendor in DIALECTS {
            let frames = frames(vendor, &said());
            let cuts: Vec<usize> = (0..=frames.len()).collect();
            let prefix = |cut: &usize| frames.iter().take(*cut).cloned().collect::<String>();
            let answers = cuts.iter().map(|cut| Answer::events().chunk(prefix(cut))).collect();
            let heard = ask_all(client, vendor, answers, "").await;
            for (cut, heard) in cuts.iter().zip(heard) {
                let case = format!("{client:?} to {vendor:?}, cut after {cut} of {} frames", frames.len());
                let ended = frames.iter().take(*cut).any(|frame| is_end(vendor, frame));
                let began = frames.iter().take(*cut).any(|frame| has_content(frame));
                match heard {
                    None => assert!(!began, "{case}: what had begun was taken back"),
                    Some(heard) if ended => assert!(heard.complete, "{case}: {heard:?}"),
                    Some(heard) => assert_failed_midway(&heard, &case),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_a_frame_never_looks_complete() {
    for client in DIALECTS {
        for vendor in DIALECTS {
            let stream = vendor.stream(&said());
            let end = frames(vendor, &said())
                .iter()
                .take_while(|frame| !is_end(vendor, frame))
                .map(String::len)
                .sum();
            let cuts: Vec<usize> = (stream.find("Hello").expect("it is said") + 5..end).step_by(97).collect();
            let cut =
                |at: &usize| Answer::events().chunk(stream.get(..*at).expect("ASCII").to_owned()).broken();
            let heard = ask_all(client, vendor, cuts.iter().map(cut).collect(), "").await;
            for (at, heard) in cuts.iter().zip(heard) {
                let case = format!("{client:?} to {vendor:?}, broken at byte {at}");
                assert_failed_midway(&heard.expect(&case), &case);
            }
        }
    }
}

/// The beginning of an answer, up to its first text.
fn beginning(vendor: Dialect) -> String {
    let frames = frames(vendor, &Said::text("Hello there, friend."));
    let first = frames.iter().position(|frame| frame.contains("Hello")).expect("it is said");
    frames.into_iter().take(first + 1).collect()
}

fn error_frame(vendor: Dialect) -> String {
    match vendor {
        Dialect::Chat => {
            format!("data: {}\n\n", vendor.vendor_error("server_error", "the model fell over"))
        }
        Dialect::Responses => {
            let error = json!({"code": "server_error", "message": "the model fell over"});
            let response = json!({"id": "resp_1", "object": "response", "status": "failed", "error": error, "output": []});
            let event = json!({"type": "response.failed", "sequence_number": 9, "response": response});
            format!("event: response.failed\ndata: {event}\n\n")
        }
        Dialect::Messages => {
            let error = vendor.vendor_error("api_error", "the model fell over");
            format!("event: error\ndata: {error}\n\n")
        }
    }
}

#[tokio::test]
async fn what_goes_wrong_after_the_first_words_is_told_in_the_stream() {
    let calls = pairs().filter(|(.., stream)| *stream).map(async |(client, vendor, _)| {
        let begun = || Answer::events().chunk(beginning(vendor));
        let answers = vec![
            begun().chunk(error_frame(vendor)),
            begun().chunk("data: {\"id\":\n\n"),
            begun().chunk("data: <html>\n\n"),
            begun().chunk("\u{0}\u{1}\n\n"),
            begun().hanging(),
        ];
        let heard = ask_all(client, vendor, answers, "stream_timeout: 1\nidle_timeout: 1").await;
        for (number, heard) in heard.into_iter().enumerate() {
            let case = format!("{client:?} to {vendor:?}, case {number}");
            let heard = heard.expect(&case);
            assert_failed_midway(&heard, &case);
            assert_eq!(heard.text, "Hello", "{case}: what was said stays");
            let error = heard.error.unwrap_or_default();
            if number == 0 {
                assert!(error.to_string().contains("the model fell over"), "{case}: {error}");
            }
        }
    });
    join_all(calls).await;
}

#[tokio::test]
async fn a_chat_stream_without_its_terminator_is_given_one() {
    for client in DIALECTS {
        let stream = Dialect::Chat.stream(&Said::text("Hello there."));
        let answer = Answer::events().chunk(stream.replace("data: [DONE]\n\n", ""));
        let heard = ask_all(client, Dialect::Chat, vec![answer], "").await.remove(0).expect("it begins");
        assert_eq!(
            (heard.text.as_str(), heard.complete, heard.tokens),
            ("Hello there.", true, Some((12, 0, 5)))
        );
    }
}

#[tokio::test]
async fn an_answer_in_the_other_form_than_asked_for_is_served() {
    for (client, vendor, stream) in pairs() {
        let server = ScriptedVendor::start([vendor.answer(&said(), !stream)]).await;
        let stage = Stage::of(&[Deployment::new("public", vendor, &server.url())]);
        let answer = stage.post(client.path(), &client.ask("public", "Hi", stream)).await;
        let case = format!("{client:?} to {vendor:?}, stream {stream}");
        assert_eq!(answer.status, 200, "{case}: {}", answer.text());
        let heard = client.hear(&answer, stream);
        assert!(heard.complete && heard.text == "Hello there, friend.", "{case}: {heard:?}");
        assert_eq!((heard.calls.len(), heard.tokens), (2, Some((12, 0, 5))), "{case}");
    }
}

#[tokio::test]
async fn frames_in_every_spelling_are_read() {
    for client in DIALECTS {
        for vendor in DIALECTS {
            let stream = vendor.stream(&said());
            let spellings = [
                stream.replace('\n', "\r\n"),
                stream.replace("data: ", "data:"),
                format!("\u{feff}{stream}"),
                stream.replace("\n\n", "\n\n: keep-alive\n\n"),
                stream.replace("data: ", "id: 7\nretry: 10\ndata: "),
                stream.trim_end().to_owned(),
            ];
            let answers =
                spellings.iter().map(|body| Answer::events().chunks_of(body.as_bytes(), 31)).collect();
            for (number, heard) in ask_all(client, vendor, answers, "").await.into_iter().enumerate() {
                let case = format!("{client:?} to {vendor:?}, spelling {number}");
                let heard = heard.expect(&case);
                assert!(heard.complete && heard.text == "Hello there, friend.", "{case}: {heard:?}");
            }
        }
    }
}

/// A stream whose error says what was used: 7 tokens asked, 5 answered.
fn failing_with_usage(vendor: Dialect) -> String {
    let lines: &[&str] = match vendor {
        Dialect::Chat => &[
            r#"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}"#,
            r#"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","error":{"code":502,"message":"gone"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#,
        ],
        Dialect::Responses => &[
            r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","model":"m","output":[]}}"#,
            r#"{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
            r#"{"type":"response.output_text.delta","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hel"}"#,
            r#"{"type":"response.failed","sequence_number":3,"response":{"id":"resp_1","object":"response","status":"failed","error":{"code":"server_error","message":"gone"},"model":"m","output":[],"usage":{"input_tokens":7,"output_tokens":5,"total_tokens":12}}}"#,
        ],
        Dialect::Messages => &[
            r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":7,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":5}}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"gone"}}"#,
        ],
    };
    let frame = |line: &&str| {
        let read: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let name = read["type"].as_str().map(|name| format!("event: {name}\n")).unwrap_or_default();
        format!("{name}data: {line}\n\n")
    };
    lines.iter().map(frame).collect()
}

/// Whether a client was told of both counts, in its own words.
fn tells_usage(client: Dialect, text: &str) -> bool {
    let both = match client {
        Dialect::Chat => [r#""prompt_tokens":7"#, r#""completion_tokens":5"#],
        Dialect::Responses | Dialect::Messages => [r#""input_tokens":7"#, r#""output_tokens":5"#],
    };
    both.iter().all(|count| text.contains(count))
}

#[tokio::test]
async fn what_a_stream_used_that_failed_is_told() {
    for client in DIALECTS {
        for vendor in DIALECTS {
            let case = format!("{client:?} to {vendor:?}");
            let server = ScriptedVendor::start([Answer::events().chunk(failing_with_usage(vendor))]).await;
            let deployment = Deployment::new("public", vendor, &server.url());
            let stage = Stage::start(&configuration(&[deployment], "num_retries: 0"));
            let mut ask = client.ask("public", "Hi", true);
            if client == Dialect::Chat {
                ask["stream_options"] = json!({"include_usage": true});
            }
            let answer = stage.post(client.path(), &ask).await;
            let heard = client.hear(&answer, true);
            assert_failed_midway(&heard, &case);
            assert!(tells_usage(client, answer.text()), "{case}: {}", answer.text());
        }
    }
}
