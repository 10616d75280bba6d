//! Secrets that a store keeps: sealed before they go there, opened when they come back.

use llm_core::{Error, ErrorKind, Result, Secret};
use serde_json::{Map, Value};

/// Encrypts what must not be read in a database or its backups.
pub trait Sealing: Send + Sync + 'static {
    /// Encrypts a secret of something: `model:<id>`. It is opened for the same thing alone.
    ///
    /// # Errors
    /// When it cannot be encrypted.
    fn seal(&self, belongs_to: &str, secret: &Secret) -> Result<String>;

    /// Decrypts what was sealed for this.
    ///
    /// # Errors
    /// When it was sealed for something else or under another key, or is damaged.
    fn open(&self, belongs_to: &str, sealed: &str) -> Result<Secret>;
}

/// Seals the members of an object as one secret.
///
/// # Errors
/// When they cannot be encrypted.
pub(crate) fn seal_members(
    sealing: &dyn Sealing,
    belongs_to: &str,
    members: &Map<String, Value>,
) -> Result<String> {
    let text = serde_json::to_string(members);
    let text = text.map_err(|_| Error::new(ErrorKind::Internal, "the settings cannot be written"))?;
    sealing.seal(belongs_to, &Secret::new(text))
}

/// Opens what [`seal_members`] sealed. `damaged` says of what is none, and what to do.
///
/// # Errors
/// When it was sealed for something else or under another key, or is damaged.
pub(crate) fn open_members(
    sealing: &dyn Sealing,
    belongs_to: &str,
    sealed: &str,
    damaged: &'static str,
) -> Result<Map<String, Value>> {
    let opened = sealing.open(belongs_to, sealed)?;
    serde_json::from_str(opened.expose()).map_err(|_| Error::new(ErrorKind::Internal, damaged))
}

/// What can be served of sealed members, and why it is not all: `otherwise` where they cannot be opened.
pub(crate) fn served_members(
    sealing: Option<&dyn Sealing>,
    open: impl FnOnce(&dyn Sealing) -> Result<Map<String, Value>>,
    otherwise: impl FnOnce() -> Map<String, Value>,
) -> (Map<String, Value>, Option<String>) {
    let nothing = || Error::new(ErrorKind::Internal, "there is no key to open it with: set LITELLM_SALT_KEY");
    match sealing.ok_or_else(nothing).and_then(open) {
        Ok(members) => (members, None),
        Err(error) => (otherwise(), Some(error.message().to_owned())),
    }
}
