//! The scan of a request body and its edits, beside what `serde_json` reads.

use bytes::Bytes;
use llm_core::envelope::{Edit, is_gateway_field};
use llm_core::{Envelope, RawJson, RawObject};

use crate::sample::{Draws, request_body};

/// The scan accepts what `serde_json` accepts, less repeated keys and deep nesting, and finds the same members;
/// edits change what they name and nothing else.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let body = request_body(data);
    let read = std::str::from_utf8(&body).ok().and_then(|text| serde_json::from_str::<RawObject>(text).ok());
    match (Envelope::scan(&body), read) {
        (Ok(envelope), Some(object)) => {
            members(&envelope, &body, &object);
            edits(&envelope, &body, object, &mut Draws::of(data));
        }
        (Ok(_), None) => panic!("the scan accepts what is no JSON object"),
        (Err(error), Some(object)) => {
            let deep = depth(&body) > Envelope::MAX_DEPTH;
            assert!(deep || has_repeated_key(&object), "a JSON object is refused: {error:?}");
        }
        (Err(_), None) => {}
    }
}

fn members(envelope: &Envelope, body: &Bytes, object: &RawObject) {
    assert!(depth(body) <= Envelope::MAX_DEPTH, "nesting is not limited");
    assert!(!has_repeated_key(object), "a repeated key is let in");
    let keys: Vec<&str> = envelope.keys(body).collect();
    assert_eq!(keys, object.iter().map(|(key, _)| key).collect::<Vec<_>>());
    for (key, value) in object.iter() {
        // A raw value may stand in a line of its own, so it has no line breaks.
        let found = envelope.value(body, key).map(|found| found.replace(['\r', '\n'], " "));
        assert_eq!(found.as_deref(), Some(value.get()), "{key}");
        let text = (!value.is_null()).then(|| value.read::<String>().ok());
        let found = envelope.string(body, key);
        assert_eq!(found.ok().map(|found| found.map(String::from)), text.map_or(Some(None), |t| t.map(Some)));
        let count = value.read::<Vec<serde::de::IgnoredAny>>().map_or(0, |elements| elements.len());
        assert_eq!(envelope.count(body, key), count, "{key}");
    }
}

/// Some edits, made of the body and of the members that `serde_json` read.
fn edits(envelope: &Envelope, body: &Bytes, object: RawObject, draws: &mut Draws) {
    let mut expected: Vec<(String, RawJson)> = object.into_iter().collect();
    let names: Vec<String> = expected.iter().map(|(key, _)| key.clone()).collect();
    expected.retain(|(key, _)| !is_gateway_field(key));
    let mut edit = envelope.edit(body);
    // One edit for each member at most, as callers make them.
    for name in names.iter().filter(|name| !is_gateway_field(name)) {
        change(&mut edit, &mut expected, name, draws);
    }
    for (number, name) in ["fuzz-a", "fuzz\"b\\", "fuzz-c"].iter().enumerate() {
        if draws.flip() && !names.iter().any(|known| known == name) {
            let value = if draws.flip() { "{\"a\":[1]}" } else { "7" };
            if number == 0 {
                edit.set_default(name, value.as_bytes())
            } else {
                edit.set(name, value)
            }
            expected.push(((*name).to_owned(), RawJson::parse(value).expect("valid")));
        }
    }
    let joined = edit.finish().joined();
    let found: RawObject = serde_json::from_slice(&joined).expect("an edited body is JSON");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
}

fn change(edit: &mut Edit<'_>, expected: &mut Vec<(String, RawJson)>, name: &str, draws: &mut Draws) {
    let Some(at) = expected.iter().position(|(key, _)| key == name) else { return };
    match draws.below(6) {
        0 => {
            edit.set(name, "\"set\"");
            expected[at].1 = RawJson::string("set");
        }
        1 => {
            assert!(edit.remove(name), "{name} is there");
            expected.remove(at);
        }
        2 if !expected.iter().any(|(key, _)| key == "fuzz-renamed") => {
            assert!(edit.rename(name, "fuzz-renamed"), "{name} is there");
            expected[at].0 = "fuzz-renamed".to_owned();
        }
        3 => edit.set_default(name, b"null"),
        _ => {}
    }
}

fn has_repeated_key(object: &RawObject) -> bool {
    let mut keys: Vec<&str> = object.iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

/// How deep the brackets of a JSON text nest.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut most, mut inside, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'{' | b'[' if !inside => depth += 1,
            b'}' | b']' if !inside => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}
