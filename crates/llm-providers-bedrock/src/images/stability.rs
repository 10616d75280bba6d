//! Stability's models: one flat object. After the pages "Stable Diffusion 3", "Stable Image Core", "Stable Image Ultra"
//! and "Stability AI Image Services" of Bedrock's user guide (read 2026-11-21).

use llm_core::images::{ImageRequest, ImageSize, Shape};
use llm_core::{Losses, Operation, RawJson, RawObject, Result};

use super::data;

/// The proportions that there are, with the size in which each is made.
const SHAPES: [Shape; 9] = [
    ("1:1", ImageSize::new(1024, 1024)),
    ("16:9", ImageSize::new(1344, 768)),
    ("21:9", ImageSize::new(1536, 640)),
    ("2:3", ImageSize::new(832, 1216)),
    ("3:2", ImageSize::new(1216, 832)),
    ("4:5", ImageSize::new(896, 1088)),
    ("5:4", ImageSize::new(1088, 896)),
    ("9:16", ImageSize::new(768, 1344)),
    ("9:21", ImageSize::new(640, 1536)),
];

/// Fields of the models that a client may send beside those of its own API.
const FIELDS: [&str; 21] = [
    "aspect_ratio",
    "cfg_scale",
    "change_strength",
    "composition_fidelity",
    "control_strength",
    "creativity",
    "down",
    "fidelity",
    "grow_mask",
    "left",
    "mode",
    "negative_prompt",
    "right",
    "search_prompt",
    "seed",
    "select_prompt",
    "strength",
    "style_preset",
    "style_strength",
    "up",
    "output_format",
];

/// Models that only look at pictures.
const WITHOUT_PROMPT: [&str; 3] = ["remove-background", "erase-object", "fast-upscale"];

pub(super) fn body(request: &ImageRequest, model: &str, losses: &mut Losses) -> Result<RawObject> {
    let mut body = RawObject::default();
    if WITHOUT_PROMPT.iter().any(|name| model.contains(name)) {
        losses.tuning("prompt")?;
    } else {
        body.insert("prompt", RawJson::string(&request.prompt));
    }
    pictures(request, model, &mut body, losses)?;
    let mut carried = vec!["mask", "output_format"];
    if let Some(size) = request.size
        && request.operation == Operation::ImageGeneration
        && let Some((ratio, exact)) = size.nearest(&SHAPES)
    {
        body.insert("aspect_ratio", RawJson::string(ratio));
        carried.push("size");
        if !exact {
            losses.approximated("size", "the nearest aspect ratio")?;
        }
    }
    if let Some(format) = &request.format {
        body.insert("output_format", RawJson::string(format));
    }
    request.lose_except(&carried, losses)?;
    for (name, raw) in request.extras.iter() {
        if FIELDS.contains(&name) {
            body.insert(name, raw.clone());
        } else {
            losses.tuning(name.to_owned())?;
        }
    }
    Ok(body)
}

fn pictures(request: &ImageRequest, model: &str, body: &mut RawObject, losses: &mut Losses) -> Result<()> {
    let (first, second) =
        if model.contains("style-transfer") { ("init_image", Some("style_image")) } else { ("image", None) };
    for (at, source) in request.images.iter().enumerate() {
        match [Some(first), second].get(at).copied().flatten() {
            Some(field) => body.insert(field, RawJson::string(data(source)?)),
            None => losses.meaning("image")?,
        }
    }
    // Of those that make pictures of texts, this family is told that it is given one.
    if !request.images.is_empty() && model.contains("stability.sd3") {
        body.insert("mode", RawJson::string("image-to-image"));
    }
    if let Some(mask) = request.mask_by_brightness(losses)? {
        body.insert("mask", RawJson::string(data(mask)?));
    }
    Ok(())
}
