//! Somebody who types at a terminal.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

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
pub(crate) fn typed(
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
    steps: &[(&str, &str)],
) -> Option<(String, i32)> {
    let found = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        // Nothing else here makes terminals.
        let _ = writeln!(std::io::stderr(), "SKIPPED: python3 is not here to make a terminal");
        return None;
    }
    let steps = serde_json::to_string(steps).expect("texts are JSON");
    let mut command = Command::new("python3");
    command.args(["-c", TYPIST, env!("CARGO_BIN_EXE_llm")]).args(arguments).arg(steps);
    command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", folder).env("TERM", "xterm-256color").envs(variables.iter().copied());
    let ran = command.output().expect("python3 was just found");
    let shown = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(!shown.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some((shown, ran.status.code().unwrap_or(-1)))
}
