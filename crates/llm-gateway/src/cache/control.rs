//! What a request says to the cache: LiteLLM's field `cache`, and the headers `cache-control` and `x-llm-cache`.

use std::time::Duration;

use http::HeaderName;
use http::header::CACHE_CONTROL;
use llm_core::provider::Inbound;
use llm_core::{Error, Result};
use serde_json::{Map, Value};

/// The field of the body.
pub(super) const FIELD: &str = "cache";
/// LiteLLM's switch beside it.
pub(super) const SWITCH: &str = "caching";
/// As `cache-control`, for clients that cannot set that one, with `ttl`, `namespace` and `use-cache` besides.
const OWN_HEADER: HeaderName = HeaderName::from_static("x-llm-cache");

/// The longest namespace: it is part of a key.
const LONGEST_NAMESPACE: usize = 128;

/// What a request says to the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Control {
    /// It asks to be kept, or not to be.
    pub(super) use_cache: Option<bool>,
    /// No kept answer will do.
    pub(super) no_cache: bool,
    /// The answer must not be kept.
    pub(super) no_store: bool,
    /// How long the answer is good.
    pub(super) life: Option<Duration>,
    /// How old a kept answer may be.
    pub(super) most_age: Option<Duration>,
    /// Where it is kept, within what belongs to the caller.
    pub(super) namespace: Option<String>,
}

impl Control {
    /// Reads it; the body wins over the headers.
    ///
    /// # Errors
    /// When a value of the body has a wrong type.
    pub(super) fn read(inbound: &Inbound) -> Result<Self> {
        let mut control = Self::default();
        for name in [CACHE_CONTROL, OWN_HEADER] {
            for value in inbound.headers.get_all(name) {
                control.read_header(value.to_str().unwrap_or_default());
            }
        }
        if let Some(wanted) = inbound.option::<Option<bool>>(SWITCH)?.flatten() {
            control.use_cache = Some(wanted);
        }
        let fields = inbound.option::<Option<Map<String, Value>>>(FIELD)?.flatten();
        for (name, value) in fields.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            control.set(&name, &value).ok_or_else(|| wrong(&name))?;
        }
        Ok(control)
    }

    /// Directives of a header; what is none of these is for others.
    fn read_header(&mut self, text: &str) {
        for directive in text.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, "true"));
            let value = value.trim().trim_matches('"');
            let value = match value.parse::<u64>() {
                Ok(seconds) => Value::from(seconds),
                Err(_) => value.parse::<bool>().map_or_else(|_| Value::from(value), Value::from),
            };
            // A header that cannot be meant is passed over, as those of HTTP are.
            let _ = self.set(name.trim().to_ascii_lowercase().as_str(), &value);
        }
    }

    /// `None` when the value cannot be meant. Unknown names are passed over.
    fn set(&mut self, name: &str, value: &Value) -> Option<()> {
        match name {
            "use-cache" | "use_cache" => self.use_cache = Some(value.as_bool()?),
            "no-cache" => self.no_cache = value.as_bool()?,
            "no-store" => self.no_store = value.as_bool()?,
            "ttl" => self.life = Some(seconds(value)?),
            "s-maxage" | "s-max-age" | "max-age" => self.most_age = Some(seconds(value)?),
            "namespace" => {
                let text = value.as_str().filter(|text| text.len() <= LONGEST_NAMESPACE)?;
                self.namespace =
                    Some(text.bytes().all(|byte| byte.is_ascii_graphic()).then(|| text.to_owned())?);
            }
            _ => {}
        }
        Some(())
    }
}

fn seconds(value: &Value) -> Option<Duration> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    Duration::try_from_secs_f64(number).ok()
}

fn wrong(name: &str) -> Error {
    let wanted = match name {
        "ttl" | "s-maxage" | "s-max-age" | "max-age" => "a number of seconds",
        "namespace" => "a word of at most 128 letters, digits and signs",
        _ => "true or false",
    };
    // Only known names have values that cannot be meant.
    Error::invalid(format!("invalid `cache.{name}`: expected {wanted}")).with_param(FIELD)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};
    use llm_core::operation::Operation;
    use llm_testkit::fake::PlainIngress;

    use super::*;

    fn read(body: &str, headers: &[(HeaderName, &'static str)]) -> Result<Control> {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let body = Bytes::copy_from_slice(body.as_bytes());
        Control::read(&Inbound::new(Arc::new(PlainIngress), Operation::Chat, headers, body).expect("JSON"))
    }

    #[test]
    fn the_body_says_what_litellm_has() {
        let body = r#"{"cache":{"ttl":60,"s-maxage":1.5,"no-cache":true,"no-store":false,"namespace":"a:b",
                       "use-cache":true,"other":[1]}}"#;
        let expected = Control {
            use_cache: Some(true),
            no_cache: true,
            no_store: false,
            life: Some(Duration::from_secs(60)),
            most_age: Some(Duration::from_millis(1500)),
            namespace: Some("a:b".to_owned()),
        };
        assert_eq!(read(body, &[]).expect("valid"), expected);
        assert_eq!(read(r#"{"caching":false}"#, &[]).expect("valid").use_cache, Some(false));
        assert_eq!(read(r#"{"cache":null}"#, &[]).expect("valid"), Control::default());
    }

    #[test]
    fn headers_say_it_too_and_the_body_wins() {
        let own = [(OWN_HEADER, "ttl=5, namespace=n, use-cache"), (CACHE_CONTROL, "No-Store, max-age=0")];
        let control = read(r#"{"cache":{"ttl":6}}"#, &own).expect("valid");
        assert_eq!((control.life, control.most_age), (Some(Duration::from_secs(6)), Some(Duration::ZERO)));
        assert_eq!((control.namespace.as_deref(), control.use_cache), (Some("n"), Some(true)));
        assert!(control.no_store && !control.no_cache);
        assert_eq!(read("{}", &[(CACHE_CONTROL, "max-age=soon, =, ,")]).expect("valid"), Control::default());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (body, name) in [
            (r#"{"cache":{"ttl":-1}}"#, "cache.ttl"),
            (r#"{"cache":{"no-store":"never"}}"#, "cache.no-store"),
            (r#"{"cache":{"namespace":"a b"}}"#, "cache.namespace"),
            (r#"{"cache":7}"#, "`cache`"),
        ] {
            let error = read(body, &[]).expect_err(body);
            assert!(error.message().contains(name), "{}", error.message());
            assert_eq!(error.status(), 400);
        }
    }
}
