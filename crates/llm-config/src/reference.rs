//! The keys of a configuration as Markdown tables, made from the key table, for the docs.

use std::fmt::Write;

use crate::keys::{Key, PARAMS, ROOT, Section, Shape};

/// Every section with its keys.
pub fn reference() -> String {
    let mut out = String::new();
    let mut sections: Vec<&'static Section> = Vec::new();
    collect(&ROOT, &mut sections);
    for section in sections {
        write_section(section, &mut out).expect("writing to a string cannot fail");
    }
    out
}

fn collect(section: &'static Section, sections: &mut Vec<&'static Section>) {
    if sections.iter().any(|known| std::ptr::eq(*known, section)) {
        return;
    }
    sections.push(section);
    for key in section.all() {
        if let Shape::Section(inner) | Shape::Sections(inner) | Shape::Named(inner) = key.shape {
            collect(inner, sections);
        }
    }
}

fn write_section(section: &'static Section, out: &mut String) -> std::fmt::Result {
    let title =
        if std::ptr::eq(section, &ROOT) { "Top level".to_owned() } else { format!("`{}`", section.name) };
    writeln!(out, "### {title}\n\n{}\n\n| key | value | meaning |\n| --- | --- | --- |", section.about)?;
    let shares = shares_params(section);
    for Key { name, shape, about } in section.all().filter(|key| !shares || !is_param(key)) {
        writeln!(out, "| `{name}` | {} | {about} |", value(*shape))?;
    }
    let mut later: Vec<String> = section.later_names().map(|name| format!("`{name}`")).collect();
    later.sort_unstable();
    if shares {
        writeln!(out, "\nAnd every key of `{}`.", PARAMS.name)?;
    } else if !later.is_empty() {
        writeln!(out, "\nLiteLLM's keys without an effect yet: {}.", later.join(", "))?;
    }
    if !section.moot.is_empty() {
        let told = section.moot.iter().map(|(name, why)| format!("- `{name}`: {why}."));
        let told: Vec<String> = told.collect();
        writeln!(out, "\nLiteLLM's keys that are taken and not needed here:\n\n{}", told.join("\n"))?;
    }
    writeln!(out)
}

/// Whether a section has all keys that a deployment's parameters have, so that they need not be told again.
fn shares_params(section: &'static Section) -> bool {
    let own: Vec<&str> = section.all().map(|key| key.name).collect();
    !std::ptr::eq(section, &PARAMS) && PARAMS.all().all(|key| own.contains(&key.name))
}

fn is_param(key: &Key) -> bool {
    PARAMS.all().any(|param| param.name == key.name && param.about == key.about)
}

fn value(shape: Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Secret => "secret".to_owned(),
        Shape::Secrets => "secrets".to_owned(),
        Shape::Bool => "true or false".to_owned(),
        Shape::Whole => "whole number".to_owned(),
        Shape::Number => "number".to_owned(),
        Shape::Dollars => "dollars".to_owned(),
        Shape::Seconds => "seconds".to_owned(),
        Shape::Duration => "period (`30d`, `24h`, `1mo`, `daily`, `weekly`)".to_owned(),
        Shape::Period => "time with its unit (`30s`, `1h`, `7d`, `1mo`)".to_owned(),
        Shape::Choice(choices) => {
            choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ")
        }
        Shape::Texts => "text or list".to_owned(),
        Shape::TextMap => "map of texts".to_owned(),
        Shape::Json => "anything".to_owned(),
        Shape::Section(_) => "map, below".to_owned(),
        Shape::Sections(_) => "list of maps, below".to_owned(),
        Shape::Named(_) => "map of names to maps, below".to_owned(),
        Shape::Fallbacks => "list".to_owned(),
        Shape::Aliases => "map".to_owned(),
    }
}
