//! Texts read aloud, as clients of this API ask for them when their vendor speaks another format
//! (<https://platform.openai.com/docs/api-reference/audio/createSpeech>, read 2026-11-21); where it speaks this one,
//! bodies go through as they are.

use http::HeaderValue;
use llm_core::conversion::{ConversionIngress, Shown};
use llm_core::envelope::is_gateway_field;
use llm_core::provider::Inbound;
use llm_core::speech::{SpeechFormat, SpeechRequest, SpeechResponse};
use llm_core::{Error, RawJson, RawObject, Result};

/// The fields that canonical form has places for.
const MODELLED: [&str; 7] =
    ["model", "input", "voice", "instructions", "response_format", "speed", "stream_format"];

/// The format as clients speak it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpeechIngress;

impl ConversionIngress<SpeechRequest, SpeechResponse> for SpeechIngress {
    fn decode(&self, inbound: &Inbound) -> Result<SpeechRequest> {
        let model = match &inbound.asked.model {
            Some(model) => model.clone(),
            None => inbound.option("model")?.unwrap_or_default(),
        };
        let input = inbound.option::<String>("input")?.filter(|input| !input.is_empty());
        let speed = inbound.option::<f64>("speed")?;
        if speed.is_some_and(|speed| !(0.25..=4.0).contains(&speed)) {
            return Err(
                Error::invalid("invalid `speed`: expected a number from 0.25 to 4").with_param("speed")
            );
        }
        Ok(SpeechRequest {
            model,
            input: input
                .ok_or_else(|| Error::invalid("missing `input`: send a text to read").with_param("input"))?,
            voice: inbound.option("voice")?,
            instructions: inbound.option::<String>("instructions")?.filter(|text| !text.is_empty()),
            format: format(inbound)?,
            speed: speed.filter(|speed| (speed - 1.0).abs() > f64::EPSILON),
            events: inbound.option::<String>("stream_format")?.is_some_and(|format| format == "sse"),
            extras: extras(inbound),
        })
    }

    fn encode(&self, answer: &SpeechResponse, request: &SpeechRequest) -> Result<Shown> {
        let (content_type, body) = answer.shown(request.format)?;
        let binary = HeaderValue::from_static("application/octet-stream");
        let content_type = HeaderValue::try_from(content_type).ok().filter(|value| !value.is_empty());
        Ok(Shown { content_type: content_type.unwrap_or(binary), body })
    }
}

fn format(inbound: &Inbound) -> Result<Option<SpeechFormat>> {
    let Some(name) = inbound.option::<String>("response_format")? else { return Ok(None) };
    SpeechFormat::named(&name).map(Some).ok_or_else(|| {
        Error::invalid("invalid `response_format`: expected `mp3`, `opus`, `aac`, `flac`, `wav` or `pcm`")
            .with_param("response_format")
    })
}

fn extras(inbound: &Inbound) -> RawObject {
    let keys = inbound.envelope.keys(&inbound.body);
    let keys = keys.filter(|key| !is_gateway_field(key) && !MODELLED.contains(key));
    let member = |key: &str| {
        let value = RawJson::parse(inbound.envelope.value(&inbound.body, key)?).ok()?;
        (!value.is_null()).then(|| (key.to_owned(), value))
    };
    keys.filter_map(member).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::HeaderMap;
    use llm_core::message::Source;
    use llm_core::{Operation, Usage};
    use serde_json::{Value, json};

    use super::*;
    use crate::ChatIngress;

    fn read(body: &Value) -> Result<SpeechRequest> {
        let body = body.to_string().into();
        let inbound = Inbound::new(Arc::new(ChatIngress), Operation::Speech, HeaderMap::new(), body);
        SpeechIngress.decode(&inbound.expect("an object"))
    }

    #[test]
    fn a_request_is_read_and_wrong_fields_are_named() {
        let request = read(&json!({
            "model": "m", "input": "hi", "voice": "Kore", "response_format": "pcm", "speed": 1.0, "timeout": 3,
            "language": "en", "stream_format": "audio",
        }));
        let request = request.expect("a request");
        let extras = [("language".to_owned(), RawJson::string("en"))].into_iter().collect();
        let expected = SpeechRequest {
            model: "m".to_owned(),
            input: "hi".to_owned(),
            voice: Some("Kore".to_owned()),
            format: Some(SpeechFormat::Pcm),
            extras,
            ..SpeechRequest::default()
        };
        assert_eq!(request, expected);
        for (body, param) in [
            (json!({"model": "m"}), "input"),
            (json!({"input": "hi", "response_format": "ogg"}), "response_format"),
            (json!({"input": "hi", "speed": 9}), "speed"),
            (json!({"input": "hi", "voice": {"id": "v"}}), "voice"),
        ] {
            assert_eq!(read(&body).expect_err("wrong").param(), Some(param), "{body}");
        }
    }

    #[test]
    fn sound_is_shown_with_its_type() {
        let audio = Source::Base64 { media_type: "audio/mpeg".to_owned(), data: "SUQz".to_owned() };
        let answer = SpeechResponse { audio, usage: Usage::default() };
        let shown = SpeechIngress.encode(&answer, &SpeechRequest::default()).expect("sound");
        assert_eq!(
            (&shown.content_type, &shown.body[..]),
            (&HeaderValue::from_static("audio/mpeg"), &b"ID3"[..])
        );
        let broken = Source::Base64 { media_type: String::new(), data: "?".to_owned() };
        let answer = SpeechResponse { audio: broken, usage: Usage::default() };
        assert!(SpeechIngress.encode(&answer, &SpeechRequest::default()).is_err());
    }
}
