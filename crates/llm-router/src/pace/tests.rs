//! Averages and sums follow the clock that they are given.

use super::*;

fn finished(first_content: u64, took: u64, tokens: u64, stream: bool) -> Finished<'static> {
    Finished {
        error: None,
        tokens: Some(tokens),
        output_tokens: Some(tokens / 2),
        first_content: Duration::from_millis(first_content),
        took: Duration::from_millis(took),
        stream,
    }
}

fn after(seconds: u64) -> Instant {
    *BEGINNING + Duration::from_secs(seconds)
}

#[test]
fn a_worse_time_counts_at_once_and_fades() {
    let pace = Pace::default();
    assert_eq!(pace.expected(true, after(0)), None);
    pace.note(&finished(100, 900, 10, true), after(1));
    pace.note(&finished(2_000, 2_900, 10, true), after(2));
    assert!((pace.expected(true, after(2)).expect("known") - 2.0).abs() < 1e-3);
    pace.note(&finished(100, 900, 10, true), after(12));
    let faded = pace.expected(true, after(12)).expect("known");
    // A tenth of a second, and 1.9 seconds more by one memory ago.
    assert!((faded - (0.1 + 1.9 / std::f64::consts::E)).abs() < 0.01, "{faded}");
    assert!(pace.expected(true, after(600)).expect("known") < 0.001, "it is forgiven");
    assert_eq!(pace.expected(false, after(12)), None, "whole answers are another measure");
}

#[test]
fn whole_answers_are_measured_by_the_token() {
    let pace = Pace::default();
    pace.note(&finished(3_000, 3_000, 60, false), after(1));
    assert!((pace.expected(false, after(1)).expect("known") - 0.1).abs() < 1e-3);
}

#[test]
fn only_a_deadline_that_passed_is_a_failure_that_says_something_about_speed() {
    let pace = Pace::default();
    let refused = llm_core::Error::new(ErrorKind::Overloaded, "busy");
    pace.note(&Finished { error: Some(&refused), ..finished(1, 1, 0, true) }, after(1));
    assert_eq!(pace.expected(true, after(1)), None);
    let late = llm_core::Error::new(ErrorKind::Timeout, "late");
    pace.note(&Finished { error: Some(&late), ..finished(0, 30_000, 0, true) }, after(1));
    assert!((pace.expected(true, after(1)).expect("known") - 30.0).abs() < 0.1);
}

#[test]
fn the_last_minute_slides() {
    let pace = Pace::default();
    pace.note(&finished(1, 1, 600, false), after(30));
    let used = |at| pace.used(after(at), 0);
    assert!((used(59).tokens - 600.0).abs() < 1e-6);
    assert!((used(90).tokens - 300.0).abs() < 1e-6, "half of the minute before");
    assert_eq!(used(240), Used { requests: 0.0, tokens: 0.0 });
    let busy = pace.used(after(240), 2);
    assert!((busy.tokens - 1_200.0).abs() < 1e-6 && (busy.requests - 2.0).abs() < 1e-6);
}
