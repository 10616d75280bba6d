//! Content encodings undone while the bytes come in: what can be decoded is given on at once, piece by piece.

use bytes::{Buf, Bytes};
use flate2::{Decompress, FlushDecompress, Status};
use http::header::{self, HeaderMap};
use llm_core::{Error, Result};

/// Largest piece given on at once: a small chunk that inflates to a huge one costs no more memory than this.
const PIECE: usize = 32 * 1024;

/// 15 bits: the largest window that the format allows.
const WINDOW: u8 = 15;

/// Undoes one content encoding.
pub(crate) struct Decoder {
    coding: Coding,
    inflate: Option<Decompress>,
    input: Bytes,
    place: Place,
    piece: Box<[u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    /// RFC 9110 means zlib by it; some servers send bare deflate. The first byte tells.
    Deflate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Inside,
    End,
}

impl Decoder {
    /// The decoder that an answer needs; `None` when it comes as it is.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>> {
        let Some(coding) = headers.get(header::CONTENT_ENCODING) else { return Ok(None) };
        let name = coding.to_str().unwrap_or_default().trim();
        let coding = if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            Coding::Gzip
        } else if name.eq_ignore_ascii_case("deflate") {
            Coding::Deflate
        } else if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            return Ok(None);
        } else {
            let name: String = name.chars().filter(char::is_ascii_graphic).take(40).collect();
            return Err(Error::bad_answer(format!(
                "the vendor's answer has the content encoding `{name}`, which nobody asked for"
            )));
        };
        let piece = vec![0; PIECE].into_boxed_slice();
        Ok(Some(Self { coding, inflate: None, input: Bytes::new(), place: Place::Start, piece }))
    }

    /// Gives it the next chunk; only after [`Decoder::next`] had nothing more.
    pub(crate) fn feed(&mut self, input: Bytes) {
        self.input = input;
    }

    /// The next decoded piece; `None` when it needs another chunk.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.place != Place::Inside && !self.begin() {
                return Ok(None);
            }
            let Some(inflate) = &mut self.inflate else { return Ok(None) };
            let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
            let status = inflate
                .decompress(&self.input, &mut self.piece, FlushDecompress::Sync)
                .map_err(|cause| malformed().with_detail(cause.to_string()))?;
            let consumed = usize::try_from(inflate.total_in() - before_in).unwrap_or(usize::MAX);
            let produced = usize::try_from(inflate.total_out() - before_out).unwrap_or(usize::MAX);
            self.input.advance(consumed.min(self.input.len()));
            if status == Status::StreamEnd {
                self.place = Place::End;
            }
            if let Some(piece @ [_, ..]) = self.piece.get(..produced) {
                return Ok(Some(Bytes::copy_from_slice(piece)));
            }
            if consumed == 0 && self.place == Place::Inside {
                return Ok(None);
            }
        }
    }

    /// Whether everything was there, asked when no chunk comes any more.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.place == Place::Inside {
            return Err(malformed().with_detail("the encoded data ends too early"));
        }
        Ok(())
    }

    /// Begins a member, if one begins here. What follows the last one (padding, usually) means nothing.
    fn begin(&mut self) -> bool {
        let Some(&first) = self.input.first() else { return false };
        let again = self.place == Place::End;
        if again && !(self.coding == Coding::Gzip && first == 0x1f) {
            self.input.clear();
            return false;
        }
        self.inflate = Some(match self.coding {
            Coding::Gzip => Decompress::new_gzip(WINDOW),
            // The low four bits of a zlib header are 8; no bare deflate stream of a text begins like that.
            Coding::Deflate => Decompress::new(first & 0x0f == 8),
        });
        self.place = Place::Inside;
        true
    }
}

fn malformed() -> Error {
    Error::bad_answer("the vendor's answer is not encoded as its content encoding says")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).expect("memory takes all");
        encoder.finish().expect("memory takes all")
    }

    fn decoder(coding: &'static str) -> Decoder {
        let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static(coding))]);
        Decoder::of(&headers).expect("a known coding").expect("one that needs undoing")
    }

    /// Decodes chunk by chunk; every piece must be there before the next chunk is.
    fn decode<'a>(mut decoder: Decoder, chunks: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>> {
        let mut decoded = Vec::new();
        for chunk in chunks {
            decoder.feed(Bytes::copy_from_slice(chunk));
            while let Some(piece) = decoder.next()? {
                assert!(!piece.is_empty() && piece.len() <= PIECE);
                decoded.extend_from_slice(&piece);
            }
        }
        decoder.finish().map(|()| decoded)
    }

    #[test]
    fn members_follow_each_other_and_padding_means_nothing() {
        let encoded = [gzip(b"one, "), gzip(b""), gzip(b"two"), vec![0; 7]].concat();
        for length in [1, 2, 3, 1000] {
            assert_eq!(decode(decoder("gzip"), encoded.chunks(length)), Ok(b"one, two".to_vec()));
        }
    }

    #[test]
    fn the_last_bytes_of_a_full_piece_do_not_wait_for_more_input() {
        let text = vec![b'a'; 3 * PIECE + 5];
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&text).expect("memory takes all");
        encoder.flush().expect("memory takes all");
        let mut decoder = decoder("gzip");
        decoder.feed(Bytes::from(encoder.get_ref().clone()));
        let mut length = 0;
        while let Some(piece) = decoder.next().expect("good") {
            length += piece.len();
        }
        assert_eq!(length, text.len());
        assert!(decoder.finish().is_err(), "the trailer is missing");
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_text(
            pattern in prop::collection::vec(any::<u8>(), 0..300),
            times in 0..300_usize,
            length in 1..200_usize,
        ) {
            let text = pattern.repeat(times);
            let encoded = gzip(&text);
            prop_assert_eq!(decode(decoder("gzip"), encoded.chunks(length)), Ok(text));
        }

        #[test]
        fn noise_is_an_error_or_nothing_but_never_a_panic(noise in prop::collection::vec(any::<u8>(), 0..300), length in 1..50_usize) {
            for coding in ["gzip", "deflate"] {
                let _either = decode(decoder(coding), noise.chunks(length));
            }
        }
    }
}
