//! Guardrails as users write them: LiteLLM's `guardrails`, and the older list in `litellm_settings`.

use std::path::Path;

use llm_core::guard::Place as TextPlace;
use llm_gateway::{Modes, OnError, Unseen};
use serde_json::{Map, Value};

use crate::environment::Environment;
use crate::files::reason;
use crate::keys::nearest;
use crate::node::{self, Node};
use crate::report::{Place, Report};

/// A guardrail, not built yet.
#[derive(Clone, Debug)]
pub struct GuardrailConfig {
    /// Where it stands.
    pub place: Place,
    /// What requests, keys and people call it.
    pub name: String,
    /// Which judge it is.
    pub kind: String,
    /// When it looks.
    pub modes: Modes,
    /// Every call passes it.
    pub default_on: bool,
    /// What becomes of a call that it could not judge.
    pub on_error: OnError,
    /// What it masks on the way in stands in the answer again.
    pub restores: bool,
    /// It finds, and changes nothing.
    pub only_flags: bool,
    /// The places that it looks at; `None`: all.
    pub places: Option<Vec<TextPlace>>,
    /// What becomes of calls that it must look at and cannot.
    pub unseen: Unseen,
    /// What only this kind of judge knows. May hold keys.
    pub parameters: Value,
    /// What people are told of it: LiteLLM's `guardrail_info`.
    pub info: Option<Value>,
    /// Why it cannot be built, where it is to stand in the way of calls nevertheless: one of the store.
    pub damage: Option<String>,
}

/// The callback of LiteLLM's that is a guardrail here.
pub(super) const DETECTION: &str = "detect_prompt_injection";

/// Parameters that name a file of words.
const FILES: [&str; 2] = ["blocked_words_file", "banned_keywords_list"];

impl GuardrailConfig {
    /// Its id in the store; `None`: it is of a file.
    pub fn stored(&self) -> Option<&str> {
        match &self.place {
            Place::Stored(id) => Some(id),
            _ => None,
        }
    }

    /// The first parameter that names a file.
    pub(crate) fn names_file(&self) -> Option<&'static str> {
        let named = |name: &&&str| self.parameters.get(**name).is_some_and(Value::is_string);
        let categories = self.parameters.get("categories").and_then(Value::as_array).into_iter().flatten();
        let category =
            categories.into_iter().any(|one| one.get("category_file").is_some_and(Value::is_string));
        FILES.iter().find(named).copied().or(category.then_some("category_file"))
    }

    /// Puts the content of files in the place of their names.
    pub(crate) fn read_files(&mut self, directory: &Path, report: &mut Report) {
        for name in FILES {
            let Some(Value::String(path)) = self.parameters.get(name).filter(|value| value.is_string())
            else {
                continue;
            };
            match std::fs::read_to_string(directory.join(path)) {
                Ok(content) => self.parameters[name] = Value::from(content),
                Err(error) => {
                    let message = format!("the file of `{name}` cannot be read: {}", reason(&error));
                    report.error(&self.place, message).help("its path is relative to where the program runs");
                }
            }
        }
        let categories = self.parameters.get_mut("categories").and_then(Value::as_array_mut);
        for category in categories.into_iter().flatten() {
            let Some(Value::String(path)) = category.get("category_file") else { continue };
            match category_file(&directory.join(path)) {
                Ok(content) => category["category_file"] = content,
                Err(reason) => {
                    let message = format!("the file of `category_file` cannot be read: {reason}");
                    report.error(&self.place, message).help("its path is relative to where the program runs");
                }
            }
        }
    }
}

/// The words of a category, in YAML or JSON.
fn category_file(path: &Path) -> Result<Value, String> {
    let content = std::fs::read(path).map_err(|error| reason(&error))?;
    let file = path.to_string_lossy().into();
    let node = node::read(&file, &content).map_err(|problem| problem.message)?;
    Ok(Value::Object(object(&node)))
}

/// What a call's life has, and this gateway does not.
const NO_MODES: [&str; 4] =
    ["pre_mcp_call", "during_mcp_call", "post_mcp_call", "realtime_input_transcription"];

const MODES: [&str; 4] = ["pre_call", "during_call", "post_call", "logging_only"];

const ENTRY: [&str; 4] = ["guardrail_name", "litellm_params", "guardrail_info", "guardrail_id"];

const OLD_ENTRY: [&str; 5] = ["callbacks", "default_on", "logging_only", "enabled_roles", "callback_args"];

const PLACES: [(&str, TextPlace); 8] = [
    ("system", TextPlace::System),
    ("user", TextPlace::User),
    ("assistant", TextPlace::Assistant),
    ("reasoning", TextPlace::Reasoning),
    ("tool_name", TextPlace::ToolName),
    ("tool_description", TextPlace::ToolDescription),
    ("tool_arguments", TextPlace::ToolArguments),
    ("tool_result", TextPlace::ToolResult),
];

/// Variables of the environment that stand in for a parameter, by the beginning of the kind.
const VARIABLES: [(&str, &str, &str); 13] = [
    ("presidio", "presidio_analyzer_api_base", "PRESIDIO_ANALYZER_API_BASE"),
    ("lakera", "api_key", "LAKERA_API_KEY"),
    ("lakera", "api_base", "LAKERA_API_BASE"),
    ("openai_moderation", "api_key", "OPENAI_API_KEY"),
    ("generic_guardrail_api", "api_base", "GENERIC_GUARDRAIL_API_BASE"),
    ("generic_guardrail_api", "api_key", "GENERIC_GUARDRAIL_API_KEY"),
    ("azure/", "api_key", "AZURE_GUARDRAIL_API_KEY"),
    ("azure/", "api_base", "AZURE_GUARDRAIL_API_BASE"),
    ("bedrock", "aws_access_key_id", "AWS_ACCESS_KEY_ID"),
    ("bedrock", "aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
    ("bedrock", "aws_session_token", "AWS_SESSION_TOKEN"),
    ("bedrock", "aws_region_name", "AWS_REGION_NAME"),
    ("bedrock", "aws_region_name", "AWS_REGION"),
];

/// All that a file names, in its order.
pub(crate) fn settings(root: &Node, environment: &Environment, report: &mut Report) -> Vec<GuardrailConfig> {
    let list = |node: Option<&Node>| node.map(|node| node.elements().to_vec()).unwrap_or_default();
    let mut reader = Reader { environment, report, read: Vec::new() };
    list(root.get("guardrails")).iter().for_each(|entry| reader.entry(entry));
    list(root.at_path("litellm_settings.guardrails")).iter().for_each(|entry| reader.old_entry(entry));
    reader.detection(root);
    reader.read
}

struct Reader<'a> {
    environment: &'a Environment,
    report: &'a mut Report,
    read: Vec<GuardrailConfig>,
}

impl Reader<'_> {
    fn entry(&mut self, entry: &Node) {
        self.known(entry, &ENTRY, "a guardrail");
        let name = entry.get("guardrail_name").and_then(Node::text).filter(|name| is_name(name));
        let Some(name) = name else {
            let message = "a guardrail needs a `guardrail_name` of letters without commas";
            return self.wrong(&entry.at, message);
        };
        let Some(parameters) = entry.get("litellm_params") else {
            return self.wrong(&entry.at, format!("the guardrail `{name}` has no `litellm_params`"));
        };
        let Some(kind) = parameters.get("guardrail").and_then(Node::text) else {
            let message =
                format!("`litellm_params` of the guardrail `{name}` do not say which `guardrail` it is");
            return self.wrong(&parameters.at, message);
        };
        let mut fields = object(parameters);
        fields.remove("guardrail");
        let modes = self.modes(parameters.get("mode"), name);
        fields.remove("mode");
        let mut made = GuardrailConfig {
            modes,
            info: entry.get("guardrail_info").map(|info| Value::Object(object(info))),
            ..plain(&entry.at, name, kind)
        };
        self.common(&mut made, &mut fields, parameters);
        self.finish(made, fields);
    }

    /// `- name: {callbacks: [...], default_on: …}`: a guardrail for each callback, all of one name.
    fn old_entry(&mut self, entry: &Node) {
        let [named] = entry.entries() else {
            let message = "a guardrail here is a name with `callbacks` below it, indented";
            return self.wrong(&entry.at, message);
        };
        let (name, body) = (named.key.as_str(), &named.value);
        self.known(body, &OLD_ENTRY, "a guardrail");
        let callbacks: Vec<&str> = body
            .get("callbacks")
            .map(Node::elements)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::text)
            .collect();
        if callbacks.is_empty() {
            return self.wrong(&named.at, format!("the guardrail `{name}` has no `callbacks`"));
        }
        for kind in callbacks {
            let arguments = body.get("callback_args").and_then(|all| all.get(kind));
            let mut fields = arguments.map(object).unwrap_or_default();
            let beside = kind.starts_with("lakera")
                && fields.remove("moderation_check").is_none_or(|check| check != "pre_call");
            let logs = body.get_flag("logging_only") == Some(true);
            let modes = Modes {
                pre_call: !beside && !logs,
                during_call: beside && !logs,
                post_call: false,
                logging_only: logs,
            };
            let default_on = body.get_flag("default_on").unwrap_or(false);
            let mut made = GuardrailConfig { modes, default_on, ..plain(&named.at, name, kind) };
            made.places = self.places(body.get("enabled_roles"));
            self.common(&mut made, &mut fields, body);
            self.finish(made, fields);
        }
    }

    /// `callbacks: [detect_prompt_injection]`, with `prompt_injection_params` beside it. Checks that these do not name are
    /// off, as in LiteLLM.
    fn detection(&mut self, root: &Node) {
        let callbacks = root.at_path("litellm_settings.callbacks");
        let mut named = callbacks.map(Node::elements).unwrap_or_default().iter();
        let Some(named) = named.find(|one| one.text() == Some(DETECTION)) else { return };
        let mut made = GuardrailConfig {
            modes: Modes { pre_call: true, ..Modes::default() },
            default_on: true,
            ..plain(&named.at, DETECTION, DETECTION)
        };
        let mut fields = Map::new();
        if let Some(given) = root.at_path("litellm_settings.prompt_injection_params") {
            fields = object(given);
            for check in ["heuristics_check", "similarity_check"] {
                fields.entry(check).or_insert(Value::Bool(false));
            }
            if fields.get("reject_as_response") == Some(&Value::Bool(false)) {
                fields.remove("reject_as_response");
            }
            self.common(&mut made, &mut fields, given);
        }
        self.finish(made, fields);
    }

    /// What every guardrail may have among its parameters.
    fn common(&mut self, made: &mut GuardrailConfig, fields: &mut Map<String, Value>, at: &Node) {
        let mut flag = |name: &str| match fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(flag)) => Some(flag),
            Some(_) => {
                let place = at.get(name).map_or(&at.at, |node| &node.at);
                self.report.error(place, format!("`{name}` is neither true nor false"));
                None
            }
        };
        made.default_on = flag("default_on").unwrap_or(made.default_on);
        made.only_flags = flag("only_flags").unwrap_or(false);
        made.restores = flag("restore").or(flag("output_parse_pii")).unwrap_or(false);
        if flag("fail_on_error") == Some(false) {
            made.on_error = OnError::Pass;
        }
        for name in ["unreachable_fallback", "on_error"] {
            match fields.remove(name).as_ref().map(|value| value.as_str()) {
                None => {}
                Some(Some("fail_open" | "pass")) => made.on_error = OnError::Pass,
                Some(Some("fail_closed" | "refuse")) => made.on_error = OnError::Refuse,
                Some(_) => {
                    let message = format!("`{name}` is neither `fail_open` nor `fail_closed`");
                    self.report.error(&at.at, message);
                }
            }
        }
        match fields.remove("unseen").as_ref().map(|value| value.as_str()) {
            None | Some(Some("refuse")) => {}
            Some(Some("pass")) => made.unseen = Unseen::Pass,
            Some(_) => {
                self.report.error(&at.at, "`unseen` is neither `refuse` nor `pass`");
            }
        }
        if fields.remove("places").is_some() {
            made.places = self.places(at.get("places"));
        }
    }

    fn finish(&mut self, mut made: GuardrailConfig, mut fields: Map<String, Value>) {
        for (kind, parameter, variable) in VARIABLES {
            if made.kind.starts_with(kind)
                && !fields.contains_key(parameter)
                && let Some(value) = self.environment.get(variable)
            {
                fields.insert(parameter.to_owned(), Value::from(value));
            }
        }
        made.parameters = Value::Object(fields);
        self.read.push(made);
    }

    fn modes(&mut self, node: Option<&Node>, name: &str) -> Modes {
        let Some(node) = node else { return Modes { pre_call: true, ..Modes::default() } };
        let mut modes = Modes::default();
        for mode in node.elements() {
            match mode.text() {
                Some("pre_call") => modes.pre_call = true,
                Some("during_call") => modes.during_call = true,
                Some("post_call") => modes.post_call = true,
                Some("logging_only") => modes.logging_only = true,
                Some(other) if NO_MODES.contains(&other) => {
                    let message = format!("the mode `{other}` of the guardrail `{name}` has no effect here");
                    self.report
                        .warning(&mode.at, message)
                        .help("there are pre_call, during_call, post_call and logging_only");
                }
                other => {
                    let near = other.and_then(|other| nearest(other, MODES.into_iter()));
                    let message = format!("the guardrail `{name}` has a mode that does not exist");
                    let help = near.map_or_else(
                        || "there are pre_call, during_call, post_call and logging_only".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.report.error(&mode.at, message).help(help);
                }
            }
        }
        modes
    }

    fn places(&mut self, node: Option<&Node>) -> Option<Vec<TextPlace>> {
        let node = node?;
        let mut places = Vec::new();
        for place in node.elements() {
            match PLACES.iter().find(|(name, _)| Some(*name) == place.text()) {
                Some((_, place)) => places.push(*place),
                None => {
                    let known: Vec<&str> = PLACES.iter().map(|(name, _)| *name).collect();
                    let help = format!("there are {}", known.join(", "));
                    self.report
                        .error(&place.at, "a guardrail looks at a place that does not exist")
                        .help(help);
                }
            }
        }
        Some(places)
    }

    fn wrong(&mut self, at: &Place, message: impl Into<String>) {
        self.report.error(at, message);
    }

    fn known(&mut self, node: &Node, known: &[&str], what: &str) {
        for entry in node.entries().iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let shown: String = entry.key.chars().filter(|letter| !letter.is_control()).take(64).collect();
            let near = nearest(&entry.key, known.iter().copied());
            let help = near.map_or_else(
                || format!("there are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.report.error(&entry.at, format!("unknown key `{shown}` in {what}")).help(help);
        }
    }
}

fn plain(place: &Place, name: &str, kind: &str) -> GuardrailConfig {
    GuardrailConfig {
        place: place.clone(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        modes: Modes::default(),
        default_on: false,
        on_error: OnError::default(),
        restores: false,
        only_flags: false,
        places: None,
        unseen: Unseen::default(),
        parameters: Value::Null,
        info: None,
        damage: None,
    }
}

/// Names stand in a header, with commas between.
fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().all(|letter| matches!(letter, ' '..='~') && letter != ',')
}

fn object(node: &Node) -> Map<String, Value> {
    node.json().read().unwrap_or_default()
}
