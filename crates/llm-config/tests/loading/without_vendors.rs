//! Answers without a vendor: LiteLLM's `mock_*` settings, recordings, and the vendor for tests.

use std::path::PathBuf;

use llm_config::{Flags, Options, RecordingSettings, build, load};
use llm_providers::Mode;

use super::{folder, loaded, told};

#[test]
fn a_canned_answer_needs_no_key_and_no_address() {
    let text = "model_list:\n\
        - {model_name: a, litellm_params: {model: openai/gpt-4o, mock_response: Hello, mock_delay: 0.5}}\n\
        - {model_name: b, litellm_params: {model: azure/large, mock_timeout: true}}\n\
        - {model_name: c, litellm_params: {model: bedrock/amazon.nova-lite-v1:0, mock_response: Hello}}\n\
        - {model_name: d, litellm_params: {model: groq/x, api_key: gsk_1, mock_delay: 1}}\n";
    let loaded = loaded("canned", &[("config.yaml", text)], &[]).expect("it loads");
    let publics: Vec<&str> = loaded.config.deployments.iter().map(|one| one.public.as_str()).collect();
    assert_eq!(publics, ["a", "b", "c", "d"]);
    assert!(build(&loaded).is_ok());
    let warnings = loaded.warnings.to_string();
    assert!(warnings.contains("`mock_delay` has no effect") && warnings.contains("1 warning"), "{warnings}");
}

fn recordings(
    test: &str,
    file: &str,
    environment: &[(&str, &str)],
    flags: Flags,
) -> Option<RecordingSettings> {
    let directory = folder(test, &[("config.yaml", file)]);
    let variables = super::variables(environment);
    let config = Some(PathBuf::from("config.yaml"));
    let options = Options { config, directory: directory.clone(), variables, flags, ..Options::default() };
    let settings = load(&options).expect("it loads").config.recordings?;
    let relative = settings.directory.strip_prefix(&directory).expect("relative to the working directory");
    Some(RecordingSettings { directory: relative.to_owned(), ..settings })
}

#[test]
fn recordings_are_switched_on_by_file_variable_or_flag() {
    let settings = |mode, directory: &str| Some(RecordingSettings { mode, directory: directory.into() });
    let replay = Mode::Replay { paced: false };
    let none = Flags::default;
    assert_eq!(recordings("tape-off", "recordings: {mode: off}", &[], none()), None);
    let file = "recordings: {mode: replay, directory: tapes, paced: true}";
    assert_eq!(recordings("tape-file", file, &[], none()), settings(Mode::Replay { paced: true }, "tapes"));
    let variables = [("LLM_RECORDINGS", "record")];
    assert_eq!(recordings("tape-variable", "", &variables, none()), settings(Mode::Record, "recordings"));
    let flags = Flags { replay: Some("other".to_owned()), ..none() };
    assert_eq!(recordings("tape-flag", "", &variables, flags), settings(replay, "other"));
}

#[test]
fn a_mode_that_is_none_and_a_folder_that_is_missing_are_errors() {
    let wrong = told("tape-mode", &[("config.yaml", "server: {port: 1}")], &[("LLM_RECORDINGS", "rewind")]);
    assert!(wrong.contains("`rewind` is no mode of recordings"), "{wrong}");
    let text =
        "recordings: {mode: replay}\nmodel_list: [{model_name: a, model: openai/gpt-4o, api_key: sk-1}]";
    let missing = loaded("tape-missing", &[("config.yaml", text)], &[]).expect("it loads");
    let report = build(&missing).err().map(|report| report.to_string()).unwrap_or_default();
    assert!(report.contains("record something first"), "{report}");
}

#[test]
fn the_vendor_for_tests_serves_every_name_whatever_else_there_is() {
    let variables = super::variables(&[("OPENAI_API_KEY", "sk-1")]);
    let loaded = load(&Options { mock_server: true, variables, ..Options::default() }).expect("it loads");
    let parts = build(&loaded).expect("it builds");
    for name in ["mock/echo", "mock/cut-3", "gpt-4o", "vendor/some/model"] {
        let (group, _) = parts.router.resolve(name).expect(name);
        assert!(group.deployments().iter().all(|one| one.vendor == "mock"), "{name}");
    }
}
