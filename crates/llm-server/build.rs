//! Tells the linker how the program lies in memory, which decides how much of it is resident at rest.

use std::env;
use std::path::Path;
use std::process::Command;

/// Which functions lie together; see `cargo xtask help codegen`.
const LAYOUT: &str = "layout.ld";

/// Linkers that read no linker scripts.
const WITHOUT_SCRIPTS: [&str; 3] = ["gold", "mold", "wild"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={LAYOUT}");
    if !(is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu")) {
        return;
    }
    // Packed relocations where the linker has them: a tenth of the memory that they take at start.
    println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    if is("PROFILE", "release") && reads_scripts() {
        // Beside the linker's own script, not in its place: the file says where it inserts.
        println!("cargo:rustc-link-arg-bin=llm-server=-T{}/{LAYOUT}", variable("CARGO_MANIFEST_DIR"));
    }
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_ARCH", "x86_64") && links_itself() {
        // One of functions that are the same to the last instruction: 0.2 MB less. Nothing compares addresses of functions,
        // and data keeps its own.
        println!("cargo:rustc-link-arg-bin=llm-server=-Wl,--icf=all");
    }
}

/// Whether the linker is the one that comes with the compiler, as it is for this target where nobody asks for another.
fn links_itself() -> bool {
    let asked = ["-fuse-ld", "linker", "link-self-contained"];
    let is_asked = |flags: &str| asked.iter().any(|name| flags.contains(name));
    let told = Command::new(variable("RUSTC")).args(["--print", "target-libdir"]).output();
    let libraries =
        told.map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned()).unwrap_or_default();
    let programs = Path::new(&libraries).with_file_name("bin");
    variable("RUSTC_LINKER").is_empty()
        && !is_asked(&variable("CARGO_ENCODED_RUSTFLAGS"))
        && programs.join("gcc-ld/ld.lld").is_file()
}

/// Whether the linker that was asked for, if any was, is one that reads scripts.
fn reads_scripts() -> bool {
    let asked = ["CARGO_ENCODED_RUSTFLAGS", "RUSTC_LINKER"].map(variable).concat();
    !WITHOUT_SCRIPTS.iter().any(|name| asked.contains(name))
}

fn is(name: &str, value: &str) -> bool {
    variable(name) == value
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
