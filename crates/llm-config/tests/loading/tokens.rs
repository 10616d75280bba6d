//! Which tokens of identity providers are taken.

use super::{loaded, told};

const MODELS: &str = "model_list: [{model_name: one, litellm_params: {model: mock/echo}}]\n";

fn with(general: &str) -> String {
    format!("{MODELS}general_settings:\n  master_key: sk-a-master-key-of-the-tests\n{general}")
}

#[test]
fn variables_win_over_the_file_and_values_have_their_kinds() {
    let file = with(
        "  enable_jwt_auth: on\n  litellm_jwtauth:\n    issuer: https://file.example\n    public_key_urls: https://file.example/keys\n    \
         audience: file\n    user_id_upsert: 'yes'\n    leeway: '5'\n    team_id_jwt_field: 7\n    user_allowed_roles: one\n    \
         role_mappings: [{role: admins, internal_role: proxy_admin}]\n  role_permissions: [{role: team, models: small}]\n",
    );
    let files = [("config.yaml", &*file)];
    let tokens = |variables| loaded("tokens-file", &files, variables).ok()?.config.governance.tokens;
    let settings = tokens(&[]).expect("tokens are taken");
    assert_eq!(settings.public_key_urls, ["https://file.example/keys"]);
    assert_eq!(
        (settings.issuer.as_deref(), &*settings.audience),
        (Some("https://file.example"), &["file".to_owned()][..])
    );
    assert!(settings.user_id_upsert && settings.leeway == 5);
    assert_eq!(settings.team_id_jwt_field.as_deref(), Some("7"));
    assert_eq!((&*settings.user_allowed_roles, settings.role_mappings.len()), (&["one".to_owned()][..], 1));
    assert_eq!(settings.role_permissions[0].models.as_deref(), Some(&["small".to_owned()][..]));
    let settings = tokens(&[
        ("JWT_PUBLIC_KEY_URL", "https://a.example/keys, https://b.example/keys"),
        ("JWT_AUDIENCE", "gateway"),
        ("JWT_ISSUER", "https://a.example"),
    ])
    .expect("tokens are taken");
    assert_eq!(settings.public_key_urls, ["https://a.example/keys", "https://b.example/keys"]);
    assert_eq!(
        (settings.issuer.as_deref(), &*settings.audience),
        (Some("https://a.example"), &["gateway".to_owned()][..])
    );
}

#[test]
fn what_is_wrong_or_weak_is_told_at_its_place() {
    let said = |name: &str, general: &str| told(name, &[("config.yaml", &with(general))], &[]);
    let keys = "public_key_urls: https://id.example/keys";
    for (name, general, wanted) in [
        (
            "unknown",
            format!("litellm_jwtauth: {{{keys}, user_id_jwt_feild: sub}}"),
            "did you mean `user_id_jwt_field`?",
        ),
        ("no-keys", "litellm_jwtauth: {user_id_jwt_field: sub}".to_owned(), "set `JWT_PUBLIC_KEY_URL`"),
        (
            "address",
            "litellm_jwtauth: {public_key_urls: id.example/keys}".to_owned(),
            "need a whole `https` address",
        ),
        ("plain", "litellm_jwtauth: {public_key_urls: 'http://id.example/keys'}".to_owned(), "plain `http`"),
        ("secret", "litellm_jwtauth: {hmac_secret: short}".to_owned(), "shorter than 32 bytes"),
        (
            "audience",
            "litellm_jwtauth: {issuers: [{issuer: 'https://a.example'}]}".to_owned(),
            "needs either an `audience`",
        ),
        ("nameless", "litellm_jwtauth: {issuers: [{audience: a}]}".to_owned(), "missing field `issuer`"),
        (
            "role",
            format!("litellm_jwtauth: {{{keys}, role_mappings: [{{role: a, internal_role: king}}]}}"),
            "must be one of proxy_admin",
        ),
    ] {
        let said = said(&format!("tokens-{name}"), &format!("  enable_jwt_auth: true\n  {general}\n"));
        assert!(said.contains(wanted) && said.contains("config.yaml:5:"), "{name}: {said}");
    }
    let off = said("tokens-off", &format!("  litellm_jwtauth: {{{keys}}}\n"));
    assert!(off.contains("has no effect: tokens are not taken"), "{off}");
    let open = format!("{MODELS}general_settings: {{enable_jwt_auth: true, litellm_jwtauth: {{{keys}}}}}");
    let open = told("tokens-open", &[("config.yaml", &open)], &[]);
    assert!(open.contains("without a master key"), "{open}");
}

#[test]
fn proxies_in_front_are_counted() {
    let of = |text: &str, variables| {
        let file = format!("{MODELS}{text}");
        let loaded = loaded("proxies", &[("config.yaml", &file)], variables).ok();
        loaded.expect("it loads").config.server.trusted_proxies
    };
    assert_eq!(of("", &[]), 0);
    assert_eq!(of("server: {trusted_proxies: 2}", &[]), 2);
    assert_eq!(of("server: {trusted_proxies: 2}", &[("LLM_TRUSTED_PROXIES", "1")]), 1);
}
