//! Titan Image Generator and Nova Canvas: a task with its parameters, and a configuration that all tasks share. After the
//! pages "Amazon Titan Image Generator G1 models" of Bedrock's user guide and "Request and response structure for image
//! generation" of Nova's (read 2026-11-21).

use llm_core::images::ImageRequest;
use llm_core::{Losses, Operation, RawJson, RawObject, Result};

use super::{data, value};

/// The most pictures of one request.
pub(super) const MOST: usize = 5;

/// Tasks, and where their parameters stand.
const TASKS: [(&str, &str); 6] = [
    (TEXT_IMAGE, "textToImageParams"),
    ("COLOR_GUIDED_GENERATION", "colorGuidedGenerationParams"),
    (VARIATION, "imageVariationParams"),
    (INPAINTING, "inPaintingParams"),
    (OUTPAINTING, "outPaintingParams"),
    (BACKGROUND, "backgroundRemovalParams"),
];
const TEXT_IMAGE: &str = "TEXT_IMAGE";
const VARIATION: &str = "IMAGE_VARIATION";
const INPAINTING: &str = "INPAINTING";
const OUTPAINTING: &str = "OUTPAINTING";
const BACKGROUND: &str = "BACKGROUND_REMOVAL";
const CONFIG: &str = "imageGenerationConfig";

/// Fields that a client may send beside those of its own API: their names there, the name here, and whether they
/// configure (or are parameters of the task).
const FIELDS: [(&[&str], &str, bool); 6] = [
    (&["seed"], "seed", true),
    (&["cfgScale", "cfg_scale"], "cfgScale", true),
    (&["negativeText", "negative_prompt"], "negativeText", false),
    (&["maskPrompt", "mask_prompt"], "maskPrompt", false),
    (&["similarityStrength", "similarity_strength"], "similarityStrength", false),
    (&["outPaintingMode"], "outPaintingMode", false),
];

pub(super) fn body(request: &ImageRequest, losses: &mut Losses) -> Result<RawObject> {
    let (task, place) = task(request);
    let mut parameters = parameters(request, task, losses)?;
    let mut config = config(request, task, losses)?;
    if let Some(style) = request.style.as_deref().filter(|style| has_style(task, style)) {
        parameters.insert("style", RawJson::string(style));
    }
    for (name, raw) in request.extras.iter() {
        match (FIELDS.iter().find(|(names, ..)| names.contains(&name)), raw.read::<RawObject>()) {
            (Some((_, name, true)), _) => config.insert(*name, raw.clone()),
            (Some((_, name, false)), _) => parameters.insert(*name, raw.clone()),
            (None, Ok(members)) if name == CONFIG => merge(&mut config, members),
            (None, Ok(members)) if name == place => merge(&mut parameters, members),
            _ if name == "taskType" => {}
            _ => losses.tuning(name.to_owned())?,
        }
    }
    let mut body = RawObject::default();
    body.insert("taskType", RawJson::string(task));
    body.insert(place, value(&parameters));
    if !config.is_empty() {
        body.insert(CONFIG, value(&config));
    }
    Ok(body)
}

/// What all tasks share; and what no task of these models has is told.
fn config(request: &ImageRequest, task: &str, losses: &mut Losses) -> Result<RawObject> {
    let mut config = RawObject::default();
    let mut carried = vec!["mask"];
    if task != BACKGROUND {
        config.insert("numberOfImages", value(&request.count));
    }
    // What is edited in place keeps its size.
    if let Some(size) = request.size.filter(|_| !matches!(task, INPAINTING | OUTPAINTING | BACKGROUND)) {
        config.insert("width", value(&size.width));
        config.insert("height", value(&size.height));
        carried.push("size");
    }
    if let Some(word) = request.quality.as_deref().and_then(quality).filter(|_| task != BACKGROUND) {
        config.insert("quality", RawJson::string(word));
        carried.push("quality");
    }
    if request.style.as_deref().is_some_and(|style| has_style(task, style)) {
        carried.push("style");
    }
    request.lose_except(&carried, losses)?;
    Ok(config)
}

fn merge(object: &mut RawObject, members: RawObject) {
    members.into_iter().for_each(|(name, value)| object.insert(name, value));
}

/// The task that a client names, or what its request amounts to.
fn task(request: &ImageRequest) -> (&'static str, &'static str) {
    let named: Option<String> = request.extras.get("taskType").and_then(|raw| raw.read().ok());
    let masked = request.mask.is_some()
        || ["maskPrompt", "mask_prompt"].iter().any(|name| request.extras.get(name).is_some());
    let amounts_to = match request.operation {
        Operation::ImageGeneration => TEXT_IMAGE,
        Operation::ImageEdit if masked => INPAINTING,
        _ => VARIATION,
    };
    let find = |name: &str| TASKS.into_iter().find(|(task, _)| *task == name);
    let named = named.and_then(|name| find(&name));
    named.or_else(|| find(amounts_to)).unwrap_or((TEXT_IMAGE, "textToImageParams"))
}

fn parameters(request: &ImageRequest, task: &str, losses: &mut Losses) -> Result<RawObject> {
    let mut parameters = RawObject::default();
    if !request.prompt.is_empty() && task != BACKGROUND {
        parameters.insert("text", RawJson::string(&request.prompt));
    }
    let pictures: Vec<&str> = request.images.iter().map(data).collect::<Result<_>>()?;
    match (task, pictures.as_slice()) {
        (VARIATION, all) => parameters.insert("images", value(all)),
        (_, []) => {}
        (task, [first, rest @ ..]) => {
            let field = match task {
                TEXT_IMAGE => "conditionImage",
                INPAINTING | OUTPAINTING | BACKGROUND => "image",
                _ => "referenceImage",
            };
            parameters.insert(field, RawJson::string(first));
            if !rest.is_empty() {
                losses.meaning("image")?;
            }
        }
    }
    if matches!(task, INPAINTING | OUTPAINTING) {
        if let Some(mask) = request.mask_by_brightness(losses)? {
            parameters.insert("maskImage", RawJson::string(data(mask)?));
        }
    } else if request.mask.is_some() {
        losses.meaning("mask")?;
    }
    Ok(parameters)
}

/// The two that there are.
fn quality(word: &str) -> Option<&'static str> {
    match word {
        "hd" | "high" | "premium" => Some("premium"),
        "standard" | "low" | "medium" => Some("standard"),
        _ => None,
    }
}

/// Styles are written in capitals here, and only here.
fn has_style(task: &str, word: &str) -> bool {
    let capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    task == TEXT_IMAGE && word.bytes().all(capital)
}
