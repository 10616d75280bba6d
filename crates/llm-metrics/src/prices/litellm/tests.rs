//! What LiteLLM's JSON may hold, and what becomes of it.

use super::*;

fn lines(json: &str) -> String {
    convert(json).expect("a valid table").lines
}

#[test]
fn numbers_are_read_from_their_text_and_never_as_floats() {
    let json = r#"{"m": {"litellm_provider": "p", "input_cost_per_token": 0.00000000000149, "output_cost_per_token": "3e-6",
        "max_input_tokens": 256000.0, "max_output_tokens": null, "cache_read_input_token_cost": 0}}"#;
    assert_eq!(lines(json), "m\tp\t\t256000\t\t\ti1 o3000000 r0\n");
}

#[test]
fn thresholds_tiers_ranges_and_flags_have_their_columns() {
    let json = r#"{"p/m": {"litellm_provider": "p", "mode": "chat", "supports_vision": true, "supports_reasoning": false,
        "input_cost_per_token_above_200k_tokens_priority": 4e-12, "input_cost_per_token_flex": 2e-12,
        "search_context_cost_per_query": {"search_context_size_medium": 0.01},
        "tiered_pricing": [{"range": [0, 1000], "input_cost_per_token": 1e-12},
                           {"range": [1000.0, 2000], "input_cost_per_token": 3e-12}]}}"#;
    assert_eq!(
        lines(json),
        "p/m\tp\tchat\t\t\tv!r\ti1 s10000000000\t@flex=i2\t>1000=i3\t>200000@priority=i4\n"
    );
}

#[test]
fn parts_of_a_provider_belong_to_the_whole() {
    let json = r#"{"a": {"litellm_provider": "lab_chat"}, "b": {"litellm_provider": "lab-language-models"},
        "lab/c": {"litellm_provider": "lab"}, "lab_tools/d": {"litellm_provider": "lab_tools"}}"#;
    assert_eq!(lines(json), "a\tlab\nb\tlab\nlab/c\tlab\nlab_tools/d\tlab_tools\n");
}

#[test]
fn what_has_no_place_is_counted_and_what_is_no_model_is_skipped() {
    let json = r#"{"sample_spec": {"mode": "one of: chat"}, "fallback_generalizations": {"rules": []},
        "m": {"litellm_provider": "p", "mode": "seance", "rpm": 5, "tiered_pricing": [{"max_results_range": [0, 1]}]}}"#;
    let converted = convert(json).expect("a valid table");
    assert_eq!(converted.models, 1);
    let left_out: Vec<_> = converted.left_out.keys().map(String::as_str).collect();
    assert_eq!(left_out, ["mode", "rpm", "tiered_pricing"]);
}

#[test]
fn a_price_that_cannot_be_read_is_an_error_and_not_free() {
    for (json, message) in [
        (
            r#"{"m": {"input_cost_per_token": "cheap"}}"#,
            "model `m`: `input_cost_per_token` is no amount of dollars",
        ),
        (r#"{"m": {"input_cost_per_token": -1}}"#, "no amount of dollars"),
        (r#"{"m": {"tiered_pricing": [{"range": [0]}]}}"#, "no list of ranges"),
        (r#"{"m": {"tiered_pricing": [{"range": [0, 1], "price": 1}]}}"#, "no list of ranges"),
        (r#"{"a\tb": {}}"#, "cannot be a model's name"),
        (r#"{"m": 1}"#, "invalid price table"),
        ("[]", "invalid price table"),
    ] {
        let error = convert(json).expect_err(json);
        assert!(error.message().contains(message), "{error}");
    }
}

#[test]
fn a_deep_document_is_refused_or_skipped_but_never_overflows() {
    let deep = format!(r#"{{"m": {{"metadata": {}1{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    if let Ok(converted) = convert(&deep) {
        assert_eq!(converted.left_out.get("metadata"), Some(&1));
    }
}
