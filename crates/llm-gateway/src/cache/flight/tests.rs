//! Every order in which a few callers can join, wait, get an answer, get none or go away.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::*;

const KEY: &str = "key";

/// What a caller does with its lead.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// It gets an answer.
    Answers,
    /// It gets none.
    Fails,
}

enum Caller {
    Outside,
    Leads(Lead),
    Waits(Pin<Box<dyn Future<Output = Option<Bytes>>>>),
    Answered,
    Failed,
    Gone,
}

struct World {
    flights: Arc<Flights>,
    callers: Vec<Caller>,
    /// How many asked the vendor.
    asked: usize,
}

/// A step of one caller, or its end before that.
type Step = (usize, bool);

impl World {
    fn new(callers: usize) -> Self {
        let callers = (0..callers).map(|_| Caller::Outside).collect();
        Self { flights: Arc::default(), callers, asked: 0 }
    }

    fn leaders(&self) -> usize {
        self.callers.iter().filter(|caller| matches!(caller, Caller::Leads(_))).count()
    }

    /// Returns whether anything happened.
    fn step(&mut self, (at, leaves): Step, fates: &[Fate]) -> bool {
        if leaves {
            let here = matches!(self.callers[at], Caller::Leads(_) | Caller::Waits(_));
            if here {
                self.callers[at] = Caller::Gone;
            }
            return here;
        }
        let next = match std::mem::replace(&mut self.callers[at], Caller::Gone) {
            Caller::Outside => self.joins(),
            Caller::Leads(lead) if fates[at] == Fate::Answers => {
                lead.land(Bytes::from_static(b"answer"));
                Caller::Answered
            }
            Caller::Leads(_) => Caller::Failed,
            Caller::Waits(mut wait) => match wait.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => {
                    self.callers[at] = Caller::Waits(wait);
                    return false;
                }
                Poll::Ready(Some(answer)) => {
                    assert_eq!(answer, "answer");
                    Caller::Answered
                }
                Poll::Ready(None) => self.joins(),
            },
            over => {
                self.callers[at] = over;
                return false;
            }
        };
        self.callers[at] = next;
        assert!(self.leaders() <= 1, "two ask at once");
        true
    }

    fn joins(&mut self) -> Caller {
        match self.flights.join(KEY) {
            Joined::Leads(lead) => {
                self.asked += 1;
                Caller::Leads(lead)
            }
            Joined::Waits(wait) => Caller::Waits(Box::pin(wait.landed())),
        }
    }
}

/// Plays a history again, since a world cannot be copied.
fn played(history: &[Step], fates: &[Fate]) -> World {
    let mut world = World::new(fates.len());
    for step in history {
        assert!(world.step(*step, fates));
    }
    world
}

/// Goes down every history. Returns how many there are.
fn explore(history: &mut Vec<Step>, fates: &[Fate], may_leave: usize) -> usize {
    let left = history.iter().filter(|(_, leaves)| *leaves).count();
    let (mut ends, mut stuck) = (0, true);
    for at in 0..fates.len() {
        for leaves in [false, true] {
            if leaves && left >= may_leave {
                continue;
            }
            if played(history, fates).step((at, leaves), fates) {
                stuck &= leaves;
                history.push((at, leaves));
                ends += explore(history, fates, may_leave);
                history.pop();
            }
        }
    }
    if stuck {
        check(&played(history, fates), fates, history);
        ends += 1;
    }
    ends
}

/// At the end nobody waits for ever, and nobody asked who need not.
fn check(world: &World, fates: &[Fate], history: &[Step]) {
    let waits = world.callers.iter().any(|caller| matches!(caller, Caller::Waits(_) | Caller::Leads(_)));
    assert!(!waits, "somebody waits for ever after {history:?}");
    assert!(world.flights.shards.iter().all(|shard| shard.lock().is_empty()), "a flight is left over");
    for (at, caller) in world.callers.iter().enumerate() {
        if matches!(caller, Caller::Failed) {
            assert_eq!(fates[at], Fate::Fails, "somebody failed with another's error after {history:?}");
        }
    }
    assert!(world.asked <= fates.len(), "somebody asked twice");
}

#[test]
fn in_no_order_does_anybody_wait_for_ever_or_fail_for_another() {
    use Fate::{Answers, Fails};
    let mut histories = 0;
    for fates in [[Answers, Answers, Answers], [Fails, Answers, Answers], [Fails, Fails, Answers], [Fails; 3]]
    {
        histories += explore(&mut Vec::new(), &fates, 1);
    }
    assert!(histories > 1_000, "{histories}");
}

#[test]
fn a_hundred_callers_cost_one_call() {
    let mut world = World::new(100);
    let fates = [Fate::Answers; 100];
    for at in 0..100 {
        world.step((at, false), &fates);
    }
    assert_eq!(world.asked, 1);
    for at in 0..100 {
        world.step((at, false), &fates);
    }
    assert!(world.callers.iter().all(|caller| matches!(caller, Caller::Answered)));
    assert_eq!(world.asked, 1);
}

#[test]
fn who_joins_while_the_answer_is_put_away_has_it() {
    let flights = Arc::<Flights>::default();
    let Joined::Leads(lead) = flights.join(KEY) else { panic!("the first one leads") };
    lead.land(Bytes::from_static(b"answer"));
    let Joined::Waits(wait) = flights.join(KEY) else { panic!("the flight is not over") };
    let landed = Box::pin(wait.landed()).as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(landed, Poll::Ready(Some(Bytes::from_static(b"answer"))));
    drop(lead);
    assert!(matches!(flights.join(KEY), Joined::Leads(_)));
}
