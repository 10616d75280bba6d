//! Whether the vendors of a new configuration take their keys: one call of one token each.

use std::time::{Duration, Instant};

use http::Method;
use llm_config::Options;
use serde_json::{Value, json};

use super::Init;
use super::choice::Choice;
use super::files::Files;
use crate::backend::{Backend, of_loaded};
use crate::catalogue::{self, Model};
use crate::failure::{Exit, Failure};
use crate::numbers::{NOTHING, milliseconds, time};
use crate::progress;
use crate::table::{Entry, Head, Look, Sheet};
use crate::terminal::Terminal;

/// How long a vendor may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many models of a vendor are looked at for a cheap one.
const LOOKED_AT: usize = 60;

/// Parts of names of models that do not answer words with words, or not for everybody.
const SPECIAL: [&str; 10] =
    ["audio", "realtime", "search", "preview", "image", "live", "tts", "embed", "research", "ft:"];

/// What came of a vendor's test.
pub(super) struct Trial {
    pub vendor: String,
    pub status: Status,
    pub model: Option<String>,
    pub latency: Option<Duration>,
    pub message: Option<String>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Works,
    Refused,
    Failed,
    Skipped,
}

impl Trial {
    /// The same for programs.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "status": self.status.name(),
            "model": self.model,
            "latency_ms": self.latency.map(milliseconds),
            "message": self.message,
        })
    }
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// Tests every vendor through the configuration that was written.
///
/// # Errors
/// When the configuration cannot be used.
pub(super) async fn all(
    asked: &Init,
    choices: &[Choice],
    files: &Files,
    terminal: Terminal,
) -> Result<Vec<Trial>, Failure> {
    let mut options = Options::from_process();
    options.config = files.config.file_name().map(Into::into);
    options.directory.clone_from(&asked.directory);
    // A test leaves nothing behind, and gets in nobody's way.
    options.variables.retain(|(name, _)| name != "LLM_DATA_DIRECTORY");
    options.variables.push(("LLM_DATA_DIRECTORY".to_owned(), ":memory:".to_owned()));
    let loaded = llm_config::load(&options).map_err(|report| Failure::report(&report.to_string()))?;
    let (backend, _) = of_loaded(loaded, None, files.config.display().to_string()).await?;
    let models = catalogue::models(&backend).await?;
    let bar = progress::bar(terminal, choices.len() as u64, "testing");
    let mut trials = Vec::new();
    for choice in choices {
        trials.push(one(asked, choice, &models, &backend).await);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(trials)
}

async fn one(asked: &Init, choice: &Choice, models: &[Model], backend: &Backend) -> Trial {
    let vendor = choice.vendor.name.clone();
    let named = asked.test_model.iter().find(|(name, _)| *name == vendor);
    let model = match named {
        Some((_, model)) => Some(with_prefix(&vendor, model)),
        None => cheapest(&vendor, models, backend).await,
    };
    let mut trial = Trial { vendor, status: Status::Skipped, model, latency: None, message: None };
    let Some(model) = &trial.model else {
        trial.message = Some(format!("none of its models is known: say --test-model {}=MODEL", trial.vendor));
        return trial;
    };
    let messages = json!([{"role": "user", "content": "Hi"}]);
    let body = json!({"model": model, "messages": messages, "max_tokens": 1});
    let began = Instant::now();
    let call = async { backend.send(Method::POST, "/v1/chat/completions", Some(&body)).await?.json().await };
    let answer = tokio::time::timeout(PATIENCE, call).await;
    trial.latency = Some(began.elapsed());
    (trial.status, trial.message) = judge(answer);
    trial
}

fn judge(answer: Result<Result<Value, Failure>, tokio::time::error::Elapsed>) -> (Status, Option<String>) {
    match answer {
        Ok(Ok(_)) => (Status::Works, None),
        Ok(Err(failure)) if failure.exit == Exit::Refused => (Status::Refused, Some(failure.message)),
        Ok(Err(failure)) => (Status::Failed, Some(failure.message)),
        Err(_) => (Status::Failed, Some(format!("no answer within {}", time(PATIENCE)))),
    }
}

fn with_prefix(vendor: &str, model: &str) -> String {
    if model.starts_with(&format!("{vendor}/")) { model.to_owned() } else { format!("{vendor}/{model}") }
}

/// The vendor's model that costs least, of those that answer words with words.
async fn cheapest(vendor: &str, models: &[Model], backend: &Backend) -> Option<String> {
    let prefix = format!("{vendor}/");
    let is_usual = |model: &&Model| {
        let name = model.name.to_ascii_lowercase();
        model.name.starts_with(&prefix) && model.chats() && !SPECIAL.iter().any(|part| name.contains(part))
    };
    let candidates: Vec<Model> = models.iter().filter(is_usual).take(LOOKED_AT).cloned().collect();
    let first = candidates.first().map(|model| model.name.clone());
    let priced = catalogue::price(backend, candidates).await;
    let cheapest = priced
        .iter()
        .filter_map(|model| Some((model.prices.0.filter(|price| *price > 0.0)?, model)))
        .min_by(|(one, _), (other, _)| one.total_cmp(other));
    cheapest.map(|(_, model)| model.name.clone()).or(first)
}

/// The tests in a table; nothing where there were none.
pub(super) fn table(trials: &[Trial], terminal: Terminal) -> String {
    if trials.is_empty() {
        return String::new();
    }
    let heads = [
        Head::Whole("vendor"),
        Head::Whole("test"),
        Head::Left("model"),
        Head::Right("latency"),
        Head::Left("message"),
    ];
    let mut sheet = Sheet::new(terminal, &heads);
    for trial in trials {
        let (text, look) = match trial.status {
            Status::Works => ("● works", Look::Good),
            Status::Refused => ("● key refused", Look::Bad),
            Status::Failed => ("● failed", Look::Bad),
            Status::Skipped => ("○ not tested", Look::Faint),
        };
        sheet.row([
            Entry::new(&trial.vendor, Look::Name),
            Entry::new(text, look),
            trial.model.as_deref().unwrap_or(NOTHING).into(),
            trial.latency.map_or_else(|| NOTHING.to_owned(), time).into(),
            trial.message.as_deref().unwrap_or_default().into(),
        ]);
    }
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_keys_are_told_from_other_failures() {
        let failed = |exit| judge(Ok(Err(Failure::new(exit, "why")))).0;
        assert_eq!([failed(Exit::Refused), failed(Exit::Error)], [Status::Refused, Status::Failed]);
        assert_eq!(judge(Ok(Ok(json!({})))).0, Status::Works);
    }

    #[test]
    fn models_are_named_with_their_vendor() {
        assert_eq!(with_prefix("acme", "small"), "acme/small");
        assert_eq!(with_prefix("acme", "acme/small"), "acme/small");
    }
}
