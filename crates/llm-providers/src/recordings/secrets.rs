//! What no recording holds: credentials in headers, in queries, and wherever else they turn up.

use http::{HeaderMap, HeaderName};

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "***";

/// Shorter ones would turn up everywhere by chance.
const SHORTEST: usize = 8;

/// Request headers whose values are kept. Any other may be a credential, whatever its name.
const KEPT_OF_REQUESTS: [&str; 10] = [
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "content-encoding",
    "content-length",
    "content-type",
    "openai-beta",
    "user-agent",
    "x-amzn-bedrock-accept",
    "x-goog-api-client",
];

/// Answer headers that tell who pays, or let somebody in.
const MASKED_OF_ANSWERS: [&str; 6] = [
    "anthropic-organization-id",
    "openai-organization",
    "openai-project",
    "set-cookie",
    "www-authenticate",
    "x-amzn-requestid",
];

/// Parameters of a query in which keys are shown.
const KEYS: [&str; 6] =
    ["access_token", "api-key", "api_key", "key", "subscription-key", "x-amz-security-token"];

/// Texts that must not be in a recording.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// These credentials: as they are, and by their lines (a private key is written with escapes elsewhere).
    pub(crate) fn of<'a>(credentials: impl Iterator<Item = &'a str>) -> Self {
        let mut secrets = Self::default();
        for credential in credentials {
            credential.lines().for_each(|line| secrets.add(line));
        }
        secrets
    }

    /// The same, and the credentials of a request's headers.
    pub(crate) fn with(&self, headers: &HeaderMap) -> Self {
        let mut secrets = self.clone();
        let values =
            headers.iter().filter(|(name, _)| !is_kept(name)).filter_map(|(_, value)| value.to_str().ok());
        for value in values {
            secrets.add(value);
            // `Bearer …`
            value.split_whitespace().skip(1).for_each(|word| secrets.add(word));
        }
        // The longer one first: a part of it may be another secret.
        secrets.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
    }

    fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() >= SHORTEST && !self.0.iter().any(|known| known == secret) {
            self.0.push(secret.to_owned());
        }
    }

    /// The text without them.
    pub(crate) fn blot(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), MASK) } else { text }
        })
    }

    /// A path without keys in its query.
    pub(crate) fn blot_path(&self, path: &str) -> String {
        let Some((path, query)) = path.split_once('?') else { return self.blot(path) };
        let pair = |pair: &str| match pair.split_once('=') {
            Some((name, _)) if KEYS.contains(&name.to_ascii_lowercase().as_str()) => format!("{name}={MASK}"),
            _ => pair.to_owned(),
        };
        let query: Vec<String> = query.split('&').map(pair).collect();
        self.blot(&format!("{path}?{}", query.join("&")))
    }

    /// A request's headers; the values of those that may be credentials are masked.
    pub(crate) fn request_headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        self.headers(headers, |name| !is_kept(name))
    }

    /// An answer's headers, likewise.
    pub(crate) fn answer_headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        self.headers(headers, |name| MASKED_OF_ANSWERS.contains(&name.as_str()))
    }

    fn headers(&self, headers: &HeaderMap, is_masked: impl Fn(&HeaderName) -> bool) -> Vec<(String, String)> {
        let mut list: Vec<(String, String)> = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            let value = match value.to_str() {
                Ok(value) if !is_masked(name) => self.blot(value),
                _ => MASK.to_owned(),
            };
            list.push((name.as_str().to_owned(), value));
        }
        list.sort_unstable();
        list
    }
}

fn is_kept(name: &HeaderName) -> bool {
    KEPT_OF_REQUESTS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let list = list.iter();
        list.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_headers_known_to_be_harmless_are_kept() {
        let sent = headers(&[
            ("authorization", "Bearer sk-canary-1234567890"),
            ("content-type", "application/json"),
            ("x-of-my-own", "canary-of-my-own"),
        ]);
        let secrets = Secrets::default().with(&sent);
        let kept: Vec<(String, String)> = secrets.request_headers(&sent);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            pair("authorization", MASK),
            pair("content-type", "application/json"),
            pair("x-of-my-own", MASK),
        ];
        assert_eq!(kept, expected);
        assert_eq!(secrets.blot("key sk-canary-1234567890, canary-of-my-own."), "key ***, ***.");
    }

    #[test]
    fn keys_in_a_query_are_none_of_the_recordings() {
        let secrets = Secrets::of(["account-777777"].into_iter());
        let path = "/v1/account-777777/chat?KEY=canary&alt=sse";
        assert_eq!(secrets.blot_path(path), "/v1/***/chat?KEY=***&alt=sse");
    }

    #[test]
    fn every_line_of_a_private_key_is_a_secret() {
        let secrets = Secrets::of(["{\n\"private_key\": \"canary-private\"\n}"].into_iter());
        assert_eq!(secrets.blot(r#"x "private_key": "canary-private""#), "x ***");
    }
}
