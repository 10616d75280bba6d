//! A client's request for pictures, as JSON or as a form with files, into canonical form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llm_core::envelope::is_gateway_field;
use llm_core::images::{Delivery, ImageRequest, ImageSize};
use llm_core::message::Source;
use llm_core::provider::Inbound;
use llm_core::sources::media_type_of;
use llm_core::{Error, Form, Operation, RawJson, RawObject, Result};
use serde::Deserialize;

/// The most pictures of one request, as the API has it.
const MOST: usize = 10;

/// The fields that canonical form has places for.
const MODELLED: [&str; 19] = [
    "model",
    "prompt",
    "image",
    "image[]",
    "images",
    "mask",
    "n",
    "size",
    "quality",
    "style",
    "background",
    "output_format",
    "output_compression",
    "response_format",
    "stream",
    "user",
    // Only a stream has parts.
    "partial_images",
    "moderation",
    "input_fidelity",
];

/// Of these, what other vendors have nothing like: they are kept to be told.
const KEPT: [&str; 2] = ["moderation", "input_fidelity"];

pub(super) fn decode(inbound: &Inbound) -> Result<ImageRequest> {
    let operation = inbound.asked.operation;
    let prompt = text(inbound, "prompt")?.unwrap_or_default();
    if prompt.is_empty() && operation != Operation::ImageVariation {
        return Err(Error::invalid("missing `prompt`: say what is to be seen").with_param("prompt"));
    }
    let count = inbound.option::<usize>("n")?.unwrap_or(1);
    if !(1..=MOST).contains(&count) {
        let message = format!("invalid `n`: expected a whole number from 1 to {MOST}");
        return Err(Error::invalid(message).with_param("n"));
    }
    let mut request = ImageRequest {
        model: text(inbound, "model")?.unwrap_or_default(),
        prompt,
        count,
        size: size(inbound)?,
        quality: word(inbound, "quality")?,
        style: text(inbound, "style")?,
        background: word(inbound, "background")?,
        format: text(inbound, "output_format")?,
        compression: inbound.option("output_compression")?,
        delivery: delivery(inbound)?,
        stream: inbound.option("stream")?.unwrap_or(false),
        user: text(inbound, "user")?,
        extras: extras(inbound)?,
        ..ImageRequest::new(operation)
    };
    if let Some(model) = &inbound.asked.model {
        request.model.clone_from(model);
    }
    if operation != Operation::ImageGeneration {
        pictures(inbound, &mut request)?;
    }
    Ok(request)
}

/// A field that is a text, in a form just as it was written.
fn text(inbound: &Inbound, key: &str) -> Result<Option<String>> {
    match &inbound.form {
        Some(form) => Ok(form.text(&inbound.body, key)?.map(str::to_owned)),
        None => inbound.option(key),
    }
}

/// The same; `auto` is as good as nothing.
fn word(inbound: &Inbound, key: &str) -> Result<Option<String>> {
    Ok(text(inbound, key)?.filter(|word| word != "auto"))
}

fn size(inbound: &Inbound) -> Result<Option<ImageSize>> {
    let Some(text) = word(inbound, "size")? else { return Ok(None) };
    let size = ImageSize::parse(&text);
    size.map(Some).ok_or_else(|| {
        Error::invalid("invalid `size`: expected width and height, such as `1024x1024`").with_param("size")
    })
}

fn delivery(inbound: &Inbound) -> Result<Option<Delivery>> {
    match text(inbound, "response_format")?.as_deref() {
        None => Ok(None),
        Some("url") => Ok(Some(Delivery::Url)),
        Some("b64_json") => Ok(Some(Delivery::Base64)),
        Some(_) => Err(Error::invalid("invalid `response_format`: expected `url` or `b64_json`")
            .with_param("response_format")),
    }
}

/// The pictures to begin with: files of a form, or addresses in JSON.
fn pictures(inbound: &Inbound, request: &mut ImageRequest) -> Result<()> {
    if let Some(form) = &inbound.form {
        request.images = files(form, inbound, "image");
        request.mask = files(form, inbound, "mask").into_iter().next();
    } else {
        let images = inbound.option::<Vec<Named>>("images")?.unwrap_or_default();
        request.images = images.iter().map(|image| image.source("images")).collect::<Result<_>>()?;
        request.mask = inbound.option::<Named>("mask")?.map(|mask| mask.source("mask")).transpose()?;
    }
    if request.images.is_empty() {
        return Err(Error::invalid("missing `image`: send a picture to begin with").with_param("image"));
    }
    Ok(())
}

fn files(form: &Form, inbound: &Inbound, name: &str) -> Vec<Source> {
    let source = |bytes: &[u8]| {
        let media_type = media_type_of(bytes).unwrap_or("image/png").to_owned();
        Source::Base64 { media_type, data: STANDARD.encode(bytes) }
    };
    form.files(&inbound.body, name).into_iter().map(source).collect()
}

/// A picture in JSON.
#[derive(Deserialize)]
struct Named {
    image_url: Option<String>,
}

impl Named {
    fn source(&self, field: &str) -> Result<Source> {
        let url = self.image_url.as_deref().ok_or_else(|| {
            let message =
                format!("invalid `{field}`: only pictures by `image_url` can be sent to this model's vendor");
            Error::invalid(message).with_param(field)
        })?;
        Ok(Source::from_url(url))
    }
}

/// Fields that are not modelled; those that speak to the gateway are not among them.
fn extras(inbound: &Inbound) -> Result<RawObject> {
    let other = |key: &&str| !is_gateway_field(key) && (KEPT.contains(key) || !MODELLED.contains(key));
    let mut extras = RawObject::default();
    match &inbound.form {
        Some(form) => {
            for key in form.names().filter(other) {
                let Some(text) = form.text(&inbound.body, key)? else { continue };
                extras.insert(key, RawJson::parse(text).unwrap_or_else(|_| RawJson::string(text)));
            }
        }
        None => {
            for key in inbound.envelope.keys(&inbound.body).filter(other) {
                let value = inbound.envelope.value(&inbound.body, key);
                if let Some(value) =
                    value.and_then(|value| RawJson::parse(value).ok()).filter(|raw| !raw.is_null())
                {
                    extras.insert(key, value);
                }
            }
        }
    }
    Ok(extras)
}
