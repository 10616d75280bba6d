//! Which deployments a request may go to: tags, region, prompt length and abilities; and where a session stays.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use llm_core::operation::Operation;
use llm_core::provider::Inbound;
use llm_core::{Error, ErrorKind, Provider};
use llm_router::{
    Deployment, DeploymentSpec, Facts, Needs, Route, RouteOptions, Router, RouterSettings, TagFiltering,
};
use llm_testkit::fake::{FakeProvider, PlainIngress, Script, inbound};

fn router(settings: RouterSettings, specs: impl IntoIterator<Item = DeploymentSpec>) -> Router {
    Router::new(specs.into_iter().map(|spec| Arc::new(Deployment::new(spec))), HashMap::new(), settings)
}

fn spec(id: &str) -> DeploymentSpec {
    let provider: Arc<dyn Provider> = FakeProvider::new([]);
    DeploymentSpec::new(id, "m", "m", provider)
}

fn tagged(id: &str, tags: &[&str]) -> DeploymentSpec {
    DeploymentSpec { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..spec(id) }
}

async fn ask(router: &Router, inbound: &Inbound, options: &RouteOptions) -> Result<String, Error> {
    let route = Route::new(inbound, "m", false, Instant::now(), options);
    let routed = router.run(&route).await.map_err(|unanswered| unanswered.error)?;
    Ok(routed.in_flight.deployment().id.clone())
}

/// Who answers a hundred such calls.
async fn who(router: &Router, options: &RouteOptions) -> Result<Vec<String>, Error> {
    let inbound = inbound(r#"{"model":"m","text":"x"}"#);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..100 {
        *seen.entry(ask(router, &inbound, options).await?).or_default() += 1;
    }
    Ok(seen.into_keys().collect())
}

fn with_tags(tags: &[&str]) -> RouteOptions {
    RouteOptions { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..RouteOptions::default() }
}

#[tokio::test]
async fn tags_choose_and_the_default_takes_the_rest() {
    let settings = |tag_filtering| RouterSettings { tag_filtering, ..RouterSettings::default() };
    let all = || [tagged("free", &["free"]), tagged("paid", &["paid", "eu"]), tagged("rest", &["default"])];
    let any = router(settings(TagFiltering::Any), all());
    assert_eq!(who(&any, &with_tags(&["paid"])).await.expect("answered"), ["paid"]);
    assert_eq!(who(&any, &with_tags(&["eu", "free"])).await.expect("answered"), ["free", "paid"]);
    assert_eq!(who(&any, &with_tags(&["nobody"])).await.expect("answered"), ["rest"]);
    assert_eq!(who(&any, &with_tags(&[])).await.expect("answered"), ["rest"]);
    let every = router(settings(TagFiltering::All), all());
    assert_eq!(who(&every, &with_tags(&["eu", "paid"])).await.expect("answered"), ["paid"]);
    assert_eq!(who(&every, &with_tags(&["eu", "free"])).await.expect("answered"), ["rest"]);
    let off = router(settings(TagFiltering::Off), all());
    assert_eq!(who(&off, &with_tags(&["paid"])).await.expect("answered").len(), 3);
    let strict = router(settings(TagFiltering::Any), [tagged("free", &["free"])]);
    let error = who(&strict, &with_tags(&["paid"])).await.expect_err("nobody has it");
    assert!(error.kind() == ErrorKind::InvalidRequest && error.message().contains("tags"), "{error}");
}

#[tokio::test]
async fn a_region_is_kept() {
    let placed = |id: &str, region: &str| DeploymentSpec { region: Some(region.to_owned()), ..spec(id) };
    let router =
        router(RouterSettings::default(), [placed("us", "us-east-1"), placed("eu", "eu-west-1"), spec("x")]);
    let options = RouteOptions { region: Some("eu".to_owned()), ..RouteOptions::default() };
    assert_eq!(who(&router, &options).await.expect("answered"), ["eu"]);
    let options = RouteOptions { region: Some("ap".to_owned()), ..RouteOptions::default() };
    assert!(who(&router, &options).await.expect_err("nobody there").message().contains("region"));
}

#[tokio::test]
async fn a_prompt_goes_where_it_fits_and_else_is_too_long() {
    let window = |id: &str, tokens| DeploymentSpec {
        facts: Facts { max_input_tokens: Some(tokens), ..Facts::default() },
        ..spec(id)
    };
    let settings = RouterSettings { pre_call_checks: true, ..RouterSettings::default() };
    let router = router(settings, [window("small", 50), window("large", 5_000)]);
    let sized = |letters: usize| inbound(&format!(r#"{{"model":"m","text":"{}"}}"#, "x".repeat(letters)));
    let options = RouteOptions::default();
    for _ in 0..20 {
        assert_eq!(ask(&router, &sized(4_000), &options).await.expect("answered"), "large");
    }
    let error = ask(&router, &sized(40_000), &options).await.expect_err("too long for both");
    assert_eq!(error.kind(), ErrorKind::ContextLength);
    assert!(error.message().contains("5000"), "{error}");
}

#[tokio::test]
async fn a_fallback_takes_what_is_too_long_without_asking_the_first() {
    let first =
        FakeProvider::new([Script::Fail(Error::new(ErrorKind::UpstreamFailure, "must not be asked"))]);
    let short = DeploymentSpec {
        facts: Facts { max_input_tokens: Some(10), ..Facts::default() },
        ..DeploymentSpec::new("short", "m", "m", Arc::clone(&first) as Arc<dyn Provider>)
    };
    let long = DeploymentSpec::new("long", "long", "long", FakeProvider::new([]) as Arc<dyn Provider>);
    let settings = RouterSettings {
        pre_call_checks: true,
        default_fallbacks: vec!["long".to_owned()],
        ..RouterSettings::default()
    };
    let router = router(settings, [short, long]);
    let inbound = inbound(&format!(r#"{{"model":"m","text":"{}"}}"#, "x".repeat(400)));
    assert_eq!(ask(&router, &inbound, &RouteOptions::default()).await.expect("answered"), "long");
    assert!(first.calls().is_empty());
}

#[tokio::test]
async fn a_model_that_lacks_an_ability_is_passed_over() {
    let blind = DeploymentSpec {
        facts: Facts { cannot: Needs::FUNCTION_CALLING, ..Facts::default() },
        ..spec("blind")
    };
    let settings = RouterSettings { pre_call_checks: true, ..RouterSettings::default() };
    let body = r#"{"model":"m","text":"x","tool":"f"}"#;
    let request = || {
        let ingress = Arc::new(PlainIngress);
        Inbound::new(ingress, Operation::Chat, http::HeaderMap::new(), body.into()).expect("valid")
    };
    let both = router(settings.clone(), [spec("able"), DeploymentSpec { order: 0, ..blind }]);
    for _ in 0..20 {
        assert_eq!(ask(&both, &request(), &RouteOptions::default()).await.expect("answered"), "able");
    }
    let blind = DeploymentSpec {
        facts: Facts { cannot: Needs::FUNCTION_CALLING, ..Facts::default() },
        ..spec("blind")
    };
    let error =
        ask(&router(settings, [blind]), &request(), &RouteOptions::default()).await.expect_err("nobody can");
    assert!(error.message().contains("function_calling"), "{error}");
}

#[tokio::test]
async fn a_session_stays_while_its_deployment_is_up_and_others_spread() {
    let router = router(RouterSettings::default(), (0..5).map(|id| spec(&format!("d{id}"))));
    let inbound = inbound(r#"{"model":"m","text":"x"}"#);
    let mut spread: BTreeMap<String, usize> = BTreeMap::new();
    for session in 0..500_u64 {
        let options = RouteOptions { session: Some(session), ..RouteOptions::default() };
        let first = ask(&router, &inbound, &options).await.expect("answered");
        assert_eq!(ask(&router, &inbound, &options).await.expect("answered"), first);
        *spread.entry(first).or_default() += 1;
    }
    assert!(spread.len() == 5 && spread.values().all(|count| (60..140).contains(count)), "{spread:?}");
}
