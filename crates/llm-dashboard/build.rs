//! Compresses the built files of the dashboard: the program carries them as browsers take them.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

const FILES: [&str; 3] = ["app.js", "app.css", "favicon.svg"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("OUT_DIR")?;
    for name in FILES {
        let source = format!("dist/{name}");
        println!("cargo:rerun-if-changed={source}");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&fs::read(source)?)?;
        fs::write(Path::new(&target).join(format!("{name}.gz")), encoder.finish()?)?;
    }
    Ok(())
}
