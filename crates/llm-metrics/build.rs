//! Packs the price table: in blocks, so that a lookup unpacks one of them and not the whole.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;

const TABLE: &str = "data/prices.tsv";

/// Bytes of text in a block, about: larger ones pack better, smaller ones are unpacked sooner.
const BLOCK: usize = 32 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={TABLE}");
    println!("cargo:rerun-if-changed=build.rs");
    let text = fs::read_to_string(TABLE)?;
    let lines = text.split_inclusive('\n').filter(|line| !line.starts_with('#'));
    let mut blocks = vec![String::new()];
    for line in lines {
        if blocks.last().is_some_and(|block| block.len() + line.len() > BLOCK) {
            blocks.push(String::new());
        }
        blocks.last_mut().ok_or("there is one")?.push_str(line);
    }
    let (mut packed, mut index) = (Vec::new(), String::from("[\n"));
    for block in blocks {
        let first = block.split('\t').next().unwrap_or_default();
        let (begins, length) = (packed.len(), block.len());
        let mut encoder = DeflateEncoder::new(&mut packed, Compression::best());
        encoder.write_all(block.as_bytes())?;
        encoder.finish()?;
        let ends = packed.len();
        writeln!(index, "    Block {{ first: {first:?}, packed: {begins}..{ends}, length: {length} }},")?;
    }
    index.push_str("]\n");
    let target = std::env::var("OUT_DIR")?;
    fs::write(Path::new(&target).join("prices.packed"), packed)?;
    fs::write(Path::new(&target).join("prices.index"), index)?;
    Ok(())
}
