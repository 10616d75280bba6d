//! `dist`: everything that people install, made from the programs and `config/packaging`.

mod archive;
mod chart;
mod debian;
mod manual;
mod notices;
mod programs;
mod sbom;
mod tools;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::workspace;

use programs::Programs;

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "dist",
    usage: "dist [--target TRIPLE] [--profile NAME] [--trained] [--programs FOLDER] [--out FOLDER] [--quick] [part …]",
    about: "makes packages of the programs (target/dist)",
    details: "Parts, all of them unless some are named:\n\
              \x20 archive  tar.gz: programs, licences, examples, completions, manual pages, unit, dashboards\n\
              \x20 debian   a Debian package, by dpkg-deb\n\
              \x20 chart    the Helm chart\n\
              \x20 sbom     what is in the programs, as CycloneDX\n\
              Last of all SHA256SUMS is written over what lies in the folder.\n\
              \n\
              \x20 --target TRIPLE    another target than this machine's; x86_64-unknown-linux-musl makes static programs\n\
              \x20 --profile NAME     `release` unless it is said\n\
              \x20 --trained          builds twice, and sends calls through the first program: the second one knows which of\n\
              \x20                    its code is hot by itself, and not by the counts that are committed, which are of this\n\
              \x20                    machine's target alone (needs llvm-profdata; Linux, half an hour)\n\
              \x20 --programs FOLDER  packs programs that are built already\n\
              \x20 --out FOLDER       instead of target/dist\n\
              \x20 --quick            packs weakly, for tests\n\
              \n\
              Times in packages are those of SOURCE_DATE_EPOCH, else of the last commit: the same sources make the same\n\
              packages. Container, compose file and chart are in config/packaging; docs/packaging.md says how to use all.",
    run,
};

/// The name of the product, of its packages and of its service.
const NAME: &str = "llm-gateway";

/// What one run makes.
struct Order {
    /// Where packages go.
    out: PathBuf,
    /// Where they are laid out before.
    stage: PathBuf,
    version: String,
    /// Seconds since 1970 that all files in packages get.
    time: String,
    quick: bool,
}

type Part = (&'static str, fn(&Order, &Programs) -> Result<PathBuf>);

const PARTS: [Part; 4] =
    [("archive", archive::make), ("debian", debian::make), ("chart", chart::make), ("sbom", sbom::make)];

fn run(mut arguments: Arguments) -> Result<()> {
    let target = arguments.option("--target")?;
    let profile = arguments.option("--profile")?.unwrap_or_else(|| "release".to_owned());
    let folder = arguments.option("--programs")?.map(PathBuf::from);
    let trained = arguments.flag("--trained");
    let out = arguments.option("--out")?.map_or_else(|| workspace::root().join("target/dist"), PathBuf::from);
    let quick = arguments.flag("--quick");
    let chosen = arguments.rest();
    if let Some(unknown) = chosen.iter().find(|name| PARTS.iter().all(|(part, _)| part != name)) {
        bail!("unknown part `{unknown}`: see `cargo xtask help dist`");
    }
    let order =
        Order { stage: out.join("stage"), out, version: workspace::version()?, time: tools::time()?, quick };
    fresh(&order.stage)?;
    let programs = match folder {
        Some(folder) => Programs::built(&folder, target)?,
        None => Programs::build(&profile, target, trained)?,
    };
    for (name, part) in PARTS {
        if chosen.is_empty() || chosen.iter().any(|word| word == name) {
            let made = part(&order, &programs).with_context(|| format!("part `{name}`"))?;
            let bytes = std::fs::metadata(&made)?.len();
            println!("dist: {name} {} ({:.1} MB)", made.display(), bytes as f64 / 1e6);
        }
    }
    std::fs::remove_dir_all(&order.stage)?;
    println!("dist: checksums {}", tools::checksums(&order.out)?.display());
    Ok(())
}

/// An empty folder.
fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// A file of `config/packaging`.
fn source(path: &str) -> PathBuf {
    workspace::root().join("config/packaging").join(path)
}
