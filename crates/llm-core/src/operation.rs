//! What a path asks for: an [`Operation`], and what else paths of some dialects say.

use std::borrow::Cow;

/// What a client asks for by a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// A chat answer.
    Chat,
    /// How many tokens a chat request has.
    CountTokens,
    /// Vectors of texts.
    Embeddings,
    /// Documents in the order in which they fit a query.
    Rerank,
    /// Anything else of a vendor's API, passed on as it is.
    Relay,
}

impl Operation {
    /// A stable word for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::CountTokens => "count_tokens",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Relay => "relay",
        }
    }
}

/// A path that clients of a dialect POST to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The path. `{model}` in it stands for one segment or more; at most one.
    pub path: &'static str,
    /// What it asks for.
    pub operation: Operation,
    /// Whether its answers are streamed, where the path says so.
    pub stream: Option<bool>,
}

const MODEL: &str = "{model}";

impl Endpoint {
    /// A path whose body says the rest.
    pub const fn new(path: &'static str, operation: Operation) -> Self {
        Self { path, operation, stream: None }
    }

    /// A path that says whether the answer is streamed.
    pub const fn streamed(path: &'static str, operation: Operation, stream: bool) -> Self {
        Self { path, operation, stream: Some(stream) }
    }

    /// Whether the path holds the model's name.
    pub fn names_model(&self) -> bool {
        self.path.contains(MODEL)
    }

    /// What a path asks for, when it is one of these.
    pub fn matches(&self, path: &str) -> Option<Asked> {
        let asked = Asked { operation: self.operation, model: None, stream: self.stream };
        let Some((before, after)) = self.path.split_once(MODEL) else {
            return (self.path == path).then_some(asked);
        };
        let model = path.strip_prefix(before)?.strip_suffix(after)?;
        let model = percent_decoded(model)?;
        (!model.is_empty()).then(|| Asked { model: Some(model.into_owned()), ..asked })
    }
}

/// What a path asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is to be done.
    pub operation: Operation,
    /// The model that the path names.
    pub model: Option<String>,
    /// Whether the answer is streamed, where the path says so.
    pub stream: Option<bool>,
}

impl From<Operation> for Asked {
    fn from(operation: Operation) -> Self {
        Self { operation, model: None, stream: None }
    }
}

/// Undoes percent encoding; `None` when what comes out is not UTF-8 or an escape is broken.
fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_is_matched_whole() {
        let endpoint = Endpoint::new("/v1/chat", Operation::Chat);
        assert_eq!(endpoint.matches("/v1/chat"), Some(Operation::Chat.into()));
        assert_eq!(endpoint.matches("/v1/chat/x"), None);
    }

    #[test]
    fn a_template_takes_the_model_out() {
        let endpoint = Endpoint::streamed("/v1beta/models/{model}:stream", Operation::Chat, true);
        let model = |path| endpoint.matches(path).and_then(|asked| asked.model);
        assert_eq!(model("/v1beta/models/large-2:stream").as_deref(), Some("large-2"));
        assert_eq!(model("/v1beta/models/acme/large:stream").as_deref(), Some("acme/large"));
        assert_eq!(model("/v1beta/models/acme%2Flarge%3A1:stream").as_deref(), Some("acme/large:1"));
        for wrong in ["/v1beta/models/:stream", "/v1beta/models/x:other", "/v1beta/models/%zz:stream", "/"] {
            assert_eq!(model(wrong), None, "{wrong}");
        }
        assert_eq!(endpoint.matches("/v1beta/models/x:stream").and_then(|asked| asked.stream), Some(true));
    }
}
