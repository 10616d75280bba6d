#![doc = include_str!("../README.md")]

mod azure;
mod bedrock;
mod generic;
mod lakera;
mod moderation;
mod parameters;
mod presidio;
mod service;

use std::sync::Arc;

use llm_core::guard::Inspector;
use llm_core::{Authenticator, Result};
use serde_json::Value;

use parameters::Parameters;

/// The kinds that there are, with what they are. Some have several names.
pub const KINDS: [(&str, &str); 10] = [
    ("azure/prompt_shield", "attacks on prompts, by Azure AI Content Safety"),
    ("azure/text_moderations", "hate, self-harm, sexual and violent content, by Azure AI Content Safety"),
    ("bedrock", "a guardrail of AWS Bedrock (ApplyGuardrail)"),
    ("generic_guardrail_api", "a service of one's own that speaks LiteLLM's contract"),
    ("lakera", "the same as `lakera_v2`"),
    ("lakera_prompt_injection", "the same as `lakera_v2`"),
    ("lakera_v2", "the policy of a project of Lakera Guard"),
    ("openai_moderation", "OpenAI's moderation"),
    ("presidio", "personal data, by a Presidio analyzer"),
    ("presidio_pii", "the same as `presidio`"),
];

/// Makes the signer of requests to AWS, of the parameters of a guardrail that begin with `aws_`.
pub type Signing<'a> = &'a dyn Fn(&Value) -> Result<Arc<dyn Authenticator>>;

/// The judge of this kind. `None`: no kind of this crate.
///
/// # Errors
/// Which parameter is missing, wrong or unknown. Values are never repeated: they may be keys.
pub fn build(
    kind: &str,
    parameters: &Value,
    signing: Signing<'_>,
) -> Result<Option<Arc<dyn Inspector>>, String> {
    let mut parameters = Parameters::new(parameters);
    let inspector: Arc<dyn Inspector> = match kind {
        "generic_guardrail_api" => Arc::new(generic::Generic::new(&mut parameters)?),
        "presidio" | "presidio_pii" => Arc::new(presidio::Presidio::new(&mut parameters)?),
        "lakera" | "lakera_prompt_injection" | "lakera_v2" => Arc::new(lakera::Lakera::new(&mut parameters)?),
        "azure/text_moderations" => Arc::new(azure::TextModeration::new(&mut parameters)?),
        "azure/prompt_shield" => Arc::new(azure::PromptShield::new(&mut parameters)?),
        "openai_moderation" => Arc::new(moderation::Moderation::new(&mut parameters)?),
        "bedrock" => Arc::new(bedrock::Bedrock::new(&mut parameters, signing)?),
        _ => return Ok(None),
    };
    parameters.finish()?;
    Ok(Some(inspector))
}
