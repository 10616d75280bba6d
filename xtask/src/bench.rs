//! `bench`: builds the release binary and measures it with the bench that lies beside the workspace.

use std::process::Command;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::workspace;

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "bench",
    usage: "bench [translation] [arguments of the bench]",
    about: "measures the release binary beside other gateways",
    details: "Builds `llm-server` in release and runs ../shared/bench/run.py (Python 3) with this workspace as\n\
              `BENCH_PROJECT`. All arguments go to it, for example `--peers llm-server,nginx --out results/NAME`,\n\
              `--check-only --cold 1` or `--steps cpu_1k --rounds 7`. It takes about ten minutes for all peers.\n\
              `bench translation` needs no server: it measures every pair of client format and vendor format, as\n\
              tables; `bench translation CLIENT VENDOR [KIND]` measures one pair.",
    run,
};

fn run(arguments: Arguments) -> Result<()> {
    let words = arguments.rest();
    if let Some((first, words)) = words.split_first()
        && first == "translation"
    {
        let bench = ["bench", "--package", "llm-providers", "--bench", "translation", "--"];
        return workspace::run(workspace::cargo().args(bench).args(words));
    }
    let bench = workspace::beside("bench/run.py");
    if !bench.is_file() {
        bail!("no bench here: it is expected at ../shared/bench/run.py beside the workspace");
    }
    workspace::run(workspace::cargo().args(["build", "--release", "--package", "llm-server"]))?;
    let mut command = Command::new("python3");
    command.arg(bench).args(words).env("BENCH_PROJECT", workspace::root());
    workspace::run(command.current_dir(workspace::root()))
}
