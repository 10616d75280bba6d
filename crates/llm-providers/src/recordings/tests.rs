//! What goes onto the shelf comes off it again, and what must not be there is not.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use llm_transport::Chunk;
use parking_lot::Mutex;

use super::*;

#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Shelf for Memory {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().get(name).cloned())
    }
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().keys().cloned().collect())
    }
    fn put(&self, recording: Unwritten) {
        let (name, bytes) = recording();
        self.0.lock().insert(name, bytes);
    }
}

const KEY: &str = "sk-canary-0123456789";

fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
    let list = list.iter();
    list.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn asked(body: &'static str) -> Asked {
    Asked {
        method: Method::POST,
        path: "/v1/chat/completions?key=canary-in-query".to_owned(),
        headers: headers(&[
            ("authorization", "Bearer sk-canary-0123456789"),
            ("x-own", "canary-own-header"),
            ("content-type", "application/json"),
        ]),
        body: Bytes::from_static(body.as_bytes()),
    }
}

fn told() -> Told {
    let chunk = |after: u64, bytes: &'static [u8]| Chunk {
        after: Duration::from_millis(after),
        bytes: Bytes::from_static(bytes),
    };
    Told {
        status: 200,
        headers: headers(&[("content-type", "text/event-stream"), ("set-cookie", "canary-cookie")]),
        head_after: Duration::from_millis(120),
        chunks: vec![
            chunk(0, b"data: one\n\ndata: tw"),
            chunk(30, b"o\n\n"),
            chunk(40, b"data: your key sk-canary-0123456789\n\n"),
            chunk(50, b"data: \xff\n\n"),
        ],
    }
}

fn recordings(mode: Mode, shelf: &Arc<Memory>) -> Arc<dyn Tape> {
    let shelf: Arc<dyn Shelf> = shelf.clone();
    Recordings::new(mode, shelf).tape("acme", [Secret::new(KEY.to_owned())].iter())
}

/// The file of one exchange.
fn recorded(shelf: &Arc<Memory>, body: &'static str, told: Told) -> (String, String) {
    recordings(Mode::Record, shelf).keep(asked(body), told);
    let files = shelf.0.lock();
    let (name, bytes) = files.first_key_value().expect("one file");
    (name.clone(), String::from_utf8(bytes.clone()).expect("JSON"))
}

#[tokio::test]
async fn an_exchange_comes_back_as_it_was_without_its_secrets() {
    let shelf = Arc::new(Memory::default());
    let (name, file) = recorded(&shelf, r#"{"model":"m","messages":[]}"#, told());
    assert!(name.starts_with("acme-v1-chat-completions-") && name.ends_with(".json"), "{name}");
    for canary in [KEY, "canary-in-query", "canary-own-header", "canary-cookie"] {
        assert!(!file.contains(canary), "{canary}: {file}");
    }
    // Another spelling, another user, another key.
    let mut again = asked(r#"{ "messages": [], "user": "u", "model": "m" }"#);
    again.headers.insert("authorization", HeaderValue::from_static("Bearer other-key-entirely"));
    let paced = recordings(Mode::Replay { paced: true }, &shelf);
    let played = paced.play(&again).await.expect("it is there").expect("no network");
    assert_eq!(played.head_after, Duration::from_millis(120));
    let times: Vec<u128> = played.chunks.iter().map(|chunk| chunk.after.as_millis()).collect();
    assert_eq!(times, [0, 0, 30, 40, 50], "frames of one chunk are pieces of their own");
    let body: Vec<u8> = played.chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
    assert_eq!(body, b"data: one\n\ndata: two\n\ndata: your key ***\n\ndata: \xff\n\n");
    let hasty = recordings(Mode::Replay { paced: false }, &shelf);
    let played = hasty.play(&again).await.expect("it is there").expect("no network");
    assert!(played.chunks.iter().all(|chunk| chunk.after.is_zero()) && played.head_after.is_zero());
}

#[tokio::test]
async fn a_key_that_a_chunk_cuts_in_two_is_still_taken_out() {
    let shelf = Arc::new(Memory::default());
    let chunk = |bytes: &'static [u8]| Chunk { after: Duration::ZERO, bytes: Bytes::from_static(bytes) };
    let chunks = vec![chunk(b"your key sk-cana"), chunk(b"ry-0123456789 is wrong")];
    let (_, file) = recorded(&shelf, "{}", Told { chunks, ..told() });
    assert!(file.contains("your key *** is wrong"), "{file}");
}

#[tokio::test]
async fn what_was_not_recorded_is_told_with_its_nearest() {
    let shelf = Arc::new(Memory::default());
    let replay = recordings(Mode::Replay { paced: false }, &shelf);
    let error = replay.play(&asked("{}")).await.expect_err("nothing there");
    assert!(error.message().contains("there is none of the vendor `acme`"), "{error}");
    recorded(&shelf, r#"{"model":"m","messages":[{"content":"canary-old"}],"top_p":1}"#, told());
    let error = replay
        .play(&asked(r#"{"model":"m","messages":[{"content":"canary-new"}],"seed":4}"#))
        .await
        .expect_err("another question");
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, Some("recording_not_found")));
    for part in ["`messages[0].content`", "`top_p` (only in the recording)", "`seed` (only in the request)"] {
        assert!(error.message().contains(part), "{error}");
    }
    assert!(!error.message().contains("canary"), "members are named, values never: {error}");
}

#[tokio::test]
async fn a_recording_that_is_none_is_named() {
    let shelf = Arc::new(Memory::default());
    let (name, file) = recorded(&shelf, "{}", told());
    let replay = recordings(Mode::Replay { paced: false }, &shelf);
    for broken in [file[..file.len() / 2].to_owned(), file.replace("\"version\": 1", "\"version\": 99")] {
        shelf.0.lock().insert(name.clone(), broken.into_bytes());
        let error = replay.play(&asked("{}")).await.expect_err("broken");
        assert!(error.message().contains(&name), "{error}");
    }
}
