//! Writes the vendors table, which people keep as TOML, as lines of JSON, which the program reads anyway: so it needs no
//! second parser.

use std::env;
use std::fs;
use std::path::Path;

const TABLE: &str = "src/vendors.toml";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={TABLE}");
    let text = fs::read_to_string(TABLE).expect("the vendors table");
    let table: toml::Table = toml::from_str(&text).expect("the vendors table is TOML");
    let rows = table["vendor"].as_array().expect("`vendor` is a list of rows");
    let lines: Vec<String> = rows.iter().map(|row| serde_json::to_string(row).expect("a row")).collect();
    let out = Path::new(&env::var_os("OUT_DIR").expect("set by cargo")).join("vendors.jsonl");
    fs::write(out, lines.join("\n")).expect("the rows are written");
}
