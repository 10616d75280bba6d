//! Settings of pictures and files that requests point to by address.

use std::time::Duration;

use llm_providers::MediaSettings;
use serde::Deserialize;

use crate::node::Node;

#[derive(Deserialize)]
pub(super) struct ReadMedia {
    fetch: bool,
    max_size_mb: f64,
    fetch_timeout: f64,
}

impl ReadMedia {
    /// `root` is the checked file: it alone may name trusted hosts.
    pub(super) fn settings(&self, root: &Node) -> MediaSettings {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
        let size = (self.max_size_mb.clamp(0.0, 1_024.0) * 1_048_576.0) as usize;
        MediaSettings {
            fetch: self.fetch,
            size,
            deadline: Duration::from_secs_f64(self.fetch_timeout),
            trusted_hosts: root
                .get("media")
                .map(|media| media.get_texts("trusted_hosts"))
                .unwrap_or_default(),
        }
    }
}
