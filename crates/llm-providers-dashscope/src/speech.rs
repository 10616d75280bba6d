//! Texts read aloud: the answer says where the sound is.
//!
//! After <https://www.alibabacloud.com/help/en/model-studio/qwen-tts-api> (read 2026-11-21).

use llm_core::conversion::{Conversion, Progress};
use llm_core::dialect::Encoded;
use llm_core::message::Source;
use llm_core::speech::{SpeechRequest, SpeechResponse};
use llm_core::wire::WireResponse;
use llm_core::{Losses, Operation, RawJson, RawObject, Result, Target};

use crate::embeddings::answered;
use crate::endpoint::Endpoint;
use crate::wire::{no_answer, read};
use crate::{request, usage};

/// Speech as this format has it.
#[derive(Debug)]
pub(crate) struct Speech;

/// The voices that clients of another API know, and the nearest that all models here have.
const VOICES: [(&str, &str); 13] = [
    ("alloy", "Cherry"),
    ("ash", "Ethan"),
    ("ballad", "Ethan"),
    ("cedar", "Ethan"),
    ("coral", "Serena"),
    ("echo", "Ethan"),
    ("fable", "Ethan"),
    ("marin", "Cherry"),
    ("nova", "Serena"),
    ("onyx", "Ethan"),
    ("sage", "Chelsie"),
    ("shimmer", "Chelsie"),
    ("verse", "Ethan"),
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
        let mut input = RawObject::default();
        input.insert("text", RawJson::string(&request.input));
        if let Some(voice) = &request.voice {
            let nearest = VOICES.iter().find(|(name, _)| name == voice).map(|(_, nearest)| *nearest);
            if nearest.is_some() {
                losses.approximated("voice", "another voice")?;
            }
            input.insert("voice", RawJson::string(nearest.unwrap_or(voice)));
        }
        match &request.instructions {
            Some(instructions) if target.model.contains("instruct") => {
                input.insert("instructions", RawJson::string(instructions));
            }
            Some(_) => losses.tuning("instructions")?,
            None => {}
        }
        for (name, value) in request.extras.iter() {
            match name {
                "language_type" | "optimize_instructions" => input.insert(name, value.clone()),
                name => losses.tuning(name.to_owned())?,
            }
        }
        let body = request::body(target, input, RawObject::default());
        let request = request::post(Endpoint::Multimodal.path(), body.into());
        Ok(Encoded { request, losses: losses.into_list() })
    }

    fn decode(&self, reply: &WireResponse, _request: &SpeechRequest) -> Result<Progress<SpeechResponse>> {
        let (top, output) = answered(reply)?;
        let audio: RawObject =
            read(&output, "audio").ok_or_else(|| no_answer("`output.audio` is missing"))?;
        let text = |key: &str| read::<String>(&audio, key).filter(|text| !text.is_empty());
        let data = || Some(Source::Base64 { media_type: "audio/wav".to_owned(), data: text("data")? });
        let source = text("url").map(Source::Url).or_else(data);
        let audio = source.ok_or_else(|| no_answer("`output.audio` holds no sound"))?;
        let report: RawObject = read(&top, "usage").unwrap_or_default();
        let mut usage = usage::read(&report);
        usage.characters = read(&report, "characters");
        Ok(Progress::Done(SpeechResponse { audio, usage }))
    }
}
