//! Clients' requests that pass to a vendor of their own dialect.

use llm_core::dialect::Target;
use llm_core::envelope::is_gateway_field;
use llm_core::{Dialect, Envelope, RawJson, RawObject};

use crate::dialects;
use crate::requests::target;
use crate::sample::{Draws, request_body};

/// Members whose names no dialect knows.
fn is_foreign(name: &str) -> bool {
    name.starts_with("x-") || name.starts_with("unknown")
}

/// A body that passes is a JSON object with each key once; unknown members stay as they are; the gateway's own do
/// not pass.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let mut draws = Draws::of(data);
    let body = request_body(data);
    let Ok(envelope) = Envelope::scan(&body) else { return };
    for vendor in dialects::vendors(&mut draws) {
        let mut target = target(&mut draws);
        target.drop_fields.clear();
        let Ok(encoded) = vendor.forward(&body, &envelope, &target) else { continue };
        let sent = encoded.request.body.joined();
        judge(&*vendor, &target, &encoded.request.path, &sent, &envelope, &body);
    }
}

fn judge(vendor: &dyn Dialect, target: &Target, path: &str, sent: &[u8], envelope: &Envelope, body: &[u8]) {
    let id = vendor.id();
    let shown = sent.escape_ascii();
    if let Err(fault) = Envelope::scan(sent) {
        panic!("{id} sends no proper object: {fault:?}: {shown}");
    }
    let read: RawObject = serde_json::from_slice(sent).expect("the scan is at least as strict");
    let named = path.contains(&target.model) || read.get("model").is_some();
    assert!(named, "{id} names no model: {shown}");
    assert!(!read.iter().any(|(name, _)| is_gateway_field(name)), "{id} passes the gateway's own: {shown}");
    for name in envelope.keys(body).filter(|name| is_foreign(name)) {
        // Between tokens, a line break may become a blank.
        let said = envelope.value(body, name).and_then(|value| RawJson::parse(value).ok());
        let passed = read.get(name).map(RawJson::get);
        assert_eq!(passed, said.as_ref().map(RawJson::get), "{id} changes `{name}`");
    }
}
