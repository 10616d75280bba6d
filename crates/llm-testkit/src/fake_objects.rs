//! A store of objects that does what S3 does for `GET`, `HEAD`, `PUT`, `DELETE` and `ListObjectsV2`
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API>, seen 2026-11-22). Requests without a signature are refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::fake_server::{Asked, FakeServer};

/// How many names a page has.
const PAGE: usize = 3;

/// A store of objects, until it is dropped.
pub struct FakeObjects {
    server: FakeServer,
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl FakeObjects {
    /// One with one bucket, whose name is the first part of each path.
    pub fn start() -> Self {
        let objects = Arc::new(Mutex::new(BTreeMap::new()));
        let all = Arc::clone(&objects);
        let server = FakeServer::start(move |asked| {
            let is_signed =
                asked.header("authorization").is_some_and(|text| text.starts_with("AWS4-HMAC-SHA256 "));
            match is_signed && asked.header("x-amz-content-sha256").is_some() {
                true => answer(&mut all.lock(), asked),
                false => (403, b"<Error><Code>AccessDenied</Code></Error>".to_vec()),
            }
        });
        Self { server, objects }
    }

    /// Its address, without a bucket.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Names of all objects.
    pub fn names(&self) -> Vec<String> {
        self.objects.lock().keys().cloned().collect()
    }

    /// Puts an object of somebody else in.
    pub fn put(&self, name: &str, body: &[u8]) {
        self.objects.lock().insert(name.to_owned(), body.to_vec());
    }
}

fn answer(all: &mut BTreeMap<String, Vec<u8>>, asked: &Asked) -> (u16, Vec<u8>) {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let name = path.trim_start_matches('/').split_once('/').map_or("", |(_, name)| name);
    let missing = || (404, b"<Error><Code>NoSuchKey</Code></Error>".to_vec());
    match asked.method.as_str() {
        "GET" if query.contains("list-type=2") => (200, listed(all, query)),
        "GET" | "HEAD" => all.get(name).map_or_else(missing, |body| (200, body.clone())),
        "PUT" => {
            all.insert(name.to_owned(), asked.body.clone());
            (200, Vec::new())
        }
        "DELETE" => {
            all.remove(name);
            (204, Vec::new())
        }
        _ => (405, Vec::new()),
    }
}

fn listed(all: &BTreeMap<String, Vec<u8>>, query: &str) -> Vec<u8> {
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value.replace("%2F", "/"))
    };
    let (prefix, after) = (parameter("prefix").unwrap_or_default(), parameter("continuation-token"));
    let is_wanted =
        |name: &&String| name.starts_with(&prefix) && after.as_ref().is_none_or(|after| *name > after);
    let names: Vec<&String> = all.keys().filter(is_wanted).take(PAGE + 1).collect();
    let page = &names[..names.len().min(PAGE)];
    let contents: String =
        page.iter().map(|name| format!("<Contents><Key>{name}</Key></Contents>")).collect();
    let next = match page.last().filter(|_| names.len() > PAGE) {
        Some(last) => format!("<NextContinuationToken>{last}</NextContinuationToken>"),
        None => String::new(),
    };
    format!("<ListBucketResult>{contents}{next}</ListBucketResult>").into_bytes()
}
