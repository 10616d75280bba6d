//! `llm-server import`: what another gateway's database holds, taken over.

use llm_core::Secret;

use crate::cli::{Import, ImportFrom};
use crate::{Failure, configured, failed};

/// The report, as text or JSON.
pub(crate) fn import(asked: &Import) -> Result<String, Failure> {
    let ImportFrom::Litellm(asked) = &asked.from;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("start", &error))?;
    let database = Secret::new(asked.database.clone());
    let report = runtime.block_on(configured::import(&asked.source, database, asked.dry_run))?;
    if !asked.json {
        return Ok(report.to_string());
    }
    let text = serde_json::to_string_pretty(&report.to_json());
    text.map(|text| text + "\n").map_err(|error| Failure(format!("error: cannot write the report: {error}")))
}
