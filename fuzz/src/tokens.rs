//! Tokens of callers, and the keys that prove them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use llm_governance::token::{TokenSettings, try_out};

/// What a settings' author may have written: every name of a claim, so that all of them are read.
const SETTINGS: &str = r#"{
    "user_id_jwt_field": "sub", "user_email_jwt_field": "email", "user_roles_jwt_field": "realm.roles",
    "team_ids_jwt_field": "groups", "org_id_jwt_field": "org", "end_user_id_jwt_field": "customer",
    "roles_jwt_field": "roles", "object_id_jwt_field": "oid", "enforce_scope_based_access": true,
    "role_mappings": [{ "role": "team", "internal_role": "team" }],
    "jwt_litellm_role_map": [{ "jwt_role": "a*b*c", "litellm_role": "proxy_admin" }],
    "scope_mappings": [{ "scope": "s", "models": ["m"] }]
}"#;

/// The first three lines are the header, the claims and the signature of a token, the rest is a document of keys. Also
/// the first line as it is may be a token. Nothing panics, and nobody invents a token that is good.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let settings: TokenSettings = serde_json::from_str(SETTINGS).expect("settings");
    let mut lines = data.splitn(4, |byte| *byte == b'\n');
    let [header, claims, signature, keys] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    assert!(!try_out(&settings, header, keys), "an invented token is good");
    let token = [header, claims, signature].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    assert!(!try_out(&settings, token.as_bytes(), keys), "an invented token is good");
    // A file of settings is the operator's, and may be anything as well.
    if let Ok(settings) = serde_json::from_slice::<TokenSettings>(keys) {
        assert!(!try_out(&settings, token.as_bytes(), keys), "settings are keys");
    }
}
