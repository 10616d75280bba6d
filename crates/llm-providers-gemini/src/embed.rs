//! Embeddings, both ways: `:embedContent`, `:batchEmbedContents`, and `:predict` as one cloud has it.
//!
//! After <https://ai.google.dev/api/embeddings> and
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>.

mod answer;
mod client;
mod encode;
mod predict;

use bytes::Bytes;
use llm_core::dialect::{DialectId, Encoded, Peek};
use llm_core::embedding::{EmbeddingPurpose, EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::wire::WireResponse;
use llm_core::{Envelope, Error, RawJson, RawObject, Result, Target};

use crate::GENERATE;
use crate::quirks::EmbeddingForm;
use crate::request::call;
use crate::wire::json;

pub(crate) use client::{BatchClient, SingleClient};

/// The vendor side of embeddings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Embeddings {
    form: EmbeddingForm,
}

impl Embeddings {
    pub(crate) fn new(form: EmbeddingForm) -> Self {
        Self { form }
    }

    /// The form in which a model is asked. Those that came after `:predict` are not asked by it.
    fn form_for(&self, model: &str) -> EmbeddingForm {
        let name = model.rsplit('/').next().unwrap_or(model);
        let generation = name.strip_prefix("gemini-embedding-").and_then(|rest| rest.chars().next());
        let newer = generation.is_some_and(|first| matches!(first, '2'..='9'));
        if newer { EmbeddingForm::EmbedContent } else { self.form }
    }
}

impl Exchange<EmbeddingRequest, EmbeddingResponse> for Embeddings {
    fn id(&self) -> DialectId {
        GENERATE
    }

    fn encode(&self, request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
        match self.form_for(&target.model) {
            EmbeddingForm::EmbedContent => encode::encode(request, target),
            EmbeddingForm::Predict => predict::encode(request, target),
        }
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        if self.form_for(&target.model) == EmbeddingForm::Predict {
            return predict::encode(&client::read(body)?, target);
        }
        let mut edit = envelope.edit(body);
        for (name, value) in target.extra_body.iter() {
            edit.set(name, value.get().to_owned());
        }
        for name in &target.drop_fields {
            edit.remove(name);
        }
        edit.remove("model");
        let requests: Option<Vec<RawObject>> = envelope.read(body, "requests").map_err(|_| {
            Error::invalid("invalid `requests`: expected a list of requests").with_param("requests")
        })?;
        let method = if requests.is_some() { ":batchEmbedContents" } else { ":embedContent" };
        if let Some(mut requests) = requests {
            let name = model_name(&target.model);
            requests.iter_mut().for_each(|one| one.insert("model", name.clone()));
            edit.set("requests", json(&requests).get().to_owned());
        }
        Ok(Encoded { request: call(&target.model, method, edit.finish()), losses: Vec::new() })
    }

    fn decode(&self, reply: &WireResponse, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        answer::decode(reply, request)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        answer::peek(body)
    }

    /// `:predict` takes one text of the newest model that it serves; a batch takes a hundred.
    fn most_inputs(&self) -> Option<usize> {
        Some(match self.form {
            EmbeddingForm::EmbedContent => 100,
            EmbeddingForm::Predict => 1,
        })
    }
}

/// The model in each request of a batch.
fn model_name(model: &str) -> RawJson {
    RawJson::string(&format!("models/{}", model.strip_prefix("models/").unwrap_or(model)))
}

/// Purposes and their words.
const PURPOSES: &[(EmbeddingPurpose, &str)] = &[
    (EmbeddingPurpose::Query, "RETRIEVAL_QUERY"),
    (EmbeddingPurpose::Document, "RETRIEVAL_DOCUMENT"),
    (EmbeddingPurpose::Similarity, "SEMANTIC_SIMILARITY"),
    (EmbeddingPurpose::Classification, "CLASSIFICATION"),
    (EmbeddingPurpose::Clustering, "CLUSTERING"),
    (EmbeddingPurpose::QuestionAnswering, "QUESTION_ANSWERING"),
    (EmbeddingPurpose::FactVerification, "FACT_VERIFICATION"),
    (EmbeddingPurpose::CodeQuery, "CODE_RETRIEVAL_QUERY"),
];

/// The word for a purpose; `None` where there is none.
fn task(purpose: &EmbeddingPurpose) -> Option<&str> {
    match purpose {
        EmbeddingPurpose::Other(word) => Some(word),
        known => PURPOSES.iter().find(|(purpose, _)| purpose == known).map(|(_, word)| *word),
    }
}

fn purpose(word: &str) -> EmbeddingPurpose {
    let known = PURPOSES.iter().find(|(_, known)| *known == word);
    known.map_or_else(|| EmbeddingPurpose::Other(word.to_owned()), |(purpose, _)| purpose.clone())
}

#[cfg(test)]
mod tests {
    use llm_core::embedding::EmbeddingInput;

    use super::*;

    fn request(texts: &[&str]) -> EmbeddingRequest {
        EmbeddingRequest {
            inputs: texts.iter().map(|text| EmbeddingInput::Text((*text).to_owned())).collect(),
            dimensions: Some(256),
            purpose: Some(EmbeddingPurpose::Query),
            ..EmbeddingRequest::default()
        }
    }

    fn encoded(form: EmbeddingForm, model: &str, texts: &[&str]) -> (String, String) {
        let target = Target { model: model.to_owned(), ..Target::default() };
        let encoded = Embeddings::new(form).encode(&request(texts), &target).expect("texts");
        let body = encoded.request.body.joined();
        (encoded.request.path, String::from_utf8(body.to_vec()).expect("JSON"))
    }

    #[test]
    fn one_text_several_and_the_clouds_form_are_asked_in_their_own_ways() {
        let (path, body) = encoded(EmbeddingForm::EmbedContent, "gemini-embedding-001", &["a"]);
        assert_eq!(path, "/models/gemini-embedding-001:embedContent");
        let one =
            r#"{"content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":256}"#;
        assert_eq!(body, one);
        let (path, body) = encoded(EmbeddingForm::EmbedContent, "gemini-embedding-001", &["a", "b"]);
        assert_eq!(path, "/models/gemini-embedding-001:batchEmbedContents");
        let first = one.replacen('{', r#"{"model":"models/gemini-embedding-001","#, 1);
        assert_eq!(body, format!("{{\"requests\":[{first},{}]}}", first.replace("\"a\"", "\"b\"")));
        let (path, body) = encoded(EmbeddingForm::Predict, "text-embedding-005", &["a"]);
        assert_eq!(path, "/models/text-embedding-005:predict");
        assert_eq!(
            body,
            r#"{"instances":[{"content":"a","task_type":"RETRIEVAL_QUERY"}],"parameters":{"outputDimensionality":256}}"#
        );
        let (path, _) = encoded(EmbeddingForm::Predict, "gemini-embedding-2", &["a"]);
        assert_eq!(path, "/models/gemini-embedding-2:embedContent");
    }

    #[test]
    fn a_forwarded_batch_asks_the_target() {
        let body = Bytes::from_static(
            br#"{"requests":[{"model":"models/public","content":{"parts":[{"text":"a"}]},"output_dimensionality":3}]}"#,
        );
        let envelope = Envelope::scan(&body).expect("an object");
        let target = Target { model: "gemini-embedding-001".to_owned(), ..Target::default() };
        let forwarded = Embeddings::default().forward(&body, &envelope, &target).expect("passes");
        assert_eq!(forwarded.request.path, "/models/gemini-embedding-001:batchEmbedContents");
        let expected = std::str::from_utf8(&body).expect("text").replace("public", "gemini-embedding-001");
        assert_eq!(forwarded.request.body.joined(), expected);
    }
}
