//! Names as users write them, and the embedded table as a whole.

use super::*;

/// What the embedded table is packed from.
const EMBEDDED: &str = include_str!("../../../data/prices.tsv");

fn rates(book: &PriceBook, provider: &str, model: &str) -> Option<String> {
    Some(book.lookup(provider, model)?.price.to_string())
}

#[test]
fn the_embedded_table_is_sorted_and_every_line_can_be_read() {
    let table = Table::checked(EMBEDDED).expect("the embedded table is valid");
    assert!(table.lines().count() > 4000);
    for line in table.lines() {
        let (name, columns) = split(line);
        assert_eq!(table.find(name), Some(columns));
        assert_eq!(Table::Embedded.find(name), Some(columns));
        let entry = ModelEntry::parse(columns).expect("checked above");
        assert_eq!(entry.line(name), line, "a line must survive reading and writing");
    }
}

#[test]
fn the_embedded_table_is_current() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/litellm-model-prices.json");
    let source = std::env::var("LITELLM_PRICES").unwrap_or_else(|_| beside.to_owned());
    let Ok(json) = std::fs::read_to_string(&source) else {
        #[expect(clippy::print_stderr, reason = "a test that does not run must say so")]
        {
            eprintln!("SKIPPED: no price table to compare with (set LITELLM_PRICES)");
        }
        return;
    };
    let lines = litellm::convert(&json).expect("a valid table").lines;
    let current =
        EMBEDDED.strip_suffix(&lines).is_some_and(|head| head.lines().all(|line| line.starts_with('#')));
    assert!(current, "run `cargo xtask codegen prices` and commit the file");
}

#[test]
fn the_head_explains_every_letter_and_names_source_date_and_licence() {
    let date = EMBEDDED.lines().find_map(|line| line.strip_prefix("# date: ")).expect("a date");
    assert!(EMBEDDED.starts_with(&litellm::head("litellm-model-prices.json", date)));
}

#[test]
fn models_are_found_as_users_write_them() {
    let book = PriceBook::embedded();
    for (provider, model, as_in_table) in [
        ("openai", "gpt-4o", "gpt-4o"),
        ("openai", "openai/gpt-4o", "gpt-4o"),
        ("openai", "responses/gpt-4o", "gpt-4o"),
        ("openai", "gpt-4o-2099-12-31", "gpt-4o"),
        ("openai", "ft:gpt-4o-2024-08-06:org::id", "ft:gpt-4o-2024-08-06"),
        ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("azure", "gpt-4o", "azure/gpt-4o"),
        ("", "azure/gpt-4o", "azure/gpt-4o"),
        ("gemini", "gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ("vertex_ai", "gemini-2.5-pro", "gemini-2.5-pro"),
        ("dashscope", "qwen-flash", "dashscope/qwen-flash"),
        ("ollama_chat", "llama3", "ollama/llama3"),
        (
            "bedrock",
            "converse/us-east-1/us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
        (
            "bedrock",
            "xx-north-9/anthropic.claude-haiku-4-5-20251001-v1:0",
            "anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
    ] {
        let expected = rates(&book, "", as_in_table).expect("in the table");
        assert_eq!(rates(&book, provider, model), Some(expected), "{provider} {model}");
    }
}

#[test]
fn another_providers_entry_is_never_used() {
    let book = PriceBook::embedded();
    for (provider, model) in
        [("groq", "gpt-4o"), ("anthropic", "gpt-4o"), ("openai", "no-such-model"), ("", "")]
    {
        assert_eq!(book.lookup(provider, model), None, "{provider} {model}");
    }
}

#[test]
fn facts_come_with_the_price() {
    let entry = PriceBook::embedded().lookup("openai", "gpt-4o").expect("in the table");
    assert_eq!((entry.max_input_tokens, entry.max_output_tokens), (Some(128_000), Some(16_384)));
    assert_eq!((&*entry.provider, entry.mode), ("openai", Mode::Chat));
    assert_eq!(entry.supports.says(super::super::Capability::Vision), Some(true));
    assert!(entry.price.is_known());
}

#[test]
fn own_prices_go_before_the_table_and_keep_its_facts() {
    let own = [
        ("gpt-4o", vec![("cost_per_1k_tokens", "0.001")]),
        ("lab/m", vec![("input_cost_per_token", "1e-6")]),
    ];
    let book = PriceBook::embedded().with_overrides(own).expect("valid");
    assert_eq!(rates(&book, "openai", "gpt-4o").as_deref(), Some("i1000000 o1000000"));
    assert_eq!(book.lookup("openai", "gpt-4o").and_then(|entry| entry.max_input_tokens), Some(128_000));
    assert_eq!(rates(&book, "lab", "m").as_deref(), Some("i1000000"));
    assert_eq!(book.names_for("lab").map(|listing| listing.model).collect::<Vec<_>>(), ["m"]);
    assert_eq!(book.names_for("openai").filter(|listing| listing.model == "gpt-4o").count(), 1);

    let prefixed = [("openai/gpt-4o", [("input_cost_per_token", "0")])];
    let book = PriceBook::embedded().with_overrides(prefixed).expect("valid");
    assert_eq!(
        rates(&book, "openai", "gpt-4o").as_deref(),
        Some("i0 o10000000\t@batches=o5000000\t@priority=o17000000")
    );
    assert_eq!(book.names_for("openai").filter(|listing| listing.model == "gpt-4o").count(), 1);

    let wrong = PriceBook::embedded().with_overrides([("m", [("price", "1")])]).expect_err("no such field");
    assert!(wrong.message().starts_with("model `m`: unknown price field `price`"), "{wrong}");
}

#[test]
fn listings_name_each_model_without_its_provider() {
    let book = PriceBook::embedded();
    let listing = |provider: &'static str| {
        let chat = book.names_for(provider).filter(|listing| listing.mode == Mode::Chat);
        chat.map(|listing| listing.model.to_owned()).collect::<Vec<_>>()
    };
    assert!(listing("openai").iter().any(|model| model == "gpt-4o"));
    assert!(listing("dashscope").iter().any(|model| model == "qwen-flash"));
    assert!(listing("no-such-provider").is_empty());
}

#[test]
fn bare_names_tell_their_provider() {
    let book = PriceBook::embedded();
    for (model, provider) in [
        ("gpt-4o", Some("openai")),
        ("gpt-4o-2099-12-31", Some("openai")),
        ("claude-3-5-haiku-latest", Some("anthropic")),
        ("claude-next-99", Some("anthropic")),
        ("gemini-2.5-pro", Some("vertex_ai")),
        ("my-own-model", None),
        ("lab/gpt-4o", None),
        ("", None),
    ] {
        assert_eq!(book.provider_of(model), provider, "{model}");
    }
}

#[test]
fn a_table_of_either_schema_replaces_the_embedded_one() {
    let json = r#"{"lab/m": {"litellm_provider": "lab", "mode": "chat", "input_cost_per_token": 1.5e-06}}"#;
    for text in [json, "# head\nlab/m\tlab\tchat\t\t\t\ti1500000\n"] {
        let book = PriceBook::load(text).expect("a valid table");
        assert_eq!(rates(&book, "lab", "m").as_deref(), Some("i1500000"));
        assert_eq!(book.lookup("openai", "gpt-4o"), None);
    }
    assert!(PriceBook::load("b\ta\na\ta\n").is_err());
    assert!(PriceBook::load("{").is_err());
}
