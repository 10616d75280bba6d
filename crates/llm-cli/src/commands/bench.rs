//! `llm bench`: a model under load.

mod load;
mod report;

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::health::seconds;
use crate::ask::Question;
use crate::backend::Backend;
use crate::failure::{Exit, Failure};
use crate::prompt::Parameters;
use crate::terminal::Terminal;

use load::{End, Load};

/// What is asked when nobody says.
const USUAL: &str = "Tell me about the sea in about fifty words.";

/// What load.
#[derive(Args)]
#[command(after_help = "\
Every request is paid for as any other. Streams are measured unless --no-stream: they tell when the first token came.

Examples:
  llm bench --model gpt-4o-mini    32 requests, 4 at a time
  llm bench --model gpt-4o-mini -n 500 -c 50
  llm bench --model local --duration 30 --max-tokens 256
  llm bench --model a --json | jq .latency_ms.p99

JSON: {model, concurrency, requests, failed, seconds, requests_per_second, output_tokens_per_second, latency_ms: {mean, \
p50, p90, p95, p99, max}, time_to_first_token_ms: {…}, prompt_tokens, completion_tokens, cost, errors: [{message, count}]}. \
Exit code 1 when a request failed.")]
pub(crate) struct Bench {
    /// The model.
    #[arg(short, long, env = "LLM_MODEL", hide_env_values = true)]
    pub model: String,
    /// What is asked.
    #[arg(long, value_name = "TEXT", default_value = USUAL, hide_default_value = true)]
    pub prompt: String,
    /// Requests in all.
    #[arg(short = 'n', long, value_name = "N", default_value = "32", conflicts_with = "duration",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: u64,
    /// How long requests are begun, in the place of a number of them.
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    pub duration: Option<Duration>,
    /// Requests at a time.
    #[arg(short, long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub concurrency: u16,
    /// Whole answers in the place of streams.
    #[arg(long)]
    pub no_stream: bool,
    #[command(flatten)]
    pub parameters: Parameters,
}

/// Makes the load, and prints what it measured.
///
/// # Errors
/// When a request failed.
pub(crate) async fn run(asked: &Bench, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let message = json!({"role": "user", "content": asked.prompt});
    let question = Question {
        model: Some(asked.model.clone()),
        messages: asked.parameters.messages(message),
        parameters: asked.parameters.fields(),
    };
    let end = asked.duration.map_or(End::After(asked.requests), End::At);
    let load = Load { question, end, concurrency: asked.concurrency, stream: !asked.no_stream };
    let measured = load.make(backend, terminal).await;
    if terminal.json {
        terminal.print_json(&report::json(&load, &measured), false)?;
    } else {
        terminal.print(&report::table(&load, &measured, terminal))?;
    }
    match measured.failures.first() {
        None => Ok(()),
        Some(first) if measured.answers.is_empty() => Err(Failure::told(first.exit)),
        Some(_) => Err(Failure::told(Exit::Error)),
    }
}
