//! `llm init` without questions, in a folder of its own, against a vendor for tests.

use crate::stage::{Folder, Stage, echo, run};
use crate::typist::typed;

#[test]
fn a_configuration_is_written_and_tested() {
    let vendor = Stage::mock();
    let folder = Folder::new();
    let base = format!("openai={}/v1", vendor.url());
    let arguments = ["init", "--yes", "--vendors", "openai", "--base-url", &base];
    let key = [("OPENAI_API_KEY", "sk-of-a-vendor")];
    let ran = run(folder.path(), &arguments, &key, "").good();
    assert!(ran.out.contains("● works"), "{ran:?}");
    assert!(!ran.out.contains("sk-of") && !ran.err.contains("sk-of"), "keys are not shown: {ran:?}");
    let config = folder.read("config.yaml");
    assert!(config.contains("os.environ/OPENAI_API_KEY") && !config.contains("sk-of"), "{config}");
    let env = folder.read(".env");
    assert!(env.contains("OPENAI_API_KEY=sk-of-a-vendor\n") && env.contains("LLM_MASTER_KEY=sk-"), "{env}");
    #[cfg(unix)]
    {
        let path = folder.path().join(".env");
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(path).expect("it was read").permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }

    // What was written works, without the environment.
    let asked = ["query", "hello", "-m", "openai/gpt-4o", "--config", "config.yaml"];
    assert_eq!(run(folder.path(), &asked, &[], "").good().out, echo("hello") + "\n");

    let again = run(folder.path(), &arguments, &key, "");
    assert_eq!(again.code, 2, "nothing is overwritten unasked: {again:?}");
    assert_eq!(folder.read(".env"), env);
    run(folder.path(), &[&arguments[..], &["--force"]].concat(), &key, "").good();
    assert_eq!(folder.read(".env"), env, "what was there stays");
}

#[test]
fn somebody_is_asked_and_what_they_type_is_hidden() {
    let vendor = Stage::mock();
    let folder = Folder::new();
    let base = format!("{}/v1", vendor.url());
    let variables = [("OPENAI_API_BASE", base.as_str()), ("LLM_DATA_DIRECTORY", ":memory:")];
    let steps = [
        ("Which vendors?", "openai"),
        ("openai", " "),
        ("[x]", "\r"),
        ("Key of openai", "sk-typed\r"),
        ("Must clients show a key?", "\r"),
    ];
    let Some((shown, code)) = typed(folder.path(), &["init"], &variables, &steps) else { return };
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("sk-typed"), "{shown}");
    assert!(shown.contains("works") && shown.contains("llm-server --config config.yaml"), "{shown}");
    assert!(folder.read(".env").contains("OPENAI_API_KEY=sk-typed"));
}

#[test]
fn keys_of_the_environment_are_enough_without_a_gateway() {
    let vendor = Stage::mock();
    let folder = Folder::new();
    folder.file(".env", &format!("OPENAI_API_KEY=sk-x\nOPENAI_API_BASE={}/v1\n", vendor.url()));
    let listens = std::net::TcpStream::connect(("127.0.0.1", 4000)).is_ok();
    if listens {
        // Somebody's gateway runs at the usual address of this machine: it would be asked.
        return;
    }
    let ran = run(folder.path(), &["query", "hello", "-m", "openai/gpt-4o"], &[], "").good();
    assert_eq!(ran.out, echo("hello") + "\n");
    assert!(ran.err.contains("answering from the vendors' keys in .env"), "{ran:?}");
    let nothing = Folder::new();
    assert_eq!(run(nothing.path(), &["list"], &[], "").code, 3);
}

#[test]
fn a_vendor_that_fails_is_told() {
    let folder = Folder::new();
    let arguments =
        ["init", "--yes", "--vendors", "openai", "--base-url", "openai=http://127.0.0.1:9", "--json"];
    let ran = run(folder.path(), &arguments, &[("OPENAI_API_KEY", "sk-x")], "");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["vendors"][0]["test"]["status"], "failed");
    assert!(folder.read("config.yaml").contains("openai/*"), "the files are there to be mended");
}

#[test]
fn what_is_missing_is_named() {
    let folder = Folder::new();
    let code = |arguments: &[&str]| run(folder.path(), arguments, &[], "");
    assert!(code(&["init", "--yes", "--vendors", "openai"]).err.contains("OPENAI_API_KEY"));
    assert!(code(&["init", "--yes", "--vendors", "nobody"]).err.contains("--list"));
    let nobody = code(&["init"]);
    assert_eq!(nobody.code, 2, "{nobody:?}");
    assert!(code(&["init", "--list"]).good().out.contains("ANTHROPIC_API_KEY"));
    assert!(!folder.path().join("config.yaml").exists());
}
