//! What the router makes of a state that several gateways share: it asks after its own numbers, goes elsewhere when
//! others were faster, tells and hears of benches, and never fails because nobody answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use llm_core::{Error, ErrorKind};
use llm_router::{
    Ask, BenchElsewhere, Deployment, DeploymentSpec, Finished, Lease, Link, QuotaSpec, Rule, Scope, Shared,
    Stands, Verdict, Want,
};
use llm_testkit::fake::{FakeProvider, inbound};
use parking_lot::Mutex;

/// So many requests may be made by all gateways together.
#[derive(Default)]
struct Counter {
    left: AtomicU64,
    asked: AtomicU64,
    returned: Arc<Mutex<Vec<Option<u64>>>>,
    benches: Mutex<Vec<(String, BenchElsewhere)>>,
    recoveries: Mutex<Vec<(String, Scope)>>,
    gone: bool,
}

#[derive(Debug)]
struct Slip(Option<u64>, Arc<Mutex<Vec<Option<u64>>>>);

impl Lease for Slip {
    fn settle(&mut self, tokens: u64) {
        self.0 = Some(tokens);
    }
}

impl Drop for Slip {
    fn drop(&mut self) {
        self.1.lock().push(self.0);
    }
}

impl Shared for Counter {
    fn reserve<'a>(&'a self, _want: Want<'a>) -> BoxFuture<'a, Verdict> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let take = |left: u64| left.checked_sub(1);
        let verdict = if self.gone {
            Verdict::Unknown
        } else if self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok() {
            Verdict::Granted(Box::new(Slip(None, Arc::clone(&self.returned))))
        } else {
            Verdict::Refused { limit: "rpm", after: Some(Duration::from_secs(30)) }
        };
        async move { verdict }.boxed()
    }

    fn benched(&self, deployment: &str, bench: BenchElsewhere) {
        self.benches.lock().push((deployment.to_owned(), bench));
    }

    fn recovered(&self, deployment: &str, scope: Scope) {
        self.recoveries.lock().push((deployment.to_owned(), scope));
    }

    fn link(&self) -> Link {
        if self.gone { Link::Gone } else { Link::Connected }
    }
}

fn counter(left: u64) -> Arc<Counter> {
    Arc::new(Counter { left: AtomicU64::new(left), ..Counter::default() })
}

fn deployment(shared: &Arc<Counter>, quota: QuotaSpec) -> Arc<Deployment> {
    let shared: Arc<dyn Shared> = Arc::<Counter>::clone(shared);
    let spec = DeploymentSpec::new("d", "m", "m", FakeProvider::new([]));
    Arc::new(Deployment::new(DeploymentSpec { quota, shared: Some(shared), ..spec }))
}

fn rpm(limit: u64) -> QuotaSpec {
    QuotaSpec { rpm: Some(limit), ..QuotaSpec::default() }
}

fn ask() -> Ask<'static> {
    Ask::at(Instant::now())
}

#[tokio::test]
async fn two_gateways_admit_together_what_one_may() {
    let shared = counter(5);
    let (one, other) = (deployment(&shared, rpm(5)), deployment(&shared, rpm(5)));
    let mut admitted = 0;
    for turn in 0..20 {
        let gateway = if turn % 2 == 0 { &one } else { &other };
        admitted += u32::from(gateway.admit_everywhere(&ask()).await.is_ok());
    }
    assert_eq!(admitted, 5);
    // A refusal is believed for a moment: not every call asks again.
    assert_eq!(shared.asked.load(Ordering::Relaxed), 7);
    let Err(Rule::Full { limit: "rpm", until: Some(until) }) = one.check(&ask()) else {
        panic!("it is full, and until when is known")
    };
    assert!(until > Instant::now() + Duration::from_secs(28));
    let standing = |one: &Deployment| one.quota().standing(Instant::now()).requests;
    assert_eq!(standing(&one) + standing(&other), 5, "what was refused elsewhere counts nowhere");
    assert_eq!((one.quota().in_flight(), one.health().attempts() + other.health().attempts()), (0, 5));
}

#[tokio::test]
async fn without_limits_nobody_is_asked() {
    let shared = counter(0);
    let free = deployment(&shared, QuotaSpec::default());
    assert!(free.admit_everywhere(&ask()).await.is_ok());
    assert_eq!(shared.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn when_the_state_is_gone_the_own_numbers_decide() {
    let shared = Arc::new(Counter { gone: true, ..Counter::default() });
    let one = deployment(&shared, rpm(2));
    let mut admitted = 0;
    for _ in 0..5 {
        admitted += u32::from(one.admit_everywhere(&ask()).await.is_ok());
    }
    assert_eq!(admitted, 2);
}

#[tokio::test]
async fn what_was_leased_is_settled_to_the_truth_and_returned() {
    let shared = counter(9);
    let one = deployment(&shared, QuotaSpec { tpm: Some(1_000), ..QuotaSpec::default() });
    let finished = |tokens| Finished {
        error: None,
        tokens,
        output_tokens: None,
        cost: None,
        first_content: Duration::ZERO,
        took: Duration::ZERO,
        stream: false,
    };
    for tokens in [Some(70), None] {
        let mut in_flight = one.admit_everywhere(&ask()).await.expect("room");
        in_flight.finished(&finished(tokens));
    }
    drop(one.admit_everywhere(&ask()).await.expect("room"));
    // Without usage the estimate stands: of a call without a request it is nothing. What was given up used nothing.
    assert_eq!(*shared.returned.lock(), [Some(70), Some(0), None]);
}

#[tokio::test]
async fn a_bench_is_told_and_one_of_others_is_kept() {
    let (mine, others) = (counter(0), counter(0));
    let (one, other) = (deployment(&mine, QuotaSpec::default()), deployment(&others, QuotaSpec::default()));
    let error = Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(Duration::from_secs(20));
    // Of a call that nobody read, a 429 would say nothing.
    let body = inbound(r#"{"model":"m"}"#);
    one.admit(&Ask::of(&body, false, Instant::now())).expect("it is up").failed(&error);
    let (id, bench) = mine.benches.lock().first().cloned().expect("it was told");
    assert_eq!((id.as_str(), bench.scope), ("d", Scope::Deployment));
    assert!(bench.length > Duration::from_secs(15) && bench.length <= Duration::from_secs(20), "{bench:?}");

    assert!(other.health().benched_elsewhere(bench, Instant::now()));
    let cooling = |one: &Deployment| one.health().standing(Instant::now()).stands == Stands::CoolingDown;
    assert!(cooling(&other) && other.admit(&ask()).is_err());
    let longer = BenchElsewhere { length: Duration::from_secs(60), ..bench };
    assert!(!other.health().benched_elsewhere(longer, Instant::now()), "it was out already");
    let shorter = BenchElsewhere { length: Duration::from_secs(1), ..bench };
    other.health().benched_elsewhere(shorter, Instant::now());
    let until = other.health().standing(Instant::now()).until.expect("a time");
    assert!(until > Instant::now() + Duration::from_secs(50), "longer extends, shorter does not shorten");
    assert!(others.benches.lock().is_empty(), "what was heard is not told again");

    assert!(other.health().recovered_elsewhere(Scope::Deployment, Instant::now()));
    assert!(other.admit(&ask()).is_ok() && !cooling(&other));
    let insisting = ask().insisting();
    one.admit(&insisting).expect("nobody else").answered();
    assert_eq!(*mine.recoveries.lock(), [("d".to_owned(), Scope::Deployment)]);
}
