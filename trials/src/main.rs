//! What the built program stands: `cargo xtask soak`, `chaos` and `bench` run this, and `codegen counts`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod chaos;
mod client;
mod gateway;
mod lanes;
mod readings;
mod soak;
mod vendor;
mod words;

use std::process::ExitCode;

use anyhow::{Result, bail};

use words::Words;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let words = Words::read()?;
    // The vendor has a thread of its own; clients share this one, so that they come in an order.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match words.trial.as_str() {
        "soak" => runtime.block_on(soak::run(&words)),
        "chaos" => runtime.block_on(chaos::run(&words)),
        "lanes" => runtime.block_on(lanes::run(&words)),
        "train" => runtime.block_on(lanes::train(&words)),
        other => bail!("unknown trial `{other}`: there are soak, chaos, lanes and train"),
    }
}
