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
