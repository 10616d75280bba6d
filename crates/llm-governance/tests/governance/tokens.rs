//! Tokens of identity providers: which are good, whom they name, and what they allow.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use llm_core::{Error, ErrorKind, Secret};
use llm_governance::authorise::{NoGroups, Route};
use llm_governance::entity::{Team, User};
use llm_governance::token::{Newcomers, TokenSettings, Tokens, try_out};
use llm_governance::{
    CallerSettings, Changed, Directory, Governance, GovernanceParts, Principal, Role, StoreError, Terms,
    Timestamp,
};
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::people::{Mood, People, organization, team, user};
use crate::provider::{Provider, Signer};

/// Whoever is added is remembered.
#[derive(Default)]
struct Added(Mutex<Vec<String>>);

impl Newcomers for Added {
    fn add_user(&self, user: User, role_is_said: bool) -> BoxFuture<'_, Result<User, StoreError>> {
        self.0.lock().push(format!("user {} {:?} {:?} {role_is_said}", user.id, user.email, user.role));
        Box::pin(std::future::ready(Ok(user)))
    }

    fn add_team(&self, team: Team) -> BoxFuture<'_, Result<Team, StoreError>> {
        self.0.lock().push(format!("team {}", team.id));
        Box::pin(std::future::ready(Ok(team)))
    }
}

/// A gateway that trusts a provider.
struct Place {
    governance: Governance,
    people: Arc<People>,
    provider: Arc<Provider>,
    added: Arc<Added>,
}

impl Place {
    fn new(provider: &Arc<Provider>, settings: Value, callers: CallerSettings) -> Self {
        let mut all = json!({
            "public_key_urls": ["https://id.example/keys"],
            "user_id_jwt_field": "sub",
            "user_email_jwt_field": "email",
        });
        add(&mut all, settings);
        let settings: TokenSettings = serde_json::from_value(all).expect("settings");
        let (people, added) = (People::of([]), Arc::new(Added::default()));
        let newcomers = Arc::clone(&added) as Arc<dyn Newcomers>;
        let tokens =
            Tokens::new(settings, Arc::clone(provider) as _, Some(newcomers)).expect("good settings");
        let governance = Governance::new(GovernanceParts {
            master_key: Some(Secret::new("sk-master".to_owned())),
            directory: Arc::clone(&people) as Arc<dyn Directory>,
            tokens: Some(Arc::new(tokens)),
            callers,
            ..GovernanceParts::default()
        });
        Self { governance, people, provider: Arc::clone(provider), added }
    }

    async fn ask(&self, token: &str) -> Result<Arc<Principal>, Error> {
        self.governance.identify(Some(token.as_bytes()), None).await
    }

    fn has_team(&self, id: &str, terms: Terms) {
        self.people.teams.lock().insert(id.to_owned(), Arc::new(team(id, terms)));
    }
}

fn seconds(from_now: i64) -> i64 {
    Timestamp::now().0 / 1_000_000 + from_now
}

/// Claims of a token that is good for ten minutes.
fn claims(more: Value) -> Value {
    let mut claims = json!({ "exp": seconds(600) });
    add(&mut claims, more);
    claims
}

fn add(to: &mut Value, more: Value) {
    let Value::Object(more) = more else { panic!("no object: {more}") };
    to.as_object_mut().expect("an object").extend(more);
}

fn names(names: &[&str]) -> Terms {
    Terms { models: names.iter().map(|name| (*name).to_owned()).collect(), ..Terms::default() }
}

#[tokio::test]
async fn tokens_of_all_kinds_of_keys_are_good() {
    let signers = [Signer::rsa(), Signer::p256(), Signer::ed25519()];
    let keys: Vec<Value> = (0..).zip(&signers).map(|(id, one)| one.jwk(&format!("key-{id}"))).collect();
    let provider = Provider::of(&keys);
    let place = Place::new(&provider, json!({}), CallerSettings::default());
    for (id, signer) in (0..).zip(&signers) {
        let claims = claims(json!({ "sub": "u", "email": "u@example.com" }));
        let caller = place.ask(&signer.token(&format!("key-{id}"), &claims)).await.expect("it is good");
        assert_eq!((caller.user_id(), caller.role), (Some("u"), Role::InternalUser));
        assert_eq!(caller.key(), None);
        let algorithm = ["RS256", "ES256", "EdDSA"][id];
        let without_id = json!({ "alg": algorithm });
        place.ask(&signer.token_with(&without_id, &claims)).await.expect("by whichever key fits");
    }
    assert_eq!(place.provider.fetched.load(SeqCst), 1);
}

#[tokio::test]
async fn a_token_is_refused_with_the_reason() {
    let (signer, other) = (Signer::p256(), Signer::p256());
    let rsa = Signer::rsa();
    let provider = Provider::of(&[signer.jwk("key"), rsa.jwk("rsa")]);
    let settings = json!({ "audience": ["gateway"], "issuer": "https://id.example", "leeway": 10 });
    let place = Place::new(&provider, settings, CallerSettings::default());
    let good = json!({ "sub": "u", "aud": "gateway", "iss": "https://id.example" });
    let with = |name: &str, value: Value| {
        let mut claims = claims(good.clone());
        claims[name] = value;
        claims
    };
    let header = |header: Value| signer.token_with(&header, &claims(good.clone()));
    place.ask(&signer.token("key", &claims(good.clone()))).await.expect("it is good");
    place.ask(&signer.token("key", &with("aud", json!(["a", "gateway"])))).await.expect("it is good");
    place.ask(&signer.token("key", &with("exp", json!(seconds(-5))))).await.expect("clocks differ");
    let richer = signer.token("key", &with("sub", json!("somebody richer")));
    let (signed, _) = richer.rsplit_once('.').expect("three parts");
    let mine = signer.token("key", &claims(good.clone()));
    let forged = format!("{signed}.{}", mine.rsplit_once('.').expect("three parts").1);
    // The public key as if it were a secret: the classic confusion.
    let confused = Signer::Secret(rsa.jwk("rsa").to_string().into_bytes());
    let cases = [
        (other.token("key", &claims(good.clone())), "its signature is wrong"),
        (signer.token("other", &claims(good.clone())), "no such key"),
        (signer.token("rsa", &claims(good.clone())), "no such key"),
        (signer.token("key", &with("exp", json!(seconds(-20)))), "its time ended"),
        (signer.token("key", &with("exp", Value::Null)), "it never ends"),
        (signer.token("key", &with("exp", json!("soon"))), "it never ends"),
        (signer.token("key", &with("nbf", json!(seconds(60)))), "its time has not begun"),
        (signer.token("key", &with("aud", json!("somebody"))), "it is for somebody else"),
        (signer.token("key", &with("aud", Value::Null)), "it is for somebody else"),
        (signer.token("key", &with("iss", json!("https://evil.example"))), "its issuer is not"),
        (header(json!({ "alg": "none" })), "`alg` is not one"),
        (header(json!({ "alg": "ES256", "crit": ["b64"], "kid": "key" })), "demands extensions"),
        (header(json!({ "kid": "key" })), "header cannot be read"),
        (confused.token("rsa", &claims(good.clone())), "this gateway has none"),
        (forged, "its signature is wrong"),
        ("a.b.c".to_owned(), "header"),
        ("..".to_owned(), "header"),
        (format!("{}.e30.", "e30".repeat(20_000)), "longer than"),
    ];
    for (token, why) in cases {
        let refused = place.ask(&token).await.expect_err(why);
        assert_eq!((refused.status(), refused.kind()), (401, ErrorKind::Unauthenticated), "{refused:?}");
        assert!(refused.message().contains(why), "{why}: {}", refused.message());
        assert!(!refused.message().contains(&token));
    }
    assert_eq!(place.people.asked(), 3, "nobody is looked up for a token that is not good");
}

#[tokio::test]
async fn a_secret_signs_where_the_settings_have_one() {
    let secret = "a secret that has thirty-two bytes";
    let signer = Signer::Secret(secret.as_bytes().to_vec());
    // What a provider shows to everybody is no secret.
    let provider = Provider::of(&[signer.jwk("key")]);
    let place = Place::new(&provider, json!({}), CallerSettings::default());
    let token = signer.token("key", &claims(json!({ "sub": "u" })));
    place.ask(&token).await.expect_err("there is no secret");
    let place = Place::new(&provider, json!({ "hmac_secret": secret }), CallerSettings::default());
    assert_eq!(place.ask(&token).await.expect("it is good").user_id(), Some("u"));
}

#[tokio::test]
async fn a_provider_that_changes_its_keys_is_asked_again_but_not_by_everybody() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let provider = Provider::of(&[old.jwk("old")]);
    let settings = json!({ "public_key_ttl": 3600.0 });
    let place = Place::new(&provider, settings, CallerSettings::default());
    let of = |signer: &Signer, id: &str, user: &str| signer.token(id, &claims(json!({ "sub": user })));
    let tokens: Vec<String> = (0..20).map(|number| of(&old, "old", &number.to_string())).collect();
    let callers = join_all(tokens.iter().map(|token| place.ask(token))).await;
    assert!(callers.iter().all(Result::is_ok));
    assert_eq!(provider.fetched.load(SeqCst), 1, "all of them waited for one");
    for number in 0..20 {
        place.ask(&of(&new, &format!("invented-{number}"), "u")).await.expect_err("nobody's key");
    }
    assert_eq!(provider.fetched.load(SeqCst), 1, "it was asked just now");
    provider.has("https://id.example/keys", json!({ "keys": [new.jwk("new")] }));
    let settings = json!({ "public_key_ttl": 0.0 });
    let place = Place::new(&provider, settings, CallerSettings::default());
    place.ask(&of(&new, "new", "u")).await.expect("the new key");
    place.ask(&of(&old, "old", "u")).await.expect_err("the old key is gone");
    provider.documents.lock().clear();
    place.ask(&of(&new, "new", "another")).await.expect("the provider is away, its keys are known");
    let place = Place::new(&provider, json!({}), CallerSettings::default());
    let refused = place.ask(&of(&new, "new", "u")).await.expect_err("nothing is known");
    assert_eq!(refused.kind(), ErrorKind::Overloaded);
}

#[tokio::test]
async fn issuers_have_their_own_keys_audiences_and_names() {
    let (one, two) = (Signer::ed25519(), Signer::p256());
    let provider = Provider::of(&[]);
    provider
        .has("https://two.example/.well-known/openid-configuration", json!({ "jwks_uri": "https://x/k" }));
    provider.has("https://x/k", json!({ "keys": [two.jwk("k")] }));
    provider.has("https://one.example/keys", json!({ "keys": [one.jwk("k")] }));
    let settings = json!({ "public_key_urls": [], "issuers": [
        { "issuer": "https://one.example", "audience": "gateway", "jwks_url": "https://one.example/keys" },
        { "issuer": "https://two.example/", "disable_audience_validation": true, "team_id_jwt_field": "org.team",
          "user_id_jwt_field": "none" },
    ] });
    let place = Place::new(&provider, settings, CallerSettings::default());
    place.has_team("t", Terms::default());
    let of_one = claims(json!({ "iss": "https://one.example", "aud": "gateway", "sub": "u" }));
    let caller = place.ask(&one.token("k", &of_one)).await.expect("of the first");
    assert_eq!((caller.user_id(), caller.team_id()), (Some("u"), None));
    place.ask(&two.token("k", &of_one)).await.expect_err("signed by the second in the name of the first");
    let of_two = claims(json!({ "iss": "https://two.example/", "sub": "u", "org": { "team": "t" } }));
    let caller = place.ask(&two.token("k", &of_two)).await.expect("of the second");
    assert_eq!((caller.user_id(), caller.team_id(), caller.role), (None, Some("t"), Role::Team));
    let route = |path| Route::new(path, false);
    caller.may_call(&route("/v1/chat/completions")).expect("a team's token has the model APIs");
    caller.may_call(&route("/key/generate")).expect_err("and nothing else");
    let of_none = claims(json!({ "iss": "https://three.example", "sub": "u" }));
    let refused = place.ask(&one.token("k", &of_none)).await.expect_err("of nobody");
    assert!(refused.message().contains("not one that this gateway trusts"), "{}", refused.message());
}

#[tokio::test]
async fn whoever_a_token_names_is_looked_up_with_its_team_and_organisation() {
    let signer = Signer::ed25519();
    let provider = Provider::of(&[signer.jwk("k")]);
    let settings = json!({
        "team_ids_jwt_field": "groups", "org_id_jwt_field": "org", "end_user_id_jwt_field": "customer",
    });
    let place = Place::new(&provider, settings, CallerSettings::default());
    place.has_team("a", names(&["small"]));
    place.has_team("b", names(&["large"]));
    place.people.users.lock().insert("u".to_owned(), Arc::new(user("u", Role::OrgAdmin)));
    place
        .people
        .organizations
        .lock()
        .insert("o".to_owned(), Arc::new(organization("o", names(&["small", "large"]))));
    let named = json!({ "sub": "u", "groups": ["nobody", "a", "b"], "org": "o", "customer": "c" });
    let token = signer.token("k", &claims(named));
    let caller = place.ask(&token).await.expect("it is good");
    assert_eq!((caller.user_id(), caller.role), (Some("u"), Role::OrgAdmin));
    assert_eq!((caller.organization_id(), caller.customer()), (Some("o"), Some("c")));
    let pays =
        |model| caller.payer(|one| one.may_use(model, &NoGroups)).map(|one| one.team_id().map(str::to_owned));
    assert_eq!(pays("small").expect("the first"), Some("a".to_owned()));
    assert_eq!(pays("large").expect("the second"), Some("b".to_owned()));
    let refused = pays("huge").expect_err("neither");
    assert_eq!((refused.status(), refused.error_type()), (403, Some("org_model_access_denied")));
    assert_eq!(place.people.asked(), 3);
    place.ask(&token).await.expect("memory knows it");
    assert_eq!(place.people.asked(), 0);
    // A change of any of the teams is seen at once.
    place.has_team("b", Terms { blocked: true, ..names(&["large"]) });
    place.governance.forget(&Changed::Team("b".to_owned()));
    let caller = place.ask(&token).await.expect("the other team is left");
    caller.payer(|one| one.may_use("large", &NoGroups)).expect_err("its team is blocked");
    place.has_team("a", Terms { blocked: true, ..Terms::default() });
    place.governance.forget(&Changed::Team("a".to_owned()));
    place.ask(&token).await.expect_err("no team is left");
}

#[tokio::test]
async fn newcomers_are_added_where_the_settings_say_so() {
    let signer = Signer::ed25519();
    let provider = Provider::of(&[signer.jwk("k")]);
    let token = signer.token("k", &claims(json!({ "sub": "u", "email": "u@a.example", "team": "t" })));
    let place = Place::new(&provider, json!({ "team_id_jwt_field": "team" }), CallerSettings::default());
    let refused = place.ask(&token).await.expect_err("there is no such team");
    assert_eq!(refused.status(), 403);
    assert!(refused.message().contains("Team=t") && place.added.0.lock().is_empty());
    let settings = json!({
        "team_id_jwt_field": "team", "team_id_upsert": true, "user_id_upsert": true,
        "user_allowed_email_domain": "A.example",
    });
    let place = Place::new(&provider, settings.clone(), CallerSettings::default());
    let caller = place.ask(&token).await.expect("they are added");
    assert_eq!((caller.user_id(), caller.team_id()), (Some("u"), Some("t")));
    assert_eq!(*place.added.0.lock(), ["team t", "user u Some(\"u@a.example\") InternalUser false"]);
    for email in [json!("u@b.example"), json!("a.example"), json!("u@a.example.evil"), Value::Null] {
        let token = signer.token("k", &claims(json!({ "sub": "u", "email": email, "team": "t" })));
        assert_eq!(place.ask(&token).await.expect_err("another domain").status(), 403);
    }
}

#[tokio::test]
async fn roles_and_scopes_say_what_a_token_may_do() {
    let signer = Signer::ed25519();
    let provider = Provider::of(&[signer.jwk("k")]);
    let settings = json!({
        "roles_jwt_field": "resource.roles", "object_id_jwt_field": "object", "enforce_rbac": true,
        "role_mappings": [{ "role": "squad", "internal_role": "team" },
                          { "role": "person", "internal_role": "internal_user" }],
        "jwt_litellm_role_map": [{ "jwt_role": "*-boss", "litellm_role": "proxy_admin_viewer" }],
        "role_permissions": [{ "role": "internal_user", "models": ["small"] }],
    });
    let place = Place::new(&provider, settings, CallerSettings::default());
    place.has_team("t", Terms::default());
    let with = |roles: Value| {
        let named = json!({ "resource": { "roles": roles }, "object": "t", "sub": "u" });
        signer.token("k", &claims(named))
    };
    let caller = place.ask(&with(json!(["squad"]))).await.expect("a team");
    assert_eq!((caller.team_id(), caller.role), (Some("t"), Role::Team));
    let caller = place.ask(&with(json!(["person"]))).await.expect("a user");
    assert_eq!((caller.user_id(), caller.team_id(), caller.role), (Some("t"), None, Role::InternalUser));
    caller.may_use("small", &NoGroups).expect("its role may");
    let refused = caller.may_use("large", &NoGroups).expect_err("its role may not");
    assert!(refused.status() == 403 && refused.message().contains("role internal_user"), "{refused:?}");
    let caller = place.ask(&with(json!(["big-boss"]))).await.expect("a viewer");
    assert_eq!((caller.user_id(), caller.role), (Some("u"), Role::ProxyAdminViewer));
    let refused = place.ask(&with(json!(["stranger"]))).await.expect_err("no role");
    assert!(refused.status() == 403 && refused.message().contains("enforce_rbac"), "{}", refused.message());

    let settings = json!({
        "enforce_scope_based_access": true, "enforce_team_based_model_access": true,
        "scope_mappings": [{ "scope": "small", "models": ["small"], "routes": ["/v1/chat/completions"] },
                           { "scope": "large", "models": ["large"], "routes": ["/v1/embeddings"] }],
        "team_id_jwt_field": "team",
    });
    let place = Place::new(&provider, settings, CallerSettings::default());
    place.has_team("t", Terms::default());
    let scoped = |scope: &str, team: Value| {
        signer.token("k", &claims(json!({ "sub": "u", "scope": scope, "team": team })))
    };
    let caller = place.ask(&scoped("openid small", json!("t"))).await.expect("scoped");
    caller.may_use("small", &NoGroups).expect("its scope may");
    caller.may_use("large", &NoGroups).expect_err("its scope may not");
    caller.may_call(&Route::new("/v1/chat/completions", false)).expect("its scope may");
    caller.may_call(&Route::new("/v1/embeddings", false)).expect_err("its scope may not");
    let caller = place.ask(&scoped("small", Value::Null)).await.expect("without a team");
    caller.may_use("small", &NoGroups).expect_err("models are for teams");
    let caller = place.ask(&scoped("openid", json!("t"))).await.expect("without a scope");
    caller.may_use("small", &NoGroups).expect_err("models are for scopes");

    let caller = place.ask(&scoped("litellm_proxy_admin", Value::Null)).await.expect("an administrator");
    assert!(caller.is_admin());
    caller.may_call(&Route::new("/key/generate", false)).expect("an administrator");
    caller.may_call(&Route::new("/v1/chat/completions", false)).expect_err("not among its routes");
    let place = Place::new(&provider, json!({ "user_id_jwt_field": null }), CallerSettings::default());
    let refused = place.ask(&scoped("openid", Value::Null)).await.expect_err("it names nobody");
    assert!(refused.status() == 403 && refused.message().contains("user_id_jwt_field"));
}

#[tokio::test]
async fn a_token_that_is_known_outlives_the_store_but_not_itself() {
    let signer = Signer::ed25519();
    let provider = Provider::of(&[signer.jwk("k")]);
    let callers = CallerSettings { time_to_live: Duration::ZERO, ..CallerSettings::default() };
    let place = Place::new(&provider, json!({ "leeway": 0 }), callers);
    let exp = (Timestamp::now().0 as f64) / 1e6 + 0.3;
    let token = signer.token("k", &json!({ "sub": "u", "exp": exp }));
    place.ask(&token).await.expect("it is good");
    place.people.is(Mood::Down);
    place.ask(&token).await.expect("memory knows it");
    tokio::time::sleep(Duration::from_millis(310)).await;
    let refused = place.ask(&token).await.expect_err("its time ended");
    assert_eq!(refused.error_type(), Some("expired_key"));
}

#[test]
fn settings_that_contradict_themselves_are_refused() {
    let provider = Provider::of(&[]);
    let cases = [
        (json!({}), "whose tokens are good"),
        (json!({ "hmac_secret": "short" }), "32 bytes"),
        (json!({ "issuers": [{ "issuer": "i" }] }), "`audience`"),
        (
            json!({ "issuers": [{ "issuer": "i", "audience": "a", "disable_audience_validation": true }] }),
            "`audience`",
        ),
        (
            json!({ "public_key_urls": ["u"], "role_mappings": [{ "role": "r", "internal_role": "customer" }] }),
            "`internal_role`",
        ),
        (json!({ "public_key_urls": ["u"], "public_key_ttl": -1.0 }), "`public_key_ttl`"),
    ];
    for (settings, why) in cases {
        let settings: TokenSettings = serde_json::from_value(settings).expect("they can be read");
        let refused = Tokens::new(settings, Arc::clone(&provider) as _, None).map(drop).expect_err(why);
        assert!(refused.message().contains(why), "{}", refused.message());
    }
    serde_json::from_value::<TokenSettings>(json!({ "user_id_jwt_filed": "sub" }))
        .expect_err("a misspelt key");
}

/// Something of a token, and something that is not.
fn part() -> impl Strategy<Value = String> {
    let json = prop_oneof![
        Just(r#"{"alg":"RS256","kid":"k"}"#.to_owned()),
        Just(r#"{"alg":"ES256"}"#.to_owned()),
        Just(r#"{"alg":"EdDSA","crit":[]}"#.to_owned()),
        Just(r#"{"exp":1e300,"scope":"a b","sub":7,"aud":[1,"x"]}"#.to_owned()),
        Just(r#"{"exp":-1e300,"nbf":[],"groups":{"a":[{}]}}"#.to_owned()),
        ".*",
    ];
    prop_oneof![
        json.prop_map(|text| {
            use base64::Engine as _;
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
        }),
        "[A-Za-z0-9_.=-]{0,40}",
    ]
}

proptest! {
    #[test]
    fn no_token_and_no_document_of_keys_panics(
        parts in prop::collection::vec(part(), 0..5),
        n in "[A-Za-z0-9_-]{0,360}",
        kind in prop::sample::select(vec!["RSA", "EC", "OKP", "oct"]),
        curve in prop::sample::select(vec!["P-256", "P-384", "Ed25519"]),
    ) {
        let settings: TokenSettings = serde_json::from_value(json!({
            "user_id_jwt_field": "sub", "team_ids_jwt_field": "groups.a", "roles_jwt_field": "scope",
        })).expect("settings");
        let key = json!({ "kty": kind, "crv": curve, "kid": "k", "n": n, "e": "AQAB", "x": n, "y": n });
        let document = json!({ "keys": [key, 7, null] }).to_string();
        prop_assert!(!try_out(&settings, parts.join(".").as_bytes(), document.as_bytes()));
    }
}
