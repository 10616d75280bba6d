//! An external account gets its tokens as the client libraries of Google Cloud do.

use mockito::Matcher;
use serde_json::{Value, json};

use super::*;

const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x";

fn account(site: &str, source: &Value, more: &Value) -> String {
    let mut account = json!({
        "type": "external_account", "audience": AUDIENCE, "token_url": format!("{site}/v1/token"),
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": source,
    });
    let members = account.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    account.to_string()
}

fn field(name: &str, value: &str) -> Matcher {
    Matcher::UrlEncoded(name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn a_token_in_a_file_is_exchanged_each_time_anew() {
    let mut site = mockito::Server::new_async().await;
    let exchange = site
        .mock("POST", "/v1/token")
        .match_body(Matcher::AllOf(vec![
            field("grant_type", EXCHANGE),
            field("audience", AUDIENCE),
            field("scope", SCOPE),
            field("requested_token_type", ACCESS_TOKEN),
            field("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            field("subject_token", "jwt of /var/run/token"),
        ]))
        .with_body(r#"{"access_token":"federated","expires_in":1800,"token_type":"Bearer"}"#)
        .expect(2)
        .create_async()
        .await;
    let files = Files::new(|path| Ok(format!("jwt of {path}\n")));
    let text = account(&site.url(), &json!({"file": "/var/run/token"}), &json!({}));
    let federation = Federation::read(&text, &files).expect("an account");
    for _ in 0..2 {
        let (token, life) = federation.token().await.expect("a token");
        assert_eq!((token.expose().as_str(), life), ("federated", Duration::from_secs(1800)));
    }
    exchange.assert_async().await;
}

#[tokio::test]
async fn a_token_of_an_address_acts_as_a_service_account() {
    let mut site = mockito::Server::new_async().await;
    site.mock("GET", "/identity?audience=x")
        .match_header("metadata", "True")
        .with_body(r#"{"access_token":"jwt","expires_on":"1"}"#)
        .create_async()
        .await;
    site.mock("POST", "/v1/token")
        .match_header("authorization", "Basic aWQ6c2VjcmV0")
        .match_body(field("subject_token", "jwt"))
        .with_body(r#"{"access_token":"federated","expires_in":3600}"#)
        .create_async()
        .await;
    site.mock("POST", "/v1/projects/-/serviceAccounts/a:generateAccessToken")
        .match_header("authorization", "Bearer federated")
        .match_body(Matcher::Json(json!({"scope": [SCOPE], "lifetime": "600s"})))
        .with_body(r#"{"accessToken":"acts","expireTime":"2999-01-01T00:00:00Z"}"#)
        .create_async()
        .await;
    let source = json!({
        "url": format!("{}/identity?audience=x", site.url()), "headers": {"Metadata": "True"},
        "format": {"type": "json", "subject_token_field_name": "access_token"},
    });
    let more = json!({
        "client_id": "id", "client_secret": "secret",
        "service_account_impersonation_url":
            format!("{}/v1/projects/-/serviceAccounts/a:generateAccessToken", site.url()),
        "service_account_impersonation": {"token_lifetime_seconds": 600},
    });
    let federation =
        Federation::read(&account(&site.url(), &source, &more), &Files::default()).expect("an account");
    let (token, life) = federation.token().await.expect("a token");
    assert_eq!(token.expose(), "acts");
    assert!(life > Duration::from_secs(3600));
}

#[tokio::test]
async fn a_refusal_names_its_word_and_no_token() {
    let mut site = mockito::Server::new_async().await;
    let body = r#"{"error":{"code":403,"message":"jwt-1 may not","status":"PERMISSION_DENIED"}}"#;
    site.mock("POST", "/v1/token").with_status(403).with_body(body).create_async().await;
    let files = Files::new(|_| Ok("jwt-1".to_owned()));
    let text = account(&site.url(), &json!({"file": "/t"}), &json!({}));
    let error = Federation::read(&text, &files).expect("an account").token().await.expect_err("refused");
    assert!(error.message().ends_with("answered with status 403 (PERMISSION_DENIED)"), "{error}");
    assert!(!format!("{error:?}").contains("jwt-1"));
}

#[test]
fn what_cannot_be_used_is_said() {
    let read =
        |source: &Value| Federation::read(&account("http://x", source, &json!({})), &Files::default()).err();
    for (source, word) in [
        (json!(null), "`credential_source`"),
        (json!({"executable": {"command": "x"}}), "not supported"),
        (json!({"environment_id": "aws1", "url": "http://169.254.169.254/x"}), "not supported"),
        (json!({"file": "/t", "format": {"type": "json"}}), "`subject_token_field_name`"),
        (json!({"url": "http://x", "headers": {"a b": "c"}}), "header"),
    ] {
        let error = read(&source).unwrap_or_else(|| panic!("{source} is refused"));
        assert!(error.message().contains(word), "{source}: {error}");
    }
}
