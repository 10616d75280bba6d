//! Uncompressed sound in its usual box (RIFF WAVE): samples put in, samples taken out, and how long it is.

use bytes::{BufMut as _, Bytes, BytesMut};

/// Samples, and what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wav<'a> {
    /// Samples of one channel in a second.
    pub rate: u32,
    /// How many channels.
    pub channels: u16,
    /// Bytes of a second.
    pub bytes_per_second: u32,
    /// The samples.
    pub samples: &'a [u8],
}

/// The length of a head.
const HEAD: u32 = 44;

/// Samples of one channel, 16 bits each, the lower byte first, with a head before them.
pub fn of_pcm(samples: &[u8], rate: u32) -> Bytes {
    let length = u32::try_from(samples.len()).unwrap_or(u32::MAX - HEAD);
    let mut out = BytesMut::with_capacity(samples.len() + HEAD as usize);
    out.put_slice(b"RIFF");
    out.put_u32_le(length.saturating_add(HEAD - 8));
    out.put_slice(b"WAVEfmt ");
    out.put_u32_le(16);
    out.put_u16_le(1);
    out.put_u16_le(1);
    out.put_u32_le(rate);
    out.put_u32_le(rate.saturating_mul(2));
    out.put_u16_le(2);
    out.put_u16_le(16);
    out.put_slice(b"data");
    out.put_u32_le(length);
    out.put_slice(samples);
    out.freeze()
}

/// Reads a box; `None` when the bytes are none. Where the head says nothing true about the length, as when it was
/// written before the samples, they go to the end.
pub fn parse(bytes: &[u8]) -> Option<Wav<'_>> {
    let body = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    let mut rest = body;
    let mut format = None;
    loop {
        let (name, after) = rest.split_at_checked(4)?;
        let (length, content) = after.split_at_checked(4)?;
        let length = usize::try_from(number(length)?).ok()?;
        if name == b"data" {
            let (channels, rate, bytes_per_second) = format?;
            let told = content.get(..length).filter(|samples| !samples.is_empty());
            return Some(Wav { rate, channels, bytes_per_second, samples: told.unwrap_or(content) });
        }
        if name == b"fmt " {
            let channels = content.get(2..4)?.try_into().ok().map(u16::from_le_bytes)?;
            format = Some((channels, number(content.get(4..8)?)?, number(content.get(8..12)?)?));
        }
        // Chunks begin at even places.
        rest = content.get(length.checked_add(length % 2)?..)?;
    }
}

/// How long a sound is, in begun seconds; `None` when the bytes are no such box.
pub fn seconds(bytes: &[u8]) -> Option<u64> {
    let wav = parse(bytes).filter(|wav| wav.bytes_per_second > 0)?;
    Some((wav.samples.len() as u64).div_ceil(u64::from(wav.bytes_per_second)))
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn samples_come_back_and_their_length_is_known() {
        let samples = vec![7; 24_000 * 2 + 2];
        let boxed = of_pcm(&samples, 24_000);
        let wav = parse(&boxed).expect("a box");
        assert_eq!((wav.rate, wav.channels, wav.samples), (24_000, 1, &samples[..]));
        assert_eq!(seconds(&boxed), Some(2));
        assert_eq!(crate::sources::media_type_of(&boxed), Some("audio/wav"));
    }

    #[test]
    fn other_chunks_are_passed_over_and_a_length_that_is_not_known_is_the_rest() {
        let boxed = of_pcm(&[1, 2, 3, 4], 8000);
        let (head, data) = boxed.split_at(36);
        let mut streamed = [head, b"LIST\x03\0\0\0abc\0", data].concat();
        assert_eq!(parse(&streamed).map(|wav| wav.samples), Some(&[1, 2, 3, 4][..]));
        let at = streamed.len() - 8;
        for unknown in [0, u32::MAX] {
            streamed[at..at + 4].copy_from_slice(&unknown.to_le_bytes());
            assert_eq!(parse(&streamed).map(|wav| wav.samples.len()), Some(4));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), cut in 0_usize..60) {
            let _ = seconds(&bytes);
            let boxed = of_pcm(&bytes, 8000);
            let _ = seconds(boxed.get(..cut).unwrap_or_default());
            let _ = seconds(&[b"RIFF....WAVE", &bytes[..]].concat());
        }
    }
}
