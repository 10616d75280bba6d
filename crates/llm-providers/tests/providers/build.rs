//! Settings become providers, or errors that say what to set.

use std::sync::Arc;

use llm_core::{Error, ErrorKind, Secret};
use llm_providers::{DeploymentSpec, Parameters, Providers, Registry, Status, Vendor, ingresses};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use llm_transport::{Options, Proxy};

use crate::client::{ask, spec};
use crate::samples;

fn named(vendor: &str) -> DeploymentSpec {
    DeploymentSpec {
        vendor: vendor.to_owned(),
        api_key: Some(Secret::new("sk-live".to_owned())),
        transport: Options { proxy: Proxy::None, ..Options::default() },
        ..DeploymentSpec::default()
    }
}

fn refused(spec: &DeploymentSpec) -> Error {
    let error = Providers::default().build(spec).err().expect("refused");
    assert!(!format!("{error:?}").contains("sk-live"), "{error:?}");
    error
}

#[test]
fn every_row_that_is_ready_can_be_built() {
    let providers = Providers::default();
    for row in providers.registry().iter().filter(|row| row.status == Status::Ready) {
        let mut spec = named(&row.name);
        spec.parameters = Parameters::from([("aws_region_name", "us-east-1")]);
        spec.api_base = row.base_url.is_none().then(|| "http://127.0.0.1:9".to_owned());
        let is_template = row.base_url.as_deref().is_some_and(|url| url.contains('{'));
        for name in
            row.parameters.keys().filter(|name| is_template && row.base_parameter.as_ref() != Some(*name))
        {
            spec.parameters.set(name, Secret::new("acme".to_owned()));
        }
        let provider = providers.build(&spec).unwrap_or_else(|error| panic!("{}: {error}", row.name));
        assert_eq!(provider.dialect().name(), format(&row.dialect), "{}", row.name);
        if let (Some(url), Ok(Some(base))) = (&row.base_url, providers.base_url(&spec)) {
            let filled = |url: String, name: &String| url.replace(&format!("{{{name}}}"), "acme");
            let own = row.key_base_url.as_ref().unwrap_or(url);
            let own = own.replace("{vertex_host}", "acme-aiplatform.googleapis.com");
            let own = row.parameters.keys().fold(own, filled);
            assert_eq!(base.url, own, "{}: its own address is in its one form", row.name);
        }
    }
}

/// What clients of a vendor's dialect speak: some formats are served at addresses of a form of their own.
fn format(dialect: &str) -> &str {
    match dialect {
        "azure.chat" | "azure.models" => "openai.chat",
        "azure.completions" => "openai.completions",
        "azure.responses" => "openai.responses",
        "huggingface.chat" => "openai.chat",
        other => other,
    }
}

#[test]
fn a_vendor_that_is_planned_says_so() {
    let name = "acme";
    let vendor: Vendor =
        serde_json::from_value(serde_json::json!({"name": name, "status": "planned"})).expect("a row");
    let providers = Providers::new(Registry::with_rows(vec![vendor]).expect("sound"));
    let error = providers.build(&named(name)).err().expect("refused");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().starts_with(&format!("`{name}/` is not supported yet")), "{error}");
}

#[test]
fn what_is_missing_is_named_with_its_remedy() {
    let mut keyless = named("deepseek");
    keyless.api_key = Some(Secret::new(" ".to_owned()));
    assert!(refused(&keyless).message().contains("`DEEPSEEK_API_KEY`"));
    assert!(refused(&named("hosted_vllm")).message().contains("`HOSTED_VLLM_API_BASE`"));
    assert!(refused(&named("deepsek")).message().contains("`deepseek`"));
    let mut dialect = named("openai");
    dialect.dialect = Some("acme.chat".to_owned());
    assert!(refused(&dialect).message().contains("unknown dialect `acme.chat`"));
    let mut header = named("openai");
    header.extra_headers = vec![("content-length".to_owned(), Secret::new("1".to_owned()))];
    assert!(refused(&header).message().contains("content-length"));
    let mut address = named("openai");
    address.api_base = Some("ftp://host/sk-live".to_owned());
    assert!(refused(&address).message().contains("api_base"));
}

#[test]
fn quirks_that_the_dialect_does_not_know_are_refused() {
    let row = serde_json::json!({
        "name": "acme", "dialect": "openai.chat", "base_url": "https://acme.ai/v1", "quirks": {"no_such_quirk": true},
    });
    let vendor: Vendor = serde_json::from_value(row).expect("a row");
    let providers = Providers::new(Registry::with_rows(vec![vendor]).expect("sound"));
    let error = providers.build(&named("acme")).err().expect("refused");
    assert!(error.message().contains("no_such_quirk"), "{error}");
}

#[test]
fn all_client_dialects_are_there() {
    let mut names: Vec<String> = ingresses().iter().map(|ingress| ingress.id().to_string()).collect();
    names.sort();
    let expected = [
        "anthropic.messages",
        "bedrock.converse",
        "cohere.chat",
        "cohere.v1",
        "gemini.generate",
        "gemini.generate",
        "gemini.generate.array",
        "ollama.chat",
        "ollama.generate",
        "openai.chat",
        "openai.completions",
        "openai.responses",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_users_row_is_a_vendor_like_any_other() {
    let chat = samples::chat();
    let server = ScriptedVendor::start([Answer::json(200, (chat.whole)().to_string())]).await;
    let row = serde_json::json!({
        "name": "acme", "dialect": "openai.chat", "base_url": format!("{}/llm/v2", server.url()), "auth": "api-key",
        "quirks": {"output_cap": "max_tokens"},
    });
    let vendor: Vendor = serde_json::from_value(row).expect("a row");
    let providers = Providers::new(Registry::with_rows(vec![vendor]).expect("sound"));
    let provider = providers.build(&named("acme")).expect("sound");
    ask(&*provider, &chat, false).await.expect("an answer");
    let received = server.requests().into_iter().next().expect("one request");
    assert_eq!(received.target, "/llm/v2/chat/completions");
    assert_eq!((received.header("api-key"), received.header("authorization")), (Some("sk-live"), None));
    let body = received.json();
    assert_eq!((&body["max_tokens"], body.get("max_completion_tokens")), (&serde_json::json!(100), None));
}

#[tokio::test]
async fn the_responses_surface_of_any_vendor_can_be_chosen() {
    let responses = samples::responses();
    let server = ScriptedVendor::start([Answer::json(200, (responses.whole)().to_string())]).await;
    let mut spec = spec(&samples::chat(), &server);
    spec.dialect = Some("openai.responses".to_owned());
    let provider = Providers::default().build(&spec).expect("sound");
    assert_eq!(provider.dialect().name(), "openai.responses");
    assert!(ask(&*provider, &responses, false).await.expect("an answer").native);
    assert_eq!(
        server.requests().first().map(|request| request.target.clone()),
        Some("/v1/responses".to_owned())
    );
}

#[tokio::test]
async fn the_mock_needs_nothing() {
    let provider: Arc<_> = Providers::default()
        .build(&DeploymentSpec { vendor: "mock".to_owned(), ..DeploymentSpec::default() })
        .expect("nothing to set");
    for client in samples::all() {
        for stream in [false, true] {
            let inbound =
                crate::client::inbound(&client.ingress, &(client.request)(stream), http::HeaderMap::new());
            let mut call = crate::client::call(&inbound, stream);
            call.model = "reasoning-echo";
            let got = crate::client::got(&*provider, call).await.expect("an answer");
            assert_eq!(got.error, None, "{}", client.name);
            let response = crate::client::understood(&client, &got, stream).expect("understood");
            let said = crate::client::said(&response);
            assert!(
                said.contains("mock") && said.contains("You said: ") && said.ends_with("Hi"),
                "{}: {said}",
                client.name
            );
        }
    }
}
