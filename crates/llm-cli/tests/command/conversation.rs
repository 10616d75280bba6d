//! `llm chat`: piped in, and typed at a terminal.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::stage::{KEY, Stage, echo};

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

/// Types at the program through a terminal, with the help of Python, which has pseudo-terminals. Each step waits for a
/// text and then types another one.
const TYPIST: &str = r"
import json, os, pty, select, sys, time
program, steps = sys.argv[1:-1], json.loads(sys.argv[-1])
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program[0], program)
seen = b''
def read_until(text, patience=30.0):
    global seen
    start, until = len(seen), time.monotonic() + patience
    while text.encode() not in seen[start:]:
        left = until - time.monotonic()
        if left <= 0:
            sys.exit('waited in vain for %r in %r' % (text, seen[start:]))
        ready, _, _ = select.select([terminal], [], [], left)
        if ready:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                piece = b''
            if not piece:
                sys.exit('ended before %r in %r' % (text, seen[start:]))
            seen += piece
for wait, typed in steps:
    read_until(wait)
    # Whatever the program does between its answer and reading again is over.
    time.sleep(0.3)
    os.write(terminal, typed.encode())
until = time.monotonic() + 30
while time.monotonic() < until:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    seen += piece
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(status))
";

/// What the terminal showed, and the exit code; `None` where there is no Python.
fn typed(stage: &Stage, arguments: &[&str], steps: &[(&str, &str)]) -> Option<(String, i32)> {
    let found = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        // Nothing else here makes terminals.
        let _ = writeln!(std::io::stderr(), "SKIPPED: python3 is not here to make a terminal");
        return None;
    }
    let steps = serde_json::to_string(steps).expect("texts are JSON");
    let mut command = Command::new("python3");
    command.args(["-c", TYPIST, env!("CARGO_BIN_EXE_llm")]).args(arguments).arg(steps);
    command.current_dir(stage.folder.path()).env("HOME", stage.folder.path()).env("TERM", "xterm-256color");
    command.env("LLM_URL", stage.url()).env("LLM_KEY", KEY).env_remove("NO_COLOR").env_remove("LLM_HISTORY");
    command.env_remove("XDG_STATE_HOME").env_remove("LLM_MODEL");
    let ran = command.output().expect("python3 was just found");
    let shown = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(!shown.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some((shown, ran.status.code().unwrap_or(-1)))
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
    let Some((shown, code)) = typed(&stage, &["chat", "--model", "smart", "--stream"], &steps) else {
        return;
    };
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
