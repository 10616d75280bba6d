//! Headers in which a vendor is told who asks: LiteLLM's `add_user_information_to_llm_headers`.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::bill::Bill;

/// What these headers begin with.
const BEGINNING: &str = "x-litellm-user_api_key_";

/// Puts them on, in the place of what a client says of itself.
pub(crate) fn introduce(headers: &mut HeaderMap, bill: Option<&Arc<Bill>>) {
    let named = headers.keys().filter(|name| name.as_str().starts_with(BEGINNING));
    let named: Vec<HeaderName> = named.cloned().collect();
    for name in named {
        headers.remove(name);
    }
    let Some(bill) = bill else { return };
    let caller = &bill.caller;
    let hash = caller.key().map(|key| key.to_string());
    for (name, value) in [
        ("x-litellm-user_api_key_hash", hash.as_deref()),
        ("x-litellm-user_api_key_alias", caller.key_alias()),
        ("x-litellm-user_api_key_user_id", caller.user_id()),
        ("x-litellm-user_api_key_team_id", caller.team_id()),
        ("x-litellm-user_api_key_team_alias", caller.team_alias()),
        ("x-litellm-user_api_key_org_id", caller.organization_id()),
        ("x-litellm-user_api_key_end_user_id", bill.asker.customer.as_deref()),
    ] {
        // A name that no header can carry is left out.
        let value = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
        if let Some(value) = value {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
