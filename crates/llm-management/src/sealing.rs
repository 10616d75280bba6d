//! Secrets that a store keeps: sealed before they go there, opened when they come back.

use llm_core::{Result, Secret};

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
