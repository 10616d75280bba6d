//! The workspace as the chores see it: its folder, its tracked files, and programs run in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// What lies beside the workspace: data and programs that are no part of it.
pub(crate) fn beside(path: &str) -> PathBuf {
    root().join("../shared").join(path)
}

/// Reads a file, naming it when it cannot be read.
pub(crate) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The version of the workspace's crates.
pub(crate) fn version() -> Result<String> {
    let manifest: toml::Table = toml::from_str(&read(&root().join("Cargo.toml"))?)?;
    let version =
        manifest.get("workspace").and_then(|workspace| workspace.get("package")?.get("version")?.as_str());
    version.map(str::to_owned).context("Cargo.toml has no `workspace.package.version`")
}

/// A crate of the workspace.
#[derive(serde::Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) features: BTreeMap<String, serde::de::IgnoredAny>,
    manifest_path: PathBuf,
    /// The registries that it may go to; `None`: any.
    publish: Option<Vec<String>>,
    pub(crate) description: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) readme: Option<PathBuf>,
    pub(crate) keywords: Vec<String>,
    pub(crate) categories: Vec<String>,
}

impl Package {
    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(root())
    }

    /// The same, relative to the workspace.
    pub(crate) fn path(&self) -> String {
        let folder = self.folder();
        folder.strip_prefix(root()).unwrap_or(folder).display().to_string()
    }

    /// Whether it goes to a registry.
    pub(crate) fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }
}

/// The workspace's crates.
pub(crate) fn packages() -> Result<Vec<Package>> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let metadata = capture(cargo().args(["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("cargo metadata printed no metadata")?;
    Ok(metadata.packages)
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// The files that git tracks or would track, relative to the workspace, that exist.
pub(crate) fn tracked() -> Result<Vec<String>> {
    let list = output("git", ["ls-files", "--cached", "--others", "--exclude-standard"])?;
    Ok(list.lines().filter(|path| root().join(path).is_file()).map(str::to_owned).collect())
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a program to its end with our own output, after saying so.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs a program and takes what it prints.
pub(crate) fn output<const N: usize>(program: &str, arguments: [&str; N]) -> Result<String> {
    let mut command = Command::new(program);
    capture(command.args(arguments).current_dir(root()))
}

/// Runs a prepared program and takes what it prints.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed no text"))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}
