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
    /// A conversation over a WebSocket; the one operation that begins with a GET.
    Realtime,
    /// Pictures of a text.
    ImageGeneration,
    /// Pictures out of pictures and a text.
    ImageEdit,
    /// Pictures like a picture.
    ImageVariation,
    /// A text read aloud.
    Speech,
    /// What is said in a recording.
    Transcription,
    /// What is said in a recording, in English.
    Translation,
    /// Whether a text or picture is harmful.
    Moderation,
    /// Anything else of a vendor's API, passed on as it is.
    Relay,
}

/// Every operation with its word.
const NAMES: [(Operation, &str); 13] = [
    (Operation::Chat, "chat"),
    (Operation::CountTokens, "count_tokens"),
    (Operation::Embeddings, "embeddings"),
    (Operation::Rerank, "rerank"),
    (Operation::ImageGeneration, "image_generation"),
    (Operation::ImageEdit, "image_edit"),
    (Operation::ImageVariation, "image_variation"),
    (Operation::Speech, "speech"),
    (Operation::Transcription, "transcription"),
    (Operation::Translation, "translation"),
    (Operation::Moderation, "moderation"),
    (Operation::Realtime, "realtime"),
    (Operation::Relay, "relay"),
];

impl Operation {
    /// Whether it asks a chat model: for its answer, or for the length of its prompt.
    pub fn is_chat(self) -> bool {
        matches!(self, Self::Chat | Self::CountTokens)
    }

    /// A stable word for logs and metrics.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(operation, _)| *operation == self).map_or("", |(_, name)| name)
    }

    /// The operation of this name.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(operation, _)| *operation)
    }

    /// Whether it is what is said in a recording, as a text.
    pub fn is_heard(self) -> bool {
        matches!(self, Self::Transcription | Self::Translation)
    }

    /// Whether requests and answers go through as they are to vendors of the client's own format. Some of these kinds are
    /// written anew for others ([`crate::conversion`]).
    pub fn passes(self) -> bool {
        let translated = matches!(self, Self::Chat | Self::CountTokens | Self::Embeddings | Self::Rerank);
        !translated && !matches!(self, Self::Realtime | Self::Relay)
    }

    /// Whether its requests may be forms (`multipart/form-data`).
    pub fn takes_forms(self) -> bool {
        matches!(self, Self::ImageEdit | Self::ImageVariation | Self::Transcription | Self::Translation)
    }
}

/// A path that clients of a dialect POST to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The path. `{model}` in it stands for one segment or more; at most one. Any other name in braces before it stands
    /// for one segment, whatever it is.
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

    /// Whether the path has places for what clients put into it.
    pub fn is_template(&self) -> bool {
        self.path.contains('{')
    }

    /// What a path asks for, when it is one of these.
    pub fn matches(&self, path: &str) -> Option<Asked> {
        let asked = Asked { operation: self.operation, model: None, stream: self.stream };
        let Some((before, after)) = self.path.split_once(MODEL) else {
            return after_template(self.path, path)?.is_empty().then_some(asked);
        };
        let model = after_template(before, path)?.strip_suffix(after)?;
        let model = percent_decoded(model)?;
        (!model.is_empty()).then(|| Asked { model: Some(model.into_owned()), ..asked })
    }
}

/// What follows the part of a path that a template without a model stands for.
fn after_template<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let (mut template, mut path) = (template, path);
    while let Some((before, after)) = template.split_once('{') {
        path = path.strip_prefix(before)?;
        let segment = path.find('/').unwrap_or(path.len());
        path = path.get(segment..).filter(|_| segment > 0)?;
        template = after.split_once('}')?.1;
    }
    path.strip_prefix(template)
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
pub fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
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
    fn names_come_back() {
        for (operation, name) in NAMES {
            assert_eq!((operation.name(), Operation::named(name)), (name, Some(operation)));
        }
    }

    #[test]
    fn a_plain_path_is_matched_whole() {
        let endpoint = Endpoint::new("/v1/chat", Operation::Chat);
        assert_eq!(endpoint.matches("/v1/chat"), Some(Operation::Chat.into()));
        assert_eq!(endpoint.matches("/v1/chat/x"), None);
    }

    #[test]
    fn other_names_stand_for_one_segment_each() {
        let template = "/v1/projects/{project}/locations/{location}/models/{model}:generate";
        let endpoint = Endpoint::new(template, Operation::Chat);
        let model = |path| endpoint.matches(path).and_then(|asked| asked.model);
        let path = "/v1/projects/my-project/locations/eu/models/acme/large:generate";
        assert_eq!(model(path).as_deref(), Some("acme/large"));
        for wrong in [
            "/v1/projects//locations/eu/models/x:generate",
            "/v1/projects/a/b/locations/eu/models/x:generate",
            "/v1/projects/a/locations/eu/models/x:other",
            "/v1/projects/a",
        ] {
            assert_eq!(model(wrong), None, "{wrong}");
        }
        let plain = Endpoint::new("/v1/projects/{project}/count", Operation::CountTokens);
        assert_eq!(plain.matches("/v1/projects/a/count"), Some(Operation::CountTokens.into()));
        assert_eq!(plain.matches("/v1/projects/a/count/x"), None);
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
