//! What was told already: the same is not told twice, and what comes and goes is not told each time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::message::Alert;

/// How much is remembered; beyond it, what would be forgotten next is forgotten at once.
const REMEMBERED: usize = 4_096;

/// A change of the same thing is told of after so long at the earliest, as LiteLLM's outages.
const SETTLED: Duration = Duration::from_secs(60);

/// What was told.
#[derive(Default)]
pub(super) struct Told {
    events: HashMap<String, Event>,
    conditions: HashMap<String, Condition>,
}

/// Something that happens.
struct Event {
    quiet_until: Instant,
    left_out: u64,
}

/// Something that is well or not.
struct Condition {
    is_bad: bool,
    told_bad: bool,
    told_at: Option<Instant>,
    /// How it stands, in words.
    alert: Arc<Alert>,
}

impl Condition {
    /// What somebody has to be told now.
    fn news(&mut self, now: Instant) -> Option<Arc<Alert>> {
        let settled = self.told_at.is_none_or(|at| now.saturating_duration_since(at) >= SETTLED);
        if self.is_bad == self.told_bad || !settled {
            return None;
        }
        (self.told_bad, self.told_at) = (self.is_bad, Some(now));
        Some(Arc::clone(&self.alert))
    }
}

impl Told {
    /// Whether somebody is told of this now, and how often it was left out before.
    pub(super) fn once(&mut self, subject: String, quiet: Duration, now: Instant) -> Option<u64> {
        if let Some(event) = self.events.get_mut(&subject).filter(|event| now < event.quiet_until) {
            event.left_out += 1;
            return None;
        }
        let left_out = self.events.remove(&subject).map_or(0, |event| event.left_out);
        self.make_room(now);
        let quiet_until = now.checked_add(quiet).unwrap_or(now);
        self.events.insert(subject, Event { quiet_until, left_out: 0 });
        Some(left_out)
    }

    fn make_room(&mut self, now: Instant) {
        if self.events.len() < REMEMBERED {
            return;
        }
        self.events.retain(|_, event| now < event.quiet_until);
        if self.events.len() >= REMEMBERED {
            let next = self.events.iter().min_by_key(|(_, event)| event.quiet_until);
            if let Some(next) = next.map(|(subject, _)| subject.clone()) {
                self.events.remove(&next);
            }
        }
    }

    /// Notes how something stands; gives what somebody is to be told now.
    pub(super) fn stands(
        &mut self,
        subject: &str,
        is_bad: bool,
        alert: impl FnOnce() -> Alert,
        now: Instant,
    ) -> Option<Arc<Alert>> {
        let known = self.conditions.get(subject).map(|known| known.is_bad);
        // What was never bad is no news, and what was said of it stays true.
        if known.unwrap_or(false) == is_bad {
            return None;
        }
        let alert = Arc::new(alert());
        let (told_bad, told_at) =
            self.conditions.get(subject).map_or((false, None), |known| (known.told_bad, known.told_at));
        let mut condition = Condition { is_bad, told_bad, told_at, alert };
        let news = condition.news(now);
        self.conditions.insert(subject.to_owned(), condition);
        news
    }

    /// What had to wait and need not any more.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Arc<Alert>> {
        self.conditions.values_mut().filter_map(|condition| condition.news(now)).collect()
    }
}
