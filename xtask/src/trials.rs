//! `soak` and `chaos`: the built program under load and faults for as long as is asked.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::arguments::Arguments;
use crate::workspace;

pub(crate) const SOAK: crate::Command = crate::Command {
    name: "soak",
    usage: "soak [--minutes N] [--release] [--program FILE]",
    about: "mixed traffic with faults: nothing leaks, every call is booked",
    details: "Builds `llm-server` (debug, or `--release`) and the clients and the vendor of trials/, and lets seventeen kinds of\n\
              calls run side by side for a minute or as long as `--minutes` says: plain, streamed, translated, embeddings,\n\
              clients that hang up, give up or read slowly, vendors that break off, refuse or say nothing, a budget that is\n\
              used up. Afterwards memory must be flat (least squares after the warm-up), no thread, descriptor or call\n\
              may be left over, every call must have its row, and the tokens in the ledger must be those that the vendor\n\
              told. Linux alone; `--program` names a program that is built already.",
    run: soak,
};

pub(crate) const CHAOS: crate::Command = crate::Command {
    name: "chaos",
    usage: "chaos [--minutes N] [--streams N] [--release] [--program FILE] [scenario …]",
    about: "faults one after the other, each with its verdict",
    details: "Builds as `soak` does, and puts a gateway of its own through each scenario: too many calls, slow and broken\n\
              clients, bad heads, a vendor that never ends or unpacks to a gibibyte, no descriptors, a full disk, a name that\n\
              is not known, a vendor that dies and comes back, a restart under load, a kill. Named scenarios run alone;\n\
              `--minutes` makes those longer that are a matter of time, `--streams` says how many streams are held. docs/operations.md says what each one shows.",
    run: chaos,
};

fn soak(arguments: Arguments) -> Result<()> {
    trial("soak", arguments)
}

fn chaos(arguments: Arguments) -> Result<()> {
    trial("chaos", arguments)
}

/// Builds what a trial needs, and runs it in a folder of its own.
pub(crate) fn trial(name: &str, mut arguments: Arguments) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "trials read /proc: they run on Linux alone");
    let profile = if arguments.flag("--release") { "release" } else { "debug" };
    let program = match arguments.option("--program")? {
        Some(program) => std::path::absolute(program)?,
        None => built("llm-server", profile)?,
    };
    // Clients and vendor must not be what is slow where the program is not.
    let clients = built("trials", profile)?;
    let folder = workspace::target_folder().join("trials").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let mut command = Command::new(clients);
    command.arg(name).arg(program).arg(folder).args(arguments.rest());
    workspace::run(&mut command)
}

/// Builds a program of the workspace, and says where it is.
fn built(package: &str, profile: &str) -> Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--quiet", "--package", package, "--bin", package]);
    cargo.args((profile == "release").then_some("--release"));
    workspace::run(&mut cargo)?;
    Ok(workspace::target_folder().join(profile).join(package))
}
