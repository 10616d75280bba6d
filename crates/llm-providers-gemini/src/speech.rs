//! Texts read aloud: sound is a part of the answer of `:generateContent`.
//!
//! After <https://ai.google.dev/gemini-api/docs/speech-generation> and, for the models that came with 3.8,
//! <https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/text-to-speech/migration-guide>, read
//! 2026-11-21.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llm_core::conversion::{Conversion, Progress};
use llm_core::dialect::Encoded;
use llm_core::message::Source;
use llm_core::speech::{SpeechRequest, SpeechResponse};
use llm_core::wire::WireResponse;
use llm_core::{
    ChatResponse, Error, ErrorKind, FinishReason, Losses, Operation, Part, RawJson, RawObject, Result,
    Target, Usage,
};

use crate::request::{call, with_settings};
use crate::response;
use crate::wire::{json, union};

/// The vendor side of speech.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Speech;

const CONFIG: &str = "generationConfig";
const SPEECH_CONFIG: &str = "speechConfig";

/// The voices that clients of another API know, and the nearest of these models.
const VOICES: [(&str, &str); 13] = [
    ("alloy", "Kore"),
    ("ash", "Charon"),
    ("ballad", "Umbriel"),
    ("cedar", "Algieba"),
    ("coral", "Aoede"),
    ("echo", "Puck"),
    ("fable", "Fenrir"),
    ("marin", "Achernar"),
    ("nova", "Leda"),
    ("onyx", "Orus"),
    ("sage", "Despina"),
    ("shimmer", "Zephyr"),
    ("verse", "Iapetus"),
];

impl Conversion<SpeechRequest, SpeechResponse> for Speech {
    fn has(&self, operation: Operation) -> bool {
        operation == Operation::Speech
    }

    fn encode(&self, request: &SpeechRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        request.uncompressed(&mut losses)?;
        if request.speed.is_some() {
            losses.tuning("speed")?;
        }
        let mut speech = RawObject::default();
        if let Some(voice) = &request.voice {
            let voice = union("voiceName", voice_of(voice, &mut losses)?);
            speech.insert("voiceConfig", union("prebuiltVoiceConfig", &voice));
        }
        let mut config = RawObject::default();
        config.insert("responseModalities", json(&["AUDIO"]));
        for (name, raw) in request.extras.iter() {
            match (name, raw.read::<RawObject>()) {
                ("language" | "languageCode" | "language_code", _) => {
                    speech.insert("languageCode", raw.clone());
                }
                ("seed" | "temperature", _) => config.insert(name, raw.clone()),
                (SPEECH_CONFIG, Ok(members)) => {
                    // Several speakers have voices of their own.
                    if members.get("multiSpeakerVoiceConfig").is_some() {
                        speech.remove("voiceConfig");
                    }
                    members.into_iter().for_each(|(name, raw)| speech.insert(name, raw));
                }
                _ => losses.tuning(name.to_owned())?,
            }
        }
        if !speech.is_empty() {
            config.insert(SPEECH_CONFIG, json(&speech));
        }
        let mut body = RawObject::default();
        body.insert("contents", json(&[contents(request, &target.model, &mut losses)?]));
        let body = with_settings(body, CONFIG, config, target);
        let request = call(&target.model, ":generateContent", body.into());
        Ok(Encoded { request, losses: losses.into_list() })
    }

    fn decode(&self, reply: &WireResponse, _request: &SpeechRequest) -> Result<Progress<SpeechResponse>> {
        let answer = response::decode(reply)?;
        let usage = of_sound(answer.usage);
        let finish = answer.choices.first().and_then(|choice| choice.finish.clone());
        let audio = match joined(answer)? {
            Some(audio) => audio,
            None if finish == Some(FinishReason::ContentFilter) => {
                return Err(Error::new(ErrorKind::ContentFilter, "the vendor's filter let nothing be said")
                    .with_code("content_policy_violation"));
            }
            None => return Err(Error::bad_answer("the model answered without a sound")),
        };
        Ok(Progress::Done(SpeechResponse { audio, usage }))
    }
}

fn voice_of<'a>(voice: &'a str, losses: &mut Losses) -> Result<&'a str> {
    let known = VOICES.iter().find(|(name, _)| *name == voice);
    let Some((_, nearest)) = known else { return Ok(voice) };
    losses.approximated("voice", "another voice")?;
    Ok(nearest)
}

/// How to read is said with the text, where the model would not read it aloud too.
fn contents(request: &SpeechRequest, model: &str, losses: &mut Losses) -> Result<RawJson> {
    let mut part = RawObject::default();
    match &request.instructions {
        Some(style) if reads_all(model) => {
            part.insert("text", RawJson::string(&request.input));
            part.insert("speechMetadata", union("style", style));
        }
        Some(style) => {
            losses.approximated("instructions", "words before the text")?;
            part.insert("text", RawJson::string(&format!("{style}: {}", request.input)));
        }
        None => part.insert("text", RawJson::string(&request.input)),
    }
    let mut content = RawObject::default();
    content.insert("role", RawJson::string("user"));
    content.insert("parts", json(&[part]));
    Ok(json(&content))
}

/// Models from 3.8 on read every word that they are given.
fn reads_all(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let version = name.strip_prefix("gemini-").and_then(|rest| rest.split('-').next()).unwrap_or_default();
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let number = |digits: &str| digits.parse::<u32>().ok();
    number(major).zip(number(minor)).is_some_and(|version| version >= (3, 8))
}

/// The sound of an answer, which may come in several parts.
fn joined(answer: ChatResponse) -> Result<Option<Source>> {
    let parts = answer.choices.into_iter().flat_map(|choice| choice.message.parts);
    let mut sounds = parts.filter_map(|part| match part {
        Part::Audio(media) => Some(media.source),
        _ => None,
    });
    let Some(first) = sounds.next() else { return Ok(None) };
    let rest: Vec<Source> = sounds.collect();
    let (Source::Base64 { media_type, .. }, false) = (&first, rest.is_empty()) else {
        return Ok(Some(first));
    };
    let mut bytes = Vec::new();
    for sound in std::iter::once(&first).chain(&rest) {
        let more = sound.bytes().ok_or_else(|| Error::bad_answer("the vendor's sound is no base64"))?;
        bytes.extend_from_slice(&more);
    }
    Ok(Some(Source::Base64 { media_type: media_type.clone(), data: STANDARD.encode(bytes) }))
}

/// Where the vendor does not tell kinds apart, all of the answer is sound.
fn of_sound(usage: Usage) -> Usage {
    if usage.audio_out.is_some() {
        return usage;
    }
    Usage { audio_out: usage.output, output: None, ..usage }
}
