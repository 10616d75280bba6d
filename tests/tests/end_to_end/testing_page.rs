//! What docs/testing-your-application.md tells its readers to type works.

use std::path::Path;

use end_to_end::dialect::Dialect;
use end_to_end::request::Request;
use end_to_end::stage::Stage;
use serde_json::Value;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/testing-your-application.md");
    std::fs::read_to_string(path).expect("the page is there")
}

/// The blocks of a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let rest = page.split(&begin).skip(1);
    rest.filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

/// Each `curl` of the page: port, path and body.
fn requests(page: &str) -> Vec<(String, String, Value)> {
    let lines: Vec<String> =
        blocks(page, "sh").iter().flat_map(|block| block.lines().map(str::to_owned)).collect();
    let request = |line: &String| {
        let (address, body) = line.strip_prefix("curl localhost:")?.split_once(" -d '")?;
        let (port, path) = address.split_once('/').expect("a path");
        let body = serde_json::from_str(body.trim_end_matches('\'')).expect("JSON");
        Some((port.to_owned(), format!("/{path}"), body))
    };
    lines.iter().filter_map(request).collect()
}

#[tokio::test]
async fn its_requests_are_answered() {
    let page = page();
    let (gateway, mock) =
        (Stage::start(blocks(&page, "yaml").first().expect("the first one")), Stage::mock());
    let requests = requests(&page);
    assert_eq!(requests.len(), 7);
    for (port, path, body) in &requests {
        let stage = if port == "4000" { &gateway } else { &mock };
        // The head alone: one of them is cut.
        let answer = stage.connect().await.open(&Request::json(path, body)).await;
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
    }
}

#[tokio::test]
async fn its_configurations_load() {
    for block in blocks(&page(), "yaml") {
        Stage::start(&block);
    }
    let canned = blocks(&page(), "yaml").remove(1);
    let stage = Stage::start(&canned);
    for (model, status) in [("gpt-4o", 200), ("busy", 429), ("silent", 408)] {
        let mut body = Dialect::Chat.ask(model, "Hi", false);
        body["num_retries"] = 0.into();
        let answer = stage.post(Dialect::Chat.path(), &body).await;
        assert_eq!(answer.status, status, "{model}: {}", answer.text());
    }
}

#[tokio::test]
async fn its_words_are_words_of_the_mock() {
    let page = page();
    let cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let words: Vec<&str> = cells.flat_map(|cell| cell.split('`').step_by(2)).collect();
    assert!(words.len() > 30, "{words:?}");
    let stage = Stage::mock();
    for word in words {
        // Of all that may come, only an unknown model means that there is no such word.
        let body = Dialect::Chat.ask(&format!("mock/echo-delay-0ms-{word}-cut-0-error-418"), "Hi", false);
        let answer = stage.post(Dialect::Chat.path(), &body).await;
        assert!(!answer.text().contains("no word of it"), "{word}: {}", answer.text());
    }
}
