//! What another gateway's database holds, taken over: the command that the programs have for it.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use llm_core::Secret;

/// What the command line says of an import from LiteLLM.
#[derive(Args)]
pub struct FromLitellm {
    /// The address of LiteLLM's database: its DATABASE_URL.
    #[arg(long, value_name = "URL", env = "LITELLM_DATABASE_URL", hide_env_values = true)]
    pub database: String,
    /// Say what would be done, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
}

impl fmt::Debug for FromLitellm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address has a password.
        formatter.debug_struct("FromLitellm").field("dry_run", &self.dry_run).finish_non_exhaustive()
    }
}

/// Takes over what LiteLLM's database holds into the store of a configuration (`None`: what stands in for one), and
/// says what was done, as text or JSON.
///
/// # Errors
/// What is wrong with the configuration, or which database cannot be used, and what to do.
pub async fn from_litellm(
    asked: &FromLitellm,
    config: Option<PathBuf>,
    json: bool,
) -> Result<String, String> {
    let options = llm_config::Options { config, ..llm_config::Options::from_process() };
    let loaded = llm_config::load(&options).map_err(|report| report.to_string())?;
    let from = Secret::new(asked.database.clone());
    let imported = llm_config::import_litellm(&loaded, from, asked.dry_run).await;
    let report = imported.map_err(|error| error.to_string())?;
    if !json {
        return Ok(report.to_string());
    }
    let text = serde_json::to_string_pretty(&report.to_json());
    text.map(|text| text + "\n").map_err(|error| format!("error: cannot write the report: {error}"))
}
