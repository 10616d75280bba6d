//! One pass over a JSON body that finds its top-level members, and edits of the body that copy none of the rest.

mod scan;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::json::complaint;
use crate::wire::WireBody;

/// Fields that speak to the gateway. They are read here and never reach a vendor.
pub const GATEWAY_FIELDS: &[&str] = &[
    "additional_drop_params",
    "allowed_model_region",
    "allowed_openai_params",
    "api_base",
    "api_key",
    "api_version",
    "base_url",
    "cache",
    "caching",
    "content_policy_fallbacks",
    "context_window_fallbacks",
    "custom_llm_provider",
    "disable_fallbacks",
    "drop_params",
    "extra_headers",
    "fallbacks",
    "guardrails",
    "litellm_call_id",
    "litellm_metadata",
    "litellm_session_id",
    "litellm_trace_id",
    "load_balance_strategy",
    "mid_stream",
    "mock_response",
    "mock_testing_content_policy_fallbacks",
    "mock_testing_context_fallbacks",
    "mock_testing_fallbacks",
    "mock_tool_calls",
    "num_retries",
    "on_loss",
    "priority",
    "prompt_id",
    "prompt_variables",
    "prompt_version",
    "router_settings_override",
    "stream_timeout",
    "tags",
    "timeout",
];

/// Whether a top-level field speaks to the gateway.
pub fn is_gateway_field(name: &str) -> bool {
    is_gateway_key(name.as_bytes())
}

/// For each first letter the lengths of the gateway's fields, as bits: nearly all other names end here.
const GATEWAY_LENGTHS: [u64; 256] = {
    let mut lengths = [0; 256];
    let mut at = 0;
    while at < GATEWAY_FIELDS.len() {
        let name = GATEWAY_FIELDS[at].as_bytes();
        lengths[name[0] as usize] |= 1 << name.len();
        at += 1;
    }
    lengths
};

fn is_gateway_key(name: &[u8]) -> bool {
    let Some(first) = name.first() else { return false };
    let lengths = GATEWAY_LENGTHS[usize::from(*first)];
    name.len() < 64
        && lengths & (1 << name.len()) != 0
        && GATEWAY_FIELDS.binary_search_by(|known| known.as_bytes().cmp(name)).is_ok()
}

/// The top-level members of a JSON object: where they stand, not what they say.
///
/// The scan checks the whole grammar, the encoding and the depth (at most [`Envelope::MAX_DEPTH`]) and refuses
/// repeated keys, so that what the gateway reads is what the vendor will read.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    members: Vec<Member>,
    nested: scan::Keys,
    /// Marks of the members' keys; none when one is spelled with escapes.
    top: Option<scan::Keys>,
    close: usize,
}

#[derive(Clone, Debug)]
struct Member {
    /// The key without its quotes.
    key: Range<usize>,
    /// The key when its spelling has escapes.
    unescaped: Option<Box<str>>,
    value: Range<usize>,
    /// How many elements the value has, when it is an array.
    elements: usize,
}

impl Envelope {
    /// How deep arrays and objects may nest.
    pub const MAX_DEPTH: usize = 128;

    /// Scans a body.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidRequest`] when the body is not one JSON object in UTF-8, nests too deep, or
    /// names a top-level key twice.
    pub fn scan(body: &[u8]) -> Result<Self> {
        let survey = scan::Survey::of(body);
        if !survey.ascii {
            std::str::from_utf8(body)
                .map_err(|fault| invalid(&format!("not UTF-8 at byte {}", fault.valid_up_to())))?;
        }
        let mut scanner = scan::Scanner::new(body, survey.controls);
        let (mut members, close) = scanner.object().map_err(|fault| invalid(&fault.to_string()))?;
        if scanner.has_escapes {
            for member in &mut members {
                member.unescaped = unescape(member.name(body))?;
            }
        }
        let top = if scanner.has_escapes { None } else { Some(scanner.top) };
        let envelope = Self { members, nested: scanner.nested, top, close };
        if scanner.repeats || scanner.has_escapes {
            envelope.refuse_repeated_keys(body)?;
        }
        Ok(envelope)
    }

    fn refuse_repeated_keys(&self, body: &[u8]) -> Result<()> {
        let name = |member: &'_ Member| member.name(body).to_owned();
        let repeated = if self.members.len() <= 32 {
            let mut rest = self.members.as_slice();
            let mut found = None;
            while let Some((first, others)) = rest.split_first() {
                found = found
                    .or_else(|| others.iter().find(|other| other.raw_name(body) == first.raw_name(body)));
                rest = others;
            }
            found.map(name)
        } else {
            let mut known = HashSet::with_capacity(self.members.len());
            self.members.iter().find(|member| !known.insert(member.raw_name(body))).map(name)
        };
        repeated.map_or(Ok(()), |key| {
            let shown: String = key.chars().take(64).collect();
            Err(Error::invalid(format!("invalid JSON payload: the key `{shown}` stands there twice")))
        })
    }

    /// Where a member's value stands in the body.
    pub fn range(&self, body: &[u8], key: &str) -> Option<Range<usize>> {
        self.find(body, key).map(|at| self.members[at].value.clone())
    }

    /// A member's value as JSON text.
    pub fn value<'a>(&self, body: &'a [u8], key: &str) -> Option<&'a str> {
        std::str::from_utf8(&body[self.range(body, key)?]).ok()
    }

    /// A member that is a string. Absent and null give `None`.
    ///
    /// # Errors
    /// When the member is something else.
    pub fn string<'a>(&self, body: &'a [u8], key: &str) -> Result<Option<Cow<'a, str>>> {
        let Some(text) = self.value(body, key).filter(|text| *text != "null") else { return Ok(None) };
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        match inner {
            Some(plain) if !plain.contains('\\') => Ok(Some(Cow::Borrowed(plain))),
            Some(_) => serde_json::from_str(text).map(|text: String| Some(Cow::Owned(text))).map_err(|_| {
                Error::invalid(format!("invalid `{key}`: it is no valid string")).with_param(key)
            }),
            None => Err(Error::invalid(format!("invalid `{key}`: expected a string")).with_param(key)),
        }
    }

    /// A member read as a type. Absent and null give `None`.
    ///
    /// # Errors
    /// When the member has another shape.
    pub fn read<'a, T: serde::Deserialize<'a>>(&self, body: &'a [u8], key: &str) -> Result<Option<T>> {
        let Some(text) = self.value(body, key).filter(|text| *text != "null") else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|fault| {
            Error::invalid(format!("invalid `{key}`: {}", complaint(&fault))).with_param(key)
        })
    }

    /// How many elements a member has that is an array; 0 when it is none. For logs (message counts).
    pub fn count(&self, body: &[u8], key: &str) -> usize {
        let member = self.find(body, key).and_then(|at| self.members.get(at));
        let array = member.filter(|member| body.get(member.value.start) == Some(&b'['));
        array.map_or(0, |member| member.elements)
    }

    /// How many elements the longest of the members has that are arrays.
    pub fn longest_list(&self) -> usize {
        self.members.iter().map(|member| member.elements).max().unwrap_or(0)
    }

    /// A member's value as bytes: for searches in large ones, which need no second check of the encoding.
    pub fn bytes<'a>(&self, body: &'a [u8], key: &str) -> Option<&'a [u8]> {
        body.get(self.range(body, key)?)
    }

    /// Whether this key may stand somewhere below the top level. `false` is certain; `true` wants a closer look.
    pub fn may_have_nested(&self, key: &str) -> bool {
        self.nested.may_have(key)
    }

    /// The names of all members.
    pub fn keys<'a>(&'a self, body: &'a [u8]) -> impl Iterator<Item = &'a str> {
        self.members.iter().map(|member| member.name(body))
    }

    /// Begins an edit of the body. Fields that speak to the gateway are left out of the result.
    pub fn edit<'a>(&'a self, body: &'a Bytes) -> Edit<'a> {
        let mut edit = self.amend(body);
        for (at, member) in self.members.iter().enumerate() {
            if is_gateway_key(member.raw_name(body)) {
                edit.changes.push((at, Change::Remove));
            }
        }
        edit
    }

    /// Begins an edit that leaves every other member where it is, those that speak to the gateway too.
    pub fn amend<'a>(&'a self, body: &'a Bytes) -> Edit<'a> {
        Edit { envelope: self, body, changes: SmallVec::new(), added: Vec::new(), places: SmallVec::new() }
    }

    fn find(&self, body: &[u8], key: &str) -> Option<usize> {
        // Most keys that are asked for are not there.
        if self.top.is_some_and(|top| !top.may_have(key)) {
            return None;
        }
        self.members.iter().position(|member| member.is(body, key))
    }
}

impl Member {
    fn is(&self, body: &[u8], key: &str) -> bool {
        match &self.unescaped {
            Some(name) => **name == *key,
            None => body.get(self.key.clone()) == Some(key.as_bytes()),
        }
    }

    /// The name as bytes, for comparisons among members.
    fn raw_name<'a>(&'a self, body: &'a [u8]) -> &'a [u8] {
        match &self.unescaped {
            Some(name) => name.as_bytes(),
            None => body.get(self.key.clone()).unwrap_or_default(),
        }
    }

    fn name<'a>(&'a self, body: &'a [u8]) -> &'a str {
        match &self.unescaped {
            Some(name) => name,
            None => std::str::from_utf8(&body[self.key.clone()]).unwrap_or_default(),
        }
    }
}

fn invalid(what: &str) -> Error {
    Error::invalid(format!("invalid JSON payload: {what}")).with_param("request_body")
}

fn unescape(key: &str) -> Result<Option<Box<str>>> {
    if !key.contains('\\') {
        return Ok(None);
    }
    serde_json::from_str::<String>(&format!("\"{key}\""))
        .map(|name| Some(name.into_boxed_str()))
        .map_err(|_| invalid("a key has a broken escape sequence"))
}

/// Changes of a body's top-level members; [`Edit::finish`] writes them without copying what stays.
#[derive(Debug)]
pub struct Edit<'a> {
    envelope: &'a Envelope,
    body: &'a Bytes,
    changes: SmallVec<[(usize, Change); 8]>,
    added: Vec<u8>,
    /// Where each of the members that were added begins, and where its value does.
    places: SmallVec<[(usize, usize); 4]>,
}

#[derive(Debug)]
enum Change {
    Remove,
    Value(Bytes),
    Key(&'static str),
}

impl Edit<'_> {
    /// Sets a member to a JSON text, in place or at the end.
    pub fn set(&mut self, key: &str, json: impl Into<Bytes>) {
        let json = json.into();
        match self.envelope.find(self.body, key) {
            Some(at) => self.change(at, Change::Value(json)),
            None => {
                if let Some(change) = self.renamed(key) {
                    *change = Change::Remove;
                }
                self.add(key, &json);
            }
        }
    }

    /// Sets a member only when the client left it out.
    pub fn set_default(&mut self, key: &str, json: &[u8]) {
        if self.envelope.find(self.body, key).is_none() && self.renamed(key).is_none() {
            self.add(key, json);
        }
    }

    /// The change that gives a member this name.
    fn renamed(&mut self, key: &str) -> Option<&mut Change> {
        let changes = self.changes.iter_mut().map(|(_, change)| change);
        { changes }.find(|change| matches!(change, Change::Key(name) if *name == key))
    }

    /// Takes a member out; `false` when there was none.
    pub fn remove(&mut self, key: &str) -> bool {
        let found = self.envelope.find(self.body, key);
        if let Some(at) = found {
            self.change(at, Change::Remove);
        }
        found.is_some()
    }

    /// Gives a member another name; `false` when there is none.
    pub fn rename(&mut self, key: &str, new: &'static str) -> bool {
        let found = self.envelope.find(self.body, key);
        if let Some(at) = found {
            self.change(at, Change::Key(new));
        }
        found.is_some()
    }

    fn change(&mut self, at: usize, change: Change) {
        match self.changes.iter_mut().find(|(member, _)| *member == at) {
            Some(slot) => slot.1 = change,
            None => self.changes.push((at, change)),
        }
    }

    /// Adds a member at the end. One that was added under the same name before is taken out.
    fn add(&mut self, key: &str, json: &[u8]) {
        let start = self.added.len();
        self.added.push(b',');
        serde_json::to_writer(&mut self.added, key).expect("writing to a vector does not fail");
        self.added.push(b':');
        let value = self.added.len();
        self.added.extend_from_slice(json);
        self.places.push((start, value));
        let is_same = |(from, to): &(usize, usize)| self.added[*from..*to] == self.added[start..value];
        if let Some(at) = self.places.iter().position(is_same).filter(|at| *at + 1 < self.places.len()) {
            self.take_out(at);
        }
    }

    fn take_out(&mut self, at: usize) {
        let (start, _) = self.places.remove(at);
        let length = self.places[at].0 - start;
        self.added.drain(start..start + length);
        for (from, to) in &mut self.places[at..] {
            (*from, *to) = (*from - length, *to - length);
        }
    }

    /// The edited body: slices of the original with the changes between, or a copy of a small one.
    pub fn finish(mut self) -> WireBody {
        if self.changes.is_empty() && self.added.is_empty() {
            return self.body.clone().into();
        }
        self.changes.sort_unstable_by_key(|(at, _)| *at);
        let mut pieces = Pieces { body: self.body, from: 0, out: WireBody::default() };
        let members = &self.envelope.members;
        let mut kept = false;
        let mut previous_end = members.first().map_or(self.envelope.close, |first| first.key.start - 1);
        let mut changes = self.changes.into_iter().peekable();
        for (at, member) in members.iter().enumerate() {
            let change = changes.next_if(|(changed, _)| *changed == at).map(|(_, change)| change);
            match change {
                Some(Change::Remove) => {
                    pieces.flush(previous_end);
                    pieces.from = member.value.end;
                    if !kept {
                        // Nothing stands before: the next member must come without its comma.
                        pieces.from = members.get(at + 1).map_or(member.value.end, |next| next.key.start - 1);
                    }
                }
                Some(Change::Value(json)) => {
                    pieces.replace(member.value.clone(), json);
                    kept = true;
                }
                Some(Change::Key(name)) => {
                    pieces.replace(member.key.clone(), Bytes::from_static(name.as_bytes()));
                    kept = true;
                }
                None => kept = true,
            }
            previous_end = if kept { member.value.end } else { pieces.from };
        }
        pieces.flush(previous_end);
        let added = if kept { 0 } else { 1.min(self.added.len()) };
        pieces.out.push(Bytes::from(self.added).slice(added..));
        pieces.flush(self.body.len());
        pieces.out.compact()
    }
}

struct Pieces<'a> {
    body: &'a Bytes,
    from: usize,
    out: WireBody,
}

impl Pieces<'_> {
    fn flush(&mut self, to: usize) {
        if self.from < to {
            self.out.push(self.body.slice(self.from..to));
            self.from = to;
        }
    }

    fn replace(&mut self, range: Range<usize>, with: Bytes) {
        self.flush(range.start);
        self.out.push(with);
        self.from = range.end;
    }
}

#[cfg(test)]
mod tests;
