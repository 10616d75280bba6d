//! Strict checking: every key known, every value of its shape, every reference resolved, all problems at once.

use llm_core::money::PicoDollars;
use llm_governance::BudgetDuration;

use crate::environment::{Environment, Unresolved};
use crate::keys::{Key, ROOT, Section, Shape};
use crate::node::{Entry, Node, Value};
use crate::report::{Place, Report};

/// Checks a tree against a section and puts the values of references in place.
pub(crate) fn check(
    root: &mut Node,
    section: &'static Section,
    environment: &Environment,
    report: &mut Report,
) {
    Checker { environment, report }.section(root, section);
}

/// Resolves the references of single values, before anything else is known.
pub(crate) fn check_texts(map: &mut Node, environment: &Environment, report: &mut Report) {
    Checker { environment, report }.text_map(map, "environment_variables");
}

struct Checker<'a> {
    environment: &'a Environment,
    report: &'a mut Report,
}

impl Checker<'_> {
    fn section(&mut self, node: &mut Node, section: &'static Section) {
        match &mut node.value {
            Value::Map(entries) => entries.iter_mut().for_each(|entry| self.entry(entry, section)),
            Value::Null => {}
            _ => self.wrong(node, section.name, "a map of keys"),
        }
    }

    fn element(&mut self, node: &mut Node, section: &'static Section) {
        match &node.value {
            Value::Map(_) | Value::Null => self.section(node, section),
            _ => self.wrong(node, &format!("{}[]", section.name), "a map of keys"),
        }
    }

    fn entry(&mut self, entry: &mut Entry, section: &'static Section) {
        let Entry { key: name, at, value } = entry;
        if let Some(key) = section.find(name) {
            self.value(value, key);
        } else if section.comes_later(name) {
            self.later(name, at, section);
        } else if !section.is_moot(name) {
            self.unknown(name, at, section);
        }
    }

    fn later(&mut self, name: &str, at: &Place, section: &Section) {
        let message = format!("`{name}`{} is not supported yet and has no effect", within(section));
        self.report.warning(at, message);
    }

    fn unknown(&mut self, name: &str, at: &Place, section: &'static Section) {
        let shown: String = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
        let message = format!("unknown key `{shown}`{}", within(section));
        let help = section.nearest(name).map(|near| format!("did you mean `{near}`?"));
        if section.notes {
            self.report.warning(at, format!("{message}: kept as a note, without an effect")).help_if(help);
        } else {
            self.report.error(at, message).help(help.unwrap_or_else(|| known(section)));
        }
    }

    fn value(&mut self, node: &mut Node, key: &Key) {
        if node.is_null() {
            return;
        }
        match key.shape {
            Shape::Section(section) => self.section(node, section),
            Shape::Sections(section) => match &mut node.value {
                Value::List(list) => list.iter_mut().for_each(|element| self.element(element, section)),
                _ => self.wrong(node, key.name, "a list"),
            },
            Shape::Named(section) => match &mut node.value {
                Value::Map(map) => map.iter_mut().for_each(|entry| self.section(&mut entry.value, section)),
                _ => self.wrong(node, key.name, "a map of names"),
            },
            Shape::Texts | Shape::Secrets => self.texts(node, key.name),
            Shape::TextMap => self.text_map(node, key.name),
            Shape::Json => self.references(node),
            Shape::Fallbacks => self.fallbacks(node, key.name),
            Shape::Aliases => self.aliases(node, key.name),
            shape => self.scalar(node, key.name, shape),
        }
    }

    fn texts(&mut self, node: &mut Node, name: &str) {
        match &mut node.value {
            Value::List(list) => list.iter_mut().for_each(|element| self.scalar(element, name, Shape::Text)),
            _ => self.scalar(node, name, Shape::Text),
        }
    }

    fn text_map(&mut self, node: &mut Node, name: &str) {
        match &mut node.value {
            Value::Map(map) => {
                map.iter_mut().for_each(|entry| self.scalar(&mut entry.value, name, Shape::Text));
            }
            Value::Null => {}
            _ => self.wrong(node, name, "a map of texts"),
        }
    }

    fn fallbacks(&mut self, node: &mut Node, name: &str) {
        let Value::List(list) = &mut node.value else {
            return self.wrong(node, name, "a list of names, or of maps from a group to its fallbacks");
        };
        for element in list {
            match &mut element.value {
                Value::Map(map) => map.iter_mut().for_each(|entry| self.texts(&mut entry.value, name)),
                _ => self.scalar(element, name, Shape::Text),
            }
        }
    }

    fn aliases(&mut self, node: &mut Node, name: &str) {
        let Value::Map(map) = &mut node.value else {
            return self.wrong(node, name, "a map from a name to a group");
        };
        for entry in map {
            match &mut entry.value.value {
                Value::Map(parts) => parts.iter_mut().for_each(|part| match part.key.as_str() {
                    "model" => self.scalar(&mut part.value, "model", Shape::Text),
                    "hidden" => self.scalar(&mut part.value, "hidden", Shape::Bool),
                    other => {
                        let problem =
                            self.report.error(&part.at, format!("unknown key `{other}` in an alias"));
                        problem.help("an alias has `model` and `hidden`");
                    }
                }),
                _ => self.scalar(&mut entry.value, name, Shape::Text),
            }
        }
    }

    fn scalar(&mut self, node: &mut Node, name: &str, shape: Shape) {
        self.reference(node);
        let wanted = match (node.text(), shape) {
            _ if node.is_null() || node.text() == Some("") => return,
            (None, _) => "a single value",
            (Some(text), Shape::Bool) if flag(text).is_none() => "true or false",
            (Some(text), Shape::Whole) if whole(text).is_none() => "a whole number, not negative",
            (Some(text), Shape::Number) if number(text).is_none() => "a number",
            (Some(text), Shape::Seconds) if seconds(text).is_none() => "a number of seconds",
            (Some(text), Shape::Period) if period(text).is_none() => {
                "a time with its unit, such as 30s, 10m, 1h, 7d, 4w or 1mo"
            }
            (Some(text), Shape::Duration) if BudgetDuration::parse(text).is_none() => {
                "a period such as 30d, 24h, 1mo, daily or weekly"
            }
            (Some(text), Shape::Dollars) if PicoDollars::parse(text).is_none() => "a number of dollars",
            (Some(text), Shape::Choice(choices)) if !choices.contains(&text) => {
                return self.wrong(node, name, &format!("one of {}", choices.join(", ")));
            }
            _ => return,
        };
        self.wrong(node, name, wanted);
    }

    /// Resolves the references everywhere in a value.
    fn references(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::List(list) => list.iter_mut().for_each(|element| self.references(element)),
            Value::Map(map) => map.iter_mut().for_each(|entry| self.references(&mut entry.value)),
            _ => self.reference(node),
        }
    }

    fn reference(&mut self, node: &mut Node) {
        let Value::Text(text) = &node.value else { return };
        match self.environment.resolve(text) {
            Ok(None) => {}
            Ok(Some(value)) => node.value = Value::Text(value),
            Err(Unresolved::Missing(name)) => {
                let shown: String = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
                let problem = self.report.error(&node.at, format!("the variable `{shown}` is not set"));
                problem.help("set it in the environment or in `.env`, or take this line out");
                node.value = reported();
            }
            Err(Unresolved::Malformed) => {
                let problem = self.report.error(&node.at, "a `${` begins a reference that is not complete");
                problem.help("write `${NAME}` or `${NAME:-default}`");
                node.value = reported();
            }
        }
    }

    /// Says what a value should be; never what it is, for it may be a secret.
    fn wrong(&mut self, node: &mut Node, name: &str, wanted: &str) {
        let kind = if matches!(node.value, Value::Number(_)) { "another number" } else { node.kind() };
        self.report.error(&node.at, format!("`{name}` must be {wanted}, and is {kind}"));
        node.value = reported();
    }
}

/// What stands in place of a value that was reported: neither usable nor absent, so that it is reported once.
fn reported() -> Value {
    Value::Text(String::new())
}

/// The section in words, after a key's name.
fn within(section: &Section) -> String {
    if std::ptr::eq(section, &ROOT) { String::new() } else { format!(" in `{}`", section.name) }
}

/// The keys of a section where they are few, else where to find them.
fn known(section: &'static Section) -> String {
    const FEW: usize = 16;
    let names: Vec<&str> = section.all().map(|key| key.name).collect();
    match names.len() > FEW {
        true => "config/full.yaml shows every key".to_owned(),
        false => format!("known keys: {}", names.join(", ")),
    }
}

/// `true`, `false` and what YAML and people write for them.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A whole number, with `_` between digits if you like.
pub(crate) fn whole(text: &str) -> Option<u64> {
    text.trim().replace('_', "").parse().ok()
}

/// A number that may have a fraction.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// A duration of at most a year.
pub(crate) fn seconds(text: &str) -> Option<std::time::Duration> {
    const YEAR: f64 = 365.0 * 86_400.0;
    let seconds = number(text).filter(|seconds| (0.0..=YEAR).contains(seconds))?;
    std::time::Duration::try_from_secs_f64(seconds).ok()
}

/// A window of time with its unit; a month has thirty days.
pub(crate) fn period(text: &str) -> Option<std::time::Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit())?);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "mo" => 30 * 86_400,
        _ => return None,
    };
    let whole = number.parse::<u64>().ok().filter(|number| (1..=10_000).contains(number))?;
    Some(std::time::Duration::from_secs(whole * seconds))
}

/// Reading a map whose values were checked.
impl Node {
    pub(crate) fn get_text(&self, key: &str) -> Option<&str> {
        self.get(key)?.text().map(str::trim).filter(|text| !text.is_empty())
    }

    pub(crate) fn get_flag(&self, key: &str) -> Option<bool> {
        self.get_text(key).and_then(flag)
    }

    pub(crate) fn get_whole(&self, key: &str) -> Option<u64> {
        self.get_text(key).and_then(whole)
    }

    pub(crate) fn get_number(&self, key: &str) -> Option<f64> {
        self.get_text(key).and_then(number)
    }

    pub(crate) fn get_seconds(&self, key: &str) -> Option<std::time::Duration> {
        self.get_text(key).and_then(seconds)
    }

    pub(crate) fn get_period(&self, key: &str) -> Option<std::time::Duration> {
        self.get_text(key).and_then(period)
    }

    /// One text or several.
    pub(crate) fn get_texts(&self, key: &str) -> Vec<String> {
        let texts = self.get(key).map(Self::elements).unwrap_or_default().iter().filter_map(Self::text);
        texts.map(str::to_owned).collect()
    }
}
