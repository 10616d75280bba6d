//! Who goes first, and that nobody waits longer than he may.

use futures_util::FutureExt as _;

use super::*;

fn waiting(seconds: u64, most: usize) -> Waiting {
    Waiting::new(QueueSettings { timeout: Duration::from_secs(seconds), most }, None)
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[tokio::test(start_paused = true)]
async fn the_most_important_goes_first_and_then_the_earliest() {
    let waiting = waiting(60, 10);
    let mut late = waiting.enter(5, now()).expect("a place");
    let mut first = waiting.enter(1, now()).expect("a place");
    let mut second = waiting.enter(1, now()).expect("a place");
    assert!(first.turn(None, None).await, "the first looks once when it has its place");
    assert!(first.turn(None, None).now_or_never().is_none());
    waiting.bell().ring();
    assert!(second.turn(None, None).now_or_never().is_none());
    assert!(first.turn(None, None).now_or_never().expect("it rang"));
    drop(first);
    assert!(late.turn(None, None).now_or_never().is_none());
    assert!(second.turn(None, None).now_or_never().expect("it is the first now"));
    drop(second);
    assert!(late.turn(None, None).now_or_never().expect("it is the last"));
    drop(late);
    assert_eq!(waiting.length(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_timeout_or_the_call() {
    let waiting = waiting(5, 10);
    let began = now();
    let (mut first, mut second) =
        (waiting.enter(0, began).expect("a place"), waiting.enter(0, began).expect("a place"));
    assert!(!second.turn(None, Some(began + Duration::from_secs(2))).await);
    assert_eq!(now() - began, Duration::from_secs(2));
    while first.turn(None, None).await {}
    assert_eq!(now() - began, Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn the_first_looks_when_room_is_expected() {
    let waiting = waiting(60, 10);
    let mut first = waiting.enter(0, now()).expect("a place");
    assert!(first.turn(None, None).await);
    let until = now() + Duration::from_millis(300);
    assert!(first.turn(Some(until), None).await);
    assert!(now() >= until && now() < until + Duration::from_millis(5));
    assert_eq!(waiting.room(), Some(until));
}

#[tokio::test]
async fn a_full_queue_takes_nobody() {
    let waiting = waiting(60, 1);
    let place = waiting.enter(0, now()).expect("a place");
    assert!(waiting.enter(0, now()).is_none());
    assert!(waiting.is_before(0) && waiting.is_before(7) && !waiting.is_before(-1));
    drop(place);
    assert!(!waiting.is_before(0) && waiting.enter(0, now()).is_some());
}
