//! `llm compare`: several models are asked the same at once, and stand side by side.

use std::path::PathBuf;

use clap::Args;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Value, json};

use crate::ask::{Answer, Question};
use crate::backend::Backend;
use crate::failure::{Exit, Failure};
use crate::numbers::{NOTHING, maybe_dollars, maybe_time, time};
use crate::progress;
use crate::prompt::{Parameters, message};
use crate::table::{Entry, Head, Look, Sheet};
use crate::terminal::Terminal;

/// An answer is never squeezed into less than this.
const NARROWEST: u16 = 16;

/// Whom to ask what.
#[derive(Args)]
#[command(after_help = "\
Examples:
  llm compare \"explain quantum computing\" --models gpt-4o claude-sonnet-4-5
  llm compare \"a haiku\" --models gpt-4o gpt-4o-mini --temperature 1
  llm compare --models a,b < question.txt
  llm compare \"2+2?\" --models a b --json | jq '.answers[].cost'

JSON: {\"prompt\", \"answers\": [as of `llm query`, or {model, error}]}, in the order of --models. \
Exit code 1 when one of them gave no answer.")]
pub(crate) struct Compare {
    /// The question; what is piped in is put after it.
    pub prompt: Option<String>,
    /// The models, between spaces or commas.
    #[arg(short, long, required = true, num_args = 1.., value_delimiter = ',')]
    pub models: Vec<String>,
    /// A text, picture or PDF that goes with the question. Can be repeated.
    #[arg(short, long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    #[command(flatten)]
    pub parameters: Parameters,
}

/// Asks all of them, and prints the table.
///
/// # Errors
/// When there is no question, or one of them has no answer.
pub(crate) async fn run(asked: &Compare, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let message = message(asked.prompt.as_deref(), &asked.file)?;
    let messages = asked.parameters.messages(message.clone());
    let bar = progress::bar(terminal, asked.models.len() as u64, "asking");
    let mut asking: FuturesUnordered<_> = asked
        .models
        .iter()
        .enumerate()
        .map(|(at, model)| {
            let (messages, parameters) = (messages.clone(), asked.parameters.fields());
            let question = Question { model: Some(model.clone()), messages, parameters };
            async move { (at, answered(&question, backend).await) }
        })
        .collect();
    let mut answers = Vec::new();
    while let Some(answer) = asking.next().await {
        answers.push(answer);
        bar.inc(1);
    }
    bar.finish_and_clear();
    answers.sort_by_key(|(at, _)| *at);
    let answers: Vec<_> =
        answers.into_iter().zip(&asked.models).map(|((_, answer), model)| (model.as_str(), answer)).collect();
    if terminal.json {
        let shown: Vec<Value> = answers.iter().map(shown).collect();
        terminal.print_json(&json!({"prompt": message["content"], "answers": shown}), false)?;
    } else {
        terminal.print(&table(&answers, terminal))?;
    }
    // One key for all of them: when it is refused, all of it is.
    let exits: Vec<Exit> =
        answers.iter().filter_map(|(_, answer)| Some(answer.as_ref().err()?.exit)).collect();
    match exits.as_slice() {
        [] => Ok(()),
        [first, ..] if exits.len() == answers.len() && exits.iter().all(|exit| exit == first) => {
            Err(Failure::told(*first))
        }
        _ => Err(Failure::told(Exit::Error)),
    }
}

/// The answer of one of them, by a stream: so the first token has a time.
async fn answered(question: &Question, backend: &Backend) -> Result<Answer, Failure> {
    let mut answering = question.stream(backend).await?;
    while answering.next().await?.is_some() {}
    Ok(answering.finish(backend).await)
}

fn shown((model, answer): &(&str, Result<Answer, Failure>)) -> Value {
    match answer {
        Ok(answer) => {
            let mut shown = answer.to_json();
            shown["model"] = json!(model);
            shown
        }
        Err(failure) => {
            let mut shown = failure.to_json();
            shown["model"] = json!(model);
            shown
        }
    }
}

/// The models side by side while each has room for its answer; below each other otherwise.
fn table(answers: &[(&str, Result<Answer, Failure>)], terminal: Terminal) -> String {
    let columns = u16::try_from(answers.len()).unwrap_or(u16::MAX);
    // The names of the rows, and what stands between the columns.
    let room = terminal.width.saturating_sub(16 + 3 * columns.saturating_add(1));
    if room / columns.max(1) >= NARROWEST {
        side_by_side(answers, terminal, room / columns.max(1))
    } else {
        answers.iter().map(|one| below(one, terminal)).collect()
    }
}

const FACTS: [&str; 6] = ["answer", "latency", "first token", "tokens", "tokens/s", "cost"];

fn side_by_side(answers: &[(&str, Result<Answer, Failure>)], terminal: Terminal, width: u16) -> String {
    let mut sheet = Sheet::new(terminal, &[Head::Whole("")]);
    sheet.others_at_most(width);
    let names = answers.iter().map(|one| Entry::new(name(one), Look::Name));
    sheet.head(std::iter::once(Entry::new("", Look::Plain)).chain(names).collect());
    for (at, fact) in FACTS.iter().enumerate() {
        let of = answers.iter().map(|(_, answer)| self::fact(answer, at, answers));
        sheet.rows(std::iter::once(Entry::new(*fact, Look::Strong)).chain(of).collect());
    }
    sheet.finish()
}

/// The model, and which one answered in its place.
fn name((model, answer): &(&str, Result<Answer, Failure>)) -> String {
    match answer.as_ref().ok().and_then(|answer| answer.fallback.as_deref()) {
        Some(fallback) => format!("{model}, answered by {fallback}"),
        None => (*model).to_owned(),
    }
}

fn below(one: &(&str, Result<Answer, Failure>), terminal: Terminal) -> String {
    let (_, answer) = one;
    let mut sheet = Sheet::new(terminal, &[Head::Whole(""), Head::Left("")]);
    sheet.head(vec![Entry::new("", Look::Plain), Entry::new(name(one), Look::Name)]);
    for (at, fact) in FACTS.iter().enumerate() {
        sheet.row([Entry::new(*fact, Look::Strong), self::fact(answer, at, &[])]);
    }
    sheet.finish()
}

/// One fact of an answer; the best of several is marked.
fn fact(answer: &Result<Answer, Failure>, at: usize, all: &[(&str, Result<Answer, Failure>)]) -> Entry {
    let answer = match (answer, at) {
        (Ok(answer), _) => answer,
        (Err(failure), 0) => return Entry::new(&failure.message, Look::Bad),
        (Err(_), _) => return Entry::new(NOTHING, Look::Faint),
    };
    let text = match at {
        0 => return answer.text.trim().into(),
        1 => time(answer.latency),
        2 => maybe_time(answer.first),
        3 => match answer.input.zip(answer.output) {
            Some((input, output)) => format!("{input} in, {output} out"),
            None => NOTHING.to_owned(),
        },
        4 => answer.pace().map_or_else(|| NOTHING.to_owned(), |pace| format!("{pace:.0}")),
        _ => maybe_dollars(answer.cost),
    };
    let Some(own) = rank(answer, at) else { return text.into() };
    let others: Vec<f64> = all
        .iter()
        .filter_map(|(_, other)| rank(other.as_ref().ok()?, at))
        .filter(|rank| *rank > own)
        .collect();
    let ranked =
        all.iter().filter(|(_, other)| other.as_ref().is_ok_and(|other| rank(other, at).is_some())).count();
    let is_best = ranked > 1 && others.len() == ranked - 1;
    Entry::new(text, if is_best { Look::Good } else { Look::Plain })
}

/// What is less is better.
fn rank(answer: &Answer, at: usize) -> Option<f64> {
    match at {
        1 => Some(answer.latency.as_secs_f64()),
        2 => answer.first.map(|first| first.as_secs_f64()),
        4 => answer.pace().map(|pace| -pace),
        5 => answer.cost,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answers() -> Vec<(&'static str, Result<Answer, Failure>)> {
        let answer = |text: &str, millis: u64| Answer {
            text: text.to_owned(),
            input: Some(9),
            output: Some(20),
            cost: Some(0.0005),
            latency: Duration::from_millis(millis),
            first: Some(Duration::from_millis(millis / 2)),
            ..Answer::default()
        };
        vec![
            ("smart", Ok(answer("A long answer that has to be broken into several lines.", 900))),
            ("fast", Ok(answer("Short.", 300))),
            ("broken", Err(Failure::new(Exit::Error, "the vendor is overloaded"))),
        ]
    }

    #[test]
    fn models_stand_side_by_side() {
        insta::assert_snapshot!(table(&answers(), Terminal::plain(120)));
    }

    #[test]
    fn a_narrow_terminal_has_them_below_each_other() {
        insta::assert_snapshot!(table(&answers(), Terminal::plain(60)));
    }
}
