//! `codegen`: files that are generated from other files, and the check that they are current.

mod fidelity;
mod layout;
mod prices;
mod providers;
mod schema;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::{counts, workspace};

pub(crate) use prices::is_current as prices_are_current;

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "codegen",
    usage: "codegen <prices|schema|fidelity|providers|counts|layout> [--from PATH] [--date YYYY-MM-DD] [--check]",
    about: "generates files that are committed",
    details: "  prices   reads LiteLLM's price table and writes crates/llm-metrics/data/prices.tsv\n\
              \x20          --from PATH        the table (default: ../shared/data/litellm-model-prices.json)\n\
              \x20          --date YYYY-MM-DD  the day of the table (default: when the file was last changed)\n\
              \x20 schema   writes config/schema.json, the JSON schema of the configuration, for editors\n\
              \x20 fidelity writes docs/fidelity.md, what each pair of dialects carries\n\
              \x20 providers writes the tables of docs/providers.md, from the vendors table\n\
              \x20 counts   writes .cargo/counts.profdata, what everyday calls execute, for the compiler: builds a program that\n\
              \x20          counts, and sends calls through it; to be done again before a release, and `layout` after it\n\
              \x20 layout   writes crates/llm-server/layout.ld, which functions lie together in the program: builds it,\n\
              \x20          and runs it under valgrind; to be done again when a program at rest has grown\n\
              \x20          --program PATH,…   release programs with symbols, built already: what any of them runs\n\
              \n\
              --check writes nothing and fails when the committed file is another one.",
    run,
};

fn run(mut arguments: Arguments) -> Result<()> {
    let check = arguments.flag("--check");
    let from = arguments.option("--from")?;
    let date = arguments.option("--date")?;
    let program = arguments.option("--program")?;
    let what = arguments
        .next("what to generate (`prices`, `schema`, `fidelity`, `providers`, `counts` or `layout`)")?;
    arguments.finish()?;
    let given = [
        ("--from", from.is_some()),
        ("--date", date.is_some()),
        ("--program", program.is_some()),
        ("--check", check),
    ];
    let takes: &[&str] = match what.as_str() {
        "prices" => &["--from", "--date", "--check"],
        "counts" => &[],
        "layout" => &["--program"],
        _ => &["--check"],
    };
    if let Some((option, _)) = given.iter().find(|(option, is_given)| *is_given && !takes.contains(option)) {
        let takes = if takes.is_empty() { "no options".to_owned() } else { takes.join(", ") };
        bail!("`codegen {what}` takes no `{option}`: it takes {takes}");
    }
    match what.as_str() {
        "prices" => prices::run(from.as_deref(), date, check),
        "schema" => schema::run(check),
        "fidelity" => fidelity::run(check),
        "providers" => providers::run(check),
        "counts" => counts::make("release", None, &workspace::root().join(counts::COMMITTED)),
        "layout" => layout::run(program.as_deref()),
        other => bail!(
            "unknown target `{other}`: there are `prices`, `schema`, `fidelity`, `providers`, `counts` and `layout`"
        ),
    }
}

/// Writes a generated file, or under `--check` compares it with the committed one.
fn put(path: &str, text: &str, check: bool) -> Result<()> {
    let file = workspace::root().join(path);
    if check {
        if workspace::read(&file)? != text {
            bail!("{path} is not current: run `cargo xtask codegen` without `--check` and commit it");
        }
        println!("{path} is current");
        return Ok(());
    }
    std::fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).context("cannot make the folder")?;
    std::fs::write(&file, text).with_context(|| format!("cannot write {path}"))?;
    println!("wrote {path} ({} bytes)", text.len());
    Ok(())
}
