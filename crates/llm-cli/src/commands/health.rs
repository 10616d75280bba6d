//! `llm health`: every model is asked for a token, or the gateway for what it knows.

use std::time::{Duration, Instant};

use clap::Args;
use futures_util::{StreamExt as _, stream};
use http::Method;
use serde_json::{Value, json};

use crate::backend::Backend;
use crate::catalogue::{self, Model, fits};
use crate::failure::{Exit, Failure};
use crate::numbers::{NOTHING, milliseconds, time};
use crate::progress;
use crate::table::{Entry, Head, Look, Sheet};
use crate::terminal::{BAD, FAINT, GOOD, Terminal};

/// What is looked at, and how.
#[derive(Args)]
#[command(after_help = "\
Each model is asked for an answer of one token (an embedding, a ranking), which costs next to nothing. Of models that one \
pattern of the gateway stands for (`acme/*`), one is asked; --all asks all. Each must answer itself: fallbacks do not \
count. Pictures and sound are not asked for.

Examples:
  llm health
  llm health --models gpt-4o claude-sonnet-4-5
  llm health --no-calls    what the gateway saw in its own traffic
  llm health --json | jq '.models[] | select(.status != \"up\")'

JSON: {\"up\", \"down\", \"skipped\", \"models\": [{model, vendors, status: up, down or skipped, latency_ms, error}]}. \
Exit code 1 when one is down.")]
pub(crate) struct Health {
    /// Only these, between spaces or commas.
    #[arg(short, long, num_args = 1.., value_delimiter = ',')]
    pub models: Vec<String>,
    /// All models that patterns stand for.
    #[arg(long)]
    pub all: bool,
    /// Ask no model: say what the gateway saw until now.
    #[arg(long, conflicts_with_all = ["models", "all"])]
    pub no_calls: bool,
    /// How long a model may take.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub timeout: Duration,
    /// How many are asked at a time.
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
}

/// How a model is.
struct Checked {
    model: String,
    vendors: Vec<String>,
    status: Status,
    latency: Option<Duration>,
    error: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Up,
    Down,
    Skipped,
}

/// Looks at all of them, and prints the table.
///
/// # Errors
/// When one is down, or the gateway does not say what it has.
pub(crate) async fn run(asked: &Health, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let checked =
        if asked.no_calls { known(backend).await? } else { called(asked, backend, terminal).await? };
    let down = checked.iter().filter(|one| one.status == Status::Down).count();
    if terminal.json {
        terminal.print_json(&report(&checked), false)?;
    } else {
        terminal.print(&table(&checked, terminal))?;
        terminal.note(&summary(&checked, terminal));
    }
    if down > 0 { Err(Failure::told(Exit::Error)) } else { Ok(()) }
}

async fn called(asked: &Health, backend: &Backend, terminal: Terminal) -> Result<Vec<Checked>, Failure> {
    let models = chosen(asked, backend).await?;
    let bar = progress::bar(terminal, models.len() as u64, "asking");
    let checks = models.into_iter().map(|model| {
        let bar = bar.clone();
        async move {
            let checked = check(model, backend, asked.timeout).await;
            bar.inc(1);
            checked
        }
    });
    let checked = stream::iter(checks).buffered(asked.concurrency.into()).collect().await;
    bar.finish_and_clear();
    Ok(checked)
}

/// The models to ask: those that are named, or one for each name or pattern of the gateway.
async fn chosen(asked: &Health, backend: &Backend) -> Result<Vec<Model>, Failure> {
    let models = catalogue::models(backend).await?;
    if !asked.models.is_empty() {
        let known = |name: &String| models.iter().find(|model| model.name == *name).cloned();
        let named = |name: &String| Model { name: name.clone(), ..Model::default() };
        return Ok(asked.models.iter().map(|name| known(name).unwrap_or_else(|| named(name))).collect());
    }
    let patterns = if asked.all { Vec::new() } else { catalogue::patterns(backend).await };
    let mut taken: Vec<&str> = Vec::new();
    let mut chosen = Vec::new();
    for model in models.iter().filter(|model| call(model).is_some() || !is_of(&patterns, model)) {
        match patterns.iter().find(|pattern| fits(pattern, &model.name)) {
            Some(pattern) if taken.contains(&pattern.as_str()) => continue,
            Some(pattern) => taken.push(pattern),
            None => {}
        }
        chosen.push(model.clone());
    }
    Ok(chosen)
}

fn is_of(patterns: &[String], model: &Model) -> bool {
    patterns.iter().any(|pattern| fits(pattern, &model.name))
}

/// The smallest call of a model's kind; `None`: there is no cheap one. The model itself must answer it: no other one in its
/// place, and not an answer that was kept.
fn call(model: &Model) -> Option<(&'static str, Value)> {
    let name = &model.name;
    let (path, mut body) = match model.mode.as_deref() {
        None | Some("chat" | "responses" | "completion") => {
            let messages = json!([{"role": "user", "content": "Hi"}]);
            Some(("/v1/chat/completions", json!({"model": name, "messages": messages, "max_tokens": 1})))
        }
        Some("embedding") => Some(("/v1/embeddings", json!({"model": name, "input": "Hi"}))),
        Some("rerank") => Some(("/v1/rerank", json!({"model": name, "query": "Hi", "documents": ["Hello"]}))),
        Some(_) => None,
    }?;
    body["disable_fallbacks"] = json!(true);
    body["cache"] = json!({"no-cache": true});
    Some((path, body))
}

async fn check(model: Model, backend: &Backend, timeout: Duration) -> Checked {
    let mut checked = Checked {
        status: Status::Skipped,
        latency: None,
        error: None,
        model: model.name.clone(),
        vendors: model.vendors.clone(),
    };
    let Some((path, body)) = call(&model) else {
        checked.error = Some(format!("{} is not asked for", model.mode.unwrap_or_default()));
        return checked;
    };
    let began = Instant::now();
    let asking = async { backend.send(Method::POST, path, Some(&body)).await?.json().await };
    let answer = tokio::time::timeout(timeout, asking).await;
    checked.latency = Some(began.elapsed());
    (checked.status, checked.error) = match answer {
        Ok(Ok(_)) => (Status::Up, None),
        Ok(Err(failure)) => (Status::Down, Some(failure.message)),
        Err(_) => (Status::Down, Some(format!("no answer within {}", time(timeout)))),
    };
    checked
}

/// How the deployments are by the gateway's own traffic.
async fn known(backend: &Backend) -> Result<Vec<Checked>, Failure> {
    let told = backend.get("/v1/providers/status").await?;
    let one = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let is_up = matches!(one["status"].as_str(), Some("healthy" | "recovering"));
        Checked {
            model: text("model_name"),
            vendors: vec![text("provider")],
            status: if is_up { Status::Up } else { Status::Down },
            latency: one["average_latency_ms"].as_u64().map(Duration::from_millis),
            error: (!is_up).then(|| format!("{}: {}", text("status"), text("last_error"))),
        }
    };
    Ok(told["providers"].as_array().into_iter().flatten().map(one).collect())
}

fn report(checked: &[Checked]) -> Value {
    let [up, down, skipped] = counts(checked);
    let models: Vec<Value> = checked
        .iter()
        .map(|one| {
            json!({
                "model": one.model,
                "vendors": one.vendors,
                "status": one.status.name(),
                "latency_ms": one.latency.map(milliseconds),
                "error": one.error,
            })
        })
        .collect();
    json!({"up": up, "down": down, "skipped": skipped, "models": models})
}

fn counts(checked: &[Checked]) -> [usize; 3] {
    [Status::Up, Status::Down, Status::Skipped]
        .map(|status| checked.iter().filter(|one| one.status == status).count())
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Skipped => "skipped",
        }
    }

    fn entry(self) -> Entry {
        match self {
            Self::Up => Entry::new("● up", Look::Good),
            Self::Down => Entry::new("● down", Look::Bad),
            Self::Skipped => Entry::new("○ skipped", Look::Faint),
        }
    }
}

fn table(checked: &[Checked], terminal: Terminal) -> String {
    let heads = [
        Head::Left("model"),
        Head::Left("vendor"),
        Head::Whole("status"),
        Head::Right("latency"),
        Head::Left("what is wrong"),
    ];
    let any_wrong = checked.iter().any(|one| one.error.is_some());
    let mut sheet = Sheet::new(terminal, heads.get(..if any_wrong { 5 } else { 4 }).unwrap_or(&heads));
    for one in checked {
        let mut row = vec![
            Entry::new(&one.model, Look::Name),
            one.vendors.join(", ").into(),
            one.status.entry(),
            one.latency.map_or_else(|| Entry::new(NOTHING, Look::Faint), |took| time(took).into()),
        ];
        if any_wrong {
            let look = if one.status == Status::Down { Look::Bad } else { Look::Faint };
            row.push(Entry::new(one.error.as_deref().unwrap_or_default(), look));
        }
        sheet.rows(row);
    }
    sheet.finish()
}

fn summary(checked: &[Checked], terminal: Terminal) -> String {
    let [up, down, skipped] = counts(checked);
    let mut parts = vec![terminal.paint_beside(GOOD, format!("{up} up"))];
    if down > 0 {
        parts.push(terminal.paint_beside(BAD, format!("{down} down")));
    }
    if skipped > 0 {
        parts.push(terminal.paint_beside(FAINT, format!("{skipped} not asked")));
    }
    parts.join(", ")
}

/// A time in seconds, as flags have it.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.trim_end_matches('s').parse::<f64>().map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_down_says_why() {
        let one = |model: &str, status, error: Option<&str>| Checked {
            model: model.to_owned(),
            vendors: vec!["acme".to_owned()],
            status,
            latency: Some(Duration::from_millis(420)),
            error: error.map(str::to_owned),
        };
        let checked = [
            one("smart", Status::Up, None),
            one("broken", Status::Down, Some("the vendor refused the key: it is not one of its own")),
            one("painter", Status::Skipped, Some("image_generation is not asked for")),
        ];
        insta::assert_snapshot!(table(&checked, Terminal::plain(80)));
        assert_eq!(summary(&checked, Terminal::plain(80)), "1 up, 1 down, 1 not asked");
    }

    #[test]
    fn each_kind_has_its_own_call() {
        let path = |mode: Option<&str>| {
            let model = Model { mode: mode.map(str::to_owned), ..Model::default() };
            call(&model).map(|(path, _)| path)
        };
        assert_eq!(path(None), Some("/v1/chat/completions"));
        assert_eq!(path(Some("embedding")), Some("/v1/embeddings"));
        assert_eq!(path(Some("image_generation")), None);
    }
}
