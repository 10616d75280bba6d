//! The paths of operations below a base URL.

/// Which paths a base URL has below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// The base ends with `/openai`: the path of an operation on a model names the deployment.
    Deployments,
    /// The base ends with `/openai/v1`, `/models` or a deployment: the format's own paths follow.
    Plain,
}

/// Operations that belong to a deployment
/// (<https://learn.microsoft.com/azure/ai-foundry/openai/reference>, read 2026-11-21); all others, such as
/// `/responses`, belong to the resource.
const OF_DEPLOYMENT: [&str; 5] = ["/audio/", "/chat/completions", "/completions", "/embeddings", "/images/"];

impl Surface {
    /// The surface of a base URL in its one form.
    pub fn of(base_url: &str) -> Self {
        let address = base_url.split_once("://").map_or(base_url, |(_, address)| address);
        match address.rsplit_once('/') {
            Some((_, "openai")) => Self::Deployments,
            _ => Self::Plain,
        }
    }

    /// The path below the base URL for an operation that the format has at `operation`.
    pub fn path(self, operation: &str, deployment: &str) -> String {
        let of_deployment = OF_DEPLOYMENT.iter().any(|beginning| operation.starts_with(beginning));
        match self {
            Self::Deployments if of_deployment => {
                format!("/deployments/{}{operation}", one_segment(deployment))
            }
            _ => operation.to_owned(),
        }
    }
}

/// A name as one segment of a path.
fn one_segment(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let escaped = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_operations_on_a_model_name_the_deployment() {
        let surface = Surface::of("https://acme.openai.azure.com/openai");
        for (operation, path) in [
            ("/chat/completions", "/deployments/my-gpt/chat/completions"),
            ("/embeddings", "/deployments/my-gpt/embeddings"),
            ("/images/generations", "/deployments/my-gpt/images/generations"),
            ("/audio/transcriptions", "/deployments/my-gpt/audio/transcriptions"),
            ("/responses", "/responses"),
            ("/responses/input_tokens", "/responses/input_tokens"),
        ] {
            assert_eq!(surface.path(operation, "my-gpt"), path);
        }
        assert_eq!(surface.path("/embeddings", "a/b?c"), "/deployments/a%2Fb%3Fc/embeddings");
    }

    #[test]
    fn all_other_bases_are_complete() {
        for base in [
            "https://acme.openai.azure.com/openai/v1",
            "https://acme.services.ai.azure.com/models",
            "https://acme.openai.azure.com/openai/deployments/my-gpt",
            "https://openai",
        ] {
            assert_eq!(Surface::of(base).path("/chat/completions", "x"), "/chat/completions", "{base}");
        }
    }
}
