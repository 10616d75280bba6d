//! Who is told of calls: LiteLLM's `callbacks`, `success_callback` and `failure_callback`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use llm_callbacks::{Callback, CallbackSettings, Format, Place as Where, Wanted};
use llm_core::Secret;
use llm_providers::Registry;

use crate::environment::Environment;
use crate::keys::nearest;
use crate::node::Node;
use crate::report::{Place, Report};
use crate::settings::bucket::Bucket;

/// Callbacks that there are.
const KNOWN: [&str; 5] = ["file", "generic_api", "langfuse", "otel", "s3_v2"];

/// Other names of them.
const ALSO: [(&str, &str); 4] =
    [("opentelemetry", "otel"), ("s3", "s3_v2"), ("webhook", "generic_api"), ("json_file", "file")];

/// LiteLLM's callbacks that are there without being named, or are something else here.
const ALWAYS: [&str; 2] = ["prometheus", super::guardrails::DETECTION];

/// What a callback is made from.
pub(crate) struct Reading<'a> {
    pub(crate) root: &'a Node,
    pub(crate) environment: &'a Environment,
    pub(crate) vendors: &'a Registry,
    /// What relative paths are relative to.
    pub(crate) directory: &'a Path,
}

/// Reads everybody who is told of calls.
pub(crate) fn callbacks(reading: &Reading<'_>, report: &mut Report) -> CallbackSettings {
    let (metrics, version) = (reading.metrics(report), reading.version());
    let mut found: Vec<Callback> = Vec::new();
    let Some(litellm) = reading.root.get("litellm_settings") else {
        return CallbackSettings { callbacks: found, metrics, version, ..CallbackSettings::default() };
    };
    for (key, wanted) in [
        ("callbacks", Wanted { successes: true, failures: true }),
        ("success_callback", Wanted { successes: true, failures: false }),
        ("failure_callback", Wanted { successes: false, failures: true }),
    ] {
        for node in litellm.get(key).map(Node::elements).unwrap_or_default() {
            let Some(name) = node.text().filter(|name| !name.is_empty() && !ALWAYS.contains(name)) else {
                continue;
            };
            match found.iter_mut().find(|callback| callback.name == name) {
                Some(callback) => {
                    callback.wanted.successes |= wanted.successes;
                    callback.wanted.failures |= wanted.failures;
                }
                None => found.extend(reading.callback(name, &node.at, wanted, report)),
            }
        }
    }
    for callback in &mut found {
        reading.narrow(callback, report);
    }
    let anonymous = litellm.get_flag("redact_user_api_key_info") == Some(true);
    CallbackSettings { callbacks: found, metrics, own: None, anonymous, version }
}

/// Variables that callbacks are made from.
const VARIABLES: [&str; 20] = [
    "GENERIC_LOGGER_ENDPOINT",
    "GENERIC_LOGGER_HEADERS",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_HEADERS",
    "OTEL_SERVICE_NAME",
    "LANGFUSE_PUBLIC_KEY",
    "LANGFUSE_SECRET_KEY",
    "LANGFUSE_SECRET",
    "LANGFUSE_HOST",
    "LANGFUSE_BASE_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_REGION_NAME",
    "AWS_DEFAULT_REGION",
];

impl Reading<'_> {
    /// A number that changes with what callbacks are made from.
    fn version(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let litellm = [
            "callbacks",
            "success_callback",
            "failure_callback",
            "turn_off_message_logging",
            "redact_user_api_key_info",
            "s3_callback_params",
        ];
        let litellm = litellm.map(|key| self.root.get("litellm_settings").and_then(|all| all.get(key)));
        for node in litellm.into_iter().chain([self.root.get("callback_settings")]) {
            node.map(|node| node.json().get().to_owned()).hash(&mut hasher);
        }
        VARIABLES.map(|name| self.environment.get(name)).hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn own(&self, name: &str) -> Option<&Node> {
        self.root.get("callback_settings")?.get(name)
    }

    pub(crate) fn callback(
        &self,
        name: &str,
        at: &Place,
        wanted: Wanted,
        report: &mut Report,
    ) -> Option<Callback> {
        let own = self.own(name);
        let kind = own.and_then(|own| own.get_text("callback_type")).unwrap_or(name);
        let kind = ALSO.iter().find(|(also, _)| *also == kind).map_or(kind, |(_, kind)| kind);
        let place = match kind {
            "file" => Ok(self.file(own)),
            "generic_api" => self.http(name, own),
            "otel" => self.traces(own).map(Where::Otel),
            "langfuse" => self.langfuse(),
            "s3_v2" => self.objects(),
            _ => {
                unknown(kind, at, report);
                return None;
            }
        };
        let place = place.map_err(|(message, help)| report.error(at, message).help(help)).ok()?;
        let mut callback = Callback { wanted, ..Callback::new(name, place) };
        callback.content = self.content(own);
        if let Some(own) = own {
            let batch = own.get_whole("batch_size").and_then(|size| usize::try_from(size).ok());
            callback.batch = batch.unwrap_or(Callback::BATCH).max(1);
            callback.interval = own.get_seconds("flush_interval").unwrap_or(Callback::INTERVAL);
        }
        Some(callback)
    }

    /// Whether it is told what was said: only where the configuration says so.
    fn content(&self, own: Option<&Node>) -> bool {
        let litellm = self.root.get("litellm_settings");
        let off = litellm.and_then(|litellm| litellm.get_flag("turn_off_message_logging"));
        let own = own.and_then(|own| own.get_flag("message_logging"));
        off != Some(true) && own.unwrap_or(off == Some(false))
    }

    /// Takes out what `event_types` does not name.
    fn narrow(&self, callback: &mut Callback, report: &mut Report) {
        let Some(types) = self.own(&callback.name).and_then(|own| own.get("event_types")) else { return };
        let mut named = Wanted::default();
        for node in types.elements() {
            match node.text().unwrap_or_default() {
                "llm_api_success" => named.successes = true,
                "llm_api_failure" => named.failures = true,
                _ => {
                    let problem = report.error(&node.at, "this is no type of events");
                    problem.help("use `llm_api_success` and `llm_api_failure`");
                }
            }
        }
        callback.wanted.successes &= named.successes;
        callback.wanted.failures &= named.failures;
    }

    fn file(&self, own: Option<&Node>) -> Where {
        let text = |key| own.and_then(|own| own.get_text(key));
        let mebibytes = text("max_size_mb").and_then(|text| text.trim().parse::<f64>().ok()).unwrap_or(100.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
        let max_bytes = (mebibytes.clamp(0.001, 1e6) * 1_048_576.0) as u64;
        let keep = own.and_then(|own| own.get_whole("keep")).and_then(|keep| usize::try_from(keep).ok());
        let path = self.directory.join(PathBuf::from(text("path").unwrap_or("calls.jsonl")));
        Where::File { path, max_bytes, keep: keep.unwrap_or(5) }
    }

    fn http(&self, name: &str, own: Option<&Node>) -> Result<Where, Wrong> {
        let url = own.and_then(|own| own.get_text("endpoint"));
        let url = url.or_else(|| self.environment.get("GENERIC_LOGGER_ENDPOINT"));
        let url = url.filter(|url| is_address(url)).ok_or_else(|| {
            let what = format!("the callback `{name}` has no http or https address");
            (what, "set `endpoint` in its `callback_settings`, or GENERIC_LOGGER_ENDPOINT".to_owned())
        })?;
        let headers = headers(own, self.environment.get("GENERIC_LOGGER_HEADERS"))?;
        let format = match own.and_then(|own| own.get_text("log_format")) {
            Some("ndjson") => Format::Lines,
            Some("single") => Format::Single,
            _ => Format::JsonArray,
        };
        Ok(Where::Http { url: url.to_owned(), headers, format })
    }

    fn langfuse(&self) -> Result<Where, Wrong> {
        let variable = |names: &[&str]| names.iter().find_map(|name| self.environment.get(name));
        let key = |names: &[&str]| {
            variable(names).map(|key| Secret::new(key.to_owned())).ok_or_else(|| {
                let what = "the callback `langfuse` has no keys".to_owned();
                (what, "set LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY".to_owned())
            })
        };
        let (public_key, secret_key) =
            (key(&["LANGFUSE_PUBLIC_KEY"])?, key(&["LANGFUSE_SECRET_KEY", "LANGFUSE_SECRET"])?);
        let host = variable(&["LANGFUSE_HOST", "LANGFUSE_BASE_URL"]).unwrap_or("https://cloud.langfuse.com");
        let host = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
        Ok(Where::Langfuse { host, public_key, secret_key })
    }

    fn objects(&self) -> Result<Where, Wrong> {
        let own = self.root.get("litellm_settings").and_then(|litellm| litellm.get("s3_callback_params"));
        let bucket = Bucket::read(own, self.environment, self.vendors)
            .map_err(|(what, help)| (format!("the callback `s3_v2`: {what}"), help))?;
        let signer = bucket.signer().map_err(|error| {
            (format!("the callback `s3_v2`: {}", error.message()), "see `s3_callback_params`".to_owned())
        })?;
        Ok(Where::Objects { url: bucket.url, prefix: bucket.prefix, signer })
    }
}

/// What is wrong, and what to do.
pub(super) type Wrong = (String, String);

fn unknown(name: &str, at: &Place, report: &mut Report) {
    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
    let near = nearest(name, KNOWN.into_iter()).map(|near| format!("did you mean `{near}`?"));
    let help = match name.contains('.') {
        true => "code in Python does not run here: docs/hooks.md shows how a program of your own is asked"
            .to_owned(),
        false => format!("there are {}", KNOWN.map(|known| format!("`{known}`")).join(", ")),
    };
    let message = format!("the callback `{shown}` does not exist here: nobody is told by it");
    report.warning(at, message).help(near.unwrap_or(help));
}

/// Headers of a section, or of a variable: `name=value,name=value`.
pub(super) fn headers(own: Option<&Node>, variable: Option<&str>) -> Result<Vec<(String, Secret)>, Wrong> {
    if let Some(map) = own.and_then(|own| own.get("headers")) {
        return header_list(map);
    }
    let pairs = variable.unwrap_or_default().split(',').filter(|pair| !pair.trim().is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            ("a header of the environment is none".to_owned(), "write `name=value,name=value`".to_owned())
        })?;
        checked(name.trim(), value.trim())
    };
    pairs.map(pair).collect()
}

/// Headers of a map.
pub(super) fn header_list(map: &Node) -> Result<Vec<(String, Secret)>, Wrong> {
    map.entries().iter().map(|entry| checked(&entry.key, entry.value.text().unwrap_or_default())).collect()
}

fn checked(name: &str, value: &str) -> Result<(String, Secret), Wrong> {
    let is_header = name.parse::<http::HeaderName>().is_ok() && http::HeaderValue::from_str(value).is_ok();
    match is_header {
        true => Ok((name.to_owned(), Secret::new(value.to_owned()))),
        false => {
            Err(("this is no header".to_owned(), "a header has a name and a value of one line".to_owned()))
        }
    }
}

pub(super) fn is_address(url: &str) -> bool {
    let url = url.parse::<http::Uri>();
    url.is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
}
