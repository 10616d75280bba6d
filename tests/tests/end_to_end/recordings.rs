//! Vendor traffic is recorded, the vendor goes away, and the same requests are answered all the same.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use end_to_end::client::Answer as Got;
use end_to_end::dialect::{DIALECTS, Dialect, pairs};
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, VENDOR_KEY, configuration};
use llm_testkit::scripted::{Answer, ScriptedVendor};

/// A folder of its own for each test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("llm-recordings-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    /// The files, when there are so many of them.
    async fn files(&self, count: usize) -> Vec<(String, String)> {
        let began = Instant::now();
        loop {
            let found: Vec<_> = std::fs::read_dir(&self.0).into_iter().flatten().flatten().collect();
            let all = found.iter().all(|file| file.path().extension().is_some_and(|end| end == "json"));
            if all && found.len() >= count {
                let read = |path: &Path| std::fs::read_to_string(path).expect("a file of text");
                let name = |path: &Path| path.file_name().expect("it has one").to_string_lossy().into_owned();
                return found.iter().map(|file| (name(&file.path()), read(&file.path()))).collect();
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{count} files are not written");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn gateway(vendor: Dialect, url: &str, mode: &str, folder: &Folder, key: &str) -> Stage {
    let deployment = Deployment::new("public", vendor, url)
        .key(key)
        .with("extra_headers: {x-of-my-own: canary-header-771, user-agent: tests}");
    let recordings = format!("recordings: {{mode: {mode}, directory: {:?}}}", folder.0);
    Stage::start(&format!("{}\n{recordings}", configuration(&[deployment], "num_retries: 0")))
}

fn assert_same(client: Dialect, live: &Got, replayed: &Got, stream: bool, case: &str) {
    assert_eq!((live.status, replayed.status), (200, 200), "{case}: {}", replayed.text());
    let (heard, again) = (client.hear(live, stream), client.hear(replayed, stream));
    assert!(again.complete, "{case}: {again:?}");
    assert_eq!((again.text, again.tokens, again.finish), (heard.text, heard.tokens, heard.finish), "{case}");
}

#[tokio::test]
async fn what_a_vendor_said_is_said_again_without_it() {
    for (number, (client, vendor, stream)) in pairs().enumerate() {
        let case = format!("{client:?} to {vendor:?}, stream {stream}");
        let folder = Folder::new(&format!("again-{number}"));
        let server = ScriptedVendor::start([vendor.answer(&Said::text("I am here."), stream)]).await;
        let url = server.url();
        let ask = client.ask("public", "Who is there?", stream);
        let live = gateway(vendor, &url, "record", &folder, VENDOR_KEY).post(client.path(), &ask).await;
        drop(server);
        let files = folder.files(1).await;
        let (name, content) = files.first().expect("one file");
        assert!(name.starts_with(vendor.prefix().split('/').next().unwrap_or_default()), "{name}");
        assert!(content.contains("Who is there?"), "{content}");
        for canary in [VENDOR_KEY, "canary-header-771"] {
            assert!(!content.contains(canary), "{case}: {content}");
        }
        // Another key, and a vendor that is gone.
        let offline = gateway(vendor, &url, "replay", &folder, "sk-another-key-0000");
        for _ in 0..2 {
            let replayed = offline.post(client.path(), &ask).await;
            assert_same(client, &live, &replayed, stream, &case);
        }
    }
}

#[tokio::test]
async fn a_vendors_error_is_said_again_too() {
    let folder = Folder::new("error");
    let words = format!("Incorrect API key provided: {VENDOR_KEY}.");
    let error = Dialect::Chat.vendor_error("rate_limit_exceeded", &words);
    let answer = Answer::json(429, error.to_string()).header("retry-after", "17");
    let server = ScriptedVendor::start([answer]).await;
    let ask = Dialect::Chat.ask("public", "Hi", false);
    let online = gateway(Dialect::Chat, &server.url(), "record", &folder, VENDOR_KEY);
    assert_eq!(online.post("/v1/chat/completions", &ask).await.status, 429);
    let files = folder.files(1).await;
    assert!(files.iter().all(|(_, content)| !content.contains(VENDOR_KEY)), "{files:?}");
    let offline = gateway(Dialect::Chat, &server.url(), "replay", &folder, VENDOR_KEY);
    let replayed = offline.post("/v1/chat/completions", &ask).await;
    assert_eq!((replayed.status, replayed.header("retry-after")), (429, Some("17")));
    assert_eq!(server.requests().len(), 1, "the network was asked once");
}

#[tokio::test]
async fn what_was_not_recorded_is_an_error_with_its_nearest() {
    let folder = Folder::new("unrecorded");
    let server = ScriptedVendor::start([Dialect::Chat.answer(&Said::text("I am here."), false)]).await;
    let online = gateway(Dialect::Chat, &server.url(), "record", &folder, VENDOR_KEY);
    online.post("/v1/chat/completions", &Dialect::Chat.ask("public", "prompt-of-old-9", false)).await;
    let name = folder.files(1).await.remove(0).0;
    let offline = gateway(Dialect::Chat, &server.url(), "replay", &folder, VENDOR_KEY);
    for client in DIALECTS {
        let answer = offline.post(client.path(), &client.ask("public", "prompt-of-new-9", false)).await;
        assert_eq!(answer.status, 404, "{}", answer.text());
        let message = client.error_message(&answer.json());
        assert!(message.contains(&name) && message.contains("`messages[0].content`"), "{message}");
        assert!(!message.contains("prompt-of"), "{message}");
    }
    assert_eq!(server.requests().len(), 1, "the network was asked once");
}

#[tokio::test]
async fn half_an_answer_is_never_kept() {
    let folder = Folder::new("half");
    let whole = Dialect::Chat.stream(&Said::text("I am here."));
    let half = Answer::events().chunk(whole.get(..whole.len() / 2).expect("ASCII").to_owned()).broken();
    let hanging = Answer::events().chunk(whole.get(..whole.len() / 2).expect("ASCII").to_owned()).hanging();
    let good = Dialect::Chat.answer(&Said::text("I am here."), true);
    let server = ScriptedVendor::start([half, hanging, good]).await;
    let online = gateway(Dialect::Chat, &server.url(), "record", &folder, VENDOR_KEY);
    let ask = |text: &str| Dialect::Chat.ask("public", text, true);
    online.post("/v1/chat/completions", &ask("one")).await;
    let mut client = online.connect().await;
    client.open(&end_to_end::request::Request::json("/v1/chat/completions", &ask("two"))).await;
    drop(client);
    server.hung_up().await;
    online.post("/v1/chat/completions", &ask("three")).await;
    let files = folder.files(1).await;
    assert_eq!(files.len(), 1);
    assert!(files.iter().all(|(_, content)| content.contains("three")), "{files:?}");
}
