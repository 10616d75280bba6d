//! Models that draw as they talk: pictures are parts of the answer.
//!
//! After <https://ai.google.dev/gemini-api/docs/image-generation>, read 2026-11-21.

use llm_core::dialect::Encoded;
use llm_core::images::{ImageRequest, ImageResponse, ImageSize, MadeImage, Shape};
use llm_core::message::Source;
use llm_core::wire::WireResponse;
use llm_core::{Error, FinishReason, Losses, Part, RawJson, RawObject, Result, Target, Usage};

use super::{bytes, scale, withheld};
use crate::media::{Kind, guessed};
use crate::request::{call, with_settings};
use crate::response;
use crate::wire::{json, union};

/// The proportions that there are, with the usual size of each.
const SHAPES: [Shape; 10] = [
    ("1:1", ImageSize::new(1024, 1024)),
    ("2:3", ImageSize::new(832, 1248)),
    ("3:2", ImageSize::new(1248, 832)),
    ("3:4", ImageSize::new(864, 1184)),
    ("4:3", ImageSize::new(1184, 864)),
    ("4:5", ImageSize::new(896, 1152)),
    ("5:4", ImageSize::new(1152, 896)),
    ("9:16", ImageSize::new(768, 1344)),
    ("16:9", ImageSize::new(1344, 768)),
    ("21:9", ImageSize::new(1536, 672)),
];

const CONFIG: &str = "generationConfig";
const IMAGE_CONFIG: &str = "imageConfig";

pub(super) fn encode(request: &ImageRequest, target: &Target) -> Result<Encoded> {
    let mut losses = Losses::new(target.policy);
    let mut image = RawObject::default();
    if let Some((ratio, exact)) = request.size.and_then(|size| size.nearest(&SHAPES)) {
        image.insert("aspectRatio", RawJson::string(ratio));
        let scale = request.size.and_then(scale).filter(|_| has_scales(&target.model));
        if let Some(scale) = scale {
            image.insert("imageSize", RawJson::string(scale));
        }
        if !exact {
            losses.approximated("size", "the nearest aspect ratio")?;
        }
    }
    request.lose_except(&["size"], &mut losses)?;
    let mut config = RawObject::default();
    config.insert("responseModalities", json(&["TEXT", "IMAGE"]));
    let mut body = RawObject::default();
    body.insert("contents", json(&[contents(request)?]));
    for (name, raw) in request.extras.iter() {
        match (name, raw.read::<RawObject>()) {
            ("aspectRatio" | "aspect_ratio", _) => image.insert("aspectRatio", raw.clone()),
            ("imageSize" | "image_size", _) => image.insert("imageSize", raw.clone()),
            ("seed" | "temperature", _) => config.insert(name, raw.clone()),
            ("safetySettings" | "safety_settings", _) => body.insert("safetySettings", raw.clone()),
            (IMAGE_CONFIG, Ok(members)) => {
                members.into_iter().for_each(|(name, raw)| image.insert(name, raw));
            }
            (CONFIG, Ok(members)) => members.into_iter().for_each(|(name, raw)| config.insert(name, raw)),
            _ => losses.tuning(name.to_owned())?,
        }
    }
    if !image.is_empty() {
        config.insert(IMAGE_CONFIG, json(&image));
    }
    let body = with_settings(body, CONFIG, config, target);
    Ok(Encoded { request: call(&target.model, ":generateContent", body.into()), losses: losses.into_list() })
}

/// Models after the second generation draw in several sizes.
fn has_scales(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    !name.starts_with("gemini-2")
}

fn contents(request: &ImageRequest) -> Result<RawJson> {
    let mut parts = vec![union("text", &request.prompt)];
    for source in &request.images {
        parts.push(match source {
            Source::Url(url) => {
                union("fileData", &texts([("mimeType", guessed(url, Kind::Image)), ("fileUri", url)]))
            }
            source => {
                let (media_type, data) = bytes(source)?;
                union("inlineData", &texts([("mimeType", media_type), ("data", data)]))
            }
        });
    }
    let mut content = RawObject::default();
    content.insert("role", RawJson::string("user"));
    content.insert("parts", json(&parts));
    Ok(json(&content))
}

fn texts(members: [(&str, &str); 2]) -> RawObject {
    members.into_iter().map(|(name, text)| (name.to_owned(), RawJson::string(text))).collect()
}

pub(super) fn decode(reply: &WireResponse) -> Result<ImageResponse> {
    let answer = response::decode(reply)?;
    let finish = answer.choices.first().and_then(|choice| choice.finish.clone());
    let parts = answer.choices.into_iter().flat_map(|choice| choice.message.parts);
    let images: Vec<MadeImage> = parts
        .filter_map(|part| match part {
            Part::Image(media) => Some(MadeImage { source: media.source, revised_prompt: None }),
            _ => None,
        })
        .collect();
    if images.is_empty() {
        return Err(match finish {
            Some(FinishReason::ContentFilter | FinishReason::Refusal) => withheld("its filter stopped it"),
            _ => Error::bad_answer(
                "the model answered without a picture: say in the prompt what is to be drawn",
            ),
        });
    }
    Ok(ImageResponse { images, usage: of_pictures(answer.usage) })
}

/// Where the vendor does not tell kinds apart, nearly all of the answer are tokens of pictures.
fn of_pictures(usage: Usage) -> Usage {
    match (usage.image_out, usage.completion_total()) {
        (None, Some(_)) => Usage { image_out: usage.output, output: None, ..usage },
        _ => usage,
    }
}
