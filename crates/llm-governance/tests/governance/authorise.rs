//! What callers may do, as tables: who asks, for what, and which rule refuses.

use std::collections::BTreeMap;
use std::sync::Arc;

use llm_core::{ErrorKind, Result};
use llm_governance::authorise::{AccessGroups, NoGroups, Reach, Route, RouteRules};
use llm_governance::entity::{KeyKind, Member, MemberRole, Team, VirtualKey};
use llm_governance::{CallerSettings, Governance, GovernanceParts, Principal, Role, Terms};

use crate::people::{People, governance, key, organization, team, user};

/// `beta` is a group that `gpt-5` is in.
struct Groups([String; 1]);

impl AccessGroups for Groups {
    fn groups(&self, model: &str) -> &[String] {
        if model == "gpt-5" { &self.0 } else { &[] }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn models(names: &[&str]) -> Terms {
    Terms { models: words(names), ..Terms::default() }
}

fn aliases(pairs: &[(&str, &str)], names: &[&str]) -> Terms {
    let aliases: BTreeMap<_, _> = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    Terms { aliases, ..models(names) }
}

/// Whoever is behind a key.
#[derive(Default)]
struct Who {
    key: Terms,
    kind: KeyKind,
    team: Option<Terms>,
    member: Option<Member>,
    user: Option<(Role, Terms)>,
    organization: Option<Terms>,
    is_organization_admin: bool,
}

async fn caller(who: Who) -> Result<Arc<Principal>> {
    let people = People::of([VirtualKey {
        kind: who.kind,
        team_id: who.team.is_some().then(|| "t".to_owned()),
        user_id: (who.user.is_some() || who.member.is_some()).then(|| "u".to_owned()),
        organization_id: who.organization.is_some().then(|| "o".to_owned()),
        ..key("sk-one", who.key)
    }]);
    if let Some(terms) = who.team {
        let members = who.member.into_iter().collect();
        let organization_id = who.organization.is_some().then(|| "o".to_owned());
        let team = Team { members, organization_id, ..team("t", terms) };
        people.teams.lock().insert("t".to_owned(), Arc::new(team));
    }
    if let Some((role, terms)) = who.user {
        let user = llm_governance::entity::User { terms, ..user("u", role) };
        people.users.lock().insert("u".to_owned(), Arc::new(user));
    }
    if let Some(terms) = who.organization {
        let mut organization = organization("o", terms);
        if who.is_organization_admin {
            organization.members.push(member(MemberRole::Admin, None));
        }
        people.organizations.lock().insert("o".to_owned(), Arc::new(organization));
    }
    governance(&people, CallerSettings::default()).identify(Some(b"sk-one"), None).await
}

fn member(role: MemberRole, terms: Option<Terms>) -> Member {
    Member { user_id: "u".to_owned(), user_email: None, role, terms }
}

#[tokio::test]
async fn models_of_everybody_behind_a_key() {
    let groups = Groups(["beta".to_owned()]);
    let key = |terms| Who { key: terms, ..Who::default() };
    let team = |team, key| Who { team: Some(team), key, ..Who::default() };
    let all = Terms::default;
    let (of_key, of_team) = (Some("key_model_access_denied"), Some("team_model_access_denied"));
    let cases = [
        (key(all()), "gpt-5", None),
        (key(models(&["gpt-5"])), "gpt-5", None),
        (key(models(&["gpt-5"])), "gpt-4", of_key),
        (key(models(&["openai/*"])), "openai/gpt-5", None),
        (key(models(&["openai/*"])), "gpt-5", of_key),
        (key(models(&["*"])), "gpt-5", None),
        (key(models(&["all-proxy-models"])), "gpt-5", None),
        (key(models(&["no-default-models"])), "gpt-5", of_key),
        (key(models(&["no-default-models", "gpt-5"])), "gpt-5", None),
        (key(models(&["beta"])), "gpt-5", None),
        (key(models(&["beta"])), "gpt-4", of_key),
        (team(models(&["gpt-5"]), models(&["all-team-models"])), "gpt-5", None),
        (team(models(&["gpt-5"]), models(&["all-team-models"])), "gpt-4", of_team),
        (team(models(&["gpt-5"]), models(&["gpt-4"])), "gpt-4", of_team),
        (team(models(&["gpt-5"]), models(&["gpt-4"])), "gpt-5", of_key),
        (
            Who { organization: Some(models(&["a"])), ..team(all(), all()) },
            "b",
            Some("org_model_access_denied"),
        ),
        (
            Who { member: Some(member(MemberRole::User, Some(models(&["a"])))), ..team(all(), all()) },
            "b",
            Some("team_member_model_access_denied"),
        ),
        (
            Who { user: Some((Role::InternalUser, models(&["a"]))), ..Who::default() },
            "b",
            Some("user_model_access_denied"),
        ),
        // A team's keys are the team's, whatever their user may do elsewhere.
        (Who { user: Some((Role::InternalUser, models(&["a"]))), ..team(all(), all()) }, "b", None),
        // An alias is allowed by its own name, or by what it stands for …
        (key(aliases(&[("fast", "gpt-4")], &["fast"])), "fast", None),
        (key(aliases(&[("fast", "gpt-4")], &["gpt-4"])), "fast", None),
        (key(aliases(&[("fast", "gpt-4")], &["gpt-5"])), "fast", of_key),
        (team(aliases(&[("fast", "gpt-4")], &["fast"]), models(&["fast"])), "fast", None),
        // … but opens no door that those above keep shut.
        (team(models(&["fast"]), aliases(&[("fast", "gpt-4")], &[])), "fast", of_team),
    ];
    for (number, (who, model, refused)) in cases.into_iter().enumerate() {
        let caller = caller(who).await.expect("known");
        let found = caller.may_use(model, &groups);
        match (found, refused) {
            (Ok(()), None) => {}
            (Err(error), Some(kind)) => {
                assert_eq!((error.status(), error.error_type()), (403, Some(kind)), "{number}");
                assert!(error.message().contains(&format!("Tried to access {model}")), "{error:?}");
            }
            (found, expected) => panic!("case {number}: {found:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn names_mean_what_the_nearest_says() {
    let who = Who {
        team: Some(aliases(&[("fast", "of-team"), ("good", "of-team")], &[])),
        key: aliases(&[("fast", "of-key")], &[]),
        ..Who::default()
    };
    let caller = caller(who).await.expect("known");
    let resolved = ["fast", "good", "other"].map(|name| caller.resolve(name));
    assert_eq!(resolved, ["of-key", "of-team", "other"]);
    caller.may_use("fast", &NoGroups).expect("nothing is narrowed");
}

/// What a caller is told of a route: how far it sees, or the status and the words of the refusal.
fn told(found: Result<Reach>) -> Result<Reach, (u16, String)> {
    found.map_err(|error| {
        assert_eq!((error.kind(), error.error_type()), (ErrorKind::PermissionDenied, Some("auth_error")));
        (error.status(), error.message().to_owned())
    })
}

#[tokio::test]
async fn routes_of_a_key() {
    for (terms, kind, path, is_allowed) in routes_of_keys() {
        let allowed = terms.allowed_routes.clone();
        let who = Who { key: terms, kind, user: admin(), ..Who::default() };
        let caller = caller(who).await.expect("known");
        let looks = path.ends_with("/info") || path.ends_with("/logs");
        match told(caller.may_call(&Route::new(path, looks))) {
            Ok(_) => assert!(is_allowed, "{allowed:?} {kind:?} {path}"),
            Err((status, message)) => {
                assert!(!is_allowed && status == 403, "{allowed:?} {kind:?} {path}: {message}");
                assert!(message.starts_with("Virtual key is not allowed to call this route. Only allowed"));
                assert!(message.contains(path), "{message}");
            }
        }
    }
}

/// `allowed_routes` and kind of an administrator's key, and what it may call.
fn routes_of_keys() -> Vec<(Terms, KeyKind, &'static str, bool)> {
    let routes = |routes: &[&str]| Terms { allowed_routes: words(routes), ..Terms::default() };
    vec![
        (routes(&[]), KeyKind::Default, "/key/generate", true),
        (routes(&["llm_api_routes"]), KeyKind::Default, "/v1/chat/completions", true),
        (routes(&["llm_api_routes"]), KeyKind::Default, "/v1/messages", true),
        (routes(&["llm_api_routes"]), KeyKind::Default, "/v1beta/models/gemini:generateContent", true),
        (routes(&["llm_api_routes"]), KeyKind::Default, "/model/m/converse", true),
        (routes(&["llm_api_routes"]), KeyKind::Default, "/openai/deployments/m/chat/completions", true),
        (routes(&["llm_api_routes"]), KeyKind::Default, "/key/generate", false),
        (routes(&["llm_api_routes"]), KeyKind::Default, "/model/new", false),
        (routes(&["openai_routes"]), KeyKind::Default, "/v1/embeddings", true),
        (routes(&["openai_routes"]), KeyKind::Default, "/v1/messages", false),
        (routes(&["anthropic_routes"]), KeyKind::Default, "/v1/messages/count_tokens", true),
        (routes(&["anthropic_routes"]), KeyKind::Default, "/v1/chat/completions", false),
        (routes(&["google_routes"]), KeyKind::Default, "/v1beta/models/g:streamGenerateContent", true),
        (routes(&["info_routes"]), KeyKind::Default, "/key/info", true),
        (routes(&["info_routes"]), KeyKind::Default, "/key/generate", false),
        (routes(&["management_routes"]), KeyKind::Default, "/team/new", true),
        (routes(&["management_routes"]), KeyKind::Default, "/v1/chat/completions", false),
        (routes(&["spend_tracking_routes"]), KeyKind::Default, "/spend/logs", true),
        (routes(&["/v1/chat/completions"]), KeyKind::Default, "/v1/chat/completions", true),
        (routes(&["/v1/chat/completions"]), KeyKind::Default, "/v1/chat/completions/", true),
        (routes(&["/v1/chat/completions"]), KeyKind::Default, "/chat/completions", false),
        (routes(&["/v1/*"]), KeyKind::Default, "/v1/models", true),
        (routes(&["/v1/*"]), KeyKind::Default, "/v2/rerank", false),
        (routes(&["nonsense"]), KeyKind::Default, "/v1/models", false),
        (routes(&[]), KeyKind::LlmApi, "/v1/responses", true),
        (routes(&[]), KeyKind::LlmApi, "/key/info", false),
        (routes(&[]), KeyKind::Management, "/key/generate", true),
        (routes(&[]), KeyKind::Management, "/spend/logs", true),
        (routes(&[]), KeyKind::Management, "/v1/chat/completions", false),
        (routes(&[]), KeyKind::ReadOnly, "/key/info", true),
        (routes(&[]), KeyKind::ReadOnly, "/key/generate", false),
        (routes(&["/v1/*"]), KeyKind::LlmApi, "/v1/key", false),
    ]
}

fn admin() -> Option<(Role, Terms)> {
    Some((Role::ProxyAdmin, Terms::default()))
}

/// Who asks for what, whether it only looks, and how far it sees.
type Case = (&'static str, Who, (&'static str, bool), Option<Reach>);

#[tokio::test]
async fn routes_of_a_role() {
    for (name, who, (path, looks), reach) in routes_of_roles() {
        let caller = caller(who).await.expect("known");
        match told(caller.may_call(&Route::new(path, looks))) {
            Ok(found) => assert_eq!(Some(found), reach, "{name} {path}"),
            Err((status, message)) => {
                assert_eq!(reach, None, "{name} {path}: {message}");
                assert_eq!(status, if name == "viewer" { 403 } else { 401 }, "{name} {path}");
                assert!(message.contains(path) && message.contains("ask an administrator"), "{message}");
            }
        }
    }
}

fn routes_of_roles() -> Vec<Case> {
    use Reach::{Everything, Organizations, Own};
    let role = |role| Who { user: Some((role, Terms::default())), ..Who::default() };
    let of_team = |role| Who {
        team: Some(Terms::default()),
        member: Some(member(role, None)),
        user: Some((Role::InternalUser, Terms::default())),
        ..Who::default()
    };
    let org_admin = || Who {
        organization: Some(Terms::default()),
        is_organization_admin: true,
        ..role(Role::InternalUser)
    };
    const CHAT: (&str, bool) = ("/v1/chat/completions", false);
    vec![
        ("admin", role(Role::ProxyAdmin), ("/key/generate", false), Some(Everything)),
        ("admin", role(Role::ProxyAdmin), CHAT, Some(Everything)),
        ("viewer", role(Role::ProxyAdminViewer), ("/organization/info", true), Some(Everything)),
        ("viewer", role(Role::ProxyAdminViewer), ("/spend/calculate", false), Some(Everything)),
        ("viewer", role(Role::ProxyAdminViewer), ("/anything/at/all", true), Some(Everything)),
        ("viewer", role(Role::ProxyAdminViewer), ("/key/generate", false), None),
        ("viewer", role(Role::ProxyAdminViewer), CHAT, Some(Own)),
        ("org admin", role(Role::OrgAdmin), ("/team/new", false), Some(Organizations)),
        ("org admin", org_admin(), ("/team/new", false), Some(Organizations)),
        ("org admin", org_admin(), ("/organization/member_add", false), Some(Organizations)),
        ("org admin", org_admin(), ("/spend/logs", true), Some(Organizations)),
        ("org admin", org_admin(), ("/organization/new", false), None),
        ("org admin", org_admin(), ("/budget/new", false), None),
        ("org admin", org_admin(), ("/global/spend", true), None),
        ("user", role(Role::InternalUser), ("/key/generate", false), Some(Own)),
        ("user", role(Role::InternalUser), ("/key/info", true), Some(Own)),
        ("user", role(Role::InternalUser), ("/spend/logs", true), Some(Own)),
        ("user", role(Role::InternalUser), CHAT, Some(Own)),
        ("user", role(Role::InternalUser), ("/user/new", false), None),
        ("user", role(Role::InternalUser), ("/team/new", false), None),
        ("user", role(Role::InternalUser), ("/global/spend", true), None),
        ("user", role(Role::InternalUser), ("/users/list", true), None),
        ("user viewer", role(Role::InternalUserViewer), ("/spend/logs", true), Some(Own)),
        ("user viewer", role(Role::InternalUserViewer), ("/user/info", true), Some(Own)),
        ("user viewer", role(Role::InternalUserViewer), ("/key/generate", false), None),
        ("user viewer", role(Role::InternalUserViewer), CHAT, Some(Own)),
        ("team admin", of_team(MemberRole::Admin), ("/team/member_add", false), Some(Own)),
        ("team admin", of_team(MemberRole::Admin), ("/team/new", false), None),
        ("member", of_team(MemberRole::User), ("/team/info", true), Some(Own)),
        ("customer", role(Role::Customer), CHAT, Some(Own)),
        ("customer", role(Role::Customer), ("/key/generate", false), None),
        ("nobody's key", Who::default(), ("/key/info", true), Some(Own)),
        ("nobody's key", Who::default(), ("/key/generate", false), None),
        ("team's key", Who { team: Some(Terms::default()), ..Who::default() }, CHAT, Some(Own)),
        ("team's key", Who { team: Some(Terms::default()), ..Who::default() }, ("/key/update", false), None),
    ]
}

#[tokio::test]
async fn routes_that_an_operator_opens_or_closes() {
    let rules =
        RouteRules { public: words(&["/docs/*"]), admin_only: words(&["/spend/logs"]), allowed: Vec::new() };
    assert!(rules.is_public("/docs/a") && !rules.is_public("/key/info"));
    let user = caller(Who { user: Some((Role::InternalUser, Terms::default())), ..Who::default() }).await;
    let route = Route::new("/spend/logs", true);
    let refused = told(rules.may_call(&user.expect("known"), &route)).expect_err("it is closed");
    assert!(refused.0 == 403 && refused.1.contains("is an admin only route"), "{refused:?}");
    let admin = caller(Who { user: admin(), ..Who::default() }).await.expect("known");
    assert_eq!(told(rules.may_call(&admin, &route)), Ok(Reach::Everything));
}

#[tokio::test]
async fn whoever_is_blocked_stops_all_its_keys() {
    let blocked = || Terms { blocked: true, ..Terms::default() };
    let cases = [
        (Who { key: blocked(), ..Who::default() }, "Key is blocked"),
        (Who { team: Some(blocked()), ..Who::default() }, "Team=t is blocked"),
        (Who { organization: Some(blocked()), ..Who::default() }, "organization o is blocked"),
        (
            Who {
                user: Some((Role::InternalUser, blocked())),
                team: Some(Terms::default()),
                ..Who::default()
            },
            "user u is blocked",
        ),
        (
            Who {
                member: Some(member(MemberRole::User, Some(blocked()))),
                team: Some(Terms::default()),
                ..Who::default()
            },
            "team member t:u is blocked",
        ),
    ];
    for (who, words) in cases {
        let refused = caller(who).await.expect_err(words);
        assert_eq!((refused.status(), refused.error_type()), (401, Some("auth_error")), "{words}");
        assert!(refused.message().contains(words), "{}", refused.message());
    }
}

#[tokio::test]
async fn addresses() {
    let only = |ips: &[&str]| Terms { allowed_ips: words(ips), ..Terms::default() };
    let cases = [
        (only(&[]), only(&[]), Some("192.0.2.1"), true),
        (only(&[]), only(&[]), None, true),
        (only(&["10.0.0.0/8"]), only(&[]), Some("10.1.1.1"), true),
        (only(&["10.0.0.0/8"]), only(&[]), Some("192.0.2.1"), false),
        (only(&["10.0.0.0/8"]), only(&[]), None, false),
        (only(&["10.0.0.0/8", "2001:db8::/32"]), only(&["10.1.0.0/16"]), Some("::ffff:10.1.2.3"), true),
        (only(&["10.0.0.0/8", "2001:db8::/32"]), only(&["10.1.0.0/16"]), Some("10.2.0.1"), false),
        (only(&["10.0.0.0/8", "2001:db8::/32"]), only(&["10.1.0.0/16"]), Some("2001:db8::1"), false),
        (only(&[]), only(&["no address"]), Some("10.2.0.1"), false),
    ];
    for (global, of_key, address, is_allowed) in cases {
        let name = format!("{:?} {:?} {address:?}", global.allowed_ips, of_key.allowed_ips);
        let narrows_all = !global.allowed_ips.is_empty() && of_key.allowed_ips.is_empty();
        let governance = Governance::new(GovernanceParts {
            master_key: Some(llm_core::Secret::new("sk-master".to_owned())),
            directory: People::of([key("sk-one", of_key)]),
            global,
            ..GovernanceParts::default()
        });
        let address = address.map(|address| address.parse().expect("an address"));
        let found = governance.identify(Some(b"sk-one"), address).await;
        let master = governance.identify(Some(b"sk-master"), address).await;
        if narrows_all {
            assert_eq!(master.is_ok(), is_allowed, "{name}");
        }
        match found {
            Ok(_) => assert!(is_allowed, "{name}"),
            Err(error) => {
                assert!(!is_allowed, "{name}");
                assert_eq!((error.status(), error.error_type()), (403, Some("auth_error")), "{name}");
                assert!(error.message().starts_with("Access forbidden: IP address not allowed."));
            }
        }
    }
}

#[tokio::test]
async fn fields_that_every_request_must_have() {
    let demand = |fields: &[&str]| Terms { enforced_params: words(fields), ..Terms::default() };
    let who =
        Who { key: demand(&["user"]), team: Some(demand(&["metadata.generation_name"])), ..Who::default() };
    let caller = caller(who).await.expect("known");
    caller.check_fields(|_| true).expect("all are there");
    let refused = caller.check_fields(|path| path == ["user"]).expect_err("the team's is missing");
    assert_eq!((refused.status(), refused.param()), (400, Some("metadata.generation_name")));
    assert!(refused.message().contains("team t demands it"), "{}", refused.message());
    let refused = caller.check_fields(|path| path == ["metadata", "generation_name"]).expect_err("the key's");
    assert_eq!(refused.param(), Some("user"));
}
