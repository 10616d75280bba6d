//! Files that credentials are read from whenever they are needed, because whoever writes them replaces them.

use std::fmt;
use std::sync::Arc;

use llm_core::{Error, ErrorKind, Result, Secret};

type Read = dyn Fn(&str) -> std::io::Result<String> + Send + Sync;
type Replace = dyn Fn(&str, &str) -> std::io::Result<()> + Send + Sync;

/// Reads small files of credentials. This crate reads none itself: the program that builds providers lends its hands.
#[derive(Clone, Default)]
pub struct Files {
    read: Option<Arc<Read>>,
    replace: Option<Arc<Replace>>,
}

impl Files {
    /// Files read by this function.
    pub fn new(read: impl Fn(&str) -> std::io::Result<String> + Send + Sync + 'static) -> Self {
        Self { read: Some(Arc::new(read)), replace: None }
    }

    /// The same, and tokens that are renewed are written back by this function, which puts the whole file in the place of
    /// the old one at once.
    #[must_use]
    pub fn replacing(
        self,
        replace: impl Fn(&str, &str) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { replace: Some(Arc::new(replace)), ..self }
    }

    /// Puts this text in the place of a file; nothing happens where nobody lends the hands for it.
    ///
    /// # Errors
    /// When it cannot be written.
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "nothing else renews files"))]
    pub(crate) fn replace(&self, path: &str, text: &str) -> std::io::Result<()> {
        self.replace.as_ref().map_or(Ok(()), |replace| replace(path, text))
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
        let read = self.read.as_ref().ok_or_else(|| refused("is out of reach of this program"))?;
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
        formatter.write_str(if self.read.is_some() { "Files" } else { "Files(none)" })
    }
}
