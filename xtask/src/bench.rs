//! `bench`: what calls cost, measured with the clients and the vendor of trials/, or beside other gateways.

use std::process::Command;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::{trials, workspace};

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "bench",
    usage: "bench [--rounds N] [--quick] [--write] | bench translation … | bench peers …",
    about: "measures what calls cost, by kind, size and features",
    details: "Builds `llm-server` and trials/ in release and measures calls that are passed through, translated, streamed and\n\
              embeddings, with prompts of 0.2 to 200 KiB, through gateways without and with keys, limits, budgets and rows,\n\
              kept answers and guards, beside nginx as a plain proxy where it is installed: CPU time of a call and of a\n\
              chunk, added times alone and at half load, start, memory, size. Medians of five rounds, or `--rounds N`;\n\
              `--quick` is one short round of 1 KiB. `--write` puts tables and chart into docs/performance.md: do that on\n\
              a machine at rest alone. `--program FILE` measures another program. Linux alone.\n\
              \n\
              `bench translation` needs no server: it measures every pair of client format and vendor format, as\n\
              tables; `bench translation CLIENT VENDOR [KIND]` measures one pair.\n\
              `bench peers` runs ../shared/bench/run.py (Python 3), which measures other gateways beside this one, with\n\
              this workspace as `BENCH_PROJECT`: `bench peers --peers llm-server,nginx --rounds 7`.",
    run,
};

fn run(mut arguments: Arguments) -> Result<()> {
    let writes = arguments.flag("--write");
    let words = arguments.rest();
    match words.split_first() {
        Some((first, words)) if first == "translation" => {
            let bench = ["bench", "--package", "llm-providers", "--bench", "translation", "--"];
            workspace::run(workspace::cargo().args(bench).args(words))
        }
        Some((first, words)) if first == "peers" => peers(words),
        _ => lanes(words, writes),
    }
}

fn lanes(mut words: Vec<String>, writes: bool) -> Result<()> {
    words.push("--release".to_owned());
    if writes {
        let page = workspace::root().join("docs/performance.md");
        words.extend(["--write".to_owned(), page.display().to_string()]);
    }
    trials::trial("lanes", Arguments::new(words))
}

fn peers(words: &[String]) -> Result<()> {
    let bench = workspace::beside("bench/run.py");
    if !bench.is_file() {
        bail!("no bench of peers here: it is expected at ../shared/bench/run.py beside the workspace");
    }
    workspace::run(workspace::cargo().args(["build", "--release", "--package", "llm-server"]))?;
    let mut command = Command::new("python3");
    command.arg(bench).args(words).env("BENCH_PROJECT", workspace::root());
    workspace::run(command.current_dir(workspace::root()))
}
