//! A vendor whose paths and credentials are its own, and whose bytes are those of OpenAI's formats.

use llm_core::{ErrorKind, Provider, Secret};
use llm_providers::{DeploymentSpec, Parameters, Providers};
use llm_testkit::scripted::{Answer, Received, ScriptedVendor};

use crate::client::{ask, built, spec};
use crate::samples::{self, Sample};

fn deployment(sample: &Sample, vendor: &str, server: &ScriptedVendor) -> DeploymentSpec {
    DeploymentSpec { vendor: vendor.to_owned(), ..spec(sample, server) }
}

async fn asked(sample: &Sample, spec: &DeploymentSpec, server: &ScriptedVendor, stream: bool) -> Received {
    let got = ask(&*built(spec), sample, stream).await.expect("an answer");
    assert!(got.native, "the bytes of the client's own format pass");
    server.requests().pop().expect("a request")
}

/// What a client speaks, the vendor's prefix, what follows its host, the version, and the path that is asked.
type Case = (Sample, &'static str, &'static str, Option<&'static str>, &'static str);

fn cases() -> Vec<Case> {
    vec![
        (
            samples::chat(),
            "azure",
            "",
            None,
            "/openai/deployments/vendor-large/chat/completions?api-version=2025-04-01-preview",
        ),
        (
            samples::chat(),
            "azure_o_series",
            "/openai",
            Some("2024-12-01-preview"),
            "/openai/deployments/vendor-large/chat/completions?api-version=2024-12-01-preview",
        ),
        (
            samples::chat(),
            "azure",
            "/openai/deployments/mine?api-version=2024-10-21",
            Some("2023-05-15"),
            "/openai/deployments/mine/chat/completions?api-version=2024-10-21",
        ),
        (samples::chat(), "azure", "/openai/v1/", Some("2024-10-21"), "/openai/v1/chat/completions"),
        (samples::chat(), "azure", "", Some("preview"), "/openai/v1/chat/completions?api-version=preview"),
        (
            samples::chat(),
            "azure_ai",
            "/models",
            None,
            "/models/chat/completions?api-version=2024-05-01-preview",
        ),
        (
            samples::completions(),
            "azure_text",
            "",
            Some("2024-10-21"),
            "/openai/deployments/vendor-large/completions?api-version=2024-10-21",
        ),
        (samples::completions(), "azure_text", "/openai/v1", None, "/openai/v1/completions"),
        (samples::responses(), "azure_responses", "", None, "/openai/v1/responses"),
        (
            samples::responses(),
            "azure/responses",
            "/openai",
            Some("2025-04-01-preview"),
            "/openai/responses?api-version=2025-04-01-preview",
        ),
    ]
}

#[tokio::test]
async fn a_clients_bytes_pass_through_at_the_vendors_paths() {
    for (sample, vendor, base, version, target) in cases() {
        for stream in [false, true] {
            let answer = if stream {
                Answer::events().chunk((sample.stream)())
            } else {
                Answer::json(200, (sample.whole)().to_string())
            };
            let server = ScriptedVendor::start([answer]).await;
            let mut spec = deployment(&sample, vendor, &server);
            spec.api_base = Some(format!("{}{base}", server.url()));
            spec.parameters = Parameters::from([("api_version", version.unwrap_or_default())]);
            let received = asked(&sample, &spec, &server, stream).await;
            assert_eq!(received.target, target, "{vendor}");
            let shown = (received.header("api-key"), received.header("authorization"));
            assert_eq!(shown, (Some("sk-vendor"), None), "{vendor}");
        }
    }
}

/// A login that gives tokens, then a vendor that answers.
async fn with_login(logins: Vec<Answer>) -> (ScriptedVendor, ScriptedVendor, DeploymentSpec) {
    let login = ScriptedVendor::start(logins).await;
    let chat = samples::chat();
    let server = ScriptedVendor::start([Answer::json(200, (chat.whole)().to_string())]).await;
    let mut spec = deployment(&chat, "azure", &server);
    spec.api_key = None;
    for (name, value) in [
        ("tenant_id", "tenant"),
        ("client_id", "app"),
        ("client_secret", "s3cret"),
        ("azure_authority_host", &login.url()),
    ] {
        spec.parameters.set(name, Secret::new(value.to_owned()));
    }
    (login, server, spec)
}

fn token(value: &str) -> Answer {
    Answer::json(200, format!(r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{value}"}}"#))
}

#[tokio::test]
async fn a_clients_secret_buys_one_token_for_many_requests() {
    let (login, server, spec) = with_login(vec![token("first")]).await;
    let provider = built(&spec);
    for _ in 0..3 {
        ask(&*provider, &samples::chat(), false).await.expect("an answer");
    }
    for request in server.requests() {
        assert_eq!(
            (request.header("authorization"), request.header("api-key")),
            (Some("Bearer first"), None)
        );
    }
    let logins = login.requests();
    let [only] = logins.as_slice() else { panic!("one login: {logins:?}") };
    assert_eq!(only.target, "/tenant/oauth2/v2.0/token");
    let form = String::from_utf8_lossy(&only.body).into_owned();
    assert!(
        form.starts_with("grant_type=client_credentials&client_id=app&client_secret=s3cret&scope="),
        "{form}"
    );
}

#[tokio::test]
async fn a_refused_token_is_replaced() {
    let (_login, _, mut spec) = with_login(vec![token("first"), token("second")]).await;
    let chat = samples::chat();
    let refusal = Answer::json(401, r#"{"error":{"code":"401","message":"The token is expired."}}"#);
    let server = ScriptedVendor::start([refusal, Answer::json(200, (chat.whole)().to_string())]).await;
    spec.api_base = Some(server.url());
    let provider = built(&spec);
    let error = ask(&*provider, &chat, false).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::UpstreamAuth);
    ask(&*provider, &chat, false).await.expect("an answer");
    let shown: Vec<_> =
        server.requests().iter().map(|one| one.header("authorization").map(str::to_owned)).collect();
    assert_eq!(shown, [Some("Bearer first".to_owned()), Some("Bearer second".to_owned())]);
}

#[tokio::test]
async fn a_refused_login_is_the_gateways_own_fault_and_names_no_secret() {
    let refusal =
        r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret s3cret."}"#;
    let (_login, server, spec) = with_login(vec![Answer::json(401, refusal)]).await;
    let error = ask(&*built(&spec), &samples::chat(), false).await.expect_err("no token");
    assert_eq!(error.kind(), ErrorKind::UpstreamAuth);
    let said = format!("{error:?}");
    assert!(said.contains("AADSTS7000215") && !said.contains("s3cret"), "{said}");
    assert!(server.requests().is_empty());
}

#[test]
fn what_is_missing_is_named() {
    let named = |vendor: &str| DeploymentSpec { vendor: vendor.to_owned(), ..DeploymentSpec::default() };
    let error = Providers::default().build(&named("azure")).err().expect("no address");
    assert!(error.message().contains("`AZURE_API_BASE`"), "{error}");
    let mut half = named("azure");
    half.api_base = Some("https://acme.openai.azure.com".to_owned());
    half.parameters = Parameters::from([("client_secret", "s3cret")]);
    let error = Providers::default().build(&half).err().expect("half a credential");
    assert!(error.message().contains("`tenant_id`"), "{error}");
}

#[tokio::test]
async fn models_that_were_deployed_alone_want_their_key_as_a_token() {
    let mut alone = DeploymentSpec { vendor: "azure_ai".to_owned(), ..DeploymentSpec::default() };
    alone.api_key = Some(Secret::new("sk-1".to_owned()));
    alone.api_base = Some("https://large.eastus.models.ai.azure.com".to_owned());
    let base = Providers::default().base_url(&alone).expect("sound").expect("an address");
    assert_eq!(base.url, "https://large.eastus.models.ai.azure.com");
    assert_eq!(base.query.as_deref(), Some("api-version=2024-05-01-preview"));
    let provider = Providers::default().build(&alone).expect("sound");
    assert_eq!(Provider::dialect(&*provider).name(), "openai.chat");
}
