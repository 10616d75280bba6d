//! The vendor of all trials: answers by the name of its model, and counts to the token what it told.

mod answers;
mod bomb;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::sleep;

use answers::{Form, Told};

/// What was told to those who asked for a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Requests that came.
    pub(crate) asked: u64,
    /// Answers that were written to their end, with their usage.
    pub(crate) told: u64,
    /// Tokens of the prompts of these answers.
    pub(crate) prompt: u64,
    /// Tokens of these answers.
    pub(crate) completion: u64,
    /// Askers that went away before the end.
    pub(crate) left: u64,
}

type Counts = Arc<Mutex<BTreeMap<String, Count>>>;

/// A vendor in a thread of its own. Dropping it resets its connections and closes its port.
pub(crate) struct Vendor {
    address: SocketAddr,
    counts: Counts,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Vendor {
    /// Starts at a free port.
    pub(crate) fn start() -> Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Counts::default())
    }

    /// The same vendor once more, after it was dead.
    pub(crate) fn start_at(address: SocketAddr, counts: Counts) -> Result<Self> {
        let listener = StdListener::bind(address).context("the vendor's port is taken")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (end, ended) = oneshot::channel();
        let shared = Arc::clone(&counts);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = serve(listener, shared) => {}
                    _ = ended => {}
                }
            });
        };
        let thread = thread::Builder::new().name("vendor".to_owned()).spawn(work)?;
        Ok(Self { address, counts, end: Some(end), thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was told of a model so far.
    pub(crate) fn count(&self, model: &str) -> Count {
        self.counts.lock().get(model).copied().unwrap_or_default()
    }

    /// Says at any time how many requests of a model came.
    pub(crate) fn watcher(&self, model: &str) -> Box<dyn Fn() -> u64 + Send + Sync> {
        let (counts, model) = (Arc::clone(&self.counts), model.to_owned());
        Box::new(move || counts.lock().get(&model).map_or(0, |count| count.asked))
    }

    /// Dies, and says what is needed to live again.
    pub(crate) fn die(self) -> (SocketAddr, Counts) {
        (self.address, Arc::clone(&self.counts))
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, counts: Counts) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            // A gateway that hangs up is no fault of the vendor's.
            let _ = Conversation { socket, read: Vec::new(), counts }.hold().await;
        });
    }
}

/// One connection of a gateway.
struct Conversation {
    socket: TcpStream,
    read: Vec<u8>,
    counts: Counts,
}

/// A request, as far as the vendor cares.
struct Request {
    form: Form,
    model: String,
    stream: bool,
}

impl Conversation {
    async fn hold(mut self) -> Result<()> {
        self.socket.set_nodelay(true)?;
        while let Some(request) = self.request().await? {
            let model = request.model.clone();
            self.counts.lock().entry(model.clone()).or_default().asked += 1;
            match self.answer(&request).await {
                Ok(told) => {
                    let mut counts = self.counts.lock();
                    let count = counts.entry(model).or_default();
                    if let Some(told) = told {
                        count.told += 1;
                        count.prompt += told.prompt;
                        count.completion += told.completion;
                    }
                }
                Err(fault) => {
                    self.counts.lock().entry(model).or_default().left += 1;
                    return Err(fault);
                }
            }
        }
        Ok(())
    }

    async fn request(&mut self) -> Result<Option<Request>> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if self.socket.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&self.read[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.context("the gateway told no length")?.trim().parse()?;
        while self.read.len() < end + length {
            if self.socket.read_buf(&mut self.read).await? == 0 {
                bail!("the gateway went away");
            }
        }
        let body: Vec<u8> = self.read.drain(..end + length).skip(end).collect();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let form = Form::of(path).with_context(|| format!("the vendor has no `{path}`"))?;
        let stream = contains(&body, b"\"stream\":true") || contains(&body, b"\"stream\": true");
        Ok(Some(Request { form, model: model(&body).unwrap_or_default(), stream }))
    }

    /// Answers; what was told, when it was told to the end.
    async fn answer(&mut self, request: &Request) -> Result<Option<Told>> {
        let name = request.model.clone();
        let says = |word: &str| name.split('-').any(|part| part == word);
        if let Some(wait) = number(&name, "wait") {
            self.wait(Duration::from_millis(wait)).await?;
        }
        if says("hang") {
            self.wait(Duration::from_secs(3_600)).await?;
        }
        if let Some(status) = number(&name, "status") {
            self.socket.write_all(answers::refusal(status).as_bytes()).await?;
            return Ok(None);
        }
        if says("bomb") {
            self.socket.write_all(&bomb::answer()).await?;
            return Ok(None);
        }
        let told = Told::next(request.form);
        if !request.stream {
            let size = number(&name, "size").unwrap_or(200);
            self.socket.write_all(&answers::whole(request.form, told, size)).await?;
            return Ok(Some(told));
        }
        self.stream(request, told).await
    }

    async fn stream(&mut self, request: &Request, told: Told) -> Result<Option<Told>> {
        let (form, name) = (request.form, &request.model);
        let says = |word: &str| name.split('-').any(|part| part == word);
        let pace = number(name, "pace").map(Duration::from_millis);
        let chunks = number(name, "chunks").unwrap_or(5);
        self.socket.write_all(answers::STREAM_HEAD.as_bytes()).await?;
        self.chunk(&answers::begin(form, told)).await?;
        if says("frame") {
            // One frame that never ends.
            self.chunk("data: {\"id\":\"").await?;
        }
        let piece =
            answers::piece(form, &"word ".repeat(number(name, "words").map_or(1, |many| many as usize)));
        let mut sent = 0;
        while sent < chunks || says("endless") {
            if says("frame") {
                self.chunk(&"x".repeat(64 << 10)).await?;
            } else {
                self.chunk(&piece).await?;
            }
            if let Some(pace) = pace {
                self.wait(pace).await?;
            }
            sent += 1;
            if sent == 2 && says("malformed") {
                self.chunk("data: {\"id\": \"x\", \"choices\": [{\n\n").await?;
            }
            if sent == 2 && says("cut") {
                bail!("told to break off");
            }
        }
        self.chunk(&answers::end(form, told)).await?;
        self.socket.write_all(b"0\r\n\r\n").await?;
        Ok(Some(told))
    }

    async fn chunk(&mut self, text: &str) -> Result<()> {
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        Ok(self.socket.write_all(chunk.as_bytes()).await?)
    }

    /// Waits, unless the gateway goes away before.
    async fn wait(&mut self, time: Duration) -> Result<()> {
        tokio::select! {
            () = sleep(time) => Ok(()),
            read = self.socket.read_buf(&mut self.read) => match read? {
                0 => bail!("the gateway went away"),
                _ => bail!("the gateway spoke out of turn"),
            },
        }
    }
}

fn contains(body: &[u8], words: &[u8]) -> bool {
    body.windows(words.len()).any(|window| window == words)
}

/// The value of the first `"model"`.
fn model(body: &[u8]) -> Option<String> {
    let at = body.windows(7).position(|window| window == b"\"model\"")? + 7;
    let mut quoted = body.get(at..)?.split(|byte| *byte == b'"').skip(1);
    String::from_utf8(quoted.next()?.to_vec()).ok()
}

/// The number after a word of a model's name: 20 of `chunks20`.
fn number(model: &str, word: &str) -> Option<u64> {
    model.split('-').find_map(|part| part.strip_prefix(word)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_says_what_the_vendor_does() {
        assert_eq!(number("plain-wait20-chunks3", "chunks"), Some(3));
        assert_eq!(number("plain-wait20", "chunks"), None);
        assert_eq!(model(br#"{"a":1,"model": "plain-wait5","x":"y"}"#).as_deref(), Some("plain-wait5"));
        assert_eq!(model(b"{}"), None);
    }
}
