//! What holds of every run, whatever the vendors do.

use std::collections::HashMap;

use llm_core::{Error, ErrorKind, Retry};
use llm_router::{Router, RouterSettings};
use llm_testkit::fake::{FakeProvider, Script};
use proptest::prelude::*;

use super::common::{Call, ordered, settings};

const KINDS: [ErrorKind; 8] = [
    ErrorKind::RateLimited,
    ErrorKind::Overloaded,
    ErrorKind::Timeout,
    ErrorKind::UpstreamAuth,
    ErrorKind::UpstreamNotFound,
    ErrorKind::InvalidRequest,
    ErrorKind::ContextLength,
    ErrorKind::Truncated,
];

/// One group: its deployments with their levels, and how each of them fails, call by call.
type Shape = Vec<(u32, Vec<usize>)>;

/// Attempts one after the other in one group.
type Stretch = Vec<(String, Option<Error>)>;

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let deployment = (0u32..3, proptest::collection::vec(0..KINDS.len(), 0..6));
    let group = proptest::collection::vec(deployment, 1..5);
    proptest::collection::vec(group, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_run_makes_too_many_attempts_or_repeats_a_failed_deployment_while_another_is_there(
        shapes in shapes(),
        num_retries in 0u32..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let mut deployments = Vec::new();
            let mut group_of = HashMap::new();
            for (number, group) in shapes.iter().enumerate() {
                for (place, (order, fails)) in group.iter().enumerate() {
                    let script = fails.iter().map(|kind| Script::Fail(Error::new(KINDS[*kind], "no")));
                    let (id, name) = (format!("{number}-{place}"), format!("g{number}"));
                    group_of.insert(id.clone(), number);
                    deployments.push(ordered(&name, &id, *order, None, &FakeProvider::new(script)));
                }
            }
            let names: Vec<String> = (0..shapes.len()).rev().map(|number| format!("g{number}")).collect();
            let settings = RouterSettings { num_retries, default_fallbacks: names, ..settings() };
            let router = Router::new(deployments, HashMap::new(), settings);
            let attempts = match Call::of("g0").run(&router).await {
                Ok(routed) => routed.attempts,
                Err(unanswered) => unanswered.attempts,
            };
            // Of each group in one stretch: a group is gone to once.
            let mut stretches: Vec<(usize, Stretch)> = Vec::new();
            for attempt in attempts {
                let group = group_of[&attempt.deployment];
                match stretches.last_mut().filter(|(last, _)| *last == group) {
                    Some((_, stretch)) => stretch.push((attempt.deployment, attempt.error)),
                    None => stretches.push((group, vec![(attempt.deployment, attempt.error)])),
                }
            }
            let mut gone_to: Vec<usize> = stretches.iter().map(|(group, _)| *group).collect();
            gone_to.sort_unstable();
            gone_to.dedup();
            assert_eq!(gone_to.len(), stretches.len(), "no group is gone to twice");
            for (group, stretch) in stretches {
                let shape = &shapes[group];
                let mut levels: Vec<u32> = shape.iter().map(|(order, _)| *order).collect();
                levels.sort_unstable();
                levels.dedup();
                assert!(stretch.len() <= levels.len() * (1 + num_retries as usize), "{stretch:?}");
                for (at, (deployment, _)) in stretch.iter().enumerate() {
                    let before = &stretch[..at];
                    let repeats = before.iter().any(|(known, _)| known == deployment);
                    let all_tried = (0..shape.len())
                        .all(|place| before.iter().any(|(known, _)| *known == format!("{group}-{place}")));
                    assert!(!repeats || all_tried, "{deployment} again while another is there: {stretch:?}");
                    let hopeless = before.iter().any(|(known, error)| {
                        known == deployment && error.as_ref().is_some_and(|error| error.retry() == Retry::Elsewhere)
                    });
                    assert!(!hopeless, "{deployment} cannot answer: {stretch:?}");
                }
            }
        });
    }
}
