//! Recorded exchanges of the service: requests go where they were accepted, and every answer is understood.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::wire::WireResponse;
use llm_core::{Dialect, Envelope, ErrorKind, Fault, Operation, Retry, Target};
use llm_providers_azure::Azure;
use llm_providers_azure::place::{self, Place};
use llm_providers_openai::{ChatCompletions, Responses};
use llm_testkit::{Recording, recordings, replay};

/// Where a format is.
type At = fn(&str, &str, Option<&str>) -> Place;
/// What it is read with, at a base URL.
type Made = fn(&str) -> Box<dyn Dialect>;

/// The formats as the service has them, each with its kind of recordings.
fn formats() -> [(&'static str, At, Made); 2] {
    [
        ("openai-chat", place::models, |base| Box::new(Azure::new(ChatCompletions::default(), base))),
        ("openai-responses", place::responses, |base| Box::new(Azure::new(Responses::default(), base))),
    ]
}

fn exchanges(kind: &str) -> impl Iterator<Item = Recording> {
    recordings(kind).into_iter().filter(|recording| recording.vendor == "azure")
}

/// The deployment that a recorded path names.
fn deployment(path: &str) -> &str {
    path.split("/deployments/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("my-gpt")
}

#[test]
fn requests_go_where_they_were_accepted() {
    for (kind, at, made) in formats() {
        for recording in exchanges(kind).filter(Recording::is_success) {
            let path = recording.path.replace("//", "/");
            // What a user writes down: the whole address, and the part of it that all operations share.
            let shared = path.split("/deployments/").next().unwrap_or(&path);
            for written in [path.as_str(), shared] {
                let place = at("acme.services.ai.azure.com", written, Some("api-version=2024-12-01-preview"));
                let dialect = made(&format!("https://acme.services.ai.azure.com{}", place.path));
                let body = Bytes::from(recording.request.clone());
                let envelope = Envelope::scan(&body).expect("a request");
                let target = Target { model: deployment(&path).to_owned(), ..Target::default() };
                let sent = dialect.forward(&body, &envelope, &target).expect("forwarded").request.path;
                assert_eq!(format!("{}{sent}", place.path), path, "{}: {written}", recording.case);
            }
        }
    }
}

#[test]
fn every_answer_is_understood() {
    for (kind, _, made) in formats() {
        let dialect = made("https://acme.openai.azure.com/openai");
        for recording in exchanges(kind).filter(Recording::is_success) {
            let case = &recording.case;
            let answer = if recording.is_sse() {
                replay::assert_cuts_do_not_matter(&*dialect, &recording.reply.body, case);
                replay::folded(&*dialect, &recording.reply.body)
            } else {
                dialect.decode(&recording.reply)
            };
            let answer = answer.unwrap_or_else(|error| panic!("{case}: {error}"));
            assert!(answer.choices.iter().any(|choice| choice.finish.is_some()), "{case}");
        }
    }
}

#[test]
fn every_refusal_says_what_to_do() {
    let dialect = Azure::new(ChatCompletions::default(), "https://acme.openai.azure.com/openai");
    for recording in exchanges("openai-chat").filter(|recording| !recording.is_success()) {
        let error = dialect.classify(&recording.reply);
        assert_eq!(error.kind(), ErrorKind::UpstreamNotFound, "{}", recording.case);
        assert!(error.message().ends_with("check the deployment's name, `api_base` and `api_version`"));
    }
}

fn refused(status: u16, body: &'static str) -> llm_core::Error {
    let dialect = Azure::new(ChatCompletions::default(), "https://acme.openai.azure.com/openai");
    let reply = WireResponse { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) };
    dialect.classify(&reply)
}

#[test]
fn documented_refusals_are_told_apart() {
    // https://learn.microsoft.com/azure/ai-foundry/openai/how-to/quota
    let slow = refused(
        429,
        r#"{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded the token rate limit of your current pricing tier. Please retry after 26 seconds."}}"#,
    );
    let after = Some(std::time::Duration::from_secs(26));
    assert_eq!((slow.kind(), slow.retry()), (ErrorKind::RateLimited, Retry::Later { after }));
    // https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter
    let filtered = refused(
        400,
        r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}"#,
    );
    assert_eq!((filtered.kind(), filtered.fault()), (ErrorKind::ContentFilter, Fault::Client));
    let missing = r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#;
    assert_eq!(refused(404, missing).kind(), ErrorKind::UpstreamNotFound);
    let version = r#"{"error":{"code":"BadRequest","message":"api-version query parameter is not allowed when using /v1 path"}}"#;
    let version = refused(400, version);
    assert_eq!((version.fault(), version.retry()), (Fault::Gateway, Retry::Elsewhere));
    assert!(version.message().ends_with("check `api_version`"), "{version}");
}

#[test]
fn pictures_and_sound_go_to_their_deployment() {
    let dialect = Azure::new(ChatCompletions::default(), "https://acme.openai.azure.com/openai");
    let passage = dialect.passage().expect("the format has them");
    for (operation, path) in [
        (Operation::ImageGeneration, Some("/deployments/my-dall-e/images/generations")),
        (Operation::Transcription, Some("/deployments/my-dall-e/audio/transcriptions")),
        (Operation::ImageVariation, None),
        (Operation::Moderation, None),
    ] {
        assert_eq!(passage.path(operation, "my-dall-e").as_deref(), path);
        assert_eq!(passage.has(operation), path.is_some());
    }
    let plain = Azure::new(ChatCompletions::default(), "https://acme.openai.azure.com/openai/v1");
    let path = plain.passage().and_then(|passage| passage.path(Operation::Speech, "tts"));
    assert_eq!(path.as_deref(), Some("/audio/speech"));
}
