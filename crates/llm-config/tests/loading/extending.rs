//! Callbacks, hooks and prompts of a file: what is there, what is a warning, and what is an error.

use llm_callbacks::{Place, Wanted};
use llm_config::{HookTarget, Loaded, Options, Report};

fn loaded(name: &str, text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Report> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("extending-{name}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let model = "model_list: [{model_name: one, litellm_params: {model: mock/echo}}]\n";
    std::fs::write(folder.join("config.yaml"), format!("{model}{text}")).expect("a file");
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    llm_config::load(&Options {
        config: Some("config.yaml".into()),
        directory: folder,
        variables,
        ..Options::default()
    })
}

fn said(report: &Report) -> String {
    report.to_string()
}

#[test]
fn callbacks_are_told_of_what_they_are_named_for() {
    let text = "litellm_settings: {callbacks: [prometheus, mine], success_callback: [file, langfuse], failure_callback: [file]}\n\
                callback_settings: {mine: {callback_type: generic_api, endpoint: 'http://x/y', event_types: [llm_api_failure]}}\n";
    let keys = [("LANGFUSE_PUBLIC_KEY", "pk"), ("LANGFUSE_SECRET_KEY", "sk")];
    let loaded = loaded("named", text, &keys).expect("it is good");
    let found: Vec<_> =
        loaded.config.callbacks.callbacks.iter().map(|one| (one.name.as_str(), one.wanted)).collect();
    let both = Wanted { successes: true, failures: true };
    let expected = [
        ("mine", Wanted { successes: false, failures: true }),
        ("file", both),
        ("langfuse", Wanted { successes: true, failures: false }),
    ];
    assert_eq!(found, expected);
    assert!(loaded.config.callbacks.callbacks.iter().all(|one| !one.content), "nobody said so");
    assert!(matches!(loaded.config.callbacks.callbacks[1].place, Place::File { keep: 5, .. }));
}

#[test]
fn what_was_said_is_told_only_where_the_file_says_so() {
    let content = |name: &str, settings: &str, own: &str| {
        let text = format!(
            "litellm_settings: {{callbacks: [file]{settings}}}\ncallback_settings: {{file: {{path: x{own}}}}}\n"
        );
        loaded(name, &text, &[]).expect("it is good").config.callbacks.callbacks[0].content
    };
    assert!(!content("c0", "", ""));
    assert!(content("c1", ", turn_off_message_logging: false", ""));
    assert!(content("c2", "", ", message_logging: true"));
    assert!(!content("c3", ", turn_off_message_logging: true", ", message_logging: true"));
    assert!(!content("c4", ", turn_off_message_logging: false", ", message_logging: false"));
}

#[test]
fn callbacks_that_do_not_exist_are_warnings_and_those_without_an_address_are_errors() {
    let text = "litellm_settings: {callbacks: [datadog, langfus, my_module.handler]}\n";
    let warnings = said(&loaded("unknown", text, &[]).expect("it is served").warnings);
    for expected in ["`datadog` does not exist here", "did you mean `langfuse`?", "docs/hooks.md"] {
        assert!(warnings.contains(expected), "{warnings}");
    }
    for (name, text, variables, expected) in [
        ("no-keys", "litellm_settings: {callbacks: [langfuse]}\n", &[][..], "LANGFUSE_PUBLIC_KEY"),
        ("no-address", "litellm_settings: {callbacks: [generic_api]}\n", &[], "GENERIC_LOGGER_ENDPOINT"),
        ("grpc", "litellm_settings: {callbacks: [otel]}\n", &[("OTEL_EXPORTER", "otlp_grpc")], "otlp_http"),
        ("no-bucket", "litellm_settings: {callbacks: [s3_v2]}\n", &[], "s3_bucket_name"),
    ] {
        let Err(report) = loaded(name, text, variables) else { panic!("{name} is wrong") };
        assert!(said(&report).contains(expected), "{report}");
    }
}

#[test]
fn hooks_are_addresses_or_programs() {
    let text = "hooks: [{name: a, url: 'https://x/y', on_failure: continue}, {command: [python3, x.py], streams: skip}]\n";
    let hooks = loaded("hooks", text, &[]).expect("it is good").config.hooks;
    assert!(hooks[0].external.fail_open && matches!(hooks[0].who, HookTarget::Address { .. }));
    assert!(!hooks[1].external.fail_open && !hooks[1].external.streams && hooks[1].external.name == "hook-2");
    for (name, text) in [
        ("both", "hooks: [{url: 'https://x', command: [y]}]\n"),
        ("neither", "hooks: [{name: a}]\n"),
        ("stage", "hooks: [{url: 'https://x', on: [mid_call]}]\n"),
        ("address", "hooks: [{url: nowhere}]\n"),
        ("twice", "hooks: [{name: a, url: 'https://x'}, {name: a, url: 'https://y'}]\n"),
    ] {
        assert!(loaded(name, text, &[]).is_err(), "{name}");
    }
}

#[test]
fn prompts_are_read_in_every_form_and_wrong_ones_are_errors() {
    let text = "prompts:\n  - {prompt_id: a, messages: [{role: system, content: 'x {{y}}'}]}\n  - {prompt_id: a.v3, messages: [{content: z}]}\n  \
                - prompt_id: b\n    litellm_params: {prompt_integration: dotprompt, prompt_data: {b: {content: 'User: hi', metadata: {model: one}}}}\n  \
                - {prompt_id: c, litellm_params: {prompt_integration: langfuse}}\n";
    let loaded_all = loaded("prompts", text, &[]).expect("it is good");
    let prompts = &loaded_all.config.prompts;
    assert_eq!(prompts["a"].keys().copied().collect::<Vec<_>>(), [1, 3]);
    assert_eq!(prompts["b"][&1].model.as_deref(), Some("one"));
    assert!(!prompts.contains_key("c") && said(&loaded_all.warnings).contains("`langfuse`"));
    for (name, text) in [
        ("loop", "prompts: [{prompt_id: a, messages: [{content: '{% for x in y %}'}]}]\n"),
        ("none", "prompts: [{messages: [{content: x}]}]\n"),
        ("empty", "prompts: [{prompt_id: a}]\n"),
        ("role", "prompts: [{prompt_id: a, messages: [{role: tool, content: x}]}]\n"),
        (
            "double",
            "prompts: [{prompt_id: a, messages: [{content: x}]}, {prompt_id: a.v1, messages: [{content: x}]}]\n",
        ),
    ] {
        let wrong = loaded(name, text, &[]).err().map(|report| report.to_string());
        assert!(wrong.is_some(), "{name}");
    }
}
