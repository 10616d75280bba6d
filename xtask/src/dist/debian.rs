//! The Debian package: a tree as it will lie on the machine, and what dpkg wants to know of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::programs::Programs;
use super::{NAME, Order, archive, manual, notices, source, tools};
use crate::workspace;

/// Who answers for the package, unless DEBFULLNAME and DEBEMAIL say who.
const MAINTAINER: (&str, &str) = ("llm-gateway maintainers", "packages@llm-gateway.example.org");

/// Files that are the administrator's once they lie there, and who may read them.
const CONFIGURATION: [(&str, u32); 2] = [("config.yaml", 0o644), ("environment", 0o640)];

/// What linters find that is right as it is.
const OVERRIDES: &str = "\
# Made for any release, by upstream: no bug of Debian's asks for it.
llm-gateway: initial-upload-closes-no-bugs
# The keys of vendors.
llm-gateway: non-standard-file-perm 0640 != 0644 [etc/llm-gateway/environment]
# The administrator's keys and what calls cost.
llm-gateway: non-standard-dir-perm 0750 != 0755 [var/lib/llm-gateway/]
";

/// The same of programs that need nothing of the system that they run on.
const STATIC: &str = "# On purpose: it runs on any release.\nllm-gateway: statically-linked-binary\n";

pub(super) fn make(order: &Order, programs: &Programs) -> Result<PathBuf> {
    if !tools::is_there("dpkg-deb") {
        bail!("`dpkg-deb` is missing: `apt-get install dpkg`, or make the other parts alone");
    }
    let tree = order.stage.join("debian");
    lay_out(order, programs, &tree)?;
    control(order, programs, &tree)?;
    let version = format!("{}-1", order.version);
    let path = order.out.join(format!("{NAME}_{version}_{}.deb", programs.debian_architecture()?));
    let mut command = Command::new("dpkg-deb");
    command.args(["--root-owner-group", "--build"]).env("SOURCE_DATE_EPOCH", &order.time);
    if order.quick {
        command.args(["-Zgzip", "-z1"]);
    }
    tools::quiet(command.arg(&tree).arg(&path))?;
    Ok(path)
}

fn lay_out(order: &Order, programs: &Programs, tree: &Path) -> Result<()> {
    programs.put(&tree.join("usr/bin"))?;
    manual::put(order, programs, &tree.join("usr/share"))?;
    for (name, mode) in CONFIGURATION {
        tools::copy(&source("debian").join(name), &tree.join("etc").join(NAME).join(name), mode)?;
    }
    tools::copy(&archive::unit(), &tree.join("lib/systemd/system/llm-gateway.service"), 0o644)?;
    let documents = tree.join("usr/share/doc").join(NAME);
    archive::put_folder(&workspace::root().join("config/examples"), &documents.join("examples"))?;
    for file in ["config/full.yaml", "config/minimal.yaml", "config/schema.json"] {
        let name = Path::new(file).file_name().context("a file has a name")?;
        tools::copy(&workspace::root().join(file), &documents.join("examples").join(name), 0o644)?;
    }
    tools::copy(&source("prometheus/alerts.yaml"), &documents.join("examples/alerts.yaml"), 0o644)?;
    archive::put_folder(&source("grafana"), &documents.join("examples/grafana"))?;
    tools::write_compressed(&documents.join("THIRD-PARTY.txt"), &notices::text(programs)?)?;
    let changes = workspace::read(&workspace::root().join("CHANGELOG.md"))?;
    tools::write_compressed(&documents.join("changelog"), &changes)?;
    tools::write_compressed(&documents.join("changelog.Debian"), &changelog(order)?)?;
    tools::write(&documents.join("copyright"), copyright()?, 0o644)?;
    let overrides = if programs.are_static() { format!("{OVERRIDES}{STATIC}") } else { OVERRIDES.to_owned() };
    tools::write(&tree.join("usr/share/lintian/overrides").join(NAME), overrides, 0o644)?;
    let state = tree.join("var/lib").join(NAME);
    std::fs::create_dir_all(&state)?;
    // Whatever may be written here may not be read by others, before the first run too.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o750);
    Ok(std::fs::set_permissions(&state, mode)?)
}

fn control(order: &Order, programs: &Programs, tree: &Path) -> Result<()> {
    let folder = tree.join("DEBIAN");
    for script in ["postinst", "postrm", "prerm"] {
        tools::copy(&source("debian").join(script), &folder.join(script), 0o755)?;
    }
    let files: String = CONFIGURATION.iter().map(|(name, _)| format!("/etc/{NAME}/{name}\n")).collect();
    tools::write(&folder.join("conffiles"), files, 0o644)?;
    let find = "find . -path ./DEBIAN -prune -o -type f -printf '%P\\0' | sort -z | xargs -0 md5sum";
    let sums = workspace::capture(Command::new("sh").args(["-c", find]).current_dir(tree))?;
    tools::write(&folder.join("md5sums"), sums, 0o644)?;
    let size =
        workspace::capture(Command::new("du").args(["-ks", "--apparent-size", "usr"]).current_dir(tree))?;
    let size = size.split_whitespace().next().context("du says a size")?.to_owned();
    let (architecture, depends) = (programs.debian_architecture()?, depends(programs)?);
    let (version, maintainer) = (&order.version, maintainer());
    let text = format!(
        "Package: {NAME}\nVersion: {version}-1\nSection: net\nPriority: optional\nArchitecture: {architecture}\n\
         Maintainer: {maintainer}\nInstalled-Size: {size}\nDepends: {depends}\n\
         Recommends: ca-certificates\nSuggests: postgresql, prometheus, redis-server\n\
         Description: gateway to large language models\n\
         \x20One address for every language model: programs speak the API that they\n\
         \x20know, the gateway decides which vendor and model answer, tries again\n\
         \x20elsewhere when one fails, translates between the APIs, and counts tokens\n\
         \x20and cost. It hands out keys with limits and budgets.\n"
    );
    tools::write(&folder.join("control"), text, 0o644)
}

/// What must be there: for programs that are not static the C library of at least the release that they were built on.
fn depends(programs: &Programs) -> Result<String> {
    let mut all = "adduser, init-system-helpers (>= 1.54)".to_owned();
    if !programs.are_static() {
        let version = workspace::output("dpkg-query", ["--show", "--showformat=${Version}", "libc6"])?;
        let release = version.split('-').next().unwrap_or_default();
        all.push_str(&format!(", libc6 (>= {release}), libgcc-s1 (>= 4.2)"));
    }
    Ok(all)
}

fn maintainer() -> String {
    let said = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    format!("{} <{}>", said("DEBFULLNAME", MAINTAINER.0), said("DEBEMAIL", MAINTAINER.1))
}

fn changelog(order: &Order) -> Result<String> {
    let (date, version) = (tools::date(&order.time, "--rfc-email")?, &order.version);
    Ok(format!(
        "{NAME} ({version}-1) stable; urgency=medium\n\n  * Release {version}: see changelog.gz.\n\n -- {}  {date}\n",
        maintainer()
    ))
}

fn copyright() -> Result<String> {
    let text = workspace::read(&source("debian/copyright"))?;
    let licence = workspace::read(&workspace::root().join("LICENSE-MIT"))?;
    let line = |line: &str| if line.trim().is_empty() { " .".to_owned() } else { format!(" {line}") };
    let licence: Vec<String> = licence.trim().lines().map(line).collect();
    Ok(text.replace("@MIT@", &licence.join("\n")))
}
