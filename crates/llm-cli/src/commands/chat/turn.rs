//! One turn of a conversation: something is said, and answered, unless Ctrl-C comes first.

use std::pin::pin;

use serde_json::json;

use super::conversation::Conversation;
use crate::ask::Answer;
use crate::backend::Backend;
use crate::commands::query::{Written, said};
use crate::failure::Failure;
use crate::progress;
use crate::terminal::{FAINT, Terminal, WARN};

/// Says it, and prints the answer. What was stopped before its first word was never said.
///
/// # Errors
/// When there is no answer.
pub(super) async fn turn(
    talk: &mut Conversation,
    text: &str,
    stream: bool,
    backend: &Backend,
    terminal: Terminal,
) -> Result<(), Failure> {
    let answer = if stream {
        streamed(talk, text, backend, terminal).await?
    } else {
        whole(talk, text, backend, terminal).await?
    };
    let Some((answer, stopped)) = answer else {
        terminal.note(&terminal.paint_beside(WARN, "stopped"));
        return Ok(());
    };
    if terminal.json {
        let mut shown = answer.to_json();
        shown["type"] = json!("end");
        terminal.print_json(&shown, true)?;
    } else {
        let stopped = if stopped { "stopped · " } else { "" };
        // Turns stand apart where a person reads them.
        let gap = if terminal.is_watched { "\n" } else { "" };
        terminal.note(&(terminal.paint_beside(FAINT, format!("{stopped}{}", said(&answer))) + gap));
    }
    talk.answered(text, &answer);
    Ok(())
}

/// The answer, and whether it was stopped.
type Turned = Option<(Answer, bool)>;

async fn whole(
    talk: &Conversation,
    text: &str,
    backend: &Backend,
    terminal: Terminal,
) -> Result<Turned, Failure> {
    let question = talk.question(text);
    let waiting = progress::spinner(terminal, talk.model.as_deref().unwrap_or("the default model"));
    let answer = tokio::select! {
        answer = question.ask(backend) => Some(answer),
        _ = tokio::signal::ctrl_c() => None,
    };
    waiting.finish_and_clear();
    let Some(answer) = answer.transpose()? else { return Ok(None) };
    if !terminal.json {
        terminal.print(&format!("{}\n", answer.text.trim_end()))?;
    }
    Ok(Some((answer, false)))
}

async fn streamed(
    talk: &Conversation,
    text: &str,
    backend: &Backend,
    terminal: Terminal,
) -> Result<Turned, Failure> {
    let question = talk.question(text);
    // One for the whole turn: a signal that comes between two pieces must not be missed.
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    let begun = tokio::select! {
        biased;
        _ = &mut interrupted => None,
        begun = question.stream(backend) => Some(begun),
    };
    let Some(mut answering) = begun.transpose()? else { return Ok(None) };
    let mut written = Written::default();
    let stopped = loop {
        let piece = tokio::select! {
            biased;
            _ = &mut interrupted => break true,
            piece = answering.next() => piece.inspect_err(|_| written.end(terminal))?,
        };
        match piece {
            Some(piece) => written.piece(&piece, terminal)?,
            None => break false,
        }
    };
    written.end(terminal);
    let answer = answering.finish(backend).await;
    Ok((!stopped || !answer.text.is_empty()).then_some((answer, stopped)))
}
