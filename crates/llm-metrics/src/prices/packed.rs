//! The embedded price table: packed in blocks of sorted lines, each unpacked when a name in it is asked for first.

use std::io::Read as _;
use std::ops::Range;
use std::sync::OnceLock;

use flate2::read::DeflateDecoder;

/// One block of lines.
struct Block {
    /// The name of its first line.
    first: &'static str,
    /// Where it lies, in bytes.
    packed: Range<usize>,
    /// How long its text is, in bytes.
    length: usize,
}

/// Made by `build.rs` from `data/prices.tsv`; regenerate that with `cargo xtask codegen prices`.
static BLOCKS: &[Block] = &include!(concat!(env!("OUT_DIR"), "/prices.index"));

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prices.packed"));

/// Texts of blocks that were asked for. They stay: whoever asks for one model asks for it again.
static TEXTS: [OnceLock<String>; BLOCKS.len()] = [const { OnceLock::new() }; BLOCKS.len()];

/// How many blocks there are.
pub(super) fn count() -> usize {
    BLOCKS.len()
}

/// The block that a name lies in, if it is in the table.
pub(super) fn block_of(name: &str) -> usize {
    BLOCKS.partition_point(|block| block.first <= name).saturating_sub(1)
}

/// The lines of a block; empty where there is none.
pub(super) fn text(block: usize) -> &'static str {
    let (Some(text), Some(block)) = (TEXTS.get(block), BLOCKS.get(block)) else { return "" };
    text.get_or_init(|| unpacked(block))
}

fn unpacked(block: &Block) -> String {
    let mut text = String::with_capacity(block.length);
    let packed = PACKED.get(block.packed.clone()).unwrap_or_default();
    // It was packed by this crate's own build, and a test unpacks all of it.
    let _ = DeflateDecoder::new(packed).read_to_string(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_blocks_together_are_the_table() {
        let whole = include_str!("../../data/prices.tsv");
        let body: String = whole.split_inclusive('\n').filter(|line| !line.starts_with('#')).collect();
        let unpacked: String = (0..count()).map(text).collect();
        assert!(unpacked == body, "the packed table is another one");
        assert!(count() > 8 && PACKED.len() * 4 < body.len(), "{} of {}", PACKED.len(), body.len());
    }

    #[test]
    fn names_lie_in_their_blocks() {
        for block in 0..count() {
            for line in text(block).lines() {
                let name = line.split('\t').next().unwrap_or_default();
                assert_eq!(block_of(name), block, "{name}");
            }
        }
        assert_eq!((block_of(""), text(count())), (0, ""));
    }
}
