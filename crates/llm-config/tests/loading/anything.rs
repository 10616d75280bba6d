//! Files of known keys in any order and shape: whatever they say, loading ends with words.

use llm_config::{build, describe};

use super::loaded;

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_stands_in_a_file_loading_never_panics(
        lines in proptest::collection::vec(
            ("( {0,8}|  - |    - )", "(model_list|litellm_params|model|model_name|fallbacks|providers|models|vendors|llm|\
              api_key|rpm|include|model_group_alias|router_settings|default_model|name|x)", ": ?(|\\[|\\{|'\\*'|\\*|openai/\\*|1|\\$\\{A\\}|[a-z]{3})"),
            0..12,
        ),
    ) {
        let text: String = lines.iter().map(|(indent, key, value)| format!("{indent}{key}{value}\n")).collect();
        let files = [("config.yaml", &*text.replace("include", "inklude"))];
        if let Ok(loaded) = loaded("any", &files, &[("A", "b"), ("OPENAI_API_KEY", "k")]) {
            let _ = (describe(&loaded), build(&loaded).map(|_| ()));
        }
    }
}
