//! The programs that are packed: built here for a target, or before.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::tools;
use crate::{counts, workspace};

/// Programs that people run: the package of each, and its name.
const PROGRAMS: [(&str, &str); 2] = [("llm-cli", "llm"), ("llm-server", "llm-server")];

/// Programs of one target.
pub(super) struct Programs {
    /// Where they lie.
    pub folder: PathBuf,
    /// What they run on.
    pub target: String,
    /// Their names.
    pub names: Vec<&'static str>,
}

impl Programs {
    /// Builds what the workspace has of them; `trained`: with what a program of the same sources and target executed just
    /// now, and not with the counts that are committed.
    pub(super) fn build(profile: &str, target: Option<String>, trained: bool) -> Result<Self> {
        let packages = workspace::packages()?;
        let there = |package: &str| packages.iter().any(|known| known.name == package);
        let chosen: Vec<_> = PROGRAMS.into_iter().filter(|(package, _)| there(package)).collect();
        target.as_deref().map(has_library).transpose()?;
        let counted = workspace::target_folder().join("counts.profdata");
        if trained {
            counts::make(profile, target.as_deref(), &counted)?;
        } else if let Ok(Some(why)) = counts::outdated(workspace::root()) {
            // A tree without its history, which is an error, cannot tell.
            eprintln!(
                "warning: the compiler may know little of what is hot: {why}. Run `cargo xtask codegen counts` first"
            );
        }
        let mut folder = workspace::target_folder();
        // Each alone: built together, each gets the features of crates that the other one asks for. That is another program
        // than the one that counted, and its functions have other names than those in `layout.ld`.
        for (package, name) in &chosen {
            let mut command = workspace::cargo();
            command.args(["build", "--locked", "--profile", profile, "--package", package, "--bin", name]);
            if trained {
                folder = counts::take(&mut command, &counted);
            }
            if let Some(target) = &target {
                prepare(&mut command, target)?;
                command.args(["--target", target]);
            }
            workspace::run(&mut command)?;
        }
        folder.extend(&target);
        folder.push(if profile == "dev" { "debug" } else { profile });
        let names = chosen.into_iter().map(|(_, name)| name).collect();
        Ok(Self { folder, target: target.map_or_else(host, Ok)?, names })
    }

    /// Takes those that lie in a folder.
    pub(super) fn built(folder: &Path, target: Option<String>) -> Result<Self> {
        let there = |name: &&str| folder.join(name).is_file();
        let names: Vec<_> = PROGRAMS.map(|(_, name)| name).into_iter().filter(there).collect();
        if !names.contains(&"llm-server") {
            bail!("no `llm-server` in {}: build it, or name its folder", folder.display());
        }
        Ok(Self { folder: folder.to_owned(), target: target.map_or_else(host, Ok)?, names })
    }

    /// Puts them into a folder, without their symbols.
    pub(super) fn put(&self, folder: &Path) -> Result<()> {
        for name in &self.names {
            let to = folder.join(name);
            tools::copy(&self.folder.join(name), &to, 0o755)?;
            if tools::is_there("strip") {
                tools::quiet(Command::new("strip").arg("--strip-all").arg(&to))
                    .with_context(|| format!("programs of `{}` cannot be stripped here", self.target))?;
            }
        }
        Ok(())
    }

    /// What a program prints; `None` where programs of the target do not run on this machine.
    pub(super) fn says(&self, name: &str, arguments: &[&str]) -> Result<Option<String>> {
        let architecture = |target: &str| target.split('-').next().map(str::to_owned);
        if architecture(&self.target) != architecture(&host()?) {
            return Ok(None);
        }
        let mut command = Command::new(self.folder.join(name));
        // Nothing of this machine's environment is in what it prints.
        workspace::capture(command.args(arguments).env_clear().env("COLUMNS", "100")).map(Some)
    }

    /// Whether they need nothing of the system that they run on.
    pub(super) fn are_static(&self) -> bool {
        self.target.ends_with("-musl")
    }

    /// What Debian calls the architecture.
    pub(super) fn debian_architecture(&self) -> Result<&'static str> {
        match self.target.split('-').next().unwrap_or_default() {
            "x86_64" => Ok("amd64"),
            "aarch64" => Ok("arm64"),
            other => bail!("what does Debian call `{other}`? add it to xtask/src/dist/programs.rs"),
        }
    }
}

/// The target of this machine.
fn host() -> Result<String> {
    let told = workspace::output("rustc", ["--version", "--verbose"])?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say what it runs on")
}

fn has_library(target: &str) -> Result<()> {
    let folder = workspace::output("rustc", ["--print", "target-libdir", "--target", target])
        .with_context(|| format!("rustc knows no target `{target}`"))?;
    if !Path::new(folder.trim()).is_dir() {
        bail!("the standard library of `{target}` is missing: `rustup target add {target}`");
    }
    Ok(())
}

/// The C parts (TLS, SQLite) need a compiler for the target.
fn prepare(command: &mut Command, target: &str) -> Result<()> {
    let variable = format!("CC_{}", target.replace('-', "_"));
    if target == host()? || std::env::var_os(&variable).is_some() {
        return Ok(());
    }
    let (compiler, package) = match target {
        "x86_64-unknown-linux-musl" => ("musl-gcc", "musl-tools"),
        "aarch64-unknown-linux-gnu" => ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
        _ => bail!("no C compiler is known for `{target}`: set {variable}, and the linker as cargo wants it"),
    };
    if !tools::is_there(compiler) {
        bail!("`{compiler}` is missing: `apt-get install {package}`, or set {variable}");
    }
    command.env(variable, compiler);
    if !target.ends_with("-musl") {
        let linker = format!("CARGO_TARGET_{}_LINKER", target.replace('-', "_").to_uppercase());
        command.env(linker, compiler);
    }
    Ok(())
}
