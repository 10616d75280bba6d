//! Pictures: of models that answer at once, and of older ones that take a task and are asked for it later.
//!
//! After <https://www.alibabacloud.com/help/en/model-studio/qwen-image-api> and
//! <https://www.alibabacloud.com/help/en/model-studio/text-to-image-v2-api-reference> (read 2026-11-21).

mod answer;
mod models;

use http::HeaderValue;
use llm_core::conversion::{Conversion, Progress};
use llm_core::dialect::Encoded;
use llm_core::images::{ImageRequest, ImageResponse, ImageSize};
use llm_core::message::Source;
use llm_core::wire::WireResponse;
use llm_core::{Losses, Operation, RawJson, RawObject, Result, Target};

use crate::endpoint::Endpoint;
use crate::request;
use crate::wire::raw;
use models::Way;

const TEXT_TASK: &str = "/services/aigc/text2image/image-synthesis";
const IMAGE_TASK: &str = "/services/aigc/image2image/image-synthesis";

/// Parameters that a client may send beside the fields of its own API.
const PARAMETERS: [&str; 10] = [
    "bbox_list",
    "color_palette",
    "enable_sequential",
    "max_images",
    "negative_prompt",
    "prompt_extend",
    "seed",
    "strength",
    "thinking_mode",
    "watermark",
];

/// Pictures as this format has them.
#[derive(Debug)]
pub(crate) struct Images;

impl Conversion<ImageRequest, ImageResponse> for Images {
    fn has(&self, operation: Operation) -> bool {
        matches!(operation, Operation::ImageGeneration | Operation::ImageEdit)
    }

    fn encode(&self, request: &ImageRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let way = Way::of(&target.model);
        let mut parameters = RawObject::default();
        parameters.insert("n", raw(&request.count));
        if let Some(size) = request.size {
            let (size, exact) = models::size(size, &target.model);
            parameters.insert("size", RawJson::string(&written(size)));
            if !exact {
                losses.approximated("size", "the nearest size that the model makes")?;
            }
        }
        let mask = if way == Way::EditTask {
            &["size", "mask", "response_format"][..]
        } else {
            &["size", "response_format"]
        };
        request.lose_except(mask, &mut losses)?;
        let mut input = input(request, way, &mut losses)?;
        for (name, value) in request.extras.iter() {
            match name {
                // Where a task is written down, this is part of what is to be seen.
                "negative_prompt" if way != Way::AtOnce => input.insert(name, value.clone()),
                name if PARAMETERS.contains(&name) => parameters.insert(name, value.clone()),
                name => losses.tuning(name.to_owned())?,
            }
        }
        let body = request::body(target, input, parameters);
        let path = match way {
            Way::AtOnce => Endpoint::Multimodal.path(),
            Way::Task if request.operation == Operation::ImageGeneration => TEXT_TASK,
            Way::Task | Way::EditTask => IMAGE_TASK,
        };
        let mut wire = request::post(path, body.into());
        if way != Way::AtOnce {
            wire.headers.insert("x-dashscope-async", HeaderValue::from_static("enable"));
        }
        Ok(Encoded { request: wire, losses: losses.into_list() })
    }

    fn decode(&self, reply: &WireResponse, _request: &ImageRequest) -> Result<Progress<ImageResponse>> {
        answer::read(reply)
    }

    fn most_of(&self, model: &str) -> Option<usize> {
        Some(models::most(model))
    }
}

/// Sizes are written with a star.
fn written(ImageSize { width, height }: ImageSize) -> String {
    format!("{width}*{height}")
}

/// What is to be seen, and the pictures to begin with.
fn input(request: &ImageRequest, way: Way, losses: &mut Losses) -> Result<RawObject> {
    let pictures: Vec<String> = request.images.iter().filter_map(Source::to_url).collect();
    let mut input = RawObject::default();
    match way {
        Way::AtOnce => {
            let images = pictures.iter().map(|url| ("image", url));
            let contents = images.chain([("text", &request.prompt)]).map(|(kind, text)| object(kind, text));
            let mut message = object("role", "user");
            message.insert("content", raw(&contents.collect::<Vec<_>>()));
            input.insert("messages", raw(&[message]));
        }
        Way::Task => {
            input.insert("prompt", RawJson::string(&request.prompt));
            if !pictures.is_empty() {
                input.insert("images", raw(&pictures));
            }
        }
        Way::EditTask => {
            input.insert("prompt", RawJson::string(&request.prompt));
            let (first, rest) =
                pictures.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
            if let Some(first) = first {
                input.insert("base_image_url", RawJson::string(first));
            }
            if !rest.is_empty() {
                losses.meaning("image")?;
            }
            let mask = request.mask_by_brightness(losses)?.and_then(Source::to_url);
            let function = if mask.is_some() { "description_edit_with_mask" } else { "description_edit" };
            input.insert("function", RawJson::string(function));
            if let Some(mask) = mask {
                input.insert("mask_image_url", RawJson::string(&mask));
            }
        }
    }
    Ok(input)
}

fn object(name: &str, text: &str) -> RawObject {
    [(name.to_owned(), RawJson::string(text))].into_iter().collect()
}
