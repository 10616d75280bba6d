//! `instructions`: what the hot paths cost, counted under callgrind and held against their budgets.

mod budgets;
mod count;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::workspace;
use budgets::{Budgets, Verdict};

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "instructions",
    usage: "instructions [--bless] [lane …]",
    about: "counts what the hot paths cost and compares it with their budgets",
    details: "Builds the lanes of trials/benches/instructions.rs in the profile `instructions`, and counts the instructions\n\
              of a round of each under callgrind: two runs of different length, whose difference is what the rounds\n\
              took. Budgets are in trials/instructions.txt. More than 5 % over one is an error; more than 5 % under one\n\
              asks to lower it. `--bless` writes what was counted as the new budgets; say in the commit why.\n\
              Named lanes are counted alone. Profiles to look into stay in target/instructions/profiles:\n\
              `callgrind_annotate target/instructions/profiles/LANE.long`. It needs valgrind.",
    run,
};

/// The budgets, beside what they are of.
const FILE: &str = "trials/instructions.txt";

fn run(mut arguments: Arguments) -> Result<()> {
    let bless = arguments.flag("--bless");
    let chosen = arguments.rest();
    let program = count::build()?;
    let lanes = count::lanes(&program)?;
    if let Some(unknown) = chosen.iter().find(|name| !lanes.contains(name)) {
        bail!("unknown lane `{unknown}`: there are {}", lanes.join(", "));
    }
    let all = chosen.is_empty();
    let lanes = if all { lanes } else { chosen };
    let counted = count::count(&program, &lanes)?;
    let path = workspace::root().join(FILE);
    let mut budgets = Budgets::parse(&workspace::read(&path)?)?;
    let rows = budgets.compare(&counted);
    print!("{}", budgets::table(&rows));
    if bless {
        budgets.bless(&counted, all);
        std::fs::write(&path, budgets.text())?;
        println!("instructions: {FILE} says now what was counted");
        return Ok(());
    }
    let are = |verdict: Verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let gone = if all { budgets.without_lane(&counted) } else { Vec::new() };
    if are(Verdict::New) > 0 {
        println!("instructions: {} lanes have no budget: give them one with `--bless`", are(Verdict::New));
    }
    if are(Verdict::Under) > 0 {
        println!(
            "instructions: {} lanes got cheaper: lower their budgets with `--bless`",
            are(Verdict::Under)
        );
    }
    if !gone.is_empty() {
        bail!("{FILE} has budgets of what is no lane: {}", gone.join(", "));
    }
    if are(Verdict::Over) > 0 {
        bail!(
            "{} lanes are over their budget: make them cheaper, or say in the commit why not and run \
             `cargo xtask instructions --bless`",
            are(Verdict::Over)
        );
    }
    Ok(())
}
