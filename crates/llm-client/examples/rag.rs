//! Answers from documents: the nearest of them by their vectors are given to the model.
//! `cargo run --package llm-client --example rag`.

use llm_client::{Chat, Client, Model, Result};

const DOCUMENTS: [&str; 3] = [
    "The harbour of the town opens at six in the morning and closes at ten.",
    "Bread is baked in the old mill every day but Monday.",
    "The library lends books for four weeks.",
];

/// How near two vectors are: 1 for the same direction.
fn nearness(one: &[f32], other: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt().max(f32::MIN_POSITIVE)
}

/// The document that fits a question, and the answer to it.
async fn answered(client: &Client, question: &str) -> Result<(String, String)> {
    // In a real program the vectors of documents are made once, and kept.
    let known = client.embed("vectors", DOCUMENTS).await?.vectors;
    let asked = client.embed("vectors", [question]).await?.vectors.concat();
    let near = |(one, _): &(&Vec<f32>, &str), (other, _): &(&Vec<f32>, &str)| {
        nearness(one, &asked).total_cmp(&nearness(other, &asked))
    };
    let found = known.iter().zip(DOCUMENTS).max_by(near).map(|(_, text)| text).unwrap_or_default();
    let request = Chat::new("answers")
        .system("Answer from the text alone, and say so when it does not tell.")
        .user(format!("Text: {found}\n\nQuestion: {question}"));
    let answer = client.chat(request).await?;
    Ok((found.to_owned(), answer.text().to_owned()))
}

pub(crate) async fn run() -> (String, String) {
    // Put `openai/text-embedding-3-small` and `openai/gpt-4o-mini` here, with OPENAI_API_KEY in the environment.
    let client = Client::builder()
        .model(Model::new("answers", "mock/echo"))
        .model(Model::new("vectors", "mock/echo"))
        .build()
        .expect("nothing is wrong with it");
    answered(&client, "When does the harbour close?").await.expect("an answer")
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (found, answer) = run().await;
    #[expect(clippy::print_stdout, reason = "it is what the example is for")]
    {
        println!("found: {found}\n{answer}");
    }
}
