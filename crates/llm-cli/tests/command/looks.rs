//! What the program says of itself.

use crate::stage::{Folder, run};

/// The commands.
const COMMANDS: [&str; 12] = [
    "list",
    "query",
    "chat",
    "compare",
    "health",
    "stats",
    "keys",
    "usage",
    "bench",
    "import",
    "init",
    "completions",
];

#[test]
fn help_teaches_every_command() {
    let folder = Folder::new();
    let help = run(folder.path(), &["--help"], &[], "").good().out;
    for command in COMMANDS {
        assert!(help.contains(command), "{command}");
        let own = run(folder.path(), &[command, "--help"], &[], "").good().out;
        if command != "import" && command != "keys" {
            assert!(own.contains("Examples:"), "{command}: {own}");
        }
    }
    assert!(help.contains("Exit codes:") && help.contains("LLM_URL"));
    assert!(run(folder.path(), &["keys", "--help"], &[], "").good().out.contains("rotate"));
}

#[test]
fn wrong_usage_is_json_where_all_is() {
    let folder = Folder::new();
    for (arguments, word) in [
        (&["keys", "create", "--team-id", "x", "--json"][..], "--team-id"),
        (&["nonsense", "--json"], "nonsense"),
        (&["compare", "hi", "--json"], "--models"),
    ] {
        let ran = run(folder.path(), arguments, &[], "");
        assert_eq!(ran.code, 2, "{ran:?}");
        let told: serde_json::Value = serde_json::from_str(ran.err.trim()).expect("JSON on one line");
        assert_eq!(told["error"]["kind"], "usage", "{told}");
        assert!(told["error"]["message"].as_str().is_some_and(|text| text.contains(word)), "{told}");
    }
    let plain = run(folder.path(), &["nonsense"], &[], "");
    assert!(plain.code == 2 && plain.err.contains("Usage:"), "{plain:?}");
    assert!(run(folder.path(), &["--help", "--json"], &[], "").good().out.contains("Commands:"));
}
