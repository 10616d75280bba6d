//! Sets of headers whose names come again with each answer of a deployment: their names are hashed once, then a set is
//! copied whole and filled in.
//!
//! An answer has some twenty headers of this gateway's, more where its caller has limits, and each name is hashed letter
//! by letter when it is put into a map: that was the dearest part of an answer's head.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

/// Headers of this gateway's, each name once.
pub(super) type Lines = SmallVec<[(&'static HeaderName, HeaderValue); 24]>;

/// The most sets that are remembered: by what its callers are told and what its vendor tells, a deployment has few.
const MOST: usize = 16;

/// The head of an answer that is the same each time, and the sets that were put behind it.
#[derive(Debug, Default)]
pub(super) struct Forms {
    usual: HeaderMap,
    known: ArcSwap<Vec<Arc<Form>>>,
}

/// One set: its names, with no values yet.
#[derive(Debug)]
struct Form {
    names: Vec<&'static HeaderName>,
    /// The vendor's names, and whether each reaches the client under its own name too.
    vendor: Vec<(HeaderName, bool)>,
    headers: HeaderMap,
}

impl Forms {
    pub(super) fn new(usual: HeaderMap) -> Self {
        Self { usual, known: ArcSwap::default() }
    }

    /// What is the same each time.
    pub(super) fn usual(&self) -> &HeaderMap {
        &self.usual
    }

    /// The usual headers, then these, then the vendor's under `llm_provider-<name>`; rate limits and request ids also
    /// under their own names where we say nothing under those, because the vendors' SDKs look for them.
    pub(super) fn filled(&self, lines: Lines, vendor: &HeaderMap) -> HeaderMap {
        match self.known.load().iter().find(|form| form.is_of(&lines, vendor)) {
            Some(form) => form.filled(self.usual.len(), lines, vendor),
            None => self.first(&lines, vendor),
        }
    }

    #[cold]
    fn first(&self, lines: &Lines, vendor: &HeaderMap) -> HeaderMap {
        let mut headers = self.usual.clone();
        headers.reserve(lines.len() + 2 * vendor.len());
        for (name, value) in lines {
            headers.insert(*name, value.clone());
        }
        let told: Vec<_> = vendor.iter().map(|(name, value)| pass_on(&mut headers, name, value)).collect();
        if let Some(form) = Form::of(&headers, self.usual.len(), lines, told).map(Arc::new) {
            self.known.rcu(|known| {
                let room = known.len() < MOST;
                known.iter().chain(room.then_some(&form)).map(Arc::clone).collect::<Vec<_>>()
            });
        }
        headers
    }
}

impl Form {
    /// `None`: a name stands there twice, or is no name, so that places do not tell which value is whose.
    fn of(
        headers: &HeaderMap,
        usual: usize,
        lines: &Lines,
        told: Vec<Option<(HeaderName, bool)>>,
    ) -> Option<Self> {
        let vendor: Vec<(HeaderName, bool)> = told.into_iter().collect::<Option<_>>()?;
        let mut headers = headers.clone();
        for value in headers.values_mut().skip(usual) {
            *value = HeaderValue::from_static("");
        }
        let bare = vendor.iter().filter(|(_, is_bare)| *is_bare).count();
        let names: Vec<&'static HeaderName> = lines.iter().map(|(name, _)| *name).collect();
        let is_in_order = headers.keys().skip(usual).take(names.len()).eq(names.iter().copied());
        let is_whole = headers.len() == usual + names.len() + vendor.len() + bare;
        (is_in_order && is_whole).then_some(Self { names, vendor, headers })
    }

    fn is_of(&self, lines: &Lines, vendor: &HeaderMap) -> bool {
        self.names.len() == lines.len()
            && self.vendor.len() == vendor.len()
            && self.names.iter().zip(lines).all(|(known, (name, _))| std::ptr::eq(*known, *name))
            && self.vendor.iter().zip(vendor.keys()).all(|((known, _), name)| known == name)
    }

    fn filled(&self, usual: usize, lines: Lines, vendor: &HeaderMap) -> HeaderMap {
        let mut headers = self.headers.clone();
        let own = lines.into_iter().map(|(_, value)| value);
        let theirs = self.vendor.iter().zip(vendor.values());
        let theirs = theirs
            .flat_map(|((_, is_bare), value)| std::iter::repeat_n(value, 1 + usize::from(*is_bare)).cloned());
        for (place, value) in headers.values_mut().skip(usual).zip(own.chain(theirs)) {
            *place = value;
        }
        headers
    }
}

/// Puts a vendor's header behind ours; says its name, and whether it went under its own one too.
fn pass_on(headers: &mut HeaderMap, name: &HeaderName, value: &HeaderValue) -> Option<(HeaderName, bool)> {
    const PREFIX: &str = "llm_provider-";
    let prefixed = HeaderName::try_from(format!("{PREFIX}{name}")).ok()?;
    headers.insert(prefixed, value.clone());
    let is_bare = passes_bare(name.as_str()) && !headers.contains_key(name);
    if is_bare {
        headers.insert(name, value.clone());
    }
    Some((name.clone(), is_bare))
}

fn passes_bare(name: &str) -> bool {
    name.contains("ratelimit") || name == "request-id" || name == "x-request-id"
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    static ONE: HeaderName = HeaderName::from_static("x-one");
    static LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");

    fn value(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).expect("a value")
    }

    fn vendor(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, text)| (HeaderName::from_static(name), value(text)));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value);
        }
        headers
    }

    fn shown(headers: &HeaderMap) -> Vec<(&str, &str)> {
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect()
    }

    #[test]
    fn a_set_that_comes_again_is_filled_as_it_was_made_first() {
        let forms = Forms::new(vendor(&[("x-usual", "u")]));
        for round in ["1", "2", "3"] {
            let lines: Lines = smallvec![(&ONE, value(round)), (&LIMIT, value("9"))];
            let told = vendor(&[
                ("server", round),
                ("x-request-id", "r"),
                ("x-ratelimit-limit-requests", "100"),
                ("x-ratelimit-reset-requests", round),
            ]);
            let expected = [
                ("x-usual", "u"),
                ("x-one", round),
                ("x-ratelimit-limit-requests", "9"),
                ("llm_provider-server", round),
                ("llm_provider-x-request-id", "r"),
                ("x-request-id", "r"),
                ("llm_provider-x-ratelimit-limit-requests", "100"),
                ("llm_provider-x-ratelimit-reset-requests", round),
                ("x-ratelimit-reset-requests", round),
            ];
            assert_eq!(shown(&forms.filled(lines, &told)), expected, "{round}");
            assert_eq!(forms.known.load().len(), 1);
        }
    }

    #[test]
    fn other_names_are_another_set_and_there_are_not_too_many() {
        let forms = Forms::default();
        for (lines, told) in [
            (smallvec![], vendor(&[])),
            (smallvec![(&ONE, value("1"))], vendor(&[])),
            (smallvec![(&LIMIT, value("1"))], vendor(&[])),
            (smallvec![(&ONE, value("1"))], vendor(&[("server", "s")])),
            (smallvec![(&ONE, value("1"))], vendor(&[("date", "d")])),
        ] {
            let (lines, twice): (Lines, Lines) = (lines.clone(), lines);
            assert_eq!(forms.filled(lines, &told), forms.filled(twice, &told));
        }
        assert_eq!(forms.known.load().len(), 5);
        for at in 0..2 * MOST {
            let name = HeaderName::try_from(format!("x-{at}")).expect("a name");
            let told = HeaderMap::from_iter([(name, value("v"))]);
            assert_eq!(forms.filled(smallvec![], &told)[&format!("llm_provider-x-{at}")], "v");
        }
        assert_eq!(forms.known.load().len(), MOST);
    }

    #[test]
    fn names_that_stand_there_twice_are_told_each_time_anew() {
        let forms = Forms::default();
        for _ in 0..2 {
            let told = vendor(&[("via", "a"), ("via", "b")]);
            assert_eq!(forms.filled(smallvec![], &told)["llm_provider-via"], "b");
            let lines: Lines = smallvec![(&ONE, value("1")), (&ONE, value("2"))];
            assert_eq!(forms.filled(lines, &vendor(&[]))["x-one"], "2");
        }
        assert!(forms.known.load().is_empty());
    }
}
