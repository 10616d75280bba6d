//! Tells the linker how the program lies in memory, which decides how much of it is resident at rest.

use std::env;

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
