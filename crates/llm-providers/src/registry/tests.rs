//! The embedded table is sound, and vendors are found by every name that users write.

use serde::Deserialize;

use super::*;
use crate::vendor::{Auth, Status};

fn own(row: serde_json::Value) -> Vendor {
    serde_json::from_value(row).expect("a valid row")
}

#[test]
fn the_program_has_what_the_table_says() {
    #[derive(Deserialize)]
    struct Table {
        vendor: Vec<Vendor>,
    }
    let table: Table = toml::from_str(include_str!("../vendors.toml")).expect("the table");
    assert_eq!(format!("{:?}", *BUILTIN), format!("{:?}", table.vendor.iter().collect::<Vec<_>>()));
    assert!(BUILTIN.len() > 80);
}

#[test]
fn the_table_is_sorted_and_complete() {
    let registry = Registry::builtin();
    let (ready, planned): (Vec<_>, Vec<_>) = registry.iter().partition(|row| row.status == Status::Ready);
    for group in [&ready, &planned] {
        assert!(group.is_sorted_by_key(|row| &row.name), "rows are sorted by name");
    }
    for row in registry.iter().filter(|row| row.name != "mock") {
        let name = &row.name;
        assert!(row.docs.starts_with("https://"), "{name} has no docs link");
        assert!(row.aliases.is_sorted(), "{name}: aliases are sorted");
    }
    for row in ready {
        let name = &row.name;
        let date = row.checked.len() == 10 && row.checked.starts_with("20");
        assert!(date || row.checked.is_empty(), "{name}: `checked` is a day");
        assert!(!row.dialect.is_empty(), "{name} has no dialect");
        // Some vendors have an address for every user; a variable can say which.
        let of_user = !row.base_env.is_empty();
        assert!(row.key_optional || row.base_url.is_some() || of_user, "{name} has no address");
        let by_token = row.auth == Auth::Google;
        assert!(row.key_optional || by_token || !row.key_env.is_empty(), "{name} has no key variable");
        assert!(row.by_model.values().all(|other| registry.get(other).is_some()), "{name}: rows of models");
        let local = row.base_url.as_deref().is_none_or(|url| url.starts_with("http://127.0.0.1:"));
        assert!(local || row.base_url.as_deref().is_some_and(|url| url.starts_with("https://")), "{name}");
        let signs = row.auth == Auth::AwsSigv4;
        assert!(!row.key_optional || local || signs, "{name}: only servers of one's own work without a key");
    }
}

#[test]
fn a_vendors_own_address_leads_back_to_it() {
    let registry = Registry::builtin();
    for row in registry.iter().filter(|row| !row.hosts.is_empty()) {
        let Some(url) = &row.base_url else { continue };
        let url = url.replace("{account_id}", "acme").replace("{vertex_host}", "aiplatform.googleapis.com");
        assert_eq!(registry.by_address(&url).map(|found| &found.name), Some(&row.name));
    }
    assert!(registry.by_address("https://api.deepseek.com.evil.example/v1").is_none());
    assert!(registry.by_address("http://127.0.0.1:8000").is_none());
    assert!(registry.by_address("not an address").is_none());
}

#[test]
fn an_address_may_mean_another_api_of_the_same_servers() {
    let registry = Registry::builtin();
    let ollama = registry.get("ollama").expect("a row");
    let meant = |address| registry.meant(ollama, address).dialect.as_str();
    for native in [
        "http://gpu:11434",
        "http://gpu:11434/",
        "http://gpu:11434/api/",
        "http://gpu:11434/api/chat",
        "http://v1",
    ] {
        assert_eq!(meant(native), "ollama.chat", "{native}");
    }
    for other in ["http://gpu:11434/v1", "http://gpu:11434/v1/ ", "gpu:11434/v1/chat/completions?x=1"] {
        assert_eq!(meant(other), "openai.chat", "{other}");
    }
    for row in registry.iter() {
        let rows = row.variants.values().map(|name| registry.get(name));
        assert!({ rows }.all(|found| found.is_some()), "{}: each variant is a row", row.name);
    }
}

#[test]
fn no_host_belongs_to_two_vendors() {
    let registry = Registry::builtin();
    let mut hosts: Vec<&String> = registry.iter().flat_map(|row| &row.hosts).collect();
    let all = hosts.len();
    hosts.sort();
    hosts.dedup();
    assert_eq!(hosts.len(), all);
}

#[test]
fn the_longest_prefix_of_a_model_names_its_vendor() {
    let registry = Registry::builtin();
    let split = |model| registry.split(model).map(|(vendor, rest)| (vendor.name.as_str(), rest));
    assert_eq!(split("openai/gpt-4o"), Some(("openai", "gpt-4o")));
    assert_eq!(split("openai/responses/gpt-5"), Some(("openai_responses", "gpt-5")));
    assert_eq!(split("azure/my-gpt"), Some(("azure", "my-gpt")));
    assert_eq!(split("azure/responses/my-gpt"), Some(("azure_responses", "my-gpt")));
    assert_eq!(split("azure/o_series/my-o4"), Some(("azure_o_series", "my-o4")));
    assert_eq!(split("vllm/meta/llama-3"), Some(("hosted_vllm", "meta/llama-3")));
    assert_eq!(split("bedrock/converse/us.amazon.nova"), Some(("bedrock", "us.amazon.nova")));
    assert_eq!(split("openrouter/openai/gpt-4o"), Some(("openrouter", "openai/gpt-4o")));
    assert_eq!(split("gpt-4o"), None);
    let row =
        |vendor, model| registry.get(vendor).map(|vendor| registry.row_for(vendor, model).name.as_str());
    assert_eq!(row("vertex_ai", "claude-sonnet-4@20250514"), Some("vertex_ai_anthropic"));
    assert_eq!(row("vertex_ai", "meta/llama-3.3-70b-instruct-maas"), Some("vertex_ai_openai"));
    assert_eq!(row("vertex_ai", "gemini-2.5-flash"), Some("vertex_ai"));
    assert_eq!(row("dashscope", "qwen-image-2.0"), Some("dashscope_native"));
    assert_eq!(row("dashscope", "qwen3-tts-flash"), Some("dashscope_native"));
    assert_eq!(row("dashscope", "qwen-plus"), Some("dashscope"));
    assert_eq!(split("openai/"), None);
    assert_eq!(split("acme/gpt-4o"), None);
    assert_eq!(split(""), None);
}

#[test]
fn an_unknown_vendor_is_told_the_nearest_one() {
    let registry = Registry::builtin();
    assert_eq!(registry.nearest("deepsek"), Some("deepseek"));
    assert_eq!(registry.nearest("qqqqqq"), None);
    let error = registry.unknown("antropic");
    assert_eq!(error.message(), "unknown vendor `antropic`: did you mean `anthropic`?");
}

#[test]
fn a_users_row_adds_a_vendor_or_replaces_one() {
    let rows = vec![
        own(
            serde_json::json!({"name": "acme", "dialect": "openai.chat", "base_url": "https://llm.acme.ai/v1"}),
        ),
        own(
            serde_json::json!({"name": "groq", "dialect": "openai.chat", "base_url": "https://groq.proxy/v1"}),
        ),
    ];
    let registry = Registry::with_rows(rows).expect("sound rows");
    assert_eq!(registry.split("acme/large").map(|(vendor, _)| vendor.name.as_str()), Some("acme"));
    let groq = registry.get("groq").expect("there");
    assert_eq!(groq.base_url.as_deref(), Some("https://groq.proxy/v1"));
    assert_eq!(registry.iter().filter(|row| row.name == "groq").count(), 1);
    assert!(registry.get("openai").is_some());
}

#[test]
fn rows_that_cannot_be_meant_are_refused() {
    for (row, word) in [
        (serde_json::json!({"name": "a b"}), "prefix"),
        (serde_json::json!({"name": "acme", "aliases": ["acme"]}), "another"),
        (serde_json::json!({"name": "acme", "base_url": "ftp://acme.ai"}), "base_url"),
    ] {
        let error = Registry::with_rows(vec![own(row)]).expect_err("refused");
        assert!(error.message().contains(word), "{error}");
    }
}

/// The members of a request with `top_k` as a row's dialect writes it for this host, and what it loses.
#[cfg(all(feature = "openai", feature = "azure"))]
fn with_top_k(row: &Vendor, address: &str) -> (bool, Vec<String>) {
    use llm_core::{ChatRequest, Message, Role, Target};

    use crate::base_url::BaseUrl;

    let base = BaseUrl { url: address.to_owned(), query: None };
    let dialect = crate::dialects::dialect(&row.dialect, &row.quirks_at(base.host()), &base).expect("sound");
    let mut request =
        ChatRequest { messages: vec![Message::text(Role::User, "hi")], ..ChatRequest::default() };
    request.sampling.top_k = Some(5);
    let encoded = dialect.encode(&request, &Target::default()).expect("a request");
    let body: serde_json::Value = serde_json::from_slice(&encoded.request.body.joined()).expect("JSON");
    (body.get("top_k").is_some(), encoded.losses.iter().map(|loss| loss.field.to_string()).collect())
}

#[test]
#[cfg(all(feature = "openai", feature = "azure"))]
fn what_a_vendor_refuses_is_carried_to_other_servers_of_its_format() {
    let registry = Registry::default();
    let row = |name: &str| registry.get(name).expect("a row");
    let dropped = (false, vec!["top_k".to_owned()]);
    for (name, address, expected) in [
        ("openai", "https://api.openai.com/v1", dropped.clone()),
        ("openai", "http://127.0.0.1:8000/v1", (true, vec![])),
        ("hosted_vllm", "http://127.0.0.1:8000/v1", (true, vec![])),
        ("azure", "https://acme.openai.azure.com/openai", dropped.clone()),
        ("azure_o_series", "https://gateway.acme.example/openai", dropped),
    ] {
        assert_eq!(with_top_k(row(name), address), expected, "{name} at {address}");
    }
}
