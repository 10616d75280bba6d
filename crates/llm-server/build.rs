//! Links the program with packed relocations where the linker has them: a tenth of the memory that they take at start.

fn main() {
    let set = |name: &str, value: &str| std::env::var(name).is_ok_and(|set| set == value);
    if set("CARGO_CFG_TARGET_OS", "linux") && set("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
