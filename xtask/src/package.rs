//! `package`: the crates as a registry gets them.

mod contents;
mod manifest;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::workspace::{self, Package};

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "package",
    usage: "package [--build] [--registry]",
    about: "packs every crate as a registry gets it, and looks into the packages (target/package)",
    details: "Packs each crate that is published, in some seconds and without a network, and refuses what a registry would\n\
              refuse or nobody could build: a manifest without description, licence, README, keywords or categories;\n\
              a package that is too large, that has tests in it, or that lacks a file which its sources include.\n\
              \n\
              \x20 --build      compiles each crate from its package alone, some minutes\n\
              \x20 --registry   asks the registry as well: `cargo publish --dry-run`; nothing is uploaded\n\
              \n\
              A crate that is not published says `publish = false`: test support, end-to-end tests and these chores.",
    run,
};

fn run(mut arguments: Arguments) -> Result<()> {
    let (build, registry) = (arguments.flag("--build"), arguments.flag("--registry"));
    arguments.finish()?;
    perform(build, registry)
}

/// Packs and looks, as a step of `ci` does.
pub(crate) fn check() -> Result<()> {
    perform(false, false)
}

fn perform(build: bool, registry: bool) -> Result<()> {
    let packages: Vec<Package> = workspace::packages()?.into_iter().filter(Package::is_published).collect();
    let mut faults: Vec<String> = packages.iter().flat_map(manifest::faults).collect();
    if faults.is_empty() {
        pack(&packages, build, registry)?;
        for package in &packages {
            faults.extend(contents::faults(package)?);
        }
    }
    if !faults.is_empty() {
        bail!("{} crates cannot be published as they are:\n  {}", packages.len(), faults.join("\n  "));
    }
    println!("package: {} crates can be published", packages.len());
    Ok(())
}

/// Uncommitted changes go in as well: what is looked at is what is there.
fn pack(packages: &[Package], build: bool, registry: bool) -> Result<()> {
    let mut command = workspace::cargo();
    command.args(if registry { ["publish", "--dry-run"].as_slice() } else { &["package", "--offline"] });
    command.args(["--quiet", "--allow-dirty"]).args((!build).then_some("--no-verify"));
    for package in packages {
        command.args(["--package", &package.name]);
    }
    workspace::run(&mut command)
}
