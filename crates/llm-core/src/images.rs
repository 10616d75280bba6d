//! The canonical form of pictures that are made: of a text, or of a text and other pictures.

mod size;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::conversion::Convertible;
use crate::error::{Error, Result};
use crate::exchange::Batched;
use crate::json::RawObject;
use crate::loss::Losses;
use crate::message::Source;
use crate::operation::Operation;
use crate::usage::Usage;

pub use size::{ImageSize, Shape};

/// A request for pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageRequest {
    /// [`Operation::ImageGeneration`], [`Operation::ImageEdit`] or [`Operation::ImageVariation`].
    pub operation: Operation,
    /// The model's name as the client wrote it.
    pub model: String,
    /// What is to be seen; empty for variations.
    pub prompt: String,
    /// The pictures to begin with.
    pub images: Vec<Source>,
    /// Where the first of them may be changed.
    pub mask: Option<Source>,
    /// How many pictures to make.
    pub count: usize,
    /// How large they are to be.
    pub size: Option<ImageSize>,
    /// How much work to spend (`low`, `high`, `hd` …).
    pub quality: Option<String>,
    /// The manner (`vivid`, `natural`, or a vendor's word).
    pub style: Option<String>,
    /// `transparent` or `opaque`.
    pub background: Option<String>,
    /// The format of the files (`png`, `jpeg`, `webp`).
    pub format: Option<String>,
    /// How much to compress them, in percent.
    pub compression: Option<u64>,
    /// How the client wants them.
    pub delivery: Option<Delivery>,
    /// Whether the client wants them as they become.
    pub stream: bool,
    /// The end user.
    pub user: Option<String>,
    /// Fields that are not modelled.
    pub extras: RawObject,
}

/// How a client wants its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As addresses.
    Url,
    /// As bytes, in base64.
    Base64,
}

/// Pictures that were made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageResponse {
    /// The pictures.
    pub images: Vec<MadeImage>,
    /// Tokens, or the number of pictures where the vendor does not count in tokens.
    pub usage: Usage,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct MadeImage {
    /// Where it is.
    pub source: Source,
    /// The prompt as the vendor rewrote it.
    pub revised_prompt: Option<String>,
}

impl MadeImage {
    /// A picture by its bytes.
    pub fn of_base64(media_type: impl Into<String>, data: impl Into<String>) -> Self {
        let source = Source::Base64 { media_type: media_type.into(), data: data.into() };
        Self { source, revised_prompt: None }
    }
}

impl ImageResponse {
    /// Pictures of a vendor that counts them.
    pub fn counted(images: Vec<MadeImage>) -> Self {
        let usage = Usage { images: Some(images.len() as u64), ..Usage::default() };
        Self { images, usage }
    }
}

impl ImageRequest {
    /// A request for one picture, with nothing said.
    pub fn new(operation: Operation) -> Self {
        Self {
            operation,
            model: String::new(),
            prompt: String::new(),
            images: Vec::new(),
            mask: None,
            count: 1,
            size: None,
            quality: None,
            style: None,
            background: None,
            format: None,
            compression: None,
            delivery: None,
            stream: false,
            user: None,
            extras: RawObject::default(),
        }
    }

    /// Tells what a vendor has no words for: everything that was said but is not among `carried`. Fields that are not
    /// modelled are the dialect's business.
    ///
    /// # Errors
    /// What the policy does not allow to lose.
    pub fn lose_except(&self, carried: &[&str], losses: &mut Losses) -> Result<()> {
        let transparent = self.background.as_deref() == Some("transparent");
        let meant = [("mask", self.mask.is_some()), ("stream", self.stream), ("background", transparent)];
        for (field, _) in meant.into_iter().filter(|(field, said)| *said && !carried.contains(field)) {
            losses.meaning(field)?;
        }
        let tuned = [
            ("size", self.size.is_some()),
            ("quality", self.quality.is_some()),
            ("style", self.style.is_some()),
            // Every vendor makes these when nothing is said.
            ("output_format", self.format.as_deref().is_some_and(|format| format != "png")),
            ("output_compression", self.compression.is_some_and(|percent| percent != 100)),
            ("user", self.user.is_some()),
        ];
        for (field, _) in tuned.into_iter().filter(|(field, said)| *said && !carried.contains(field)) {
            losses.tuning(field)?;
        }
        if self.delivery == Some(Delivery::Url) && !carried.contains(&"response_format") {
            losses.approximated("response_format", "b64_json")?;
        }
        Ok(())
    }

    /// The mask for a vendor that reads it by brightness. One that marks its place by transparency, as this one's client
    /// format has it, is lost: it would be read as all or nothing.
    ///
    /// # Errors
    /// What the policy does not allow to lose.
    pub fn mask_by_brightness(&self, losses: &mut Losses) -> Result<Option<&Source>> {
        let Some(mask) = &self.mask else { return Ok(None) };
        if has_alpha(mask) {
            return losses.meaning("mask").map(|()| None);
        }
        losses.approximated("mask", "a mask of black and white")?;
        Ok(Some(mask))
    }

    /// The same request for so many pictures.
    fn of_count(&self, count: usize) -> Self {
        Self { count, ..self.clone() }
    }
}

/// Whether a PNG says in its head that its pixels may be transparent.
fn has_alpha(source: &Source) -> bool {
    let Source::Base64 { data, .. } = source else { return false };
    // 26 bytes are all of the head up to the kind of colour.
    let head = data.get(..36).and_then(|head| STANDARD.decode(head).ok()).unwrap_or_default();
    head.starts_with(b"\x89PNG\r\n\x1a\n") && matches!(head.get(25), Some(4 | 6))
}

impl Batched for ImageRequest {
    type Answer = ImageResponse;

    fn inputs(&self) -> usize {
        self.count
    }

    fn split(&self, most: usize) -> Vec<Self> {
        let most = most.max(1);
        let whole = (0..self.count / most).map(|_| most);
        whole
            .chain(Some(self.count % most).filter(|rest| *rest > 0))
            .map(|count| self.of_count(count))
            .collect()
    }

    fn join(&self, _most: usize, answers: Vec<ImageResponse>) -> ImageResponse {
        let mut whole = ImageResponse::default();
        for answer in answers {
            whole.images.extend(answer.images);
            whole.usage.add(&answer.usage);
        }
        whole
    }

    /// A vendor may hold one of several back.
    fn check(&self, answer: &ImageResponse) -> Result<()> {
        if answer.images.is_empty() {
            return Err(Error::bad_answer("the vendor answered without a picture"));
        }
        Ok(())
    }
}

impl Convertible for ImageRequest {
    fn sources_mut(&mut self) -> Vec<&mut Source> {
        self.images.iter_mut().chain(&mut self.mask).collect()
    }

    fn wanted_as_bytes<'a>(&self, answer: &'a mut ImageResponse) -> Vec<&'a mut Source> {
        if self.delivery != Some(Delivery::Base64) {
            return Vec::new();
        }
        answer.images.iter_mut().map(|image| &mut image.source).collect()
    }

    fn used(&self, answer: &ImageResponse) -> Usage {
        answer.usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::LossPolicy;

    #[test]
    fn more_pictures_than_a_vendor_makes_are_asked_for_by_several_requests() {
        let request = ImageRequest { count: 5, ..ImageRequest::new(Operation::ImageGeneration) };
        let counts = |most| request.split(most).iter().map(|part| part.count).collect::<Vec<_>>();
        assert_eq!((counts(2), counts(5), counts(0)), (vec![2, 2, 1], vec![5], vec![1; 5]));
        let answer = |data: &str| ImageResponse::counted(vec![MadeImage::of_base64("image/png", data)]);
        let joined = request.join(1, vec![answer("a"), answer("b")]);
        assert_eq!((joined.images.len(), joined.usage.images), (2, Some(2)));
        assert!(request.check(&joined).is_ok() && request.check(&ImageResponse::default()).is_err());
    }

    #[test]
    fn a_mask_by_transparency_is_no_mask_by_brightness() {
        let png = |kind: u8| {
            let head = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08", &[kind][..], b"\0\0\0rest"]
                .concat();
            let mask = Source::Base64 { media_type: "image/png".to_owned(), data: STANDARD.encode(head) };
            ImageRequest { mask: Some(mask), ..ImageRequest::new(Operation::ImageEdit) }
        };
        assert!(png(6).mask_by_brightness(&mut Losses::default()).is_err());
        let (grey, mut losses) = (png(0), Losses::default());
        assert!(grey.mask_by_brightness(&mut losses).is_ok_and(|mask| mask.is_some()));
        assert_eq!(losses.into_list().len(), 1);
    }

    #[test]
    fn what_was_said_and_cannot_be_carried_is_told() {
        let request = ImageRequest {
            quality: Some("hd".to_owned()),
            format: Some("png".to_owned()),
            delivery: Some(Delivery::Url),
            user: Some("u".to_owned()),
            ..ImageRequest::new(Operation::ImageGeneration)
        };
        let mut losses = Losses::new(LossPolicy::Default);
        request.lose_except(&["quality"], &mut losses).expect("nothing that changes the meaning");
        let told: Vec<_> = losses.into_list().into_iter().map(|loss| loss.field).collect();
        assert_eq!(told, ["user", "response_format"]);
        let streamed = ImageRequest { stream: true, ..request };
        let error =
            streamed.lose_except(&[], &mut Losses::default()).expect_err("a stream is something else");
        assert_eq!(error.param(), Some("stream"));
    }
}
