//! A hook in a program of the operator's own, which speaks lines of JSON: a question on its standard input, an answer with
//! the same `id` on its standard output. It is started once, and again when it ends.

use std::collections::HashMap;
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use llm_core::{BoxFuture, Result};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use crate::external::{External, ExternalHook, Respondent};

/// How long it waits before it starts the program again; twice as long each time, and no longer than the last.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// A program that ran so long was well.
const WELL: Duration = Duration::from_secs(60);

/// How long a program may take to end when its input has.
const LAST: Duration = Duration::from_secs(2);

/// A hook in a program of the operator's own.
pub type Process = ExternalHook<Program>;

/// Whom it asks.
pub struct Program {
    questions: Sender<Question>,
    /// Questions at a time.
    places: Semaphore,
    next: AtomicU64,
}

struct Question {
    id: u64,
    line: Vec<u8>,
    answer: oneshot::Sender<Bytes>,
}

type Asked = Arc<Mutex<HashMap<u64, oneshot::Sender<Bytes>>>>;

impl Process {
    /// Asks a program, which is started by its words and without a shell when it is asked for the first time. So many
    /// questions are asked at a time; others wait.
    ///
    /// # Errors
    /// When there is no thread to be had. A program that cannot be started is tried again, and the hook fails until then.
    pub fn start(external: External, words: Vec<String>, at_a_time: usize) -> io::Result<Self> {
        let (questions, queue) = channel(at_a_time.max(1));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let name = external.name.clone();
        let run = move || runtime.block_on(keep_alive(&name, &words, queue));
        std::thread::Builder::new().name("hook".to_owned()).spawn(run)?;
        let program =
            Program { questions, places: Semaphore::new(at_a_time.max(1)), next: AtomicU64::new(0) };
        Ok(Self { external, respondent: program })
    }
}

impl Respondent for Program {
    fn respond(&self, mut question: Value) -> BoxFuture<'_, Result<Bytes, String>> {
        Box::pin(async move {
            let gone = || "its program is not running".to_owned();
            let _place = self.places.acquire().await.map_err(|_| gone())?;
            let id = self.next.fetch_add(1, Ordering::Relaxed);
            if let Some(members) = question.as_object_mut() {
                members.insert("id".to_owned(), id.into());
            }
            let mut line = question.to_string().into_bytes();
            line.push(b'\n');
            let (answer, answered) = oneshot::channel();
            self.questions.send(Question { id, line, answer }).await.map_err(|_| gone())?;
            answered.await.map_err(|_| "its program ended before it answered".to_owned())
        })
    }
}

/// Runs the program from the first question on, until nobody asks any more.
async fn keep_alive(name: &str, words: &[String], mut questions: Receiver<Question>) {
    let mut failures: usize = 0;
    while let Some(first) = questions.recv().await {
        let began = tokio::time::Instant::now();
        match spawn(words) {
            Ok((child, input, output)) => match serve(child, (input, output), first, &mut questions).await {
                Ended::NobodyAsks => return,
                Ended::Itself => {
                    tracing::warn!(target: "llm_callbacks", hook = name, "the program of a hook ended");
                }
            },
            Err(error) => {
                let why = error.kind().to_string();
                tracing::warn!(target: "llm_callbacks", hook = name, why, "the program of a hook cannot be started");
            }
        }
        failures = if began.elapsed() > WELL { 0 } else { failures + 1 };
        let pause = PAUSES.get(failures.saturating_sub(1)).or(PAUSES.last()).copied().unwrap_or_default();
        if !rest(pause, &mut questions).await {
            return;
        }
    }
}

/// Waits, and fails those who ask meanwhile. Whether anybody may still ask.
async fn rest(pause: Duration, questions: &mut Receiver<Question>) -> bool {
    let until = sleep(pause);
    tokio::pin!(until);
    loop {
        tokio::select! {
            () = &mut until => return true,
            // Dropping a question fails it.
            question = questions.recv() => if question.is_none() { return false },
        }
    }
}

fn spawn(words: &[String]) -> io::Result<(Child, ChildStdin, ChildStdout)> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    // What it has to say to people goes where the gateway's own log goes.
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((child, input, output))
}

enum Ended {
    NobodyAsks,
    Itself,
}

async fn serve(
    mut child: Child,
    (mut input, output): (ChildStdin, ChildStdout),
    first: Question,
    questions: &mut Receiver<Question>,
) -> Ended {
    let asked = Asked::default();
    let writing = async {
        let mut next = Some(first);
        while let Some(Question { id, line, answer }) = next {
            wait_for(&asked, id, answer);
            if input.write_all(&line).await.is_err() {
                return Ended::Itself;
            }
            next = questions.recv().await;
        }
        Ended::NobodyAsks
    };
    let ended = tokio::select! {
        ended = writing => ended,
        () = read(output, &asked) => Ended::Itself,
    };
    // It is asked nothing more, and may end by itself.
    drop(input);
    let _ = tokio::time::timeout(LAST, child.wait()).await;
    ended
}

/// Takes note of who asked, and forgets those who have gone.
fn wait_for(asked: &Asked, id: u64, answer: oneshot::Sender<Bytes>) {
    let mut waiting = asked.lock();
    waiting.retain(|_, answer| !answer.is_closed());
    waiting.insert(id, answer);
}

/// Hands answers to those who asked, until there are no more.
async fn read(output: ChildStdout, asked: &Asked) {
    #[derive(Deserialize)]
    struct Numbered {
        id: u64,
    }
    let mut lines = BufReader::new(output);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
        match serde_json::from_slice::<Numbered>(&line) {
            Ok(Numbered { id }) => {
                if let Some(answer) = asked.lock().remove(&id) {
                    // Who asked may have gone.
                    let _ = answer.send(Bytes::from(std::mem::take(&mut line)));
                }
            }
            Err(_) => {
                tracing::warn!(target: "llm_callbacks", "the program of a hook wrote a line without an `id`");
            }
        }
        line.clear();
    }
}
