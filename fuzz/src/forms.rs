//! The scan of a form and its edits.

use bytes::Bytes;
use llm_core::Form;
use llm_core::envelope::is_gateway_field;

/// Every form of the seeds has this one.
const TYPE: &str = "multipart/form-data; boundary=x";

/// An edited form is a form again: with what was set, without the gateway's own fields, and all others in order.
///
/// # Panics
/// When it is not.
pub fn check(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let Ok(form) = Form::scan(TYPE, &body) else { return };
    let mut edit = form.edit(&body);
    edit.set("model", "fuzzed").expect("it holds no boundary");
    let edited = edit.finish().joined();
    let again = Form::scan(&form.content_type(), &edited).expect("an edited form is one");
    assert_eq!(again.text(&edited, "model").expect("a text"), Some("fuzzed"));
    let others = |name: &&str| *name != "model";
    let kept = form.names().filter(others).filter(|name| !is_gateway_field(name));
    assert!(kept.eq(again.names().filter(others)), "the other fields are the same");
}
