//! Recorded vendor traffic, read where it lies: `$LLM_FIXTURES`, or `../shared/fixtures` beside the workspace.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::HeaderMap;
use llm_core::wire::WireResponse;
use serde::Deserialize;

/// One recorded exchange.
#[derive(Clone, Debug)]
pub struct Recording {
    /// `vendor/case`, for messages.
    pub case: String,
    /// Who answered.
    pub vendor: String,
    /// The kind of exchange (`openai-chat`, `anthropic-messages` …).
    pub dialect: String,
    /// Marks of the collection (`stream`, `tools`, `quirk:…`).
    pub features: Vec<String>,
    /// The finish reasons that the collection saw in the answer.
    pub finish: Vec<String>,
    /// `json`, `sse`, `ndjson` …
    pub framing: String,
    /// The path that was asked.
    pub path: String,
    /// The request body as JSON text; `null` when there was none.
    pub request: String,
    /// The answer.
    pub reply: WireResponse,
}

impl Recording {
    /// Whether the answer is a stream of server-sent events.
    pub fn is_sse(&self) -> bool {
        self.framing == "sse"
    }

    /// Whether the vendor accepted the request.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.reply.status)
    }
}

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    case: String,
    vendor: String,
    dialect: String,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    finish: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    path: String,
    #[serde(default)]
    body: Option<Box<serde_json::value::RawValue>>,
}

#[derive(Deserialize)]
struct Meta {
    status: u16,
    framing: String,
    #[serde(default)]
    headers: serde_json::Map<String, serde_json::Value>,
}

/// Where the recordings lie, when they are there.
pub fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let folder = std::env::var_os("LLM_FIXTURES").map_or(beside, PathBuf::from);
    folder.join("MANIFEST.json").is_file().then_some(folder)
}

/// All recordings of a kind. Without the recordings there are none, and the test says that it was skipped;
/// with `LLM_FIXTURES_REQUIRED` set it fails instead.
///
/// # Panics
/// When a recording cannot be read, or none are there though they are required.
pub fn recordings(dialect: &str) -> Vec<Recording> {
    let Some(folder) = folder() else {
        assert!(
            std::env::var_os("LLM_FIXTURES_REQUIRED").is_none(),
            "no recordings: set LLM_FIXTURES to the folder that holds their MANIFEST.json"
        );
        #[expect(clippy::print_stderr, reason = "a test that does not run must say so")]
        {
            eprintln!("SKIPPED: no recordings of {dialect} (set LLM_FIXTURES)");
        }
        return Vec::new();
    };
    let manifest: Manifest = read(&folder.join("MANIFEST.json"));
    let cases = manifest.cases.into_iter().filter(|case| case.dialect == dialect);
    let found: Vec<Recording> = cases.map(|case| load(&folder, case)).collect();
    assert!(!found.is_empty(), "the collection has no recording of {dialect}");
    found
}

fn load(folder: &Path, case: Case) -> Recording {
    let at = folder.join(&case.case);
    let request: Request = read(&at.join("request.json"));
    let meta: Meta = read(&at.join("response.meta.json"));
    let body = std::fs::read(at.join("response.body"))
        .unwrap_or_else(|fault| panic!("{}: {fault}", at.join("response.body").display()));
    Recording {
        case: case.case,
        vendor: case.vendor,
        dialect: case.dialect,
        features: case.features,
        finish: case.finish.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect(),
        framing: meta.framing,
        path: request.path,
        request: request.body.map_or_else(|| "null".to_owned(), |body| body.get().to_owned()),
        reply: WireResponse { status: meta.status, headers: headers(&meta.headers), body: Bytes::from(body) },
    }
}

fn headers(recorded: &serde_json::Map<String, serde_json::Value>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in recorded {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let (Ok(name), Ok(value)) =
            (http::HeaderName::try_from(name.as_str()), http::HeaderValue::try_from(text))
        {
            headers.insert(name, value);
        }
    }
    headers
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read(path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}
