//! What the names of models mean.

use llm_core::{Error, Result};

/// A model as the router names it: `provider/organization/model` becomes `organization/model:provider`. Any other
/// name is itself, that of a server of one's own (`tgi`) too.
///
/// After <https://huggingface.co/docs/inference-providers>; the form with the provider first is LiteLLM's.
pub(crate) fn routed(model: &str) -> String {
    let mut segments = model.splitn(3, '/');
    match (segments.next(), segments.next(), segments.next()) {
        (Some("auto"), Some(organization), Some(name)) => format!("{organization}/{name}"),
        (Some(provider), Some(organization), Some(name)) if !name.contains(':') => {
            format!("{organization}/{name}:{provider}")
        }
        _ => model.to_owned(),
    }
}

/// The path of a model's task. A name with its organization is one of the models that Hugging Face runs itself; any
/// other name (`tgi`, `tei`) stands for the server at the deployment's own address, which has one model and task.
///
/// # Errors
/// When the name would lead elsewhere.
pub(crate) fn path(model: &str, task: &str) -> Result<String> {
    // A provider may stand before the organization; there is one that serves this interface.
    let name = model.strip_prefix("hf-inference/").unwrap_or(model);
    if !name.contains('/') {
        return Ok("/".to_owned());
    }
    let segment = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let sound =
        |part: &str| !part.is_empty() && part.bytes().all(segment) && !part.bytes().all(|byte| byte == b'.');
    if name.split('/').count() != 2 || !name.split('/').all(sound) {
        let message = "invalid `model`: expected `organization/model`, of letters, digits, `-`, `_` and `.`";
        return Err(Error::invalid(message).with_param("model"));
    }
    Ok(format!("/hf-inference/models/{name}{task}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_before_the_name_is_put_behind_it() {
        for (model, expected) in [
            ("together/deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1:together"),
            ("auto/deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1"),
            ("moonshotai/Kimi-K2-Instruct:groq", "moonshotai/Kimi-K2-Instruct:groq"),
            ("deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1"),
            ("tgi", "tgi"),
        ] {
            assert_eq!(routed(model), expected);
        }
    }

    #[test]
    fn a_name_never_leads_elsewhere() {
        assert_eq!(path("acme/x-1.5", "").as_deref(), Ok("/hf-inference/models/acme/x-1.5"));
        assert_eq!(path("hf-inference/acme/x", "/y").as_deref(), Ok("/hf-inference/models/acme/x/y"));
        assert_eq!(path("tgi", "/y").as_deref(), Ok("/"));
        for model in ["../../v1", "a/..", "a//b", "a/b/c", "a/b?c", "/a", "a/%2e%2e"] {
            assert!(path(model, "").is_err(), "{model}");
        }
    }
}
