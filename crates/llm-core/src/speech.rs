//! The canonical form of a text that is read aloud.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::conversion::Convertible;
use crate::error::{Error, Result};
use crate::exchange::Batched;
use crate::json::RawObject;
use crate::loss::Losses;
use crate::message::Source;
use crate::usage::Usage;
use crate::wav;

/// A request to read a text aloud.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpeechRequest {
    /// The model's name as the client wrote it.
    pub model: String,
    /// What to read.
    pub input: String,
    /// Whose voice.
    pub voice: Option<String>,
    /// How to read it.
    pub instructions: Option<String>,
    /// The form of the sound; `None`: the client did not say.
    pub format: Option<SpeechFormat>,
    /// How fast: 1 is as it comes.
    pub speed: Option<f64>,
    /// Whether the client wants events instead of sound.
    pub events: bool,
    /// Fields that are not modelled.
    pub extras: RawObject,
}

/// The form of a sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpeechFormat {
    /// MPEG audio layer 3.
    Mp3,
    /// Opus.
    Opus,
    /// Advanced audio coding.
    Aac,
    /// Free lossless audio codec.
    Flac,
    /// Samples with a head.
    Wav,
    /// Bare samples: 16 bits, the lower byte first.
    Pcm,
}

impl SpeechFormat {
    const NAMES: [(Self, &'static str); 6] = [
        (Self::Mp3, "mp3"),
        (Self::Opus, "opus"),
        (Self::Aac, "aac"),
        (Self::Flac, "flac"),
        (Self::Wav, "wav"),
        (Self::Pcm, "pcm"),
    ];

    /// The form of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(format, _)| *format)
    }
}

/// A text that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeechResponse {
    /// The sound: WAV, or bare samples (`audio/L16;rate=24000`), or something else as its type says.
    pub audio: Source,
    /// Tokens or letters; empty where the vendor says nothing.
    pub usage: Usage,
}

/// The rate of bare samples whose type names none.
const USUAL_RATE: u32 = 24_000;

impl SpeechRequest {
    /// Tells what a vendor of uncompressed sound cannot make: any compressed form. A client that named no form gets WAV.
    ///
    /// # Errors
    /// What the policy does not allow to lose.
    pub fn uncompressed(&self, losses: &mut Losses) -> Result<()> {
        if self.events {
            losses.meaning("stream_format")?;
        }
        match self.format {
            Some(SpeechFormat::Wav | SpeechFormat::Pcm) => Ok(()),
            None => losses.approximated("response_format", "wav"),
            Some(_) => losses.meaning("response_format"),
        }
    }
}

impl SpeechResponse {
    /// The sound as a client that named this form gets it, and what it is.
    ///
    /// # Errors
    /// When the vendor's base64 is none.
    pub fn shown(&self, format: Option<SpeechFormat>) -> Result<(String, Bytes)> {
        let Source::Base64 { media_type, data } = &self.audio else {
            return Err(Error::internal("a sound that nobody fetched"));
        };
        let bytes = STANDARD.decode(data).map(Bytes::from);
        let bytes = bytes.map_err(|_| Error::bad_answer("the vendor's sound is no base64"))?;
        if bytes.is_empty() {
            return Err(Error::bad_answer("the vendor answered without a sound"));
        }
        let kind = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let bare = matches!(kind.as_str(), "audio/l16" | "audio/pcm");
        match (format, wav::parse(&bytes)) {
            (Some(SpeechFormat::Pcm), Some(wav)) => {
                Ok(("audio/pcm".to_owned(), bytes.slice_ref(wav.samples)))
            }
            (_, Some(_)) => Ok(("audio/wav".to_owned(), bytes)),
            (Some(SpeechFormat::Pcm), None) if bare => Ok(("audio/pcm".to_owned(), bytes)),
            (_, None) if bare => Ok(("audio/wav".to_owned(), wav::of_pcm(&bytes, rate(media_type)))),
            (_, None) => Ok((kind, bytes)),
        }
    }
}

/// The rate that a type names: `audio/L16;codec=pcm;rate=24000`.
fn rate(media_type: &str) -> u32 {
    let named = media_type.split(';').find_map(|part| part.trim().strip_prefix("rate=")?.trim().parse().ok());
    named.filter(|rate| *rate > 0).unwrap_or(USUAL_RATE)
}

impl Batched for SpeechRequest {
    type Answer = SpeechResponse;

    fn inputs(&self) -> usize {
        1
    }

    fn split(&self, _most: usize) -> Vec<Self> {
        vec![self.clone()]
    }

    fn join(&self, _most: usize, answers: Vec<SpeechResponse>) -> SpeechResponse {
        let none = || SpeechResponse { audio: Source::Text(String::new()), usage: Usage::default() };
        answers.into_iter().next().unwrap_or_else(none)
    }

    fn check(&self, _answer: &SpeechResponse) -> Result<()> {
        Ok(())
    }
}

impl Convertible for SpeechRequest {
    fn sources_mut(&mut self) -> Vec<&mut Source> {
        Vec::new()
    }

    fn wanted_as_bytes<'a>(&self, answer: &'a mut SpeechResponse) -> Vec<&'a mut Source> {
        vec![&mut answer.audio]
    }

    /// The letters, where the vendor counts nothing.
    fn used(&self, answer: &SpeechResponse) -> Usage {
        if answer.usage.is_empty() {
            return Usage { characters: Some(self.input.chars().count() as u64), ..Usage::default() };
        }
        answer.usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(media_type: &str, bytes: &[u8]) -> SpeechResponse {
        let audio = Source::Base64 { media_type: media_type.to_owned(), data: STANDARD.encode(bytes) };
        SpeechResponse { audio, usage: Usage::default() }
    }

    #[test]
    fn bare_samples_and_boxed_ones_become_each_other() {
        let samples = [1_u8, 2, 3, 4];
        let boxed = wav::of_pcm(&samples, 16_000);
        let bare = said("audio/L16;codec=pcm;rate=16000", &samples);
        let wav = ("audio/wav".to_owned(), boxed.clone());
        let pcm = ("audio/pcm".to_owned(), Bytes::copy_from_slice(&samples));
        for (answer, format, shown) in [
            (&bare, Some(SpeechFormat::Wav), &wav),
            (&bare, Some(SpeechFormat::Mp3), &wav),
            (&bare, Some(SpeechFormat::Pcm), &pcm),
            (&said("audio/wav", &boxed), Some(SpeechFormat::Pcm), &pcm),
            (&said("", &boxed), None, &wav),
        ] {
            assert_eq!(answer.shown(format).as_ref(), Ok(shown));
        }
        let other = said("audio/mpeg", b"ID3").shown(Some(SpeechFormat::Wav));
        assert_eq!(other, Ok(("audio/mpeg".to_owned(), Bytes::from_static(b"ID3"))));
        assert!(said("audio/wav", b"").shown(None).is_err());
    }

    #[test]
    fn letters_are_counted_where_the_vendor_counts_nothing() {
        let request = SpeechRequest { input: "h\u{e9}llo".to_owned(), ..SpeechRequest::default() };
        assert_eq!(request.used(&said("", b"x")).characters, Some(5));
        let usage = Usage { audio_out: Some(9), ..Usage::default() };
        assert_eq!(request.used(&SpeechResponse { usage, ..said("", b"x") }), usage);
    }

    #[test]
    fn compressed_forms_are_refused() {
        let request = |format| SpeechRequest { format, ..SpeechRequest::default() };
        let refused = request(Some(SpeechFormat::Mp3)).uncompressed(&mut Losses::default());
        assert!(refused.is_err_and(|error| error.param() == Some("response_format")));
        let mut losses = Losses::default();
        request(None).uncompressed(&mut losses).expect("WAV will do");
        assert_eq!(losses.into_list().len(), 1);
        assert_eq!(SpeechFormat::named("opus"), Some(SpeechFormat::Opus));
    }
}
