//! Files laid out for packages, and the programs of the system that pack them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Order;
use crate::workspace;

/// Seconds since 1970 of the sources.
pub(super) fn time() -> Result<String> {
    if let Ok(time) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(time);
    }
    Ok(workspace::output("git", ["log", "-1", "--format=%ct"])?.trim().to_owned())
}

/// The same as `date` writes it: `-R`, or a format.
pub(super) fn date(time: &str, format: &str) -> Result<String> {
    let text = workspace::output("date", ["--utc", &format!("--date=@{time}"), format])?;
    Ok(text.trim().to_owned())
}

/// Writes a file with these rights, and the folders to it.
pub(super) fn write(path: &Path, text: impl AsRef<[u8]>, mode: u32) -> Result<()> {
    folder_of(path)?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    allow(path, mode)
}

/// Copies a file, with these rights, and makes the folders to it.
pub(super) fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    folder_of(to)?;
    std::fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    allow(to, mode)
}

fn folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn allow(path: &Path, mode: u32) -> Result<()> {
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
}

/// Gives a text a place, compressed, without a name or time in it.
pub(super) fn write_compressed(path: &Path, text: &str) -> Result<()> {
    write(path, text, 0o644)?;
    quiet(Command::new("gzip").args(["--no-name", "--best", "--force"]).arg(path))
}

/// Packs a folder of the stage, in an order and with times and owners that do not depend on this machine.
pub(super) fn tar(order: &Order, folder: &str, to: &Path) -> Result<()> {
    let level = if order.quick { "-1" } else { "-9" };
    let mut command = Command::new("tar");
    command.arg("--directory").arg(&order.stage);
    command.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--dereference"]);
    command.arg(format!("--mtime=@{}", order.time));
    command.arg(format!("--use-compress-program=gzip --no-name {level}"));
    quiet(command.arg("--create").arg("--file").arg(to).arg(folder))
}

/// Runs a program of the system that has nothing to say when all is well.
pub(super) fn quiet(command: &mut Command) -> Result<()> {
    workspace::capture(command).map(drop)
}

/// Whether a program is there.
pub(super) fn is_there(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// Writes the checksums of everything in a folder.
pub(super) fn checksums(folder: &Path) -> Result<PathBuf> {
    const NAME: &str = "SHA256SUMS";
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name() != NAME {
            names.push(entry.file_name());
        }
    }
    if names.is_empty() {
        bail!("nothing was made");
    }
    names.sort();
    let sums = workspace::capture(Command::new("sha256sum").current_dir(folder).arg("--").args(names))?;
    let path = folder.join(NAME);
    write(&path, sums, 0o644)?;
    Ok(path)
}
