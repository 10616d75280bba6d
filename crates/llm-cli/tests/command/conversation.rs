//! `llm chat`: piped in, and typed at a terminal.

use serde_json::Value;

use crate::stage::{KEY, Stage, echo};
use crate::typist::typed;

#[test]
fn a_conversation_is_piped_in_and_saved() {
    let stage = Stage::start();
    let input = "hello\n/model fast\n/model smart\n\"\"\"\ntwo\nlines\n\"\"\"\n/system be short\nand\\\nmore\n/cost\n/save talk.json\n/save talk.md\n/quit\nnever said\n";
    let ran = stage.piped(&["chat", "--model", "smart", "--stream"], input).good();
    assert_eq!(ran.out, ["hello", "two\nlines", "and\nmore"].map(|said| echo(said) + "\n").concat());
    assert!(ran.err.contains("3 answers") && ran.err.contains("saved to talk.json"), "{ran:?}");
    assert_eq!(ran.err.matches("first token").count(), 3, "cost and latency of every turn: {ran:?}");
    let saved: Value = serde_json::from_str(&stage.folder.read("talk.json")).expect("JSON");
    assert_eq!(saved["messages"].as_array().map(Vec::len), Some(6));
    assert_eq!(saved["system"], "be short");
    assert!(stage.folder.read("talk.md").contains("## You\n\ntwo\nlines"));

    let again = stage.piped(&["chat", "--load", "talk.json"], "on\n/save more.json\n").good();
    assert_eq!(again.out, echo("on") + "\n", "its model came with it");
    let saved: Value = serde_json::from_str(&stage.folder.read("more.json")).expect("JSON");
    assert_eq!(saved["messages"].as_array().map(Vec::len), Some(8));
}

#[test]
fn a_script_fails_where_a_person_would_go_on() {
    let stage = Stage::start();
    assert_eq!(stage.piped(&["chat", "--model", "broken"], "hello\n").code, 1);
    assert_eq!(stage.piped(&["chat", "--model", "smart"], "/nonsense\n").code, 2);
    let lines = stage.piped(&["chat", "-m", "smart", "--json"], "one\ntwo\n").good().lines();
    let answers: Vec<&str> = lines.iter().filter_map(|line| line["answer"].as_str()).collect();
    assert_eq!(answers, [echo("one"), echo("two")]);
}

#[test]
fn a_conversation_is_typed_at_a_terminal() {
    let stage = Stage::start();
    let steps = [
        ("/help for commands", "hello\r"),
        ("first token", "/save typed.json\r"),
        ("saved to", "/model slow\r"),
        ("now with slow", "tell me\r"),
        // Ctrl-C while the answer comes stops it, and not the program.
        ("word", "\u{3}"),
        ("stopped", "/model smart\r"),
        ("now with smart", "again\r"),
        ("first token", "/save all.md\r"),
        ("saved to", "\u{4}"),
    ];
    let url = stage.url();
    let variables = [("LLM_URL", url.as_str()), ("LLM_KEY", KEY)];
    let arguments = ["chat", "--model", "smart", "--stream"];
    let Some((shown, code)) = typed(stage.folder.path(), &arguments, &variables, &steps) else { return };
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains('\u{1b}'), "a terminal has colours");
    assert!(shown.contains("3 answers"), "it says at its end what it took: {shown}");
    let saved: Value = serde_json::from_str(&stage.folder.read("typed.json")).expect("JSON");
    assert_eq!(saved["messages"][1]["content"], echo("hello"));
    assert!(stage.folder.read("all.md").contains("again"));
    let history = stage.folder.read(".local/state/llm/history");
    assert!(history.contains("tell me") && history.contains("/save all.md"), "{history}");
    #[cfg(unix)]
    {
        let path = stage.folder.path().join(".local/state/llm/history");
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(path).expect("it was read").permissions(),
        );
        assert_eq!(mode & 0o777, 0o600, "nobody else reads what was typed");
    }
}
