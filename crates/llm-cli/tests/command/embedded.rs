//! The program without a gateway that runs: from a configuration, or from vendors' keys.

use crate::stage::{Folder, KEY, MODELS, Stage, echo, run};

#[test]
fn a_configuration_is_enough() {
    let folder = Folder::new();
    folder.file("config.yaml", &format!("{MODELS}general_settings: {{master_key: {KEY}}}\n"));
    let llm = |arguments: &[&str]| run(folder.path(), arguments, &[], "");
    let listed = llm(&["list", "--config", "config.yaml", "--json"]).good().json();
    assert_eq!(listed["models"].as_array().map(Vec::len), Some(6), "{listed}");
    // Its own master key is shown to it.
    assert_eq!(llm(&["query", "hi", "-m", "smart", "--config", "config.yaml"]).good().out, echo("hi") + "\n");
    let streamed =
        llm(&["--config", "config.yaml", "query", "hi you", "-m", "smart", "--stream", "--stats"]).good();
    assert_eq!(streamed.out, echo("hi you") + "\n");
    assert!(streamed.err.contains('$'), "{streamed:?}");
    assert_eq!(llm(&["query", "hi", "-m", "smart", "--config", "config.yaml", "--key", "sk-wrong"]).code, 4);
    assert_eq!(llm(&["query", "hi", "-m", "broken", "--config", "config.yaml"]).code, 1);
    assert_eq!(llm(&["health", "--models", "smart", "--config", "config.yaml"]).code, 0);
    assert_eq!(llm(&["list", "--config", "nowhere.yaml"]).code, 2);
    assert_eq!(
        llm(&["list", "--config", "config.yaml", "--url", "http://127.0.0.1:1"]).code,
        2,
        "one of both"
    );
}

#[test]
fn keys_of_a_configuration_stay_in_its_store() {
    let folder = Folder::new();
    let data = folder.path().join("data");
    let text = format!(
        "{MODELS}general_settings: {{master_key: {KEY}}}\nserver: {{data_directory: {}}}\n",
        data.display()
    );
    folder.file("config.yaml", &text);
    let llm = |arguments: &[&str]| {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--config", "config.yaml"]).collect();
        let mut command = crate::stage::program(folder.path(), &arguments, &[]);
        let ran = command.env_remove("LLM_DATA_DIRECTORY").stdin(std::process::Stdio::null()).output();
        let ran = ran.expect("the program is built");
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).expect("the program writes UTF-8")
    };
    let key = llm(&["keys", "create", "--alias", "ada"]).trim().to_owned();
    assert_eq!(llm(&["query", "hi", "-m", "smart", "--key", &key]), echo("hi") + "\n");
    let row: serde_json::Value =
        serde_json::from_str(&llm(&["keys", "info", "ada", "--json"])).expect("JSON");
    assert!(row["spend"].as_f64().is_some_and(|spend| spend > 0.0), "the call was booked: {row}");
}

#[test]
fn without_anything_it_says_what_to_do() {
    let folder = Folder::new();
    let ran = run(folder.path(), &["list", "--url", "127.0.0.1:9"], &[], "");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("llm init"), "{ran:?}");
}

#[test]
fn an_import_needs_a_database_that_answers() {
    let folder = Folder::new();
    folder.file("config.yaml", &format!("{MODELS}server: {{data_directory: data}}\n"));
    let database = "postgres://nobody:secret@127.0.0.1:9/litellm";
    let arguments = ["import", "litellm", "--database", database, "--config", "config.yaml", "--dry-run"];
    let ran = run(folder.path(), &arguments, &[("LLM_DATA_DIRECTORY", "data")], "");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("DATABASE_URL") && !ran.err.contains("secret"), "{ran:?}");
}

#[test]
fn a_vendor_for_tests_is_a_gateway_too() {
    let vendor = Stage::mock();
    let ran = run(vendor.folder.path(), &["query", "hello", "-m", "echo", "--url", &vendor.url()], &[], "");
    assert_eq!(ran.good().out, echo("hello") + "\n");
}
