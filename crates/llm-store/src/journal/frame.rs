//! Rows in a segment: a frame around each, so that what is whole is told from what is torn.
//!
//! A frame is a mark, the length of the row, the checksum of both length and row, and the row. All numbers are
//! little-endian.

/// Begins each frame. `0xFF` never occurs in UTF-8; where a row has it all the same, the checksum tells.
const MARK: [u8; 4] = [0xFF, b'R', b'O', 0xFF];

/// Mark, length and checksum.
pub(super) const HEAD: usize = 12;

/// No row is longer: a length beyond it is damage.
pub(super) const LONGEST_ROW: usize = 64 * 1024 * 1024;

/// Puts a frame around what stands in the buffer behind [`HEAD`] bytes that were left free.
pub(super) fn seal(buffer: &mut [u8]) {
    let Some((head, row)) = buffer.split_at_mut_checked(HEAD) else { return };
    let length = u32::try_from(row.len()).unwrap_or(u32::MAX).to_le_bytes();
    head[..4].copy_from_slice(&MARK);
    head[4..8].copy_from_slice(&length);
    head[8..].copy_from_slice(&checksum(length, row).to_le_bytes());
}

fn checksum(length: [u8; 4], row: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(row);
    hasher.finalize()
}

/// What stands in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A whole row.
    Row(&'a [u8]),
    /// So many bytes that are no row, with rows behind them: the disk lost something.
    Damage(usize),
    /// So many bytes at the end that are no row: whoever wrote was stopped.
    Torn(usize),
}

/// Reads the frames of a segment.
#[derive(Clone, Debug)]
pub(super) struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// The frames in these bytes, which begin behind the segment's own head.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some((row, rest)) = first(self.rest) {
            self.rest = rest;
            return Some(Piece::Row(row));
        }
        let lost = next_whole(self.rest);
        let piece = lost.map_or(Piece::Torn(self.rest.len()), Piece::Damage);
        self.rest = lost.and_then(|lost| self.rest.get(lost..)).unwrap_or_default();
        Some(piece)
    }
}

/// The row of the frame that these bytes begin with, and what follows it.
fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let [a, b, c, d, l0, l1, l2, l3, c0, c1, c2, c3] = *head;
    let length = [l0, l1, l2, l3];
    let size = usize::try_from(u32::from_le_bytes(length)).ok()?;
    if [a, b, c, d] != MARK || size > LONGEST_ROW {
        return None;
    }
    let (row, rest) = rest.split_at_checked(size)?;
    (checksum(length, row) == u32::from_le_bytes([c0, c1, c2, c3])).then_some((row, rest))
}

/// Where the next whole frame begins behind the first byte.
fn next_whole(bytes: &[u8]) -> Option<usize> {
    let mut from = 1;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + rest.windows(MARK.len()).position(|window| window == MARK)?;
        if first(bytes.get(at..)?).is_some() {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(rows: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for row in rows {
            let mut frame = vec![0; HEAD];
            frame.extend_from_slice(row);
            seal(&mut frame);
            bytes.append(&mut frame);
        }
        bytes
    }

    fn rows(bytes: &[u8]) -> Vec<Vec<u8>> {
        let row = |piece| if let Piece::Row(row) = piece { Some(row.to_vec()) } else { None };
        Frames::new(bytes).filter_map(row).collect()
    }

    #[test]
    fn a_tail_torn_at_any_byte_costs_only_the_last_row() {
        let written: Vec<Vec<u8>> = ["{\"id\":\"a\"}", "", "{\"id\":\"b\"}"].map(|row| row.into()).to_vec();
        let bytes = framed(&written);
        let whole = framed(&written[..2]).len();
        for cut in whole..bytes.len() {
            assert_eq!(rows(&bytes[..cut]), written[..2], "cut at {cut}");
            let last = Frames::new(&bytes[..cut]).last();
            if cut > whole {
                assert_eq!(last, Some(Piece::Torn(cut - whole)), "cut at {cut}");
            }
        }
        let mut zeros = bytes[..whole + 5].to_vec();
        zeros.resize(whole + 4096, 0);
        assert_eq!(Frames::new(&zeros).last(), Some(Piece::Torn(4096)), "pages that were never written");
    }

    proptest! {
        #[test]
        fn what_was_framed_is_read(written in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
            prop_assert_eq!(rows(&framed(&written)), written);
        }

        #[test]
        fn any_bytes_are_read_without_panic_and_all_are_accounted_for(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let length = |piece| match piece {
                Piece::Row(row) => HEAD + row.len(),
                Piece::Damage(length) | Piece::Torn(length) => length,
            };
            prop_assert_eq!(Frames::new(&bytes).map(length).sum::<usize>(), bytes.len());
        }

        #[test]
        fn one_damaged_byte_costs_one_row(
            written in prop::collection::vec(prop::collection::vec(0u8..0x80, 1..100), 1..10),
            place in any::<prop::sample::Index>(),
            flip in 1u8..=255,
        ) {
            let mut bytes = framed(&written);
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            let read = rows(&bytes);
            prop_assert_eq!(read.len(), written.len() - 1);
            prop_assert!(read.iter().all(|row| written.contains(row)));
        }
    }
}
