//! `bench`: builds the release binary and measures it with the bench that lies beside the workspace.

use std::process::Command;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::workspace;

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "bench",
    usage: "bench [arguments of the bench]",
    about: "measures the release binary beside other gateways",
    details: "Builds `llm-server` in release and runs ../shared/bench/run.py (Python 3) with this workspace as\n\
              `BENCH_PROJECT`. All arguments go to it, for example `--peers llm-server,nginx --out results/NAME`,\n\
              `--check-only --cold 1` or `--steps cpu_1k --rounds 7`. It takes about ten minutes for all peers.",
    run,
};

fn run(arguments: Arguments) -> Result<()> {
    let bench = workspace::beside("bench/run.py");
    if !bench.is_file() {
        bail!("no bench here: it is expected at ../shared/bench/run.py beside the workspace");
    }
    workspace::run(workspace::cargo().args(["build", "--release", "--package", "llm-server"]))?;
    let mut command = Command::new("python3");
    command.arg(bench).args(arguments.rest()).env("BENCH_PROJECT", workspace::root());
    workspace::run(command.current_dir(workspace::root()))
}
