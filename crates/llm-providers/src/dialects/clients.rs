//! The client sides of all dialects that are built in.

use std::sync::Arc;

use llm_core::Ingress;

/// The client sides of all dialects that are built in. The first one answers where a path names none.
pub fn ingresses() -> Vec<Arc<dyn Ingress>> {
    #[allow(unused_mut, reason = "one dialect has several values, and it may not be built in")]
    let mut all: Vec<Arc<dyn Ingress>> = vec![
        #[cfg(feature = "openai")]
        Arc::new(llm_providers_openai::ChatIngress),
        #[cfg(feature = "openai")]
        Arc::new(llm_providers_openai::ResponsesIngress),
        #[cfg(feature = "openai")]
        Arc::new(llm_providers_openai::CompletionsIngress),
        #[cfg(feature = "anthropic")]
        Arc::new(llm_providers_anthropic::MessagesIngress),
        #[cfg(feature = "bedrock")]
        Arc::new(llm_providers_bedrock::ConverseIngress),
        #[cfg(feature = "cohere")]
        Arc::new(llm_providers_cohere::CohereIngress),
        #[cfg(feature = "cohere")]
        Arc::new(llm_providers_cohere::CohereV1Ingress),
        #[cfg(feature = "ollama")]
        Arc::new(llm_providers_ollama::ChatIngress),
        #[cfg(feature = "ollama")]
        Arc::new(llm_providers_ollama::GenerateIngress),
    ];
    #[cfg(feature = "gemini")]
    all.extend(llm_providers_gemini::GenerateIngress::all().map(|one| Arc::new(one) as Arc<dyn Ingress>));
    all
}
