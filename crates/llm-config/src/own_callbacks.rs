//! Callbacks that keys and teams name themselves (`metadata.logging`), out of LiteLLM's `callback_vars`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use llm_callbacks::{Callback, MakeCallback, Wanted};
use llm_core::json::object_of;
use llm_management::Sealing;
use llm_management::logging::{SEALED, belongs_to};
use llm_providers::Registry;
use serde_json::{Value as Json, json};

use crate::config::Loaded;
use crate::environment::Environment;
use crate::report::{Place, Report};
use crate::settings::Reading;
use crate::stored;

/// Callbacks that a key or a team may name. A file is none: it is of this machine.
const MAY: [&str; 6] = ["generic_api", "langfuse", "opentelemetry", "otel", "s3", "s3_v2"];

/// Values under short names, and the variables that say the same of all calls.
const ALSO: [(&str, &[&str]); 2] = [
    ("endpoint", &["GENERIC_LOGGER_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]),
    ("headers", &["GENERIC_LOGGER_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"]),
];

/// Makes them.
pub(crate) struct OwnCallbacks {
    sealing: Arc<dyn Sealing>,
    environment: Environment,
    vendors: Registry,
    content: bool,
}

impl fmt::Debug for OwnCallbacks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OwnCallbacks")
    }
}

impl OwnCallbacks {
    /// Those of a configuration; `None` where nobody has keys, or nothing can be decrypted.
    pub(crate) fn of(loaded: &Loaded, sealing: Option<&Arc<dyn Sealing>>) -> Option<Arc<dyn MakeCallback>> {
        loaded.config.server.master_key.as_ref()?;
        let litellm = loaded.read.root.get("litellm_settings");
        let off = litellm.and_then(|litellm| litellm.get_flag("turn_off_message_logging"));
        Some(Arc::new(Self {
            sealing: Arc::clone(sealing?),
            environment: loaded.read.environment.clone(),
            vendors: loaded.config.vendors.clone(),
            content: off == Some(false),
        }))
    }

    /// What an entry says, decrypted, and with what the variables hold that it names.
    ///
    /// # Errors
    /// When somebody wrote it who may not, or a variable is not set.
    fn values(&self, entry: &Json) -> Result<Vec<(String, String)>, String> {
        let values = entry.get("callback_vars").and_then(Json::as_object);
        let opened = values.into_iter().flatten().map(|(name, value)| {
            let sealed = value.as_str().and_then(|text| text.strip_prefix(SEALED));
            let opened = sealed.and_then(|sealed| self.sealing.open(&belongs_to(name), sealed).ok());
            let secret = opened.ok_or_else(|| {
                "`callback_vars` are not an administrator's, or were encrypted under another key: say them again".to_owned()
            })?;
            let text = secret.expose();
            let value = match text.strip_prefix("os.environ/") {
                Some(variable) => self.environment.get(variable).ok_or("a variable that it names is not set")?.to_owned(),
                None => text.clone(),
            };
            Ok((name.to_ascii_lowercase(), value))
        });
        opened.collect()
    }
}

impl MakeCallback for OwnCallbacks {
    fn make(&self, entry: &Json) -> Result<Callback, String> {
        let name = entry.get("callback_name").and_then(Json::as_str).unwrap_or_default();
        if !MAY.contains(&name) {
            return Err(format!(
                "there is none of that name for keys and teams: there are {}",
                MAY.join(", ")
            ));
        }
        let values = self.values(entry)?;
        let (wanted, settings) = (wanted(entry), Json::Null);
        let said = Said { name, kind: name, values: &values, wanted, settings };
        let mut callback = made(&said, &self.vendors)?;
        let is_off =
            values.iter().any(|(name, value)| name == "turn_off_message_logging" && value != "false");
        callback.content = self.content && !is_off;
        Ok(callback)
    }

    fn may_have_content(&self) -> bool {
        self.content
    }
}

/// What is said of a callback that no file names.
pub(crate) struct Said<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    /// What it is made from, opened, under names in lower case.
    pub(crate) values: &'a [(String, String)],
    pub(crate) wanted: Wanted,
    /// `callback_settings` with its entry, or nothing.
    pub(crate) settings: Json,
}

/// Makes a callback as if a file said it, so that both mean the same.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn made(said: &Said<'_>, vendors: &Registry) -> Result<Callback, String> {
    let upper = |(name, value): &(String, String)| (name.to_ascii_uppercase(), value.clone());
    let mut variables: Vec<(String, String)> = said.values.iter().map(upper).collect();
    for (short, long) in ALSO {
        if let Some((_, value)) = said.values.iter().find(|(name, _)| name == short) {
            variables.extend(long.iter().map(|name| ((*name).to_owned(), value.clone())));
        }
    }
    let objects = said.values.iter().filter(|(name, _)| name.starts_with("s3_"));
    let objects: serde_json::Map<String, Json> =
        object_of(objects.map(|(name, value)| (name.clone(), Json::from(value.as_str()))));
    let mut root = json!({"litellm_settings": {"s3_callback_params": objects}});
    if said.settings.is_object() {
        root["callback_settings"] = said.settings.clone();
    }
    let root = stored::node(&root, &Place::Default);
    let (environment, directory) = (Environment::new(&variables), PathBuf::new());
    let reading = Reading { root: &root, environment: &environment, vendors, directory: &directory };
    let mut report = Report::default();
    // An entry of `callback_settings` names its kind; without one the name does.
    let name = if said.settings.is_object() { said.name } else { said.kind };
    let made = reading.callback(name, &Place::Default, said.wanted, &mut report);
    // What to do about it is said of files, and of variables that nobody sets here.
    made.ok_or_else(|| {
        report.problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ")
    })
}

fn wanted(entry: &Json) -> Wanted {
    let kind = entry.get("callback_type").and_then(Json::as_str).unwrap_or("success_and_failure");
    Wanted { successes: kind != "failure", failures: kind != "success" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_callbacks::Place as Where;
    use llm_core::{Error, Result as CoreResult, Secret};

    struct Plain;

    impl Sealing for Plain {
        fn seal(&self, _: &str, secret: &Secret) -> CoreResult<String> {
            Ok(secret.expose().clone())
        }

        fn open(&self, _: &str, sealed: &str) -> CoreResult<Secret> {
            if sealed == "damaged" {
                Err(Error::invalid("damaged"))
            } else {
                Ok(Secret::new(sealed.to_owned()))
            }
        }
    }

    fn made(entry: &Json) -> Result<Callback, String> {
        let variables = [("LANGFUSE_SECRET_OF_ANN".to_owned(), "sk-lf-1".to_owned())];
        let own = OwnCallbacks {
            sealing: Arc::new(Plain),
            environment: Environment::new(&variables),
            vendors: Registry::builtin(),
            content: true,
        };
        own.make(entry)
    }

    #[test]
    fn langfuse_is_told_with_the_keys_of_a_team() {
        let entry = json!({"callback_name": "langfuse", "callback_type": "success", "callback_vars": {
            "langfuse_public_key": "sealed:pk-lf-1", "langfuse_secret_key": "sealed:os.environ/LANGFUSE_SECRET_OF_ANN",
            "langfuse_host": "sealed:https://langfuse.example",
        }});
        let callback = made(&entry).expect("all is there");
        assert_eq!(callback.wanted, Wanted { successes: true, failures: false });
        let Where::Langfuse { host, public_key, secret_key } = callback.place else { panic!("langfuse") };
        assert_eq!((host.as_str(), public_key.expose().as_str()), ("https://langfuse.example", "pk-lf-1"));
        assert_eq!(secret_key.expose(), "sk-lf-1");
    }

    #[test]
    fn a_plain_value_is_nobodys_word() {
        for (entry, why) in [
            (
                json!({"callback_name": "generic_api", "callback_vars": {"endpoint": "http://127.0.0.1"}}),
                "administrator",
            ),
            (
                json!({"callback_name": "generic_api", "callback_vars": {"endpoint": "sealed:damaged"}}),
                "administrator",
            ),
            (
                json!({"callback_name": "generic_api", "callback_vars": {"endpoint": "sealed:os.environ/NONE"}}),
                "not set",
            ),
            (
                json!({"callback_name": "file", "callback_vars": {"path": "sealed:/etc/x"}}),
                "none of that name",
            ),
            (json!({"callback_name": "langfuse"}), "no keys"),
        ] {
            assert!(made(&entry).expect_err("it cannot be").contains(why), "{entry}");
        }
        let fine = json!({"callback_name": "generic_api", "callback_vars": {
            "endpoint": "sealed:http://127.0.0.1:1/x", "headers": "sealed:x-key=1", "turn_off_message_logging": "sealed:true",
        }});
        let callback = made(&fine).expect("an address");
        assert!(!callback.content && matches!(callback.place, Where::Http { .. }));
    }
}
