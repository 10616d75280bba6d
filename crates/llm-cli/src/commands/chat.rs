//! `llm chat`: a conversation, line by line.

mod conversation;
mod order;
mod reader;
mod turn;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::backend::Backend;
use crate::catalogue::{self, fits};
use crate::failure::Failure;
use crate::numbers::{count, dollars};
use crate::prompt::Parameters;
use crate::terminal::{FAINT, GOOD, NAME, STRONG, Terminal};

use conversation::Conversation;
use order::{HELP, Order};
use reader::{Read, Reader};

/// With whom, and how.
#[derive(Args)]
#[command(after_help = "\
Lines that begin with / are commands: /help shows them. A line that ends with \\ goes on in the next one, and so does \
everything between two lines of \"\"\"; Alt-Enter begins a new line. Ctrl-C stops an answer, Ctrl-D ends.

Examples:
  llm chat --model gpt-4o --stream
  llm chat --model claude-sonnet-4-5 --stream --system \"you are a pirate\"
  llm chat --load yesterday.json
  printf 'hello\\n/save talk.md\\n' | llm chat --model gpt-4o

What was typed is kept in $LLM_HISTORY, else ~/.local/state/llm/history (readable by you alone); --no-history keeps nothing.
JSON: for each answer what `llm query` prints, with --stream its lines.")]
pub(crate) struct Chat {
    /// The model; without one the gateway's default.
    #[arg(short, long, env = "LLM_MODEL", hide_env_values = true)]
    pub model: Option<String>,
    /// Print answers as they come.
    #[arg(long)]
    pub stream: bool,
    #[command(flatten)]
    pub parameters: Parameters,
    /// Go on with a conversation that was saved as JSON.
    #[arg(long, value_name = "FILE")]
    pub load: Option<PathBuf>,
    /// Neither read nor keep what was typed.
    #[arg(long)]
    pub no_history: bool,
}

/// What to do after an order.
enum Next {
    Read,
    Quit,
}

/// Talks until the end of the input or /quit.
///
/// # Errors
/// When nothing can be read, or a model fails at what is piped in.
pub(crate) async fn run(asked: Chat, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let names: Vec<String> = match catalogue::models(backend).await {
        Ok(models) => models.into_iter().filter(catalogue::Model::chats).map(|model| model.name).collect(),
        // Not everybody may list models; whoever may not is told so by the first answer.
        Err(failure) if failure.exit == crate::failure::Exit::Unreachable => return Err(failure),
        Err(_) => Vec::new(),
    };
    let mut talk = Conversation::new(asked.model.clone(), asked.parameters.clone());
    if let Some(file) = &asked.load {
        talk.load(file)?;
    }
    let mut reader = Reader::open(!asked.no_history, names.clone(), terminal)?;
    if reader.is_watched() {
        greet(&talk, backend, terminal);
    }
    loop {
        let text = match reader.read()? {
            Read::Text(text) => text,
            Read::Interrupted => {
                terminal.note(&terminal.paint_beside(FAINT, "Ctrl-D or /quit ends"));
                continue;
            }
            Read::End => break,
        };
        let order = Order::of(&text);
        let done = match order {
            Order::Nothing => Ok(Next::Read),
            Order::Say(text) => {
                turn::turn(&mut talk, &text, asked.stream, backend, terminal).await.map(|()| Next::Read)
            }
            order => obey(order, &mut talk, &names, terminal),
        };
        match done {
            Ok(Next::Read) => {}
            Ok(Next::Quit) => break,
            // A person reads it and goes on; a script has failed.
            Err(failure) if reader.is_watched() => terminal.fail(&failure),
            Err(failure) => return Err(failure),
        }
    }
    if reader.is_watched() && talk.turns > 0 {
        terminal.note(&terminal.paint_beside(FAINT, sum(&talk)));
    }
    Ok(())
}

fn greet(talk: &Conversation, backend: &Backend, terminal: Terminal) {
    let model = talk.model.as_deref().unwrap_or("the default model");
    terminal.note(&format!(
        "{} {}",
        terminal.paint_beside(NAME.bold(), model),
        terminal.paint_beside(FAINT, format!("of {} · /help for commands, Ctrl-D to end", backend.place))
    ));
    if !talk.messages.is_empty() {
        let many = talk.messages.len();
        terminal.note(&terminal.paint_beside(FAINT, format!("going on after {many} messages")));
    }
}

fn obey(
    order: Order,
    talk: &mut Conversation,
    names: &[String],
    terminal: Terminal,
) -> Result<Next, Failure> {
    let say = |text: &str| terminal.note(&terminal.paint_beside(GOOD, text));
    match order {
        Order::Nothing | Order::Say(_) => {}
        Order::Quit => return Ok(Next::Quit),
        Order::Help => terminal.note(&help(terminal)),
        Order::Model(None) => terminal.note(&models(talk, names, terminal)),
        Order::Model(Some(name)) => {
            if !names.is_empty() && !names.iter().any(|known| fits(known, &name)) {
                terminal.warn(&format!("`{name}` is not in the gateway's list of models (/model shows it)"));
            }
            say(&format!("now with {name}"));
            talk.model = Some(name);
        }
        Order::System(None) => match &talk.system {
            Some(text) => terminal.note(text),
            None => terminal.note(&terminal.paint_beside(FAINT, "nothing; /system TEXT says something")),
        },
        Order::System(Some(text)) => {
            talk.system = (text != "-").then_some(text);
            say(if talk.system.is_some() {
                "the model is told so from now on"
            } else {
                "the model is told nothing"
            });
        }
        Order::Save(Some(file)) => {
            talk.save(&file)?;
            say(&format!("saved to {}", file.display()));
        }
        Order::Load(Some(file)) => {
            talk.load(&file)?;
            say(&format!("going on after {} messages", talk.messages.len()));
        }
        Order::Save(None) | Order::Load(None) => {
            return Err(Failure::usage("which file?").help("/save talk.json, /save talk.md, /load talk.json"));
        }
        Order::Clear => {
            talk.messages.clear();
            say("forgotten; the model, the system text and the cost stay");
        }
        Order::Cost => terminal.note(&sum(talk)),
        Order::Unknown(name) => {
            return Err(Failure::usage(format!("there is no command /{name}"))
                .help("/help shows them; begin with // to say a line that begins with /"));
        }
    }
    Ok(Next::Read)
}

fn help(terminal: Terminal) -> String {
    let line = |(command, what): &(&str, &str)| {
        format!("  {}  {what}", terminal.paint_beside(NAME, format!("{command:<16}")))
    };
    let mut lines: Vec<String> = HELP.iter().map(line).collect();
    let more = "\\ at the end of a line, \"\"\" around several, or Alt-Enter: more lines\n  Ctrl-C stops an answer, Tab completes";
    lines.push(terminal.paint_beside(FAINT, format!("  {more}")));
    lines.join("\n")
}

/// How many names of models are shown.
const SHOWN: usize = 40;

fn models(talk: &Conversation, names: &[String], terminal: Terminal) -> String {
    let own = talk.model.as_deref().unwrap_or("the default model");
    let mut text = format!("{} {}", terminal.paint_beside(STRONG, "now:"), terminal.paint_beside(NAME, own));
    let (shown, more) = names.split_at_checked(SHOWN).unwrap_or((names, &[]));
    if !shown.is_empty() {
        text.push_str(&format!("\n{} {}", terminal.paint_beside(STRONG, "others:"), shown.join(", ")));
    }
    if !more.is_empty() {
        text.push_str(&format!(" and {} more", more.len()));
    }
    text
}

/// What the conversation took until now.
fn sum(talk: &Conversation) -> String {
    let plural = if talk.turns == 1 { "" } else { "s" };
    let cost = talk.cost.map_or_else(|| "cost unknown".to_owned(), dollars);
    let (input, output) = talk.tokens;
    format!("{} answer{plural} · {} in, {} out · {cost}", talk.turns, count(input), count(output))
}

/// A message of the user.
fn user(text: &str) -> serde_json::Value {
    json!({"role": "user", "content": text})
}
