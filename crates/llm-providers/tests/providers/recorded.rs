//! Recorded answers of real vendors through providers: what passes through stays, what is translated says the same.

use llm_core::message::ToolCall;
use llm_core::{ChatResponse, Part};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use llm_testkit::{Recording, recordings, replay};

use crate::client::{ask, provider, understood};
use crate::samples::{self, Sample};

/// The recordings of a dialect that hold a complete answer, with that answer.
fn answers(sample: &Sample, kind: &str) -> Vec<(Recording, ChatResponse)> {
    let read = |recording: &Recording| {
        if recording.is_sse() {
            replay::folded(&*sample.dialect, &recording.reply.body)
        } else {
            sample.dialect.decode(&recording.reply)
        }
    };
    let good = recordings(kind).into_iter().filter(Recording::is_success);
    good.filter_map(|recording| read(&recording).ok().map(|answer| (recording, answer))).collect()
}

fn scripted(recording: &Recording) -> Answer {
    let body = &recording.reply.body;
    if recording.is_sse() { Answer::events().chunks_of(body, 211) } else { Answer::json(200, body.clone()) }
}

fn kinds() -> [(Sample, &'static str); 3] {
    [
        (samples::chat(), "openai-chat"),
        (samples::responses(), "openai-responses"),
        (samples::messages(), "anthropic-messages"),
    ]
}

#[tokio::test]
async fn recorded_answers_reach_clients_of_their_own_dialect_whole() {
    for (sample, kind) in kinds() {
        let answers = answers(&sample, kind);
        let Some(server) = vendor(&answers).await else { continue };
        let provider = provider(&sample, &server);
        for (recording, answer) in answers {
            let stream = recording.is_sse();
            let got = ask(&*provider, &sample, stream).await.expect(&recording.case);
            assert_eq!(got.error, None, "{}", recording.case);
            let response = understood(&sample, &got, stream).expect(&recording.case);
            assert_eq!(response.choices, answer.choices, "{}", recording.case);
            let usage = got.usage.expect("metered");
            let totals = (usage.prompt_total(), usage.completion_total());
            let expected = (answer.usage.prompt_total(), answer.usage.completion_total());
            assert_eq!(totals, expected, "{}", recording.case);
            if !answer.model.is_empty() {
                assert_eq!(response.model, "public", "{}", recording.case);
            }
        }
    }
}

#[tokio::test]
async fn recorded_answers_say_the_same_to_clients_of_other_dialects() {
    for (sample, kind) in kinds() {
        // Other dialects ask for one choice only, so that no vendor gives them more.
        let mut answers = answers(&sample, kind);
        answers.retain(|(_, answer)| answer.choices.len() <= 1);
        // A completed text has no place for calls of tools, and no client of it can offer any.
        let others = samples::all().into_iter().filter(|client| client.name != "completions");
        for client in others.filter(|client| client.name != sample.name) {
            let Some(server) = vendor(&answers).await else { continue };
            let provider = provider(&sample, &server);
            for (recording, answer) in &answers {
                let case = format!("{} to {}", recording.case, client.name);
                let got = ask(&*provider, &client, recording.is_sse()).await.expect(&case);
                assert_eq!(got.error, None, "{case}");
                let response = understood(&client, &got, recording.is_sse()).expect(&case);
                assert_eq!(words(&response), words(answer), "{case}");
                assert_eq!(calls(&response).len(), calls(answer).len(), "{case}");
                for (told, called) in calls(&response).into_iter().zip(calls(answer)) {
                    assert_eq!(told.name, called.name, "{case}");
                    // Free text and cut arguments are no objects, which some dialects must have.
                    let same = called
                        .arguments_object()
                        .is_none_or(|object| told.arguments_object() == Some(object));
                    assert!(
                        same || called.custom,
                        "{case}: `{}` became `{}`",
                        called.arguments,
                        told.arguments
                    );
                }
            }
        }
    }
}

/// A vendor that gives these answers one after the other.
async fn vendor(answers: &[(Recording, ChatResponse)]) -> Option<ScriptedVendor> {
    if answers.is_empty() {
        return None;
    }
    Some(ScriptedVendor::start(answers.iter().map(|(recording, _)| scripted(recording))).await)
}

/// What is said or declined: not every dialect tells the two apart.
fn words(response: &ChatResponse) -> String {
    let parts = response.choices.first().map(|choice| choice.message.parts.as_slice());
    let word = |part: &Part| match part {
        Part::Text(text) => text.text.to_string(),
        Part::Refusal(words) => words.clone(),
        _ => String::new(),
    };
    parts.unwrap_or_default().iter().map(word).collect()
}

fn calls(response: &ChatResponse) -> Vec<ToolCall> {
    let first = response.choices.first().into_iter();
    first.flat_map(|choice| choice.message.tool_calls()).cloned().collect()
}
