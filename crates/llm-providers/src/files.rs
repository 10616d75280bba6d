//! Files that credentials are read from whenever they are needed, because whoever writes them replaces them.

use std::fmt;
use std::sync::Arc;

use llm_core::{Error, ErrorKind, Result, Secret};

type Read = dyn Fn(&str) -> std::io::Result<String> + Send + Sync;

/// Reads small files of credentials. This crate reads none itself: the program that builds providers lends its hands.
#[derive(Clone, Default)]
pub struct Files(Option<Arc<Read>>);

impl Files {
    /// Files read by this function.
    pub fn new(read: impl Fn(&str) -> std::io::Result<String> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(read)))
    }

    /// What a file holds, without white space around it. `setting` names it: a message never repeats a path, which may
    /// be a token that was taken for one.
    ///
    /// # Errors
    /// When it cannot be read, or holds nothing.
    pub(crate) fn text(&self, path: &str, setting: &str) -> Result<Secret> {
        let refused = |why: &str| {
            let message = format!("the credentials cannot be read: the file that `{setting}` names {why}");
            Error::new(ErrorKind::UpstreamAuth, message)
        };
        let read = self.0.as_ref().ok_or_else(|| refused("is out of reach of this program"))?;
        let text = read(path).map_err(|fault| refused(&format!("gives {}", fault.kind())))?;
        let text = text.trim();
        if text.is_empty() {
            return Err(refused("is empty"));
        }
        Ok(Secret::new(text.to_owned()))
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Files" } else { "Files(none)" })
    }
}
