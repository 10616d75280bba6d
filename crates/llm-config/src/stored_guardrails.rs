//! Guardrails of the store beside those of the files: read by the same table, built by the same judges.

use llm_management::OpenGuardrail;
use llm_providers::Providers;
use serde_json::{Value as Json, json};
use std::sync::Arc;

use crate::config::Loaded;
use crate::guardrails;
use crate::keys::ROOT;
use crate::node::{Node, Value};
use crate::report::{Place, Report};
use crate::settings::{self, GuardrailConfig};
use crate::stored::{map, node};
use crate::strict;

impl Loaded {
    /// Serves these guardrails of the store behind those of the files, in the place of those that were served before.
    /// Returns what is wrong with those that cannot be built: calls that must pass one of them are refused, as if it could
    /// not be asked.
    pub fn serve_guardrails(&mut self, stored: &[OpenGuardrail]) -> Report {
        let mut report = Report::default();
        self.config.guardrails.retain(|one| one.stored().is_none());
        for one in stored {
            let built = match &one.damage {
                Some(damage) => Err(wrong(&one.id, damage)),
                None => self.guardrail_of(one),
            };
            match built {
                Ok(config) => self.config.guardrails.push(config),
                Err(wrong) => {
                    self.config.guardrails.extend(self.in_its_place(one, &wrong));
                    report.problems.extend(wrong.problems);
                }
            }
        }
        report
    }

    /// Whether a guardrail can be made of one of the store.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_guardrail(&self, one: &OpenGuardrail) -> Result<(), Report> {
        self.guardrail_of(one).map(|_| ())
    }

    /// Guardrails of the files, in LiteLLM's form, without their parameters, which may hold secrets.
    pub fn guardrails_of_files(&self) -> Vec<Json> {
        let filed = self.config.guardrails.iter().filter(|one| one.stored().is_none());
        let shown = filed.map(|one| {
            json!({
                "guardrail_id": null,
                "guardrail_name": one.name,
                "litellm_params": {"guardrail": one.kind, "default_on": one.default_on, "mode": one.modes.names()},
                "guardrail_info": one.info,
                "guardrail_definition_location": "config",
            })
        });
        shown.collect()
    }

    /// # Errors
    /// Why it cannot be built; what a file only warns of is an error here.
    fn guardrail_of(&self, one: &OpenGuardrail) -> Result<GuardrailConfig, Report> {
        if self.config.guardrails.iter().any(|known| known.stored().is_none() && known.name == one.name) {
            return Err(wrong(&one.id, &format!("the configuration has a guardrail `{}`, too", one.name)));
        }
        let (config, mut report) = self.read_guardrail(one);
        let Some(config) = config.filter(|_| report.problems.is_empty()) else { return Err(report) };
        if let Some(name) = config.names_file() {
            return Err(wrong(
                &one.id,
                &format!("`{name}` cannot name a file here: give what is in it as a list"),
            ));
        }
        let providers = Providers::new(self.config.vendors.clone());
        guardrails::build(std::slice::from_ref(&config), &providers, &mut report);
        if report.has_errors() { Err(report) } else { Ok(config) }
    }

    fn read_guardrail(&self, one: &OpenGuardrail) -> (Option<GuardrailConfig>, Report) {
        let (at, mut report) = (Place::Stored(Arc::from(one.id.as_str())), Report::default());
        let list = Node { value: Value::List(vec![node(&one.entry, &at)]), at: at.clone() };
        let mut root = map([("guardrails", list.value)], &at);
        strict::check(&mut root, &ROOT, &self.read.environment, &mut report);
        let read = settings::guardrails(&root, &self.read.environment, &mut report).pop();
        // An entry that is read where it stands has the place of its list.
        (read.map(|read| GuardrailConfig { place: at, ..read }), report)
    }

    /// What refuses calls that must pass a guardrail which cannot be built; nothing where not even its name is known.
    fn in_its_place(&self, one: &OpenGuardrail, wrong: &Report) -> Option<GuardrailConfig> {
        let (read, _) = self.read_guardrail(one);
        let damage = Some(wrong.problems.first().map_or_else(String::new, |first| first.message.clone()));
        read.map(|read| GuardrailConfig { damage, ..read })
    }
}

fn wrong(id: &str, message: &str) -> Report {
    let mut report = Report::default();
    report.error(&Place::Stored(Arc::from(id)), message.to_owned());
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Options, load};

    fn loaded() -> Loaded {
        let text = "model_list:\n  - {model_name: a, litellm_params: {model: mock/echo}}\n\
                    guardrails:\n  - {guardrail_name: filed, litellm_params: {guardrail: pii}}\n";
        load(&Options { text: Some(text.to_owned()), ..Options::default() }).expect("it loads")
    }

    fn open(name: &str, params: &Json) -> OpenGuardrail {
        let entry = json!({"guardrail_name": name, "litellm_params": params});
        OpenGuardrail { id: format!("id-{name}"), name: name.to_owned(), entry, damage: None }
    }

    #[test]
    fn those_of_the_store_come_behind_those_of_the_files_and_go_again() {
        let mut loaded = loaded();
        let words =
            open("words", &json!({"guardrail": "banned_keywords", "keywords": ["x"], "default_on": true}));
        assert!(loaded.serve_guardrails(std::slice::from_ref(&words)).problems.is_empty());
        let names = |loaded: &Loaded| {
            loaded
                .config
                .guardrails
                .iter()
                .map(|one| (one.name.clone(), one.damage.is_some()))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&loaded), [("filed".to_owned(), false), ("words".to_owned(), false)]);
        assert_eq!(loaded.config.guardrails.last().and_then(GuardrailConfig::stored), Some("id-words"));
        assert!(loaded.serve_guardrails(&[words]).problems.is_empty());
        assert_eq!(names(&loaded).len(), 2);
        loaded.serve_guardrails(&[]);
        assert_eq!(names(&loaded), [("filed".to_owned(), false)]);
    }

    #[test]
    fn what_cannot_be_built_is_refused_at_once_and_stands_in_the_way_later() {
        let mut loaded = loaded();
        for wrong in [
            open("filed", &json!({"guardrail": "pii"})),
            open("a,b", &json!({"guardrail": "pii"})),
            open("new", &json!({"guardrail": "no-such-judge"})),
            open("new", &json!({"guardrail": "pii", "modes": "pre_call"})),
            open("new", &json!({"guardrail": "pii", "mode": "pre_mcp_call"})),
            open("new", &json!({"guardrail": "banned_keywords", "banned_keywords_list": "/etc/passwd"})),
            open("new", &json!({"guardrail": "litellm_content_filter", "blocked_words_file": "/etc/passwd"})),
            open("new", &json!({"mode": "pre_call"})),
        ] {
            assert!(loaded.check_guardrail(&wrong).is_err(), "{}", wrong.entry);
        }
        let gone = open("gone", &json!({"guardrail": "no-such-judge", "default_on": true}));
        let report = loaded.serve_guardrails(&[gone]);
        assert!(report.has_errors());
        let last = loaded.config.guardrails.last().expect("it stands there");
        assert!(last.default_on && last.damage.is_some());
        assert!(crate::build(&loaded).is_ok(), "the gateway is built with it");
    }
}
