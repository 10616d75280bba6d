//! Where prices come from: the configuration itself, and price tables.

use llm_config::build;

use llm_router::Needs;

use super::loaded;

#[test]
fn own_prices_keep_every_digit() {
    let text = "models: {a: {provider: mock, model: echo, cost_per_1k_tokens: 0.03}}\n\
                model_list: [{model_name: b, litellm_params: {model: mock/echo, input_cost_per_token: 0.000000000123}}]\n";
    let loaded = loaded("prices", &[("config.yaml", text)], &[]).expect("it loads");
    let usage = llm_core::Usage { input: Some(1000), output: Some(1000), ..llm_core::Usage::default() };
    let accounts = build(&loaded).expect("it builds").accounts;
    let costs: Vec<String> = loaded
        .config
        .deployments
        .iter()
        .filter_map(|one| Some(accounts.get(&one.id)?.entry.as_ref()?.price.cost(&usage).total.to_string()))
        .collect();
    assert_eq!(costs, ["0.000000123", "0.06"]);
}

#[test]
fn own_prices_of_long_prompts_hold_beyond_their_length() {
    let text = "model_list: [{model_name: a, litellm_params: {model: mock/echo, input_cost_per_token: 0.000001, \
                input_cost_per_token_above_200k_tokens: 0.000002}}]\n";
    let loaded = loaded("long-prompts", &[("config.yaml", text)], &[]).expect("it loads");
    assert_eq!(loaded.warnings.to_string(), "0 errors, 0 warnings");
    let accounts = build(&loaded).expect("it builds").accounts;
    let entry = accounts.values().find_map(|account| account.entry.as_ref()).expect("it has own prices");
    for (input, cost) in [(200_000, "0.2"), (200_001, "0.400002")] {
        let usage = llm_core::Usage { input: Some(input), ..llm_core::Usage::default() };
        assert_eq!(entry.price.cost(&usage).total.to_string(), cost);
    }
}

#[test]
fn abilities_are_said_for_one_model_or_for_all_of_a_wildcard_whose_prices_stay() {
    let text = "model_list:\n  \
        - {model_name: one, litellm_params: {model: openai/gpt-4o, api_key: k}, model_info: {supports_vision: false, \
        supports_assistant_prefill: true}}\n  \
        - {model_name: \"all/*\", litellm_params: {model: mock/*}, model_info: {supports_assistant_prefill: true}}\n";
    let loaded = loaded("abilities", &[("config.yaml", text)], &[]).expect("it loads");
    assert_eq!(loaded.warnings.to_string(), "0 errors, 0 warnings");
    let parts = build(&loaded).expect("it builds");
    let deployment = |name: &str| {
        let (group, _) = parts.router.resolve(name).expect("it is served");
        std::sync::Arc::clone(&group.deployments()[0])
    };
    let (one, all) = (deployment("one"), deployment("all/echo"));
    assert_eq!(Needs::ASSISTANT_PREFILL.beyond(one.facts.can), None);
    assert_eq!(Needs::ASSISTANT_PREFILL.beyond(all.facts.can), None);
    assert_eq!(Needs::VISION.shared(one.facts.cannot), Some("vision"), "the table says that it can");
    assert!(parts.accounts[&all.id].entry.is_none(), "each model has its own price");
    assert!(parts.accounts[&one.id].entry.as_ref().is_some_and(|entry| entry.price.is_known()));
}

#[test]
fn a_price_table_is_fetched_and_without_it_the_built_in_one_serves() {
    let mut site = mockito::Server::new();
    let model = r#"{"mine": {"litellm_provider": "openai", "input_cost_per_token": 0.5, "mode": "chat"}}"#;
    site.mock("GET", "/good").with_body(model).create();
    site.mock("GET", "/bad").with_body("<html>").create();
    site.mock("GET", "/empty").create();
    site.mock("GET", "/gone").with_status(404).create();
    for (path, own, warning) in [
        ("good", true, ""),
        ("empty", false, "the built-in one serves: it is empty"),
        ("bad", false, "the price table cannot be fetched, the built-in one serves: "),
        (
            "gone",
            false,
            "the price table cannot be fetched, the built-in one serves: it was answered with status 404",
        ),
    ] {
        let url = format!("{}/{path}", site.url());
        let file =
            format!("prices: {url}\nmodel_list: [{{model_name: a, litellm_params: {{model: mock/echo}}}}]\n");
        let files = [("config.yaml", file.as_str())];
        let by_file = loaded(&format!("prices-{path}"), &files, &[]).expect("it loads");
        let by_variable = loaded("prices", &[], &[("LITELLM_MODEL_COST_MAP_URL", &url)]).expect("it loads");
        for loaded in [by_file, by_variable] {
            assert_eq!(loaded.config.prices.lookup("openai", "mine").is_some(), own, "{path}");
            assert_eq!(loaded.config.prices.lookup("openai", "gpt-4o").is_some(), !own, "{path}");
            let warnings = loaded.warnings.to_string();
            assert!(warnings.contains(warning) && warnings.contains("warning: ") != own, "{warnings}");
        }
    }
}
