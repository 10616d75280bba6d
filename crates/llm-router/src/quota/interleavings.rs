//! Every interleaving of reserving and giving back, explored by loom: `RUSTFLAGS="--cfg loom" cargo test -p llm-router
//! --lib interleavings`.

use loom::thread;

use super::*;

fn explore(spec: QuotaSpec, check: fn(&Quota)) {
    loom::model(move || {
        let quota = Arc::new(Quota::new(spec, Vec::new(), None));
        let now = quota.state.origin;
        let other = Arc::clone(&quota);
        let thread = thread::spawn(move || {
            let first = other.reserve(&Ask::at(now)).is_ok();
            let second = other.reserve(&Ask::at(now)).is_ok();
            (first, second)
        });
        let held = quota.reserve(&Ask::at(now));
        if held.is_ok() {
            assert!(quota.in_flight() >= 1);
        }
        drop(held);
        thread.join().expect("no panic");
        check(&quota);
    });
}

#[test]
fn slots_are_never_passed_and_always_returned() {
    explore(QuotaSpec { max_parallel: Some(1), ..QuotaSpec::default() }, |quota| {
        assert_eq!(quota.in_flight(), 0);
        let first = quota.reserve(&Ask::at(quota.state.origin));
        assert!(first.is_ok() && quota.reserve(&Ask::at(quota.state.origin)).is_err());
    });
}

#[test]
fn exactly_as_many_requests_as_allowed_get_through() {
    explore(QuotaSpec { rpm: Some(2), max_parallel: Some(3), ..QuotaSpec::default() }, |quota| {
        assert_eq!((quota.in_flight(), quota.standing(quota.state.origin).requests), (0, 2));
    });
}
