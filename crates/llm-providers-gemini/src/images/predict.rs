//! Models that only draw: instances and parameters.
//!
//! After <https://ai.google.dev/gemini-api/docs/imagen> and
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/imagen-api>, read 2026-11-21.

use llm_core::dialect::Encoded;
use llm_core::images::{ImageRequest, ImageResponse, ImageSize, MadeImage, Shape};
use llm_core::message::Source;
use llm_core::scrub::scrub;
use llm_core::wire::WireResponse;
use llm_core::{Error, Losses, Operation, RawJson, RawObject, Result, Target};

use super::{bytes, scale, withheld};
use crate::error;
use crate::request::{call, with_settings};
use crate::wire::{Malformed, Members, camel, json, union};

/// The most pictures of one request.
pub(super) const MOST: usize = 4;

/// The proportions that there are, with the usual size of each.
const SHAPES: [Shape; 5] = [
    ("1:1", ImageSize::new(1024, 1024)),
    ("3:4", ImageSize::new(896, 1280)),
    ("4:3", ImageSize::new(1280, 896)),
    ("9:16", ImageSize::new(768, 1408)),
    ("16:9", ImageSize::new(1408, 768)),
];

const PARAMETERS: &str = "parameters";

/// Parameters that a client may send beside the fields of its own API; in their second spelling too.
const NAMES: [&str; 18] = [
    "addWatermark",
    "aspectRatio",
    "baseSteps",
    "editMode",
    "enhancePrompt",
    "guidanceScale",
    "includeRaiReason",
    "includeSafetyAttributes",
    "language",
    "maskDilation",
    "negativePrompt",
    "outputOptions",
    "personGeneration",
    "productPosition",
    "safetySetting",
    "sampleImageSize",
    "seed",
    "storageUri",
];

pub(super) fn encode(request: &ImageRequest, target: &Target) -> Result<Encoded> {
    let mut losses = Losses::new(target.policy);
    let mut parameters = RawObject::default();
    parameters.insert("sampleCount", json(&request.count));
    let mut carried = vec!["size", "mask"];
    if let Some((ratio, exact)) = request.size.and_then(|size| size.nearest(&SHAPES)) {
        parameters.insert("aspectRatio", RawJson::string(ratio));
        if let Some(scale) = request.size.and_then(scale).filter(|_| has_scales(&target.model)) {
            parameters.insert("sampleImageSize", RawJson::string(scale));
        }
        if !exact {
            losses.approximated("size", "the nearest aspect ratio")?;
        }
    }
    if let Some(format @ ("png" | "jpeg")) = request.format.as_deref() {
        carried.extend(["output_format", "output_compression"]);
        let mut options = RawObject::default();
        options.insert("mimeType", RawJson::string(&format!("image/{format}")));
        if let Some(percent) = request.compression {
            options.insert("compressionQuality", json(&percent));
        }
        parameters.insert("outputOptions", json(&options));
    }
    request.lose_except(&carried, &mut losses)?;
    let instance = instance(request, &mut parameters, &mut losses)?;
    for (name, raw) in request.extras.iter() {
        match NAMES.into_iter().find(|known| *known == camel(name.into())) {
            Some(name) => parameters.insert(name, raw.clone()),
            None => losses.tuning(name.to_owned())?,
        }
    }
    let mut body = RawObject::default();
    body.insert("instances", json(&[instance]));
    let body = with_settings(body, PARAMETERS, parameters, target);
    Ok(Encoded { request: call(&target.model, ":predict", body.into()), losses: losses.into_list() })
}

/// Of those that draw larger than usual, the fast one does not.
fn has_scales(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    name.starts_with("imagen-4") && !name.contains("fast")
}

fn instance(request: &ImageRequest, parameters: &mut RawObject, losses: &mut Losses) -> Result<RawObject> {
    let mut instance = RawObject::default();
    instance.insert("prompt", RawJson::string(&request.prompt));
    if request.operation == Operation::ImageGeneration {
        return Ok(instance);
    }
    let mut references = Vec::new();
    for source in &request.images {
        references.push(reference(references.len() + 1, "REFERENCE_TYPE_RAW", source)?);
    }
    let mask = request.mask_by_brightness(losses)?;
    if let Some(mask) = mask {
        let mut reference = reference(references.len() + 1, "REFERENCE_TYPE_MASK", mask)?;
        reference.insert("maskImageConfig", union("maskMode", "MASK_MODE_USER_PROVIDED"));
        references.push(reference);
    }
    instance.insert("referenceImages", json(&references));
    let mode = if mask.is_some() { "EDIT_MODE_INPAINT_INSERTION" } else { "EDIT_MODE_DEFAULT" };
    parameters.insert("editMode", RawJson::string(mode));
    Ok(instance)
}

fn reference(id: usize, kind: &str, source: &Source) -> Result<RawObject> {
    let image = match source {
        Source::Url(url) => union("gcsUri", url),
        source => union("bytesBase64Encoded", bytes(source)?.1),
    };
    let mut reference = RawObject::default();
    reference.insert("referenceType", RawJson::string(kind));
    reference.insert("referenceId", json(&id));
    reference.insert("referenceImage", image);
    Ok(reference)
}

/// Whether an answer is one of these: they have no candidates. One without any picture is empty.
pub(super) fn is_one(body: &[u8]) -> bool {
    let members = std::str::from_utf8(body).ok().and_then(|text| Members::parse(text).ok());
    members.is_some_and(|answer| {
        answer.raw("predictions").is_some()
            || ["candidates", "promptFeedback", "usageMetadata", "error"]
                .iter()
                .all(|key| answer.raw(key).is_none())
    })
}

pub(super) fn decode(reply: &WireResponse) -> Result<ImageResponse> {
    if !(200..300).contains(&reply.status) {
        return Err(error::classify(reply));
    }
    let text = std::str::from_utf8(&reply.body)
        .map_err(|_| Error::bad_answer("the vendor's answer is not UTF-8"))?;
    let answer = Members::parse(text).map_err(Malformed::of_vendor)?;
    let (mut images, mut why) = (Vec::new(), None);
    for raw in answer.array("predictions").map_err(Malformed::of_vendor)? {
        let made = Members::parse(raw.get()).map_err(|fault| fault.within("predictions").of_vendor())?;
        let text = |key: &str| made.text(key).ok().flatten().filter(|text| !text.is_empty());
        let source = text("bytesBase64Encoded").map(|data| Source::Base64 {
            media_type: text("mimeType").unwrap_or_else(|| "image/png".to_owned()),
            data,
        });
        match source.or_else(|| text("gcsUri").map(Source::Url)) {
            Some(source) => images.push(MadeImage { source, revised_prompt: text("prompt") }),
            None => why = why.or_else(|| text("raiFilteredReason")),
        }
    }
    if images.is_empty() {
        return Err(withheld(&why.map_or_else(|| "its filter stopped it".to_owned(), |why| scrub(&why))));
    }
    Ok(ImageResponse::counted(images))
}
