//! What each strategy does with the traffic: shares, ties, deployments that are out, and what a pick costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::money::NanoDollars;
use llm_core::{Error, ErrorKind, Provider};
use llm_router::{
    Ask, BuiltIn, Candidates, Deployment, DeploymentSpec, Finished, InFlight, Price, QuotaSpec, Strategy,
};
use llm_testkit::fake::{FakeProvider, inbound};

fn spec(id: usize) -> DeploymentSpec {
    let provider: Arc<dyn Provider> = FakeProvider::new([]);
    DeploymentSpec::new(id.to_string(), "m", "m", provider)
}

fn level(count: usize, with: impl Fn(usize, &mut DeploymentSpec)) -> Vec<Arc<Deployment>> {
    let make = |id| {
        let mut spec = spec(id);
        with(id, &mut spec);
        Arc::new(Deployment::new(spec))
    };
    (0..count).map(make).collect()
}

fn weighted(weights: &[u32]) -> Vec<Arc<Deployment>> {
    level(weights.len(), |id, spec| spec.weight = weights[id])
}

fn pick(strategy: &dyn Strategy, level: &[Arc<Deployment>], out: &[usize]) -> usize {
    let is_out = |index: usize| out.contains(&index);
    let candidates = Candidates::new(level, &is_out);
    strategy.pick(&candidates, &Ask::at(Instant::now())).expect("one is left")
}

fn shares(built_in: BuiltIn, level: &[Arc<Deployment>], out: &[usize], rounds: usize) -> Vec<usize> {
    let strategy = built_in.make(level);
    let mut counts = vec![0; level.len()];
    for _ in 0..rounds {
        counts[pick(strategy.as_ref(), level, out)] += 1;
    }
    counts
}

fn is_about(count: usize, wanted: usize) -> bool {
    count.abs_diff(wanted) * 20 <= wanted.max(20)
}

/// An attempt that goes on until it is dropped.
fn begin(deployment: &Arc<Deployment>) -> InFlight {
    deployment.admit(&Ask::at(Instant::now())).expect("it has room")
}

fn answered(deployment: &Arc<Deployment>, first_content: Duration) {
    begin(deployment).finished(&Finished {
        error: None,
        tokens: Some(100),
        output_tokens: Some(10),
        cost: None,
        first_content,
        took: first_content * 10,
        stream: true,
    });
}

#[test]
fn round_robin_is_exact_and_follows_weights() {
    assert_eq!(shares(BuiltIn::RoundRobin, &weighted(&[0, 0, 0]), &[], 300), [100, 100, 100]);
    assert_eq!(shares(BuiltIn::RoundRobin, &weighted(&[3, 1, 0]), &[], 400), [300, 100, 0]);
    // Too long a round to be written down.
    let counts = shares(BuiltIn::RoundRobin, &weighted(&[1_000_003, 2_000_003]), &[], 30_000);
    assert!(is_about(counts[0], 10_000) && is_about(counts[1], 20_000), "{counts:?}");
}

#[test]
fn round_robin_never_gives_the_same_one_a_burst() {
    let level = weighted(&[3, 1, 1]);
    let strategy = BuiltIn::RoundRobin.make(&level);
    let picked: Vec<usize> = (0..50).map(|_| pick(strategy.as_ref(), &level, &[])).collect();
    for window in picked.windows(5) {
        assert_eq!(window.iter().filter(|one| **one == 0).count(), 3, "{picked:?}");
        assert_ne!(window[..3], [0, 0, 0], "{picked:?}");
    }
}

#[test]
fn the_share_of_one_that_is_out_goes_to_the_others_by_their_weights() {
    for built_in in [BuiltIn::RoundRobin, BuiltIn::SimpleShuffle] {
        let counts = shares(built_in, &weighted(&[6, 3, 1]), &[0], 40_000);
        assert!(counts[0] == 0 && is_about(counts[1], 30_000), "{built_in:?} {counts:?}");
        let counts = shares(built_in, &weighted(&[5, 0, 0]), &[0], 20_000);
        assert!(is_about(counts[1], 10_000), "without a weight, only when nobody has one: {counts:?}");
    }
}

#[test]
fn shuffle_follows_weights_within_chance() {
    let counts = shares(BuiltIn::SimpleShuffle, &weighted(&[3, 1]), &[], 40_000);
    assert!(is_about(counts[0], 30_000), "{counts:?}");
    let counts = shares(BuiltIn::SimpleShuffle, &weighted(&[0, 0]), &[], 40_000);
    assert!(is_about(counts[0], 20_000), "{counts:?}");
    let counts = shares(BuiltIn::Random, &weighted(&[3, 1]), &[], 40_000);
    assert!(is_about(counts[0], 20_000), "weights mean nothing to `random`: {counts:?}");
}

#[test]
fn first_available_takes_the_first() {
    assert_eq!(shares(BuiltIn::FirstAvailable, &weighted(&[0, 9, 0]), &[0], 10), [0, 10, 0]);
}

#[test]
fn least_busy_evens_out_what_is_under_way_and_ties_fairly() {
    let level = weighted(&[0, 0, 0, 0]);
    let counts = shares(BuiltIn::LeastBusy, &level, &[], 40_000);
    assert!(counts.iter().all(|count| is_about(*count, 10_000)), "{counts:?}");
    let strategy = BuiltIn::LeastBusy.make(&level);
    let under_way: Vec<InFlight> =
        (0..40).map(|_| begin(&level[pick(strategy.as_ref(), &level, &[])])).collect();
    assert!(level.iter().all(|one| one.quota().in_flight() == 10));
    drop(under_way);
}

#[test]
fn usage_based_prefers_the_lowest_share_of_its_limits() {
    let level = level(2, |id, spec| {
        spec.quota = QuotaSpec { tpm: Some([1_000, 10_000][id]), ..QuotaSpec::default() };
    });
    level.iter().for_each(|one| answered(one, Duration::from_millis(1)));
    // A tenth of the one, a hundredth of the other.
    assert_eq!(shares(BuiltIn::UsageBased, &level, &[], 100), [0, 100]);
    let without_limits = weighted(&[0, 0]);
    answered(&without_limits[1], Duration::from_millis(1));
    assert_eq!(shares(BuiltIn::UsageBased, &without_limits, &[], 100), [100, 0]);
}

#[test]
fn latency_based_prefers_the_fast_and_tries_the_unknown_once() {
    let stream = |now| Ask { stream: true, ..Ask::at(now) };
    let level = weighted(&[0, 0, 0]);
    let strategy = BuiltIn::LatencyBased.make(&level);
    let picks = |out: &[usize], rounds: usize| {
        let is_out = |index: usize| out.contains(&index);
        let candidates = Candidates::new(&level, &is_out);
        let mut counts = vec![0; level.len()];
        for _ in 0..rounds {
            counts[strategy.pick(&candidates, &stream(Instant::now())).expect("one is left")] += 1;
        }
        counts
    };
    answered(&level[0], Duration::from_millis(50));
    answered(&level[1], Duration::from_millis(500));
    let counts = picks(&[2], 1_000);
    assert_eq!(counts, [1_000, 0, 0], "of two, the better one");
    let counts = picks(&[], 3_000);
    assert!(counts[2] > 1_500 && counts[1] == 0, "one that nobody knows is tried: {counts:?}");
    let trying = begin(&level[2]);
    assert_eq!(picks(&[], 1_000)[2], 0, "but not twice at a time");
    drop(trying);
    let busy: Vec<InFlight> = (0..20).map(|_| begin(&level[0])).collect();
    assert_eq!(picks(&[2], 1_000), [0, 1_000, 0], "what is under way counts");
    drop(busy);
}

#[test]
fn a_failure_makes_nobody_look_fast() {
    let level = weighted(&[0, 0]);
    answered(&level[0], Duration::from_millis(50));
    answered(&level[1], Duration::from_millis(60));
    let error = Error::new(ErrorKind::Overloaded, "busy");
    begin(&level[1]).finished(&Finished {
        error: Some(&error),
        tokens: None,
        output_tokens: None,
        cost: None,
        first_content: Duration::ZERO,
        took: Duration::from_millis(1),
        stream: true,
    });
    let expected = |index: usize| level[index].pace().expected(true, Instant::now()).expect("known");
    assert!(expected(1) > expected(0));
}

#[test]
fn cost_based_takes_the_cheapest_for_the_request() {
    // The first is cheap to read and dear to write; of the third nothing is known.
    let level = level(3, |id, spec| {
        spec.price = match id {
            0 => Some(Price::new(|input, output| Some(NanoDollars((input + output * 100).cast_signed())))),
            1 => {
                Some(Price::new(|input, output| Some(NanoDollars((input * 10 + output * 10).cast_signed()))))
            }
            _ => None,
        };
    });
    let strategy = BuiltIn::CostBased.make(&level);
    let is_out = |_: usize| false;
    let candidates = Candidates::new(&level, &is_out);
    let long = inbound(&format!(r#"{{"model":"m","text":"{}"}}"#, "four ".repeat(8_000)));
    let short = inbound(r#"{"model":"m"}"#);
    let now = Instant::now();
    assert_eq!(strategy.pick(&candidates, &Ask::of(&long, false, now)), Some(0));
    assert_eq!(strategy.pick(&candidates, &Ask::of(&short, false, now)), Some(1));
    assert_eq!(shares(BuiltIn::CostBased, &level, &[0, 1], 5), [0, 0, 5]);
}

#[test]
fn names_of_both_worlds_are_known_and_others_are_refused() {
    for built_in in BuiltIn::ALL {
        assert_eq!(built_in.name().parse::<BuiltIn>().expect("its own name"), built_in);
        assert_eq!(built_in.name().replace('-', "_").parse::<BuiltIn>().expect("with _"), built_in);
    }
    for name in ["usage-based-routing-v2", "latency-based-routing", "cost-based-routing", "weighted"] {
        assert!(name.parse::<BuiltIn>().is_ok(), "{name}");
    }
    let error = "fastest".parse::<BuiltIn>().expect_err("unknown");
    assert!(error.message().contains("`fastest`") && error.message().contains("round_robin"));
}

#[test]
fn nobody_is_picked_where_nobody_is_left() {
    let level = weighted(&[1, 1]);
    let is_out = |_: usize| true;
    let candidates = Candidates::new(&level, &is_out);
    for built_in in BuiltIn::ALL {
        assert_eq!(built_in.make(&level).pick(&candidates, &Ask::at(Instant::now())), None, "{built_in:?}");
    }
}

/// The bound is for an optimised build on a quiet machine, where a pick takes a tenth of it; here it shows that no
/// strategy looks at each of a thousand.
#[test]
fn a_pick_among_a_thousand_costs_about_as_much_as_among_ten() {
    let (few, many) = (level(10, |_, _| {}), level(1_000, |_, _| {}));
    for built_in in BuiltIn::ALL {
        let time = |level: &[Arc<Deployment>]| {
            let strategy = built_in.make(level);
            let round = |_| {
                let began = Instant::now();
                (0..200).for_each(|_| {
                    pick(strategy.as_ref(), level, &[3]);
                });
                began.elapsed()
            };
            (0..7).map(round).min().expect("seven rounds")
        };
        let (few, many) = (time(&few), time(&many));
        assert!(many < few * 20 + Duration::from_micros(200), "{built_in:?}: {few:?} and {many:?}");
    }
}
