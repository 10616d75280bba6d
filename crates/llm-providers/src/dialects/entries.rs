//! The table of dialects of the vendor side.

use super::Entry;
use crate::base_url::UrlRules;

pub(super) const ENTRIES: &[Entry] = &[
    #[cfg(feature = "openai")]
    Entry {
        id: llm_providers_openai::CHAT,
        rules: rules(&["/chat/completions", "/completions"]),
        make: |quirks| {
            Ok(std::sync::Arc::new(llm_providers_openai::ChatCompletions::new(super::read(quirks)?)))
        },
    },
    #[cfg(feature = "openai")]
    Entry {
        id: llm_providers_openai::RESPONSES,
        rules: rules(&["/responses", "/chat/completions"]),
        make: |quirks| Ok(std::sync::Arc::new(llm_providers_openai::Responses::new(super::read(quirks)?))),
    },
    #[cfg(feature = "openai")]
    Entry {
        id: llm_providers_openai::COMPLETIONS,
        rules: rules(&["/chat/completions", "/completions"]),
        make: |quirks| Ok(std::sync::Arc::new(llm_providers_openai::Completions::new(super::read(quirks)?))),
    },
    #[cfg(feature = "anthropic")]
    Entry {
        id: llm_providers_anthropic::MESSAGES,
        rules: UrlRules { endpoints: &["/messages/count_tokens", "/messages"], version_follows: true },
        make: |quirks| Ok(std::sync::Arc::new(llm_providers_anthropic::Messages::new(super::read(quirks)?))),
    },
    #[cfg(feature = "bedrock")]
    Entry {
        id: llm_providers_bedrock::CONVERSE,
        rules: rules(&[]),
        make: |quirks| Ok(std::sync::Arc::new(llm_providers_bedrock::Converse::new(super::read(quirks)?))),
    },
    #[cfg(feature = "cohere")]
    Entry {
        id: llm_providers_cohere::CHAT,
        rules: rules(&["/rerank", "/embed", "/chat"]),
        make: |quirks| Ok(std::sync::Arc::new(llm_providers_cohere::Chat::new(super::read(quirks)?))),
    },
    #[cfg(feature = "cohere")]
    retrieval::<0>(),
    #[cfg(feature = "cohere")]
    retrieval::<1>(),
    #[cfg(feature = "cohere")]
    retrieval::<2>(),
    #[cfg(feature = "cohere")]
    retrieval::<3>(),
    #[cfg(feature = "dashscope")]
    Entry {
        id: llm_providers_dashscope::GENERATION,
        rules: rules(&[
            "/services/aigc/multimodal-generation/generation",
            "/services/aigc/text-generation/generation",
        ]),
        make: |quirks| {
            Ok(std::sync::Arc::new(llm_providers_dashscope::Generation::new(super::read(quirks)?)))
        },
    },
    #[cfg(feature = "gemini")]
    Entry {
        id: llm_providers_gemini::GENERATE,
        rules: rules(&["/models"]),
        make: |quirks| Ok(std::sync::Arc::new(llm_providers_gemini::Generate::new(super::read(quirks)?))),
    },
    #[cfg(feature = "huggingface")]
    Entry {
        id: llm_providers_huggingface::ROUTER,
        // The dialect writes the version itself: vectors are made beside it.
        rules: rules(&["/v1/chat/completions", "/chat/completions", "/v1"]),
        make: |quirks| {
            Ok(std::sync::Arc::new(llm_providers_huggingface::RouterChat::new(super::read(quirks)?)))
        },
    },
    #[cfg(feature = "huggingface")]
    Entry {
        id: llm_providers_huggingface::TEXT,
        rules: rules(&["/generate_stream", "/generate"]),
        make: |quirks| {
            super::read::<NoQuirks>(quirks)
                .map(|_| std::sync::Arc::new(llm_providers_huggingface::TextGeneration) as _)
        },
    },
    #[cfg(feature = "ollama")]
    Entry {
        id: llm_providers_ollama::CHAT,
        // Paths begin with `/api`, which users may write or leave out.
        rules: rules(&["/api/embeddings", "/api/generate", "/api/embed", "/api/chat", "/api"]),
        make: |quirks| Ok(std::sync::Arc::new(llm_providers_ollama::Chat::new(super::read(quirks)?))),
    },
    #[cfg(feature = "sagemaker")]
    Entry { id: llm_providers_sagemaker::INVOKE, rules: rules(&[]), make: super::sagemaker::endpoint },
];

/// Addresses that users write with the version, if there is one.
#[allow(dead_code, reason = "no dialect may be built in")]
const fn rules(endpoints: &'static [&'static str]) -> UrlRules {
    UrlRules { endpoints, version_follows: false }
}

/// A format of vendors without chat, by its place in the list of them.
#[cfg(feature = "cohere")]
const fn retrieval<const AT: usize>() -> Entry {
    use llm_providers_cohere::Retrieval;
    Entry {
        id: Retrieval::FORMATS[AT].0,
        rules: rules(&["/embeddings", "/rerank"]),
        make: |quirks| {
            super::read::<NoQuirks>(quirks)
                .map(|_| std::sync::Arc::new(Retrieval::new(Retrieval::FORMATS[AT].1)) as _)
        },
    }
}

/// The quirks of a dialect that has none.
#[cfg(any(feature = "cohere", feature = "huggingface"))]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoQuirks {}
