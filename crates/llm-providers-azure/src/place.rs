//! Addresses of the service however a user writes them.
//!
//! | written | surface | base path |
//! |---|---|---|
//! | the host, or a path of a gateway's own | deployments, or v1 by the version | `…/openai`, `…/openai/v1` |
//! | `…/openai`, with or without an operation after it | the same | the same |
//! | `…/openai/deployments/name`, with or without an operation | that one deployment | as written; `…/openai` for `/responses` |
//! | `…/openai/v1`, with or without an operation | v1 | `…/openai/v1` |
//! | `…/models`, with or without an operation | models | `…/models` |
//!
//! The version is the `api-version` of the query. `v1`, `latest` and `preview` mean the v1 surface
//! (<https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>, read 2026-11-21), which refuses the
//! dated versions that the other two surfaces demand.

/// The path of a base URL, without a slash at the end, and the query that goes with every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path.
    pub path: String,
    /// The query, without its question mark.
    pub query: Option<String>,
}

/// Hosts of the service itself; other hosts are gateways in front of it.
const SERVICE: [&str; 3] = [".cognitiveservices.azure.com", ".openai.azure.com", ".services.ai.azure.com"];

/// Hosts of models that are deployed without a resource; they take their key as a bearer token
/// (<https://learn.microsoft.com/azure/ai-foundry/how-to/deploy-models-serverless>).
const SERVERLESS: [&str; 2] = [".inference.ai.azure.com", ".models.ai.azure.com"];

/// Operations that users leave at the end of an address.
const OPERATIONS: [&[&str]; 4] =
    [&["chat", "completions"], &["completions"], &["embeddings"], &["responses"]];

/// Where chat completions, embeddings and the like are.
pub fn chat(host: &str, path: &str, query: Option<&str>) -> Place {
    Written::read(host, path, query).place(|written| written.below(&["openai"]), true)
}

/// Where the Responses API is: it belongs to the resource, never to one deployment.
pub fn responses(host: &str, path: &str, query: Option<&str>) -> Place {
    Written::read(host, path, query).place(|written| written.below(&["openai"]), false)
}

/// Where the chat completions of models of all makers are: below `/models` of a resource, below the host itself
/// where a model was deployed without one.
pub fn models(host: &str, path: &str, query: Option<&str>) -> Place {
    let default = |written: &Written<'_>| {
        let of_resource = written.is_service && written.segments.is_empty();
        written.below(if of_resource { &["models"] } else { &[] })
    };
    Written::read(host, path, query).place(default, true)
}

/// Whether a host wants a key as a bearer token instead of in `api-key`.
pub fn takes_bearer_keys(host: &str) -> bool {
    ends_with_one_of(host, &SERVERLESS)
}

fn ends_with_one_of(host: &str, endings: &[&str]) -> bool {
    let host = host.to_ascii_lowercase();
    endings.iter().any(|ending| host.ends_with(ending))
}

struct Written<'a> {
    is_service: bool,
    /// The path without the operation at its end.
    segments: Vec<&'a str>,
    query: Option<&'a str>,
}

impl<'a> Written<'a> {
    fn read(host: &str, path: &'a str, query: Option<&'a str>) -> Self {
        let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        if let Some(operation) = OPERATIONS.iter().find(|operation| segments.ends_with(operation)) {
            segments.truncate(segments.len() - operation.len());
        }
        Self { is_service: ends_with_one_of(host, &SERVICE), segments, query }
    }

    /// `one_deployment`: whether an address may name the deployment.
    fn place(&self, default: impl Fn(&Self) -> String, one_deployment: bool) -> Place {
        let at = self.segments.iter().rposition(|segment| *segment == "openai");
        let (before, after) = self.segments.split_at(at.map_or(self.segments.len(), |at| at + 1));
        match (at, after, self.segments.last()) {
            (Some(_), ["v1", ..], _) => self.v1(&joined(before)),
            (Some(_), ["deployments", name, ..], _) if one_deployment => {
                self.dated(format!("{}/deployments/{name}", joined(before)))
            }
            (Some(_), ..) => self.by_version(joined(before)),
            (None, _, Some(&"models")) => self.dated(joined(&self.segments)),
            // The service has no other `/v1`; on a gateway it is what it says.
            (None, _, Some(&"v1")) if self.is_service => self.v1("/openai"),
            (None, _, Some(&"v1")) => self.undated(joined(&self.segments)),
            (None, ..) => self.by_version(default(self)),
        }
    }

    fn below(&self, more: &[&str]) -> String {
        joined(&self.segments) + &joined(more)
    }

    fn by_version(&self, path: String) -> Place {
        let is_word = self.version().is_some_and(|version| ["v1", "latest", "preview"].contains(&version));
        if is_word && path.ends_with("/openai") { self.v1(&path) } else { self.dated(path) }
    }

    fn version(&self) -> Option<&'a str> {
        self.pairs().find_map(|pair| pair.strip_prefix("api-version="))
    }

    fn pairs(&self) -> impl Iterator<Item = &'a str> {
        self.query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty())
    }

    fn dated(&self, path: String) -> Place {
        Place { path, query: self.query.map(str::to_owned) }
    }

    fn v1(&self, path: &str) -> Place {
        self.undated(format!("{path}/v1"))
    }

    /// `preview` is the only version that may be said where versions have no dates.
    fn undated(&self, path: String) -> Place {
        let said = |pair: &&str| !pair.starts_with("api-version=") || *pair == "api-version=preview";
        let kept: Vec<&str> = self.pairs().filter(said).collect();
        Place { path, query: (!kept.is_empty()).then(|| kept.join("&")) }
    }
}

fn joined(segments: &[&str]) -> String {
    segments.iter().flat_map(|segment| ["/", segment]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "acme.openai.azure.com";
    const DATED: Option<&str> = Some("api-version=2024-10-21");

    #[test]
    fn every_spelling_of_a_resource_is_one_address() {
        for path in ["", "/", "/openai", "/openai/", "//openai", "/openai/deployments", "/chat/completions"] {
            let place = chat(HOST, path, DATED);
            assert_eq!((&*place.path, place.query.as_deref()), ("/openai", DATED), "{path}");
        }
        for path in ["", "/openai", "/openai/responses", "/openai/deployments/my-gpt/chat/completions"] {
            let place = responses(HOST, path, DATED);
            assert_eq!((&*place.path, place.query.as_deref()), ("/openai", DATED), "{path}");
        }
        assert_eq!(chat("apim.acme.ai", "/llm", DATED).path, "/llm/openai");
        assert_eq!(chat("apim.acme.ai", "/llm/openai/", DATED).path, "/llm/openai");
    }

    #[test]
    fn an_address_may_name_its_deployment() {
        for path in ["/openai/deployments/my-gpt", "//openai/deployments/my-gpt/chat/completions"] {
            assert_eq!(chat(HOST, path, DATED).path, "/openai/deployments/my-gpt", "{path}");
        }
    }

    #[test]
    fn the_v1_surface_is_known_by_its_path_or_its_version() {
        for path in ["/openai/v1", "/openai/v1/", "/openai/v1/chat/completions", "/v1"] {
            let place = chat(HOST, path, DATED);
            assert_eq!((&*place.path, place.query), ("/openai/v1", None), "{path}");
        }
        for (version, query) in [("v1", None), ("latest", None), ("preview", Some("api-version=preview"))] {
            let given = format!("api-version={version}");
            for place in [chat(HOST, "", Some(&given)), responses(HOST, "/openai", Some(&given))] {
                assert_eq!((&*place.path, place.query.as_deref()), ("/openai/v1", query), "{version}");
            }
        }
        assert_eq!(chat("127.0.0.1", "/v1", DATED), Place { path: "/v1".to_owned(), query: None });
        assert_eq!(chat(HOST, "/openai/v1", Some("a=b&api-version=1")).query.as_deref(), Some("a=b"));
    }

    #[test]
    fn models_of_all_makers_are_below_their_own_path() {
        let host = "acme.services.ai.azure.com";
        for path in ["", "/models", "/models/chat/completions"] {
            assert_eq!(models(host, path, DATED).path, "/models", "{path}");
        }
        assert_eq!(models(host, "/openai/v1", DATED), Place { path: "/openai/v1".to_owned(), query: None });
        assert_eq!(models("large.eastus.models.ai.azure.com", "", DATED).path, "");
        assert_eq!(models("large.eastus.models.ai.azure.com", "/v1/chat/completions", DATED).path, "/v1");
        assert_eq!(chat(host, "/models", DATED).path, "/models");
        assert!(takes_bearer_keys("large.eastus.models.ai.azure.com") && !takes_bearer_keys(host));
    }
}
