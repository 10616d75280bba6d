//! Requests: a client's body into canonical form, canonical form into a vendor's body, and a body of this format
//! edited for a vendor of this format.

use bytes::Bytes;
use http::{HeaderMap, Method};
use llm_core::dialect::{Encoded, Target};
use llm_core::embedding::{EmbeddingEncoding, EmbeddingInput, EmbeddingPurpose, EmbeddingRequest};
use llm_core::message::Part;
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{Envelope, Error, Losses, RawJson, RawObject, Result};
use serde::ser::{Serialize, Serializer};

use super::EMBEDDINGS;
use super::inputs::Inputs;
use super::quirks::{EmbeddingPurposes, EmbeddingQuirks, purpose};

const PATH: &str = "/embeddings";

/// The fields that canonical form has places for.
const MODELLED: [&str; 7] =
    ["model", "input", "dimensions", "encoding_format", "user", "input_type", "stream"];

/// Reads a client's body.
pub(super) fn decode(body: &Bytes) -> Result<EmbeddingRequest> {
    let envelope = Envelope::scan(body)?;
    let Inputs(inputs) = envelope.read(body, "input")?.ok_or_else(no_input)?;
    if inputs.is_empty() {
        return Err(no_input());
    }
    let dimensions = envelope.read::<u64>(body, "dimensions")?;
    if dimensions == Some(0) {
        let message = "invalid `dimensions`: expected a whole number above 0";
        return Err(Error::invalid(message).with_param("dimensions"));
    }
    let rest = envelope.keys(body).filter(|key| !MODELLED.contains(key));
    let rest = rest.filter_map(|key| {
        let value = RawJson::parse(envelope.value(body, key)?).ok()?;
        Some((key.to_owned(), value))
    });
    let rest: RawObject = rest.collect();
    Ok(EmbeddingRequest {
        model: envelope.string(body, "model")?.unwrap_or_default().into_owned(),
        inputs,
        dimensions,
        encodings: encoding(&envelope, body)?.into_iter().collect(),
        purpose: envelope.string(body, "input_type")?.map(|word| purpose(&word)),
        user: envelope.string(body, "user")?.map(std::borrow::Cow::into_owned),
        extras: (!rest.is_empty()).then_some((EMBEDDINGS, rest)),
        ..EmbeddingRequest::default()
    })
}

fn no_input() -> Error {
    Error::invalid("missing `input`: send a text, a list of texts, or lists of tokens").with_param("input")
}

fn encoding(envelope: &Envelope, body: &Bytes) -> Result<Option<EmbeddingEncoding>> {
    match envelope.string(body, "encoding_format")?.as_deref() {
        None => Ok(None),
        Some("float") => Ok(Some(EmbeddingEncoding::Float)),
        Some("base64") => Ok(Some(EmbeddingEncoding::Base64)),
        Some(_) => Err(Error::invalid("invalid `encoding_format`: expected `float` or `base64`")
            .with_param("encoding_format")),
    }
}

/// Writes a request for a vendor.
pub(super) fn encode(
    request: &EmbeddingRequest,
    target: &Target,
    quirks: &EmbeddingQuirks,
) -> Result<Encoded> {
    let mut losses = Losses::new(target.policy);
    let mut members = RawObject::default();
    members.insert("model", RawJson::string(&target.model));
    members.insert("input", json(&inputs(&request.inputs)?)?);
    if let Some(dimensions) = request.dimensions {
        members.insert(dimensions_field(quirks), json(&dimensions)?);
    }
    if !quirks.int8 {
        match request.encodings.as_slice() {
            [] | [EmbeddingEncoding::Float | EmbeddingEncoding::Base64, ..] => {}
            _ => losses.meaning("encoding_format")?,
        }
    }
    if let Some(purpose) = &request.purpose {
        match quirks.purposes.word(purpose) {
            Some(word) => members.insert(quirks.purposes.field(), RawJson::string(word)),
            None => losses.tuning("input_type")?,
        }
    }
    for (field, said) in [("title", request.title.is_some()), ("truncate", request.truncate.is_some())] {
        if said {
            losses.tuning(field)?;
        }
    }
    if let Some(user) = &request.user {
        members.insert("user", RawJson::string(user));
    }
    rest(request, &mut members, &mut losses)?;
    for field in &quirks.drop_params {
        if members.remove(field).is_some() {
            losses.tuning(field.clone())?;
        }
    }
    for field in &target.drop_fields {
        if members.remove(field).is_some() {
            losses.foreign_state(field.clone());
        }
    }
    for (key, value) in target.extra_body.iter() {
        members.insert(key, value.clone());
    }
    let body = serde_json::to_vec(&members).map_err(|fault| Error::internal(fault.to_string()))?;
    Ok(encoded(body.into(), losses))
}

fn rest(request: &EmbeddingRequest, members: &mut RawObject, losses: &mut Losses) -> Result<()> {
    let Some((origin, extras)) = &request.extras else { return Ok(()) };
    for (key, value) in extras.iter() {
        if *origin == EMBEDDINGS {
            members.insert(key, value.clone());
        } else {
            losses.tuning(key.to_owned())?;
        }
    }
    Ok(())
}

fn inputs(inputs: &[EmbeddingInput]) -> Result<Vec<WireInput<'_>>> {
    inputs.iter().map(WireInput::of).collect()
}

enum WireInput<'a> {
    Text(&'a str),
    Joined(String),
    Tokens(&'a [u64]),
}

impl<'a> WireInput<'a> {
    fn of(input: &'a EmbeddingInput) -> Result<Self> {
        match input {
            EmbeddingInput::Text(text) => Ok(Self::Text(text)),
            EmbeddingInput::Tokens(tokens) => Ok(Self::Tokens(tokens)),
            EmbeddingInput::Parts(parts) => {
                let texts: Option<Vec<&str>> = parts.iter().map(Part::as_text).collect();
                texts.map(|texts| Self::Joined(texts.join("\n"))).ok_or_else(no_pictures)
            }
            _ => Err(no_pictures()),
        }
    }
}

impl Serialize for WireInput<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Joined(text) => serializer.serialize_str(text),
            Self::Tokens(tokens) => tokens.serialize(serializer),
        }
    }
}

/// An input that is left out would shift all vectors after it, so no policy allows it.
fn no_pictures() -> Error {
    Error::unsupported("this model's API makes embeddings of text only: leave pictures out of the inputs")
        .with_param("input")
}

/// Edits a body of this format.
pub(super) fn forward(
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
    quirks: &EmbeddingQuirks,
) -> Result<Encoded> {
    if envelope.value(body, "input").is_none_or(|input| input == "null" || is_empty_list(input)) {
        return Err(no_input());
    }
    let mut losses = Losses::new(target.policy);
    let mut edit = envelope.edit(body);
    edit.set("model", json(&target.model)?.get().to_owned());
    if let (Some(field), Some(dimensions)) =
        (&quirks.dimensions_field, envelope.value(body, "dimensions").filter(|text| *text != "null"))
    {
        edit.remove("dimensions");
        edit.set(field, dimensions.to_owned());
    }
    if quirks.purposes != EmbeddingPurposes::None
        && let Some(asked) = envelope.string(body, "input_type")?.map(|word| purpose(&word))
        && let Some(word) = translated(quirks.purposes, &asked)
    {
        edit.remove("input_type");
        edit.set(quirks.purposes.field(), json(word)?.get().to_owned());
    }
    for field in &quirks.drop_params {
        if edit.remove(field) {
            losses.tuning(field.clone())?;
        }
    }
    for field in &target.drop_fields {
        if edit.remove(field) {
            losses.foreign_state(field.clone());
        }
    }
    for (key, value) in target.extra_body.iter() {
        edit.set(key, value.get().to_owned());
    }
    Ok(encoded(edit.finish(), losses))
}

fn is_empty_list(json: &str) -> bool {
    let inner = json.strip_prefix('[').and_then(|json| json.strip_suffix(']'));
    inner.is_some_and(|inner| inner.trim_ascii().is_empty())
}

/// The vendor's word for one of the client's; a word that nobody knows stays where it is.
fn translated(purposes: EmbeddingPurposes, asked: &EmbeddingPurpose) -> Option<&str> {
    purposes.word(asked).filter(|_| !matches!(asked, EmbeddingPurpose::Other(_)))
}

fn dimensions_field(quirks: &EmbeddingQuirks) -> &str {
    quirks.dimensions_field.as_deref().unwrap_or("dimensions")
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<RawJson> {
    RawJson::of(value).map_err(|fault| Error::internal(format!("cannot write the request: {fault}")))
}

fn encoded(body: WireBody, losses: Losses) -> Encoded {
    let request =
        WireRequest { method: Method::POST, path: PATH.to_owned(), headers: HeaderMap::new(), body };
    Encoded { request, losses: losses.into_list() }
}
