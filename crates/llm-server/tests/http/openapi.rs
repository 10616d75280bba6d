//! The document of the API: whatever is served is in it, whatever is in it is served, and its examples work.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use llm_gateway::Gateway;
use llm_server::{Docs, Options, Running, Server, listen};
use serde_json::Value;

use crate::client::{Client, bare, with_body};

/// A gateway of the built-in mock, in all formats.
fn server(docs: Docs) -> Running {
    let loaded = llm_config::load(&llm_config::Options::default()).expect("nothing is wrong with nothing");
    let gateway = Arc::new(Gateway::new(llm_config::build(&loaded).expect("the mock can be built")));
    let options = Options { workers: NonZeroUsize::new(1), docs, ..Options::default() };
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    Server::new(gateway, options).start(listener).expect("it starts")
}

async fn document(client: &mut Client) -> Value {
    let answer = client.call(bare("GET", "/openapi.json")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

/// Every operation: its method, its path and what is said of it.
fn operations(document: &Value) -> Vec<(String, &str, &Value)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods").iter();
            methods.map(move |(method, operation)| (method.to_ascii_uppercase(), path.as_str(), operation))
        })
        .collect()
}

/// The path with something in the place of each name.
fn filled(path: &str) -> String {
    let path = path.replace("{model}", "mock/echo");
    let mut parts = path.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        filled.push_str("any");
        filled.push_str(part.split_once('}').expect("a name ends").1);
    }
    filled
}

#[tokio::test]
async fn every_operation_is_described() {
    let server = server(Docs::default());
    let document = document(&mut Client::connect(server.address()).await).await;
    let operations = operations(&document);
    assert!(operations.len() > 280, "{}", operations.len());
    let mut names = std::collections::BTreeSet::new();
    for (method, path, operation) in operations {
        for member in ["summary", "tags", "responses", "operationId"] {
            assert!(!operation[member].is_null(), "{method} {path}: {member}");
        }
        assert!(names.insert(operation["operationId"].to_string()), "{method} {path}");
        assert_ne!(operation["responses"], serde_json::json!({}), "{method} {path} has no row");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{method} {path}");
        let content = operation.pointer("/requestBody/content/application~1json");
        assert!(content.is_none_or(|content| !content["example"].is_null()), "{method} {path}");
    }
    let text = document.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().expect("a name");
        assert!(!document["components"]["schemas"][name].is_null(), "{name}");
    }
}

#[tokio::test]
async fn every_path_of_the_document_is_served() {
    let server = server(Docs::default());
    let mut client = Client::connect(server.address()).await;
    let document = document(&mut client).await;
    for (method, path, _) in operations(&document) {
        // A refusal may end the connection.
        let mut client = Client::connect(server.address()).await;
        let answer = client.call(with_body(&method, &filled(path), "")).await;
        let is_route = answer.status != 405 && !answer.body.contains("no route for");
        assert!(is_route, "{method} {path}: {} {}", answer.status, answer.body);
    }
}

/// The routers of this crate cannot be listed; their source can. The tables of the formats and of the management API
/// are what the document is made of.
#[tokio::test]
async fn every_path_of_the_routers_is_in_the_document() {
    let server = server(Docs::default());
    let document = document(&mut Client::connect(server.address()).await).await;
    let mut found = 0;
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).expect("the sources") {
        let Ok(source) = std::fs::read_to_string(file.expect("a file").path()) else { continue };
        for route in source.split(".route(\"").skip(1) {
            let (path, handlers) = route.split_once('"').expect("a path ends");
            let handlers = handlers.split('\n').next().unwrap_or_default();
            // What people look at is no API.
            if path.starts_with("/ui") {
                continue;
            }
            let item = &document["paths"][path.replace("{*", "{")];
            for (method, word) in [("get", "get("), ("post", "post("), ("delete", "delete("), ("put", "put(")]
            {
                // POSTs to models are those of formats, which name what they ask for.
                let is_one = handlers.contains(word) && !handlers.contains("post(model_api)");
                assert!(!is_one || !item[method].is_null(), "{method} {path}");
                found += usize::from(is_one);
            }
        }
    }
    assert!(found >= 20, "{found}");
    for route in llm_management::routes() {
        let item = &document["paths"][route.path];
        assert!(!item[route.method.name().to_ascii_lowercase()].is_null(), "{route:?}");
    }
}

#[tokio::test]
async fn examples_of_the_mock_are_answered() {
    let server = server(Docs::default());
    let mut client = Client::connect(server.address()).await;
    let document = document(&mut client).await;
    let mut asked = 0;
    for (method, path, operation) in operations(&document) {
        let Some(example) = operation.pointer("/requestBody/content/application~1json/example") else {
            continue;
        };
        let is_of_mock = path.contains("{model}") || example["model"] == "mock/echo";
        let needs_vendor = ["Images", "Audio"].iter().any(|tag| operation["tags"][0] == *tag);
        // Frames of AWS are no text.
        let is_binary = path.ends_with("converse-stream");
        if !is_of_mock || needs_vendor || is_binary || path == "/model/new" {
            continue;
        }
        let answer = client.call(with_body(&method, &filled(path), &example.to_string())).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        asked += 1;
    }
    assert!(asked > 50, "{asked}");
}

#[tokio::test]
async fn the_page_asks_nobody_else_and_moves_where_it_is_wanted() {
    let docs = Docs::at(vec!["/help/api".to_owned()], true);
    let server = server(docs);
    let mut client = Client::connect(server.address()).await;
    assert_eq!(client.call(bare("GET", "/docs")).await.status, 404);
    let page = client.call(bare("GET", "/help/api")).await;
    assert_eq!((page.status, page.header("x-frame-options")), (200, Some("DENY")));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for file in ["/help/api/docs.js", "/help/api/docs.css"] {
        let file = client.call(bare("GET", file)).await;
        assert_eq!((file.status, file.header("x-content-type-options")), (200, Some("nosniff")));
        assert!(!file.body.contains("http://") && !file.body.contains("https://"), "it loads from elsewhere");
    }
    drop(client);
    let none = self::server(Docs::at(vec!["/docs".to_owned()], false));
    let mut client = Client::connect(none.address()).await;
    for path in ["/docs", "/openapi.json"] {
        assert_eq!(client.call(bare("GET", path)).await.status, 404, "{path}");
    }
}
