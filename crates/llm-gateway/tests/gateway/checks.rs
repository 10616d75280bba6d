//! Health checks in the background: who is asked, how often, and what follows from the answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::operation::Operation;
use llm_core::{Error, ErrorKind, Provider};
use llm_gateway::{Gateway, GatewayParts, Incoming};
use llm_router::{CheckSpec, Deployment, DeploymentSpec, Router, RouterSettings};
use llm_testkit::fake::{FakeProvider, PlainIngress, Script};
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

fn deployment(id: &str, model: Option<&str>, provider: &Arc<FakeProvider>) -> Arc<Deployment> {
    let provider: Arc<dyn Provider> = Arc::clone(provider) as _;
    let check = model.map(|model| CheckSpec { model: model.to_owned(), timeout: 3 * SECOND });
    Arc::new(Deployment::new(DeploymentSpec { check, ..DeploymentSpec::new(id, id, "large", provider) }))
}

fn parts(deployments: Vec<Arc<Deployment>>, check_interval: Option<Duration>) -> GatewayParts {
    let settings = RouterSettings { check_interval, num_retries: 0, ..RouterSettings::default() };
    GatewayParts::new(Router::new(deployments, HashMap::new(), settings), vec![Arc::new(PlainIngress)])
}

/// A gateway whose checks run until the guard is dropped.
fn running(parts: GatewayParts) -> (Arc<Gateway>, tokio::task::JoinSet<()>) {
    let gateway = Arc::new(Gateway::new(parts));
    let mut checks = tokio::task::JoinSet::new();
    let checked = Arc::clone(&gateway);
    checks.spawn(async move { checked.check_deployments().await });
    (gateway, checks)
}

async fn ask(gateway: &Gateway, model: &str) -> u16 {
    let incoming = Incoming {
        ingress: Arc::new(PlainIngress),
        asked: Operation::Chat.into(),
        headers: HeaderMap::new(),
        body: Bytes::from(format!(r#"{{"model":"{model}","text":"Hi"}}"#)),
        received: std::time::Instant::now(),
        call_id: None,
        uri: http::Uri::default(),
        address: None,
    };
    gateway.handle(incoming).await.status
}

#[tokio::test(start_paused = true)]
async fn idle_deployments_are_asked_as_often_as_the_configuration_says() {
    let (checked, busy, never) = (FakeProvider::new([]), FakeProvider::new([]), FakeProvider::new([]));
    let deployments = vec![
        deployment("checked", Some("tiny"), &checked),
        deployment("busy", Some("tiny"), &busy),
        deployment("never", None, &never),
    ];
    let (gateway, _checks) = running(parts(deployments, Some(60 * SECOND)));
    assert_eq!(ask(&gateway, "busy").await, 200);
    for _ in 0..60 {
        sleep(3 * SECOND).await;
        assert_eq!(ask(&gateway, "busy").await, 200);
    }
    assert_eq!(checked.calls(), ["tiny"; 3].map(String::from), "at once and after each minute");
    assert!(busy.calls().iter().all(|model| model == "large"), "its traffic says enough");
    assert!(never.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dead_deployment_is_found_out_and_is_back_without_traffic() {
    let fail = || Script::Fail(Error::new(ErrorKind::UpstreamFailure, "no"));
    let vendor = FakeProvider::new([fail(), Script::Silence, fail(), fail()]);
    let only = deployment("only", Some("tiny"), &vendor);
    let (gateway, _checks) = running(parts(vec![Arc::clone(&only)], Some(60 * SECOND)));
    let state = |gateway: &Gateway| {
        let text = gateway.render_metrics();
        let line = text.lines().find(|line| line.starts_with("litellm_deployment_state")).expect("a gauge");
        line.rsplit(' ').next().expect("a value").to_owned()
    };
    assert_eq!(state(&gateway), "0");
    sleep(15 * SECOND).await;
    assert_eq!(only.health().consecutive_failures(), 3, "asked again soon after a failure");
    let health = gateway.health();
    assert_eq!((health.healthy_count, health.unhealthy_count), (0, 1));
    assert_eq!(health.unhealthy_endpoints[0].error, Some("upstream_failure"));
    sleep(60 * SECOND).await;
    assert_eq!(vendor.calls().len(), 5, "a probe that fails, and one that is answered");
    assert_eq!(gateway.health().unhealthy_count, 0);
    let text = gateway.render_metrics();
    let told = "exception_status=\"502\"";
    assert!(
        text.lines()
            .any(|line| line.starts_with("litellm_deployment_cooled_down_total") && line.contains(told))
    );
}

#[tokio::test(start_paused = true)]
async fn checks_follow_the_configuration_and_end_with_their_task() {
    let (old, new) = (FakeProvider::new([]), FakeProvider::new([]));
    let (gateway, mut checks) = running(parts(vec![deployment("d", Some("tiny"), &old)], None));
    sleep(1_000 * SECOND).await;
    assert!(old.calls().is_empty(), "nobody asked for checks");
    gateway.replace(parts(vec![deployment("d", Some("tiny"), &new)], Some(10 * SECOND)));
    sleep(15 * SECOND).await;
    assert_eq!((old.calls().len(), new.calls().len()), (0, 2));
    checks.shutdown().await;
    sleep(100 * SECOND).await;
    assert_eq!(new.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_finds_fault_with_the_question_is_there() {
    let vendor = FakeProvider::new((0..9).map(|_| Script::Fail(Error::invalid("too few tokens"))));
    let only = deployment("only", Some("tiny"), &vendor);
    let (_gateway, _checks) = running(parts(vec![Arc::clone(&only)], Some(10 * SECOND)));
    sleep(45 * SECOND).await;
    assert_eq!((vendor.calls().len(), only.health().failures()), (5, 0));
}
