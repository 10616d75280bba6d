//! Callbacks of the store beside those of the files: made of the same words by the same hands.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use llm_callbacks::{Callback, Wanted};
use llm_core::json::object_of;
use llm_management::{CallsTold, OpenCallback};
use serde_json::{Map, Value as Json, json};

use crate::config::Loaded;
use crate::environment::Environment;
use crate::keys::ROOT;
use crate::own_callbacks::{Said, made};
use crate::report::{Place, Report};
use crate::services::WORDS;
use crate::{stored, strict};

/// Keys of `callback_settings` that a callback of the store may have.
const SETTINGS: [&str; 5] = ["batch_size", "flush_interval", "log_format", "message_logging", "service_name"];

/// Callbacks of the store.
#[derive(Clone, Debug, Default)]
pub struct StoredCallbacks {
    /// Those that are told of calls.
    pub callbacks: Vec<Callback>,
    /// Another number when anything of them is other, credentials included; 0 where there are none.
    pub version: u64,
    /// Why others are not: their names, and what is wrong.
    pub problems: Vec<(String, String)>,
}

impl Loaded {
    /// Tells those whom the store names of calls, in the place of those that it named before. Returns what is wrong with
    /// those that cannot be told: nobody else is left out for them.
    pub fn serve_callbacks(&mut self, named: &[OpenCallback]) -> Report {
        let (mut served, mut report) = (StoredCallbacks::default(), Report::default());
        let mut hasher = DefaultHasher::new();
        for one in named {
            let built = match &one.damage {
                Some(damage) => Err(wrong(&one.name, damage)),
                None => self.callback_of(one),
            };
            match built {
                Ok(callback) => {
                    let said = (&one.kind, one.calls.name(), Json::Object(self.resolved(one)).to_string());
                    (&one.name, said).hash(&mut hasher);
                    served.callbacks.push(callback);
                }
                Err(wrong) => {
                    served.problems.push((one.name.clone(), stored::told(&wrong)));
                    report.problems.extend(wrong.problems);
                }
            }
        }
        served.version = if served.callbacks.is_empty() { 0 } else { hasher.finish() };
        self.config.stored_callbacks = served;
        report
    }

    /// Whether a callback can be made of one of the store.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_callback(&self, one: &OpenCallback) -> Result<(), Report> {
        self.callback_of(one).map(|_| ())
    }

    /// Who the files say is told of calls, as replies show them.
    pub fn callbacks_of_files(&self) -> Vec<Json> {
        let shown = self.config.callbacks.callbacks.iter().map(|one| {
            let calls = match (one.wanted.successes, one.wanted.failures) {
                (true, false) => CallsTold::Success,
                (false, true) => CallsTold::Failure,
                _ => CallsTold::SuccessAndFailure,
            };
            json!({
                "name": one.name, "kind": one.place.kind(), "type": calls.name(), "variables": {}, "source": "config",
            })
        });
        shown.collect()
    }

    /// # Errors
    /// Why it cannot be told; what a file only warns of is an error here.
    fn callback_of(&self, one: &OpenCallback) -> Result<Callback, Report> {
        if one.name == WORDS {
            return Err(wrong(
                &one.name,
                &format!("`{WORDS}` is what keeps what was said: choose another name"),
            ));
        }
        if self.config.callbacks.callbacks.iter().any(|known| known.name == one.name) {
            return Err(wrong(&one.name, &format!("the configuration has a callback `{}`, too", one.name)));
        }
        let vars = self.resolved(one);
        if let Some(unset) = vars.iter().find(|(_, value)| value.is_null()) {
            return Err(wrong(&one.name, &format!("the variable that `{}` names is not set", unset.0)));
        }
        let values: Vec<(String, String)> =
            vars.into_iter().map(|(name, value)| (name, text(&value))).collect();
        let settings = self.settings_of(one, &values)?;
        let said =
            Said { name: &one.name, kind: &one.kind, values: &values, wanted: wanted(one.calls), settings };
        let mut callback = made(&said, &self.config.vendors).map_err(|message| wrong(&one.name, &message))?;
        callback.content = self.tells_content(&values);
        Ok(callback)
    }

    /// What it is made from, with what the variables hold that it names; `null` where one is not set.
    fn resolved(&self, one: &OpenCallback) -> Map<String, Json> {
        let environment = &self.read.environment;
        let resolved = one.vars.iter().map(|(name, value)| {
            let variable = value.as_str().and_then(|text| text.strip_prefix("os.environ/"));
            let value = variable.map_or_else(|| value.clone(), |variable| environment.get(variable).into());
            (name.clone(), value)
        });
        object_of(resolved)
    }

    /// Its entry of `callback_settings`, checked as that of a file.
    fn settings_of(&self, one: &OpenCallback, values: &[(String, String)]) -> Result<Json, Report> {
        let own = values.iter().filter(|(name, _)| SETTINGS.contains(&name.as_str()));
        let mut entry: Map<String, Json> = object_of(own.map(|(name, text)| (name.clone(), typed(text))));
        entry.insert("callback_type".to_owned(), Json::from(one.kind.as_str()));
        let settings = json!({one.name.as_str(): entry});
        let (place, mut report) = (place(&one.name), Report::default());
        let mut root = stored::node(&json!({"callback_settings": settings}), &place);
        strict::check(&mut root, &ROOT, &Environment::new(&[]), &mut report);
        if report.problems.is_empty() { Ok(settings) } else { Err(report) }
    }

    /// Whether it is told what was said: only where it says so, or the configuration for all.
    fn tells_content(&self, values: &[(String, String)]) -> bool {
        let litellm = self.read.root.get("litellm_settings");
        let off = litellm.and_then(|litellm| litellm.get_flag("turn_off_message_logging"));
        let said =
            |wanted: &str| values.iter().find(|(name, _)| name == wanted).map(|(_, text)| text == "true");
        let own = said("message_logging").or_else(|| said("turn_off_message_logging").map(|off| !off));
        off != Some(true) && own.unwrap_or(off == Some(false))
    }
}

fn wanted(calls: CallsTold) -> Wanted {
    Wanted { successes: calls != CallsTold::Failure, failures: calls != CallsTold::Success }
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A number or a flag where it is one: files are checked for that.
fn typed(text: &str) -> Json {
    match serde_json::from_str(text) {
        Ok(value @ (Json::Bool(_) | Json::Number(_))) => value,
        _ => Json::from(text),
    }
}

fn place(name: &str) -> Place {
    Place::Stored(Arc::from(format!("callback {name}")))
}

fn wrong(name: &str, message: &str) -> Report {
    let mut report = Report::default();
    report.error(&place(name), message.to_owned());
    report
}

#[cfg(test)]
mod tests {
    use llm_callbacks::{Format, Place as Where};

    use super::*;
    use crate::load::{Options, load};

    fn loaded(more: &str) -> Loaded {
        let text = format!(
            "model_list:\n  - {{model_name: a, litellm_params: {{model: mock/echo}}}}\n\
             litellm_settings: {{callbacks: [file]{more}}}\n"
        );
        let variables = vec![("LOGS".to_owned(), "http://127.0.0.1:1/of-a-variable".to_owned())];
        load(&Options { text: Some(text), variables, ..Options::default() }).expect("it loads")
    }

    fn open(name: &str, kind: &str, vars: &Json) -> OpenCallback {
        let vars = vars.as_object().cloned().expect("an object");
        OpenCallback {
            name: name.to_owned(),
            kind: kind.to_owned(),
            calls: CallsTold::Success,
            vars,
            damage: None,
        }
    }

    fn logs() -> OpenCallback {
        open(
            "logs",
            "generic_api",
            &json!({"endpoint": "http://127.0.0.1:1/x", "headers": "x-key=1", "log_format": "ndjson", "batch_size": "7", "message_logging": "true"}),
        )
    }

    #[test]
    fn those_of_the_store_are_told_beside_those_of_the_files_and_go_again() {
        let mut loaded = loaded("");
        assert!(loaded.serve_callbacks(&[logs()]).problems.is_empty());
        let served = loaded.config.stored_callbacks.clone();
        let [one] = served.callbacks.as_slice() else { panic!("one: {served:?}") };
        assert_eq!((one.name.as_str(), one.batch, one.content), ("logs", 7, true));
        assert_eq!(one.wanted, Wanted { successes: true, failures: false });
        let Where::Http { url, headers, format } = &one.place else { panic!("{:?}", one.place) };
        assert_eq!((url.as_str(), headers.len(), *format), ("http://127.0.0.1:1/x", 1, Format::Lines));
        assert_eq!(loaded.callbacks_of_files()[0]["name"], "file");

        let other = open("logs", "generic_api", &json!({"endpoint": "os.environ/LOGS"}));
        assert!(loaded.serve_callbacks(&[other]).problems.is_empty());
        let now = &loaded.config.stored_callbacks;
        assert_ne!(now.version, served.version);
        let [one] = now.callbacks.as_slice() else { panic!("one: {now:?}") };
        let Where::Http { url, .. } = &one.place else { panic!("{:?}", one.place) };
        assert_eq!((url.as_str(), one.content), ("http://127.0.0.1:1/of-a-variable", false));
        loaded.serve_callbacks(&[]);
        assert_eq!(loaded.config.stored_callbacks.version, 0);
    }

    #[test]
    fn what_cannot_be_told_is_said_at_once_and_left_out_later() {
        let mut loaded = loaded(", turn_off_message_logging: true");
        for wrong in [
            open("file", "generic_api", &json!({"endpoint": "http://127.0.0.1:1"})),
            open("logs", "generic_api", &json!({})),
            open("logs", "generic_api", &json!({"endpoint": "no address"})),
            open("logs", "generic_api", &json!({"endpoint": "http://127.0.0.1:1", "log_format": "xml"})),
            open("logs", "generic_api", &json!({"endpoint": "http://127.0.0.1:1", "batch_size": "many"})),
            open("logs", "generic_api", &json!({"endpoint": "os.environ/NOT_SET"})),
            open("logs", "generic_api", &json!({"endpoint": "http://127.0.0.1:1", "headers": "none"})),
            open("langfuse", "langfuse", &json!({"langfuse_public_key": "pk"})),
            open("calls", "s3_v2", &json!({"s3_region_name": "eu-west-1"})),
        ] {
            assert!(loaded.check_callback(&wrong).is_err(), "{}", Json::Object(wrong.vars));
        }
        let damaged = OpenCallback { damage: Some("of another key".to_owned()), ..logs() };
        let fine = OpenCallback { name: "more".to_owned(), ..logs() };
        assert!(loaded.serve_callbacks(&[damaged, fine]).has_errors());
        let served = &loaded.config.stored_callbacks;
        assert_eq!(served.problems.len(), 1, "{:?}", served.problems);
        assert!(!served.callbacks[0].content, "the configuration has turned it off for all");
    }

    #[test]
    fn every_kind_can_be_kept() {
        let loaded = loaded("");
        for fine in [
            open("langfuse", "langfuse", &json!({"langfuse_public_key": "pk", "langfuse_secret_key": "sk"})),
            open("traces", "otel", &json!({"endpoint": "http://127.0.0.1:4318", "service_name": "edge"})),
            open(
                "calls",
                "s3_v2",
                &json!({"s3_bucket_name": "calls", "s3_region_name": "eu-west-1", "s3_aws_access_key_id": "A", "s3_aws_secret_access_key": "B"}),
            ),
        ] {
            let checked = loaded.check_callback(&fine).map_err(|report| stored::told(&report));
            assert_eq!(checked, Ok(()), "{}", fine.name);
        }
    }
}
