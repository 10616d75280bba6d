//! Whose credentials paths use that pass to a vendor as they are.

use llm_config::build;
use llm_core::relay::RelayBase;
use llm_gateway::RelayRoute;

use super::loaded;

/// Each route with the deployments behind it.
fn routes(test: &str, text: &str, environment: &[(&str, &str)]) -> Vec<(RelayRoute, Vec<String>)> {
    let loaded = loaded(test, &[("config.yaml", text)], environment).expect("it loads");
    assert_eq!(loaded.warnings.to_string(), "0 errors, 0 warnings", "nobody asked for what is missing");
    let relays = build(&loaded).expect("it builds").relays;
    let named = |route: RelayRoute| {
        let deployments = route.targets.iter().map(|target| &target.deployment);
        let named = deployments.map(|one| format!("{} at {}", one.id, one.api_base)).collect();
        (route, named)
    };
    relays.into_iter().map(named).collect()
}

fn behind(routes: &[(RelayRoute, Vec<String>)], prefix: &str) -> Vec<String> {
    let found = routes.iter().find(|(route, _)| route.prefix == prefix);
    found.map(|(_, targets)| targets.clone()).expect("every path has a route")
}

const TWO: &str = "model_list:\n\
    - {model_name: a, litellm_params: {model: groq/x, api_key: gsk_1}}\n\
    - {model_name: b, litellm_params: {model: openai/x, api_key: sk-1, api_base: 'https://proxy.example/v1'}}\n\
    - {model_name: c, litellm_params: {model: openai/y, api_key: sk-2}}\n";

#[test]
fn the_first_deployment_of_the_vendor_lends_its_credentials() {
    let environment = [("OPENAI_API_KEY", "sk-9"), ("ANTHROPIC_API_KEY", "sk-2")];
    let routes = routes("relay-first", TWO, &environment);
    assert_eq!(behind(&routes, "/openai"), ["openai/x at https://proxy.example/v1"]);
    assert_eq!(behind(&routes, "/anthropic"), ["relay/anthropic at https://api.anthropic.com/v1"]);
    assert_eq!(behind(&routes, "/gemini"), Vec::<String>::new());
    let shared = ["groq/x at https://api.groq.com/openai/v1"];
    assert_eq!(behind(&routes, "/v1/files")[..1], shared);
    assert_eq!(behind(&routes, "/v1/batches").len(), 3);
    for (route, _) in &routes {
        let shared = route.prefix.ends_with("files") || route.prefix.ends_with("batches");
        assert_eq!(route.base == RelayBase::Api, shared, "{}", route.prefix);
    }
}

#[test]
fn without_a_deployment_or_a_variable_there_is_a_remedy() {
    let text = "model_list: [{model_name: a, litellm_params: {model: mock/echo}}]";
    let none = routes("relay-none", text, &[]);
    assert!(none.iter().all(|(_, targets)| targets.is_empty()), "a mock has no files");
    let remedy = |prefix: &str| {
        let found = none.iter().find(|(route, _)| route.prefix == prefix);
        found.map(|(route, _)| route.remedy.clone()).expect("there")
    };
    assert_eq!(remedy("/openai"), "add a deployment of `openai/`, or set `OPENAI_API_KEY`");
    assert!(remedy("/anthropic").contains("ANTHROPIC_API_KEY"));
    let some = routes(
        "relay-variable",
        text,
        &[("OPENAI_API_KEY", "sk-1"), ("OPENAI_API_BASE", "http://127.0.0.1:9")],
    );
    assert_eq!(behind(&some, "/openai"), ["relay/openai at http://127.0.0.1:9/v1"]);
    assert_eq!(behind(&some, "/files"), ["relay/openai at http://127.0.0.1:9/v1"]);
}

#[test]
fn credentials_of_the_environment_serve_no_model() {
    let text = "model_list: [{model_name: a, litellm_params: {model: mock/echo}}]";
    let loaded =
        loaded("relay-models", &[("config.yaml", text)], &[("OPENAI_API_KEY", "sk-1")]).expect("it loads");
    let parts = build(&loaded).expect("it builds");
    assert!(parts.router.resolve("openai/gpt-4o").is_err());
    assert_eq!(parts.router.groups().count(), 1);
    assert!(parts.accounts.contains_key("relay/openai"));
}
