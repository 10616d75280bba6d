//! Cold calls: a file that is fetched, or is not, in bounded time and space.

use std::time::Duration;

use llm_core::ErrorKind;
use llm_transport::fetch;

use crate::server::Server;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_file_is_fetched_through_a_redirect() {
    let mut site = mockito::Server::new_async().await;
    site.mock("GET", "/old").with_status(302).with_header("location", "/new").create_async().await;
    site.mock("GET", "/new").with_body("content").create_async().await;
    let content = fetch(&format!("{}/old", site.url()), 7, SOON).await.expect("it is there");
    assert_eq!(content, "content");
}

#[tokio::test]
async fn what_is_too_large_or_not_there_is_an_error() {
    let mut site = mockito::Server::new_async().await;
    site.mock("GET", "/large").with_body("content").create_async().await;
    site.mock("GET", "/gone").with_status(404).create_async().await;
    for (path, size, message) in
        [("/large", 6, "it is larger than 6 bytes"), ("/gone", 7, "it was answered with status 404")]
    {
        let error = fetch(&format!("{}{path}", site.url()), size, SOON).await.expect_err(path);
        assert_eq!((error.kind(), error.message()), (ErrorKind::BadUpstreamAnswer, message));
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let server = Server::start(|_, mut connection| async move {
        connection.request().await;
        std::future::pending::<()>().await;
    })
    .await;
    let url = format!("http://{}/?key=SECRET", server.address);
    let error = fetch(&url, 7, Duration::from_millis(50)).await.expect_err("nothing comes");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    for url in ["", "file:///etc/hosts", "prices.json"] {
        let error = fetch(url, 7, SOON).await.expect_err(url);
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{url}: {error:?}");
    }
}
