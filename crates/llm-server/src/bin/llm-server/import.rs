//! `llm-server import`: what another gateway's database holds, taken over.

use llm_server::import::from_litellm;

use crate::cli::{Import, ImportFrom};
use crate::{Failure, failed};

/// The report, as text or JSON.
pub(crate) fn import(asked: &Import) -> Result<String, Failure> {
    let ImportFrom::Litellm(asked) = &asked.from;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("start", &error))?;
    let config = asked.source.config.clone();
    runtime.block_on(from_litellm(&asked.from, config, asked.json)).map_err(Failure)
}
