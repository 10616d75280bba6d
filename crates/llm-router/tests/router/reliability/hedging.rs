//! A second attempt beside a slow first one: who wins, what is counted, and how many there are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use llm_core::provider::{BoxFuture, Call as VendorCall, Reply};
use llm_core::{DialectId, ErrorKind, Provider, Result};
use llm_router::{
    Deployment, DeploymentSpec, GroupSettings, HedgeAfter, HedgeSettings, Routed, Router, RouterSettings,
    Unanswered,
};
use llm_testkit::fake::{FakeProvider, Script};

use super::common::{Call, failure, settings};

/// A vendor that takes its time before it does what its script says.
struct Slow {
    vendor: Arc<FakeProvider>,
    takes: Duration,
}

impl Provider for Slow {
    fn dialect(&self) -> DialectId {
        self.vendor.dialect()
    }

    fn chat<'a>(&'a self, call: VendorCall<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let reply = self.vendor.chat(call);
            tokio::time::sleep(self.takes).await;
            reply.await
        })
    }
}

fn slow(
    id: &str,
    takes: u64,
    script: impl IntoIterator<Item = Script>,
) -> (Arc<Deployment>, Arc<FakeProvider>) {
    let vendor = FakeProvider::new(script);
    let provider = Arc::new(Slow { vendor: Arc::clone(&vendor), takes: Duration::from_millis(takes) });
    (Arc::new(Deployment::new(DeploymentSpec::new(id, "m", format!("vendor-{id}"), provider))), vendor)
}

fn router(deployments: [Arc<Deployment>; 2], after: HedgeAfter, budget: f64) -> Router {
    let own = GroupSettings { hedge: Some(HedgeSettings { after, budget }), ..GroupSettings::default() };
    let groups = HashMap::from([("m".to_owned(), own)]);
    Router::new(deployments, HashMap::new(), RouterSettings { groups, num_retries: 0, ..settings() })
}

const AFTER: HedgeAfter = HedgeAfter::Fixed(Duration::from_millis(200));

async fn stream(router: &Router) -> Result<Box<Routed>, Box<Unanswered>> {
    Call { stream: true, ..Call::of("m") }.run(router).await
}

#[tokio::test(start_paused = true)]
async fn the_first_content_wins_and_the_other_attempt_is_cancelled() {
    for (one, other, winner) in [(1_000, 100, "other"), (250, 100, "one"), (100, 100, "one")] {
        let (first, _) = slow("one", one, []);
        let (second, second_vendor) = slow("other", other, []);
        let router = router([Arc::clone(&first), Arc::clone(&second)], AFTER, 1.0);
        let began = tokio::time::Instant::now();
        let routed = stream(&router).await.expect("both are well");
        assert_eq!(routed.in_flight.deployment().id, winner);
        assert_eq!(began.elapsed().as_millis(), u128::from(one.min(200 + other)));
        let hedged = one > 200;
        assert_eq!(second_vendor.calls().len(), usize::from(hedged));
        assert_eq!((routed.attempts.len(), routed.losers.len()), (1, usize::from(hedged)));
        assert_eq!((routed.retries, routed.attempts[0].hedge), (0, winner == "other"));
        // The loser is let go at once, the winner when its answer ends.
        let in_use = [&first, &second].map(|one| one.quota().in_flight());
        assert_eq!(in_use, if winner == "one" { [1, 0] } else { [0, 1] });
    }
}

#[tokio::test(start_paused = true)]
async fn when_one_of_two_fails_the_other_one_still_answers() {
    for (one, other) in [(300, 1_000), (1_000, 100)] {
        let fails = || [failure(ErrorKind::Overloaded)];
        let (first, _) = if one < other { slow("one", one, fails()) } else { slow("one", one, []) };
        let (second, _) = if one < other { slow("other", other, []) } else { slow("other", other, fails()) };
        let routed = stream(&router([first, second], AFTER, 1.0)).await.expect("one is well");
        assert_eq!(routed.in_flight.deployment().id, if one < other { "other" } else { "one" });
        assert_eq!((routed.attempts.len(), routed.losers.len()), (2, 0));
        assert!(routed.attempts[0].error.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn when_both_fail_the_last_error_is_told() {
    let (first, _) = slow("one", 1_000, [failure(ErrorKind::Overloaded)]);
    let (second, _) = slow("other", 100, [failure(ErrorKind::UpstreamAuth)]);
    let unanswered = stream(&router([first, second], AFTER, 1.0)).await.err().expect("both fail");
    assert_eq!(unanswered.error.kind(), ErrorKind::Overloaded);
    assert_eq!(unanswered.attempts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn there_are_no_more_second_attempts_than_the_budget_allows() {
    let (first, _) = slow("one", 1_000, []);
    let (second, vendor) = slow("other", 100, []);
    let router = router([first, second], AFTER, 0.02);
    for _ in 0..200 {
        stream(&router).await.expect("both are well");
    }
    assert_eq!(vendor.calls().len(), 1 + 4);
}

#[tokio::test(start_paused = true)]
async fn a_percentile_is_learnt_from_what_the_group_does() {
    let (first, _) = slow("one", 100, []);
    let (second, vendor) = slow("other", 100, []);
    let usual = router([first, Arc::clone(&second)], HedgeAfter::Quantile(0.95), 1.0);
    for _ in 0..50 {
        stream(&usual).await.expect("both are well");
    }
    assert!(vendor.calls().is_empty(), "nothing was slower than usual");
}

#[tokio::test(start_paused = true)]
async fn whole_answers_are_not_hedged() {
    let (first, _) = slow("one", 1_000, []);
    let (second, vendor) = slow("other", 100, []);
    let router = router([first, second], AFTER, 1.0);
    assert!(Call::of("m").run(&router).await.is_ok());
    assert!(vendor.calls().is_empty());
}
