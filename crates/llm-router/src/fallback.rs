//! Which groups follow when one failed: the lists, and what makes them worth a try.

use llm_core::{Error, ErrorKind, Fault};

use crate::pattern::Pattern;
use crate::router::RouterSettings;
use crate::run::RouteOptions;

/// A list of fallback groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackList {
    /// For prompts that are too long.
    ContextWindow,
    /// For what a content policy refused.
    ContentPolicy,
    /// For everything, and for the others where they have no entry.
    General,
    /// For groups without an entry of their own.
    Default,
}

impl FallbackList {
    /// Its key in configurations and requests.
    pub fn key(self) -> &'static str {
        match self {
            Self::ContextWindow => "context_window_fallbacks",
            Self::ContentPolicy => "content_policy_fallbacks",
            Self::General => "fallbacks",
            Self::Default => "default_fallbacks",
        }
    }

    /// The list for errors of a kind that has one of its own.
    fn typed(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::ContextLength => Some(Self::ContextWindow),
            ErrorKind::ContentFilter => Some(Self::ContentPolicy),
            _ => None,
        }
    }
}

/// The fallbacks of a group after an error, and which list they stand in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallbacks {
    /// The list.
    pub list: FallbackList,
    /// Names of groups, in order.
    pub names: Vec<String>,
}

/// The fallbacks of a group, known by some names, after an error of a kind. What the request says comes before what
/// the configuration says, and the list of the kind before the general one.
pub(crate) fn find(
    settings: &RouterSettings,
    options: &RouteOptions,
    names: &[&str],
    kind: ErrorKind,
) -> Fallbacks {
    let typed = FallbackList::typed(kind);
    let of_request = |list| match list {
        FallbackList::ContextWindow => options.context_window_fallbacks.clone(),
        FallbackList::ContentPolicy => options.content_policy_fallbacks.clone(),
        FallbackList::General | FallbackList::Default => options.fallbacks.clone(),
    };
    let of_router = |list| match list {
        FallbackList::ContextWindow => entry(&settings.context_window_fallbacks, names),
        FallbackList::ContentPolicy => entry(&settings.content_policy_fallbacks, names),
        FallbackList::General | FallbackList::Default => entry(&settings.fallbacks, names),
    };
    let lists = || typed.into_iter().chain([FallbackList::General]);
    let requested = lists().find_map(|list| Some(Fallbacks { list, names: of_request(list)? }));
    requested
        .or_else(|| lists().find_map(|list| Some(Fallbacks { list, names: of_router(list)? })))
        .unwrap_or_else(|| Fallbacks {
            list: FallbackList::Default,
            names: settings.default_fallbacks.clone(),
        })
}

/// The entry of a group: by its name, by its name without the vendor, by the longest pattern that it matches.
fn entry(table: &[(String, Vec<String>)], names: &[&str]) -> Option<Vec<String>> {
    let exact = |name: &str| table.iter().find(|(key, _)| key == name).map(|(_, list)| list.clone());
    let without_vendor = |name: &&str| name.split_once('/').map(|(_, bare)| bare).and_then(exact);
    names
        .iter()
        .find_map(|name| exact(name))
        .or_else(|| names.iter().find_map(without_vendor))
        .or_else(|| names.iter().find_map(|name| by_pattern(table, name)))
}

/// The entry of the longest pattern; what its `*` caught stands for the `*` of its targets.
fn by_pattern(table: &[(String, Vec<String>)], name: &str) -> Option<Vec<String>> {
    let matching = table.iter().filter_map(|(key, list)| {
        let pattern = Pattern::new(key.as_str());
        let caught = pattern.capture(name).filter(|_| pattern.is_wildcard())?;
        Some((key.len(), caught, list))
    });
    let (_, caught, list) = matching.max_by_key(|(length, ..)| *length)?;
    Some(list.iter().map(|target| target.replacen('*', caught, 1)).collect())
}

/// Whether another group may take what this one could not.
pub(crate) fn may_help(error: &Error, on_refusals: bool) -> bool {
    match error.kind() {
        // Another model has a longer window, another policy, other abilities, or is there at all.
        ErrorKind::ContextLength | ErrorKind::ContentFilter | ErrorKind::UnknownModel => true,
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::PayloadTooLarge => {
            on_refusals || error.retry() != llm_core::Retry::Never
        }
        _ => error.retry() != llm_core::Retry::Never,
    }
}

/// Which of two errors the client is told: the last one, unless the first says what is wrong with the request.
pub(crate) fn to_tell(first: Option<Error>, last: Error) -> Error {
    first.filter(|first| first.fault() == Fault::Client).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        entries.iter().map(|(key, list)| ((*key).to_owned(), names(list))).collect()
    }

    fn found(settings: &RouterSettings, options: &RouteOptions, name: &str, kind: ErrorKind) -> String {
        let Fallbacks { list, names } = find(settings, options, &[name], kind);
        format!("{}: {}", list.key(), names.join(" "))
    }

    #[test]
    fn a_list_without_an_entry_falls_through_to_the_general_one_and_then_to_the_default() {
        let settings = RouterSettings {
            fallbacks: table(&[("a", &["general"])]),
            context_window_fallbacks: table(&[("a", &["long"])]),
            content_policy_fallbacks: table(&[("b", &["lax"])]),
            default_fallbacks: vec!["default".into()],
            ..RouterSettings::default()
        };
        let of = |name, kind| found(&settings, &RouteOptions::default(), name, kind);
        assert_eq!(of("a", ErrorKind::ContextLength), "context_window_fallbacks: long");
        assert_eq!(of("a", ErrorKind::ContentFilter), "fallbacks: general");
        assert_eq!(of("a", ErrorKind::Overloaded), "fallbacks: general");
        assert_eq!(of("b", ErrorKind::ContentFilter), "content_policy_fallbacks: lax");
        assert_eq!(of("b", ErrorKind::ContextLength), "default_fallbacks: default");
    }

    #[test]
    fn names_match_exactly_then_without_vendor_then_by_the_longest_pattern() {
        let entries = table(&[
            ("*", &["any"]),
            ("acme/*", &["other/*"]),
            ("acme/la*", &["la"]),
            ("small", &["bare"]),
            ("acme/exact", &["exact"]),
        ]);
        let settings = RouterSettings { fallbacks: entries, ..RouterSettings::default() };
        let of = |name| found(&settings, &RouteOptions::default(), name, ErrorKind::Timeout);
        assert_eq!(of("acme/exact"), "fallbacks: exact");
        assert_eq!(of("acme/small"), "fallbacks: bare");
        assert_eq!(of("acme/large"), "fallbacks: la");
        assert_eq!(of("acme/medium"), "fallbacks: other/medium");
        assert_eq!(of("else"), "fallbacks: any");
    }

    #[test]
    fn what_a_request_says_comes_before_what_the_router_says() {
        let settings = RouterSettings {
            context_window_fallbacks: table(&[("a", &["long"])]),
            ..RouterSettings::default()
        };
        let options = RouteOptions { fallbacks: Some(vec!["own".into()]), ..RouteOptions::default() };
        assert_eq!(found(&settings, &options, "a", ErrorKind::ContextLength), "fallbacks: own");
        let options = RouteOptions {
            context_window_fallbacks: Some(vec!["own-long".into()]),
            ..RouteOptions::default()
        };
        let said = found(&settings, &options, "a", ErrorKind::ContextLength);
        assert_eq!(said, "context_window_fallbacks: own-long");
        assert_eq!(found(&settings, &options, "a", ErrorKind::Timeout), "default_fallbacks: ");
    }
}
