//! Every interleaving of giving back and beginning to wait, explored by loom: nobody sleeps beside a free slot.

use loom::thread;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use super::*;
use crate::ask::Ask;
use crate::quota::{Quota, QuotaSpec};

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn whoever_waits_is_woken_or_has_found_the_slot() {
    loom::model(|| {
        let waiting = Waiting::new(QueueSettings { timeout: Duration::from_secs(60), most: 4 }, None);
        let quota = Quota::new(QuotaSpec { max_parallel: Some(1), ..QuotaSpec::default() }, Vec::new(), None);
        quota.ring(waiting.bell());
        let now = Instant::now();
        let running = quota.reserve(&Ask::at(now)).expect("the slot is free");
        let thread = thread::spawn(move || drop(running));

        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut place = waiting.enter(0, now).expect("a place");
        let mut found = false;
        while !found && place.poll_turn(None, &mut Context::from_waker(&waker)).is_ready() {
            found = quota.reserve(&Ask::at(now)).is_ok();
        }
        thread.join().expect("no panic");
        assert!(found || woken.0.load(Ordering::SeqCst), "asleep beside a free slot");
    });
}
