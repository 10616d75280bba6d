//! Vendors that are dead, silent, or answer something else than an answer: the client gets an error of its own
//! dialect, with the right status, and nothing of the vendor's page, key or address.

use end_to_end::client;
use end_to_end::dialect::{DIALECTS, Dialect, pairs};
use end_to_end::logs;
use end_to_end::raw::{End, RawVendor, dead_address};
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, VENDOR_KEY, configuration};
use futures_util::future::join_all;
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::json;

const PROMPT: &str = "marmalade-prompt-4411";
const PAGE: &str = "<!DOCTYPE html><html><body><h1>502 Bad Gateway at secret-host-17</h1></body></html>";

/// Short waits, no second attempt.
const HASTY: &str = "num_retries: 0\ntimeout: 0.3\nstream_timeout: 0.3\nconnect_timeout: 3";

/// Asks a vendor of this address from every client, whole and streamed, and checks the error.
async fn assert_fails(vendor: Dialect, url: &str, case: &str, statuses: &[u16]) {
    let stage = Stage::start(&configuration(&[Deployment::new("public", vendor, url)], HASTY));
    let clients = DIALECTS.into_iter().flat_map(|client| [(client, false), (client, true)]);
    let calls = clients.map(async |(client, stream)| {
        let answer = stage.post(client.path(), &client.ask("public", PROMPT, stream)).await;
        assert_is_error(
            client,
            &answer,
            &format!("{case}: {client:?} to {vendor:?}, stream {stream}"),
            statuses,
        );
    });
    join_all(calls).await;
    let pages = logs::lines_with(PROMPT);
    assert_eq!(pages, [""; 0], "{case}");
}

fn assert_is_error(client: Dialect, answer: &client::Answer, case: &str, statuses: &[u16]) {
    assert!(statuses.contains(&answer.status), "{case}: {} {}", answer.status, answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{case}");
    client.error_message(&answer.json());
    let everything = answer.everything();
    for secret in [PROMPT, VENDOR_KEY, "secret-host-17", "<html"] {
        assert!(!everything.contains(secret), "{case}: {everything}");
    }
}

#[tokio::test]
async fn nobody_at_home_is_a_bad_gateway() {
    for vendor in DIALECTS {
        assert_fails(vendor, &dead_address().await, "connection refused", &[502]).await;
    }
    assert_fails(Dialect::Chat, "http://no-such-host.invalid", "no such name", &[502, 408]).await;
}

#[tokio::test]
async fn what_is_no_http_is_a_bad_gateway() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let cases = [
        ("reset before the head", String::new(), End::Reset),
        ("closed before the head", String::new(), End::Close),
        ("half a head", "HTTP/1.1 200 OK\r\ncontent-ty".to_owned(), End::Close),
        ("another protocol", "SSH-2.0-OpenSSH_9.6\r\n".to_owned(), End::Close),
        ("malformed chunks", format!("{ok}transfer-encoding: chunked\r\n\r\nZZ\r\n{{}}\r\n"), End::Close),
        ("chunks without an end", format!("{ok}transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n"), End::Close),
        ("a body cut short", format!("{ok}content-length: 500\r\n\r\n{{\"id\":\"x\","), End::Close),
        ("a body reset", format!("{ok}content-length: 500\r\n\r\n{{\"id\":\"x\","), End::Reset),
    ];
    for (case, bytes, end) in cases {
        for vendor in [Dialect::Chat, Dialect::Messages] {
            let server = RawVendor::start(&bytes, end).await;
            assert_fails(vendor, server.url(), case, &[502]).await;
        }
    }
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let ping = format!("{head}9\r\n: ping\n\n\n\r\n");
    let cases = [("no head", ""), ("no body", head), ("a comment, then nothing", &ping)];
    let cases = cases.into_iter().flat_map(|case| DIALECTS.map(|vendor| (vendor, case)));
    let calls = cases.map(async |(vendor, (case, bytes))| {
        let server = RawVendor::start(bytes, End::Hang).await;
        assert_fails(vendor, server.url(), case, &[408]).await;
    });
    join_all(calls).await;
}

#[tokio::test]
async fn what_is_no_answer_is_a_bad_gateway() {
    for vendor in DIALECTS {
        let whole = vendor.whole(&Said::text("Hello there.")).to_string();
        let half = whole.get(..whole.len() / 2).expect("ASCII").to_owned();
        let cases = [
            ("a page with a good status", Answer::whole(200, "text/html", PAGE)),
            ("a page that says it is JSON", Answer::json(200, PAGE)),
            ("a page that says it is a stream", Answer::whole(200, "text/event-stream", PAGE)),
            ("a page with a bad status", Answer::whole(502, "text/html", PAGE)),
            ("nothing", Answer::json(200, "")),
            ("no content", Answer::json(204, "")),
            ("no frame", Answer::events()),
            ("half of a body", Answer::json(200, half)),
            ("null", Answer::json(200, "null")),
            ("another object", Answer::json(200, r#"{"hello":"world"}"#)),
            ("a list", Answer::json(200, "[1,2]")),
            ("broken UTF-8", Answer::json(200, b"{\"id\":\"\xff\xfe\"}".to_vec())),
            ("words", Answer::whole(200, "text/plain", "It works!")),
            ("no frames of the dialect", Answer::events().chunk("data: {\"a\":1}\n\n")),
            ("a frame that is no JSON", Answer::events().chunk("data: {\"id\":\n\n")),
        ];
        for (case, answer) in cases {
            let server = ScriptedVendor::start([answer]).await;
            assert_fails(vendor, &server.url(), case, &[502]).await;
        }
    }
}

#[tokio::test]
async fn an_error_in_place_of_an_answer_is_an_error() {
    for vendor in DIALECTS {
        let error = vendor.vendor_error("overloaded_error", "too much to do");
        let frame = match vendor {
            Dialect::Chat => format!("data: {error}\n\n"),
            Dialect::Responses => {
                let event = json!({"type": "error", "message": "too much to do", "code": "server_error", "param": null, "sequence_number": 0});
                format!("event: error\ndata: {event}\n\n")
            }
            Dialect::Messages => format!("event: error\ndata: {error}\n\n"),
        };
        for (case, answer) in [
            ("an error with a good status", Answer::json(200, error.to_string())),
            ("an error as the first frame", Answer::events().chunk(frame)),
            ("an error of the server", Answer::json(500, error.to_string())),
        ] {
            let server = ScriptedVendor::start([answer]).await;
            assert_fails(vendor, &server.url(), case, &[500, 502, 503, 529]).await;
        }
    }
}

#[tokio::test]
async fn the_vendors_limit_reaches_the_client_with_its_hint() {
    for (client, vendor, stream) in pairs() {
        let error = vendor.vendor_error("rate_limit_error", "slow down");
        let answer = Answer::json(429, error.to_string()).header("retry-after", "17");
        let server = ScriptedVendor::start([answer]).await;
        let stage = Stage::of(&[Deployment::new("public", vendor, &server.url())]);
        let answer = stage.post(client.path(), &client.ask("public", "Hi", stream)).await;
        let pair = format!("{client:?} to {vendor:?}");
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("17")), "{pair}");
        let message = client.error_message(&answer.json());
        assert!(message.contains("slow down"), "{pair}: {message}");
        if client == Dialect::Messages {
            assert_eq!(answer.json()["error"]["type"], "rate_limit_error", "{pair}");
        }
    }
}

#[tokio::test]
async fn a_key_that_the_vendor_refuses_is_not_the_clients() {
    for (client, vendor, stream) in pairs() {
        for status in [401, 403] {
            let words =
                format!("Incorrect API key provided: {VENDOR_KEY}. You can find your key at example.com");
            let error = vendor.vendor_error("authentication_error", &words);
            let server = ScriptedVendor::start([Answer::json(status, error.to_string())]).await;
            let stage = Stage::of(&[Deployment::new("public", vendor, &server.url())]);
            let answer = stage.post(client.path(), &client.ask("public", "Hi", stream)).await;
            let pair = format!("{client:?} to {vendor:?}: {}", answer.text());
            assert!(matches!(answer.status, 401 | 403), "{pair}");
            let message = client.error_message(&answer.json());
            assert!(message.contains("gateway"), "it says whose key was refused: {pair}");
            assert!(!message.contains("Authentication Error"), "it is not our own refusal: {pair}");
            assert!(!answer.everything().contains(VENDOR_KEY), "{pair}");
        }
    }
    assert_eq!(logs::lines_with(VENDOR_KEY), [""; 0]);
}

#[tokio::test]
async fn a_prompt_that_the_vendor_quotes_is_for_the_client_alone() {
    let quoted = "quoted-prompt-5150";
    for (client, vendor, stream) in pairs() {
        for status in [400, 413, 422] {
            let words = format!("Invalid value: '{quoted}'");
            let error = vendor.vendor_error("invalid_request_error", &words);
            let server = ScriptedVendor::start([Answer::json(status, error.to_string())]).await;
            let stage = Stage::of(&[Deployment::new("public", vendor, &server.url())]);
            let answer = stage.post(client.path(), &client.ask("public", quoted, stream)).await;
            assert_eq!(answer.status / 100, 4, "{client:?} to {vendor:?}");
            assert!(client.error_message(&answer.json()).contains(quoted), "{client:?} to {vendor:?}");
            let counted =
                stage.post("/v1/messages/count_tokens", &Dialect::Messages.ask("public", quoted, false));
            counted.await;
        }
    }
    assert_eq!(logs::lines_with(quoted), [""; 0]);
}
