//! Guardrails of configurations: both of LiteLLM's shapes, and everything that is no guardrail.

use llm_config::build;
use llm_gateway::{Modes, OnError};

use super::{loaded, told, yaml};

const MODEL: &str = "model_list: [{model_name: a, litellm_params: {model: mock/echo}}]\n";

#[test]
fn both_shapes_are_read_with_variables_in_the_place_of_what_is_left_out() {
    let text = format!(
        "{MODEL}guardrails:\n  - guardrail_name: pii\n    litellm_params: {{guardrail: pii, mode: [pre_call, post_call], default_on: true, \
         output_parse_pii: true, places: [user, tool_result]}}\n    guardrail_info: {{owner: legal}}\n  - guardrail_name: watch\n    \
         litellm_params: {{guardrail: lakera_v2, mode: post_call, unreachable_fallback: fail_open, only_flags: true}}\n\
         litellm_settings:\n  guardrails:\n    - old: {{callbacks: [hide_secrets, lakera_prompt_injection], default_on: true, \
         enabled_roles: [user]}}\n"
    );
    let loaded =
        loaded("guardrails", &[("config.yaml", &text)], &[("LAKERA_API_KEY", "k")]).expect("it loads");
    let all = &loaded.config.guardrails;
    let names: Vec<(&str, &str)> = all.iter().map(|one| (one.name.as_str(), one.kind.as_str())).collect();
    assert_eq!(
        names,
        [("pii", "pii"), ("watch", "lakera_v2"), ("old", "hide_secrets"), ("old", "lakera_prompt_injection")]
    );
    let [pii, watch, secrets, lakera] = all.as_slice() else { panic!("four of them") };
    assert_eq!(pii.modes, Modes { pre_call: true, post_call: true, ..Modes::default() });
    assert!(pii.default_on && pii.restores && pii.places.as_ref().is_some_and(|places| places.len() == 2));
    assert_eq!((watch.on_error, watch.only_flags), (OnError::Pass, true));
    assert_eq!(watch.parameters["api_key"], "k");
    assert!(secrets.modes.pre_call && secrets.default_on && lakera.modes.during_call);
    assert_eq!(build(&loaded).expect("it builds").guardrails.len(), 4);
}

#[test]
fn what_is_no_guardrail_is_an_error_at_its_place() {
    insta::assert_snapshot!(yaml(
        "no-guardrails",
        &format!(
            "{MODEL}guardrails:\n  - guardrail_name: 'a,b'\n  - guardrail_name: nothing\n  - guardrail_name: unsaid\n    litellm_params: {{}}\n  \
             - guardrail_name: modes\n    litellm_params: {{guardrail: pii, mode: [pre_cal, pre_mcp_call], places: [here], default_on: 3}}\n    \
             guardrail_inf: {{}}\n  - guardrail_name: file\n    litellm_params: {{guardrail: banned_keywords, banned_keywords_list: none.txt}}\n\
             litellm_settings:\n  guardrails:\n    - lonely\n    - empty: {{callbacks: []}}\n    - typo: {{callback: [pii]}}\n"
        )
    ));
}

#[test]
fn what_cannot_be_built_is_an_error_that_shows_no_key() {
    let text = format!(
        "{MODEL}guardrails:\n  - {{guardrail_name: a, litellm_params: {{guardrail: presidoo, api_key: sk-hush}}}}\n  \
         - {{guardrail_name: b, litellm_params: {{guardrail: pii, entitys: [x], api_key: sk-hush}}}}\n  \
         - {{guardrail_name: c, litellm_params: {{guardrail: presidio}}}}\n  \
         - {{guardrail_name: d, litellm_params: {{guardrail: generic_guardrail_api, api_base: nowhere, api_key: sk-hush}}}}\n  \
         - {{guardrail_name: e, litellm_params: {{guardrail: aporia}}}}\n"
    );
    let loaded = loaded("unbuilt", &[("config.yaml", &text)], &[]).expect("it loads");
    let report = build(&loaded).map(|_| ()).expect_err("nothing of it can be meant").to_string();
    assert!(!report.contains("sk-hush"), "{report}");
    insta::assert_snapshot!(report);
    assert!(!told("unbuilt-again", &[("config.yaml", MODEL)], &[]).contains("guardrail"));
}
