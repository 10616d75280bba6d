#![doc = include_str!("../README.md")]

use std::io::Read as _;
use std::sync::OnceLock;

use flate2::read::GzDecoder;

/// A file of the dashboard.
pub struct Asset {
    /// Its path below the dashboard's own.
    pub path: &'static str,
    /// The value of `content-type`.
    pub content_type: &'static str,
    /// What is in it, compressed: as nearly all browsers want it.
    pub gzip: &'static [u8],
    tag: OnceLock<String>,
}

const fn asset(path: &'static str, content_type: &'static str, gzip: &'static [u8]) -> Asset {
    Asset { path, content_type, gzip, tag: OnceLock::new() }
}

/// A file as the build script compressed it.
macro_rules! built {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz"))
    };
}

static ASSETS: [Asset; 3] = [
    asset("app.js", "text/javascript; charset=utf-8", built!("app.js")),
    asset("app.css", "text/css; charset=utf-8", built!("app.css")),
    asset("favicon.svg", "image/svg+xml", built!("favicon.svg")),
];

static PAGE: &str = include_str!("../dist/index.html");

/// What the built page says of the place that it is served from.
const BASE: &str = r#"<base href="/ui/""#;

/// The file of a path: `app.js`.
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// The page of the application, which is served from `base` (`/ui/`, with whatever the server around puts before it).
/// Letters that could end the attribute are left out of it.
pub fn page(base: &str) -> String {
    let harmless = |letter: &char| letter.is_ascii_alphanumeric() || "/-_.~%".contains(*letter);
    let base: String = base.chars().filter(harmless).collect();
    PAGE.replacen(BASE, &format!(r#"<base href="{base}""#), 1)
}

impl Asset {
    /// What tells one version of it from another: the value of `etag`.
    pub fn tag(&self) -> &str {
        self.tag.get_or_init(|| tag(self.gzip))
    }

    /// What is in it, for who takes nothing that is compressed.
    pub fn bytes(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        let read = GzDecoder::new(self.gzip).read_to_end(&mut plain);
        read.expect("the build script compressed it");
        plain
    }
}

/// What tells these bytes from others: they are ours, nobody tries to make two that are taken for each other.
pub fn tag(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("\"{hash:016x}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_whole_after_decompression_and_smaller_before() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("dist");
        for asset in &ASSETS {
            let file = std::fs::read(folder.join(asset.path)).expect("it is there");
            assert_eq!(asset.bytes(), file, "{}", asset.path);
            assert!(asset.gzip.len() < file.len(), "{}", asset.path);
        }
    }

    #[test]
    fn the_page_loads_the_built_files_and_nothing_of_other_hosts() {
        for asset in &ASSETS {
            assert!(PAGE.contains(asset.path), "{}", asset.path);
        }
        assert!(PAGE.contains(BASE));
        assert!(!PAGE.contains("//"), "an address of another host");
        assert!(!PAGE.contains("<style") && !PAGE.contains("style=") && !PAGE.contains("<script>"));
    }

    #[test]
    fn the_page_knows_where_it_is() {
        assert!(page("/llm/ui/").contains(r#"<base href="/llm/ui/""#));
        assert!(page("/\"><script>/ui/").contains(r#"<base href="/script/ui/""#));
    }

    #[test]
    fn all_of_it_is_small() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.gzip.len()).sum();
        assert!(bytes < 100 << 10, "{bytes} bytes");
    }
}
