//! Calls for tokens as the documentation has them, and what answers mean.

use super::*;
use crate::files::Files;

fn parameters<const N: usize>(more: [(&str, &str); N]) -> Parameters {
    let mut all = Parameters::from(more);
    for (name, value) in [("tenant_id", "tenant"), ("client_id", "app"), ("client_secret", "s3cret&+")] {
        all.set(name, Secret::new(value.to_owned()));
    }
    all
}

fn reply(status: u16, body: &'static str) -> WireResponse {
    WireResponse { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }
}

#[test]
fn a_client_asks_with_its_secret_in_a_form() {
    let call = of_client(&parameters([])).expect("complete").expect("a client");
    assert_eq!(call.url, "https://login.microsoftonline.com/tenant/oauth2/v2.0/token");
    let form = "grant_type=client_credentials&client_id=app&client_secret=s3cret%26%2B\
                &scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default";
    assert_eq!(call.body, form);
    let own = [("azure_authority_host", "login.microsoftonline.us/"), ("azure_scope", "api://x/.default")];
    let call = of_client(&parameters(own)).expect("complete").expect("a client");
    assert_eq!(call.url, "https://login.microsoftonline.us/tenant/oauth2/v2.0/token");
    assert!(call.body.ends_with(b"scope=api%3A%2F%2Fx%2F.default"));
}

#[test]
fn a_secret_alone_says_what_is_missing() {
    let error = of_client(&Parameters::from([("client_secret", "s3cret")])).expect_err("incomplete");
    assert!(error.message().contains("`tenant_id`") && !error.message().contains("s3cret"), "{error}");
    assert!(of_client(&Parameters::from([("client_id", "app")])).expect("no client").is_none());
}

#[test]
fn a_machine_asks_its_metadata_or_its_platform() {
    let call = of_machine(&Parameters::default()).expect("nothing is needed");
    let url = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01\
               &resource=https%3A%2F%2Fcognitiveservices.azure.com";
    assert_eq!((call.url.as_str(), call.headers.get("metadata").is_some()), (url, true));
    let platform =
        [("identity_endpoint", "http://10.0.0.1/token"), ("identity_header", "h"), ("client_id", "app")];
    let call = of_machine(&Parameters::from(platform)).expect("nothing is needed");
    assert!(call.url.starts_with("http://10.0.0.1/token?api-version=2019-08-01&resource="), "{}", call.url);
    assert!(call.url.ends_with("&client_id=app") && call.headers.contains_key("x-identity-header"));
}

#[test]
fn a_key_needs_no_token_and_a_strange_credential_is_refused() {
    let keyed = DeploymentSpec {
        api_key: Some(Secret::new("key".to_owned())),
        parameters: parameters([]),
        ..DeploymentSpec::default()
    };
    assert!(of(&keyed).expect("sound").is_none());
    let strange = parameters([("azure_credential", "CliCredential")]);
    let spec = DeploymentSpec { parameters: strange, ..DeploymentSpec::default() };
    let error = of(&spec).err().expect("refused");
    assert!(error.message().contains("ManagedIdentityCredential"), "{error}");
    assert!(of(&DeploymentSpec::default()).expect("nothing is set").is_none());
}

#[tokio::test]
async fn a_given_token_is_shown_as_it_is() {
    let spec = DeploymentSpec {
        parameters: Parameters::from([("azure_ad_token", "given")]),
        ..DeploymentSpec::default()
    };
    let authenticator = of(&spec).expect("sound").expect("a credential");
    let mut request = WireRequest {
        method: Method::POST,
        path: "/x".to_owned(),
        headers: HeaderMap::new(),
        body: Vec::new().into(),
    };
    authenticator.authenticate(&mut request, "https://acme.openai.azure.com").await.expect("given");
    assert_eq!(request.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes), Some(&b"Bearer given"[..]));
}

#[test]
fn lifetimes_are_read_as_numbers_and_as_texts() {
    for body in [
        r#"{"token_type":"Bearer","expires_in":3599,"access_token":"abc"}"#,
        r#"{"access_token":"abc","expires_in":"3599","resource":"https://cognitiveservices.azure.com"}"#,
    ] {
        token(&reply(200, body)).expect("a token");
    }
    let error = token(&reply(200, r#"{"expires_in":1}"#)).expect_err("no token");
    assert_eq!(error.kind(), ErrorKind::UpstreamAuth);
}

#[test]
fn a_refusal_tells_its_number_and_nobodys_name() {
    let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided for app 'acme'."}"#;
    let error = token(&reply(401, body)).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::UpstreamAuth);
    assert!(error.message().contains("(invalid_client AADSTS7000215)"), "{error}");
    assert!(!format!("{error:?}").contains("acme"));
    assert_eq!(token(&reply(503, "busy")).expect_err("refused").kind(), ErrorKind::Overloaded);
}

#[test]
fn a_workload_shows_the_token_of_its_file() {
    let files = Files::new(|path| Ok(format!("jwt of {path}\n")));
    let parameters = Parameters::from([
        ("azure_federated_token_file", "/var/run/token"),
        ("tenant_id", "tenant"),
        ("client_id", "app"),
        ("azure_authority_host", "https://login.microsoftonline.us/"),
    ]);
    let spec = DeploymentSpec { parameters, files, ..DeploymentSpec::default() };
    let call = Source::of(&spec).expect("complete").expect("a workload").call().expect("a token");
    assert_eq!(call.url, "https://login.microsoftonline.us/tenant/oauth2/v2.0/token");
    let form = "grant_type=client_credentials&client_id=app\
                &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
                &client_assertion=jwt%20of%20%2Fvar%2Frun%2Ftoken\
                &scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default";
    assert_eq!(call.body, form);
}

#[test]
fn a_secret_goes_before_a_workload_and_a_workload_alone_names_what_is_missing() {
    let with_secret = parameters([("azure_federated_token_file", "/t")]);
    let spec = DeploymentSpec { parameters: with_secret, ..DeploymentSpec::default() };
    assert!(matches!(Source::of(&spec), Ok(Some(Source::Call(_)))));
    for parameters in [
        Parameters::from([("azure_federated_token_file", "/t")]),
        Parameters::from([("azure_credential", "WorkloadIdentityCredential")]),
    ] {
        let spec = DeploymentSpec { parameters, ..DeploymentSpec::default() };
        let error = Source::of(&spec).err().expect("incomplete");
        assert_eq!(error.param(), Some("azure_federated_token_file"), "{error}");
    }
}
