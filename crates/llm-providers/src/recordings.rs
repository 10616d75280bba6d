//! Vendor traffic on a shelf: exchanges are recorded without credentials, and told again without a network.
//!
//! One exchange is one readable JSON file, named after its vendor, its path and what was asked. A later answer to the
//! same request replaces the earlier one. Who lends the shelf does the reading and writing: this crate has no files.

mod body;
mod differences;
mod exchange;
mod secrets;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use llm_core::provider::BoxFuture;
use llm_core::{Error, ErrorKind, Result, Secret};
use llm_transport::{Asked, Tape, Told};

use differences::nearest;
use exchange::{Exchange, Request};
use secrets::Secrets;

/// Tells the name of a recording and what it holds. It takes a moment, so it is not done on the way of a request.
pub type Unwritten = Box<dyn FnOnce() -> (String, Vec<u8>) + Send>;

/// Where recordings lie, by name.
pub trait Shelf: Send + Sync + 'static {
    /// What a recording holds; `None`: there is none of this name. May block.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// The names of all recordings. May block.
    ///
    /// # Errors
    /// When the shelf cannot be read.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Puts a recording there soon: whole, or not at all. Must not block.
    fn put(&self, recording: Unwritten);
}

/// What is done with vendor traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It goes to the network, and onto the shelf.
    Record,
    /// It comes from the shelf alone.
    Replay {
        /// Whether answers take the time that they took.
        paced: bool,
    },
}

/// The recordings of a gateway.
#[derive(Clone)]
pub struct Recordings {
    mode: Mode,
    shelf: Arc<dyn Shelf>,
}

impl Recordings {
    /// Recordings on this shelf.
    pub fn new(mode: Mode, shelf: Arc<dyn Shelf>) -> Self {
        Self { mode, shelf }
    }

    /// Whether nothing goes to the network.
    pub(crate) fn is_replay(&self) -> bool {
        matches!(self.mode, Mode::Replay { .. })
    }

    /// The tape of one deployment. Its credentials are taken out wherever they turn up.
    pub(crate) fn tape<'a>(
        &self,
        vendor: &str,
        credentials: impl Iterator<Item = &'a Secret>,
    ) -> Arc<dyn Tape> {
        let secrets = Secrets::of(credentials.map(Secret::expose).map(String::as_str));
        Arc::new(VendorTape { vendor: vendor.to_owned(), secrets, recordings: self.clone() })
    }
}

impl fmt::Debug for Recordings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Recordings({:?})", self.mode)
    }
}

/// The tape of one deployment.
struct VendorTape {
    vendor: String,
    secrets: Secrets,
    recordings: Recordings,
}

impl Tape for VendorTape {
    fn play<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Result<Option<Told>>> {
        Box::pin(async move {
            let Mode::Replay { paced } = self.recordings.mode else { return Ok(None) };
            let request = Request::of(asked, &self.secrets.with(&asked.headers));
            let (vendor, shelf) = (self.vendor.clone(), Arc::clone(&self.recordings.shelf));
            let found = tokio::task::spawn_blocking(move || find(&*shelf, &vendor, &request)).await;
            let mut told = found.map_err(|_| Error::internal("a recording could not be looked for"))??;
            if !paced {
                told.head_after = Duration::ZERO;
                told.chunks.iter_mut().for_each(|chunk| chunk.after = Duration::ZERO);
            }
            Ok(Some(told))
        })
    }

    fn keep(&self, asked: Asked, told: Told) {
        let secrets = self.secrets.with(&asked.headers);
        let (vendor, shelf) = (self.vendor.clone(), Arc::clone(&self.recordings.shelf));
        shelf.put(Box::new(move || {
            let request = Request::of(&asked, &secrets);
            let name = request.file_name(&vendor);
            let exchange = Exchange::new(vendor, request, &told, &secrets);
            (name, exchange.to_json())
        }));
    }
}

fn find(shelf: &dyn Shelf, vendor: &str, request: &Request) -> Result<Told> {
    let name = request.file_name(vendor);
    let unreadable = |name: &str, why: &dyn fmt::Display| {
        Error::internal(format!(
            "the recording `{name}` cannot be read: {why}; delete it and record it again"
        ))
    };
    match shelf.read(&name) {
        Ok(Some(bytes)) => {
            let exchange: Exchange = serde_json::from_slice(&bytes)
                .map_err(|fault| unreadable(&name, &llm_core::json::complaint(&fault)))?;
            exchange.told().ok_or_else(|| unreadable(&name, &"its answer is none"))
        }
        Ok(None) => Err(unrecorded(shelf, vendor, request, &name)),
        Err(fault) => Err(unreadable(&name, &fault.kind())),
    }
}

/// What was looked for, and what is different in the recording that is most like it. Members are named, values never.
fn unrecorded(shelf: &dyn Shelf, vendor: &str, request: &Request, name: &str) -> Error {
    let near = match nearest(shelf, vendor, request) {
        Some(near) => format!("the nearest one, `{}`, differs in {}", near.name, near.differences.join(", ")),
        None => format!("there is none of the vendor `{vendor}`"),
    };
    let message = format!("there is no recording `{name}` of this request: {near}; record it first");
    Error::new(ErrorKind::NotFound, message).with_code("recording_not_found")
}

#[cfg(test)]
mod tests;
