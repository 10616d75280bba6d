//! `llm query`: one question, one answer.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::ask::{Answer, Piece, Question};
use crate::backend::Backend;
use crate::failure::Failure;
use crate::numbers::{count, maybe_dollars, time};
use crate::progress;
use crate::prompt::{Parameters, message};
use crate::terminal::{FAINT, Terminal};

/// The question, and whom it is for.
#[derive(Args)]
#[command(after_help = "\
Examples:
  llm query \"why is the sky blue?\" --model gpt-4o
  cat error.log | llm query \"what went wrong?\" --stream
  llm query \"describe this\" --file picture.png --model gpt-4o
  llm query \"a name for a cat\" --temperature 1.2 --max-tokens 20
  llm query \"three primes as JSON\" -o 'response_format={\"type\":\"json_object\"}'

JSON: {model, fallback (the model that answered in its place), answer, finish_reason, usage: {prompt_tokens, \
completion_tokens, total_tokens}, cost, latency_ms, time_to_first_token_ms, call_id}, and `reasoning` and `tool_calls` where there are any. With --stream lines: \
{\"type\": \"text\" or \"reasoning\", \"text\"} …, then {\"type\": \"end\"} with all of the above.")]
pub(crate) struct Query {
    /// The question; what is piped in is put after it.
    pub prompt: Option<String>,
    /// The model; without one the gateway's default.
    #[arg(short, long, env = "LLM_MODEL", hide_env_values = true)]
    pub model: Option<String>,
    /// Print the answer as it comes.
    #[arg(long)]
    pub stream: bool,
    /// A text, picture or PDF that goes with the question. Can be repeated.
    #[arg(short, long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    #[command(flatten)]
    pub parameters: Parameters,
    /// Say what it cost and how long it took, also where nobody watches.
    #[arg(long)]
    pub stats: bool,
}

/// Asks, and prints the answer.
///
/// # Errors
/// When there is no question, or no answer.
pub(crate) async fn run(asked: &Query, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let message = message(asked.prompt.as_deref(), &asked.file)?;
    let question = Question {
        model: asked.model.clone(),
        messages: asked.parameters.messages(message),
        parameters: asked.parameters.fields(),
    };
    let answer = if asked.stream {
        streamed(&question, backend, terminal).await?
    } else {
        whole(&question, backend, terminal).await?
    };
    if asked.stats || (terminal.is_watched && !terminal.json) {
        terminal.note(&terminal.paint_beside(FAINT, said(&answer)));
    }
    Ok(())
}

async fn whole(question: &Question, backend: &Backend, terminal: Terminal) -> Result<Answer, Failure> {
    let waiting = progress::spinner(terminal, question.model.as_deref().unwrap_or("the default model"));
    let answer = question.ask(backend).await;
    waiting.finish_and_clear();
    let answer = answer?;
    if terminal.json {
        terminal.print_json(&answer.to_json(), false)?;
    } else {
        terminal.print(&with_end(&readable(&answer)))?;
    }
    Ok(answer)
}

async fn streamed(question: &Question, backend: &Backend, terminal: Terminal) -> Result<Answer, Failure> {
    let mut answering = question.stream(backend).await?;
    let mut written = Written::default();
    while let Some(piece) = answering.next().await.inspect_err(|_| written.end(terminal))? {
        written.piece(&piece, terminal)?;
    }
    written.end(terminal);
    let answer = answering.finish(backend).await;
    if terminal.json {
        let mut end = answer.to_json();
        end["type"] = json!("end");
        terminal.print_json(&end, true)?;
    } else if answer.text.is_empty() && !answer.tool_calls.is_empty() {
        terminal.print(&with_end(&readable(&answer)))?;
    }
    Ok(answer)
}

/// What of a stream stands in the output until now.
#[derive(Default)]
pub(crate) struct Written {
    is_thinking: bool,
    ends_line: bool,
    any: bool,
}

impl Written {
    /// Prints a piece: what is said as it is, what is thought dim, and only for whoever reads it on a terminal.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub(crate) fn piece(&mut self, piece: &Piece, terminal: Terminal) -> Result<(), Failure> {
        if terminal.json {
            let (kind, text) = match piece {
                Piece::Text(text) => ("text", text),
                Piece::Reasoning(text) => ("reasoning", text),
            };
            return terminal.print_json(&json!({"type": kind, "text": text}), true);
        }
        match piece {
            Piece::Reasoning(text) if io::stdout().is_terminal() => {
                self.is_thinking = true;
                self.note(text);
                terminal.print(&terminal.paint(FAINT, text))
            }
            Piece::Reasoning(_) => Ok(()),
            Piece::Text(text) => {
                if std::mem::take(&mut self.is_thinking) {
                    terminal.print(if self.ends_line { "\n" } else { "\n\n" })?;
                }
                self.note(text);
                terminal.print(text)
            }
        }
    }

    fn note(&mut self, text: &str) {
        self.any = true;
        self.ends_line = text.ends_with('\n');
    }

    /// Ends the last line, unless it has ended.
    pub(crate) fn end(&mut self, terminal: Terminal) {
        if self.any && !self.ends_line && !terminal.json {
            // Whatever comes next tells of an output that is gone.
            let _ = terminal.print("\n");
            self.ends_line = true;
        }
    }
}

/// What an answer says; calls of tools where it says nothing.
fn readable(answer: &Answer) -> String {
    if !answer.text.is_empty() || answer.tool_calls.is_empty() {
        return answer.text.clone();
    }
    let call = |call: &serde_json::Value| {
        let function = &call["function"];
        format!(
            "{}({})",
            function["name"].as_str().unwrap_or_default(),
            function["arguments"].as_str().unwrap_or_default()
        )
    };
    answer.tool_calls.iter().map(call).collect::<Vec<_>>().join("\n")
}

fn with_end(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

/// What an answer took, on one line.
pub(crate) fn said(answer: &Answer) -> String {
    let mut parts = vec![answer.model.clone()];
    parts.extend(answer.fallback.as_ref().map(|fallback| format!("answered by {fallback}")));
    if let Some((input, output)) = answer.input.zip(answer.output) {
        parts.push(format!("{} in, {} out", count(input), count(output)));
    }
    if answer.cost.is_some() {
        parts.push(maybe_dollars(answer.cost));
    }
    parts.push(time(answer.latency));
    if let Some(first) = answer.first {
        parts.push(format!("first token after {}", time(first)));
    }
    if answer.finish.as_deref() == Some("length") {
        parts.push("cut off at its longest".to_owned());
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_an_answer_took_is_one_line() {
        let answer = Answer {
            model: "smart".to_owned(),
            input: Some(1_200),
            output: Some(30),
            cost: Some(0.0042),
            latency: Duration::from_millis(1_500),
            first: Some(Duration::from_millis(300)),
            finish: Some("length".to_owned()),
            ..Answer::default()
        };
        let line =
            "smart · 1,200 in, 30 out · $0.0042 · 1.50 s · first token after 300 ms · cut off at its longest";
        assert_eq!(said(&answer), line);
    }

    #[test]
    fn calls_of_tools_are_an_answer() {
        let call = json!({"function": {"name": "weather", "arguments": "{\"city\":\"Ulm\"}"}});
        let answer = Answer { tool_calls: vec![call], ..Answer::default() };
        assert_eq!(readable(&answer), "weather({\"city\":\"Ulm\"})");
    }
}
