//! Settings of the answers that are kept for requests that come again.

mod place;

use llm_core::operation::Operation;
use llm_gateway::{CacheScope, CacheSettings, SemanticSettings};
use llm_store::RedisSettings;

use super::StorageSettings;
use crate::environment::Environment;
use crate::node::Node;
use crate::report::{Place, Report};

pub use place::CachePlace;
use place::Placing;

/// The keys that name the model that makes vectors.
const MODELS: [&str; 4] = [
    "embedding_model",
    "redis_semantic_cache_embedding_model",
    "valkey_semantic_cache_embedding_model",
    "qdrant_semantic_cache_embedding_model",
];

/// How near two questions must be where nobody says.
const USUAL_THRESHOLD: f64 = 0.9;

/// LiteLLM's names of kinds of calls, without the `a` that some begin with, and ours.
const CALL_TYPES: [(&str, Operation); 7] = [
    ("completion", Operation::Chat),
    ("text_completion", Operation::Chat),
    ("responses", Operation::Chat),
    ("anthropic_messages", Operation::Chat),
    ("generate_content", Operation::Chat),
    ("embedding", Operation::Embeddings),
    ("rerank", Operation::Rerank),
];

/// Where answers are kept, and for whom.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheConfig {
    /// Where.
    pub place: CachePlace,
    /// For whom, and how long.
    pub settings: CacheSettings,
    /// Where it says so.
    pub at: Place,
}

/// What the file says; `None`: nothing is kept. `redis` is where gateways share other state.
pub(super) fn settings(
    root: &Node,
    (redis, storage): (Option<&RedisSettings>, &StorageSettings),
    environment: &Environment,
    report: &mut Report,
) -> Option<CacheConfig> {
    let litellm = root.get("litellm_settings")?;
    let params = litellm.get("cache_params");
    let Some(switch) = litellm.get("cache").filter(|_| litellm.get_flag("cache") == Some(true)) else {
        if let Some(params) = params {
            let words = "set `cache: true` beside it";
            report.warning(&params.at, "`cache_params` has no effect: no answers are kept").help(words);
        }
        return None;
    };
    let at = params.unwrap_or(switch).at.clone();
    let nothing = Node { value: crate::node::Value::Null, at: at.clone() };
    let params = params.unwrap_or(&nothing);
    let kind = params.get_text("type").unwrap_or("local").to_ascii_lowercase();
    let (kind, is_semantic) =
        kind.strip_suffix("-semantic").map_or((kind.as_str(), false), |kind| (kind, true));
    let (place, usual_life) =
        Placing { params, is_semantic, redis, storage, environment }.place(kind, report)?;
    let semantic = if is_semantic { Some(semantic(params, report)?) } else { None };
    let settings = CacheSettings {
        scope: match params.get_text("scope") {
            Some("key") => CacheScope::Key,
            Some("organization") => CacheScope::Organization,
            Some("everybody") => CacheScope::Everybody,
            _ => CacheScope::Team,
        },
        namespace: namespace(params, report),
        life: params.get_seconds("ttl").or_else(|| params.get_seconds(usual_life)),
        operations: operations(params, report),
        default_on: params.get_text("mode") != Some("default_off"),
        semantic,
    };
    Some(CacheConfig { place, settings, at })
}

/// How questions in other words are found.
fn semantic(params: &Node, report: &mut Report) -> Option<SemanticSettings> {
    let models = MODELS.iter().find_map(|key| params.get_text(key));
    let Some(model) = models.filter(|model| !model.is_empty()) else {
        report
            .error(
                &params.at,
                "questions in other words cannot be found: nobody says which model makes vectors",
            )
            .help("set `embedding_model` to a model of this gateway");
        return None;
    };
    let threshold = params.get_number("similarity_threshold").unwrap_or(USUAL_THRESHOLD);
    if !(0.0..=1.0).contains(&threshold) {
        let at = params.get("similarity_threshold").map_or(&params.at, |node| &node.at);
        report.error(at, "`similarity_threshold` must be between 0 and 1");
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1")]
    let threshold = threshold as f32;
    Some(SemanticSettings { model: model.to_owned(), threshold })
}

fn namespace(params: &Node, report: &mut Report) -> Option<String> {
    let text = params.get_text("namespace").filter(|text| !text.is_empty())?;
    if text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(text.to_owned());
    }
    let at = params.get("namespace").map_or(&params.at, |node| &node.at);
    report.error(at, "`namespace` must be a word of at most 128 letters, digits and signs");
    None
}

fn operations(params: &Node, report: &mut Report) -> Vec<Operation> {
    let Some(node) = params.get("supported_call_types") else { return CacheSettings::default().operations };
    let mut operations = Vec::new();
    for name in params.get_texts("supported_call_types") {
        let known = |name: &str| CALL_TYPES.iter().find(|(known, _)| *known == name);
        match known(&name).or_else(|| known(name.strip_prefix('a').unwrap_or_default())) {
            Some((_, operation)) if operations.contains(operation) => {}
            Some((_, operation)) => operations.push(*operation),
            None => {
                report
                    .warning(&node.at, format!("calls of the type `{name}` are not kept"))
                    .help("`acompletion`, `aembedding` and `arerank` are, and what else asks for these");
            }
        }
    }
    operations
}
