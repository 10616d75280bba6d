//! The most tokens that an answer may have, written into a client's body as its dialect spells it.

use bytes::Bytes;

use crate::envelope::Envelope;
use crate::json::{RawJson, RawObject};

/// The body with another limit; `None` when its format has no such field. `fields` are where the limit may stand, the
/// usual place first; a point stands between an object and its member. Every one that is there is set, and the usual one
/// where none is.
pub fn with_limit(body: &Bytes, envelope: &Envelope, fields: &[&str], limit: u64) -> Option<Bytes> {
    let json = limit.to_string();
    let mut edit = envelope.amend(body);
    let mut is_set = false;
    for field in fields {
        match field.split_once('.') {
            None if envelope.range(body, field).is_some() => edit.set(field, json.clone()),
            Some((object, member)) if has(body, envelope, object, member) => {
                edit.set(object, with_member(body, envelope, object, member, limit)?);
            }
            _ => continue,
        }
        is_set = true;
    }
    if !is_set {
        let is_begun = |field: &&&str| {
            field.split_once('.').is_some_and(|(object, _)| envelope.range(body, object).is_some())
        };
        let field = fields.iter().find(is_begun).or(fields.first())?;
        match field.split_once('.') {
            None => edit.set(field, json),
            Some((object, member)) => edit.set(object, with_member(body, envelope, object, member, limit)?),
        }
    }
    Some(edit.finish().joined())
}

fn read(body: &Bytes, envelope: &Envelope, object: &str) -> Option<RawObject> {
    envelope.read(body, object).ok().flatten()
}

fn has(body: &Bytes, envelope: &Envelope, object: &str, member: &str) -> bool {
    read(body, envelope, object).is_some_and(|members| members.get(member).is_some())
}

fn with_member(body: &Bytes, envelope: &Envelope, object: &str, member: &str, limit: u64) -> Option<String> {
    let mut members = read(body, envelope, object).unwrap_or_default();
    members.insert(member, RawJson::of(&limit).ok()?);
    serde_json::to_string(&members).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(body: &str, fields: &[&str]) -> String {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let envelope = Envelope::scan(&body).expect("an object");
        let limited = with_limit(&body, &envelope, fields, 7).expect("there is a field");
        String::from_utf8(limited.to_vec()).expect("UTF-8")
    }

    #[test]
    fn a_limit_is_set_wherever_the_body_says_one() {
        let fields = ["max_new", "max_old"];
        assert_eq!(limited(r#"{"max_old":100,"tags":["a"]}"#, &fields), r#"{"max_old":7,"tags":["a"]}"#);
        assert_eq!(limited(r#"{"max_old":1,"max_new":2}"#, &fields), r#"{"max_old":7,"max_new":7}"#);
        assert_eq!(limited(r#"{"a":1}"#, &fields), r#"{"a":1,"max_new":7}"#);
        assert_eq!(limited("{}", &fields), r#"{"max_new":7}"#);
    }

    #[test]
    fn a_limit_within_an_object_leaves_its_other_members() {
        let fields = ["config.most", "konfig.most"];
        assert_eq!(limited(r#"{"config":{"a":1.0,"most":9}}"#, &fields), r#"{"config":{"a":1.0,"most":7}}"#);
        assert_eq!(limited(r#"{"konfig":{"a":1}}"#, &fields), r#"{"konfig":{"a":1,"most":7}}"#);
        assert_eq!(limited(r#"{"b":1}"#, &fields), r#"{"b":1,"config":{"most":7}}"#);
    }

    #[test]
    fn a_format_without_a_limit_takes_none() {
        let body = Bytes::from_static(b"{}");
        let envelope = Envelope::scan(&body).expect("an object");
        assert_eq!(with_limit(&body, &envelope, &[], 7), None);
    }
}
