//! How often an attempt is made again, after which pause, and how much of the traffic may be attempts of that kind.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use llm_core::{ErrorKind, random};
use parking_lot::Mutex;

/// Kinds of errors as retry policies name them, after LiteLLM's exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The request is not valid, too long or too large, or asks for what the target cannot do.
    BadRequest,
    /// The vendor refused our credential.
    Authentication,
    /// A deadline passed.
    Timeout,
    /// Too many requests, or no quota left.
    RateLimit,
    /// The content policy refused.
    ContentPolicyViolation,
    /// The vendor failed, could not be reached, or answered no answer.
    InternalServer,
    /// The vendor has too much to do.
    ServiceUnavailable,
    /// The vendor does not know the model.
    NotFound,
}

impl ErrorClass {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::BadRequest,
        Self::Authentication,
        Self::Timeout,
        Self::RateLimit,
        Self::ContentPolicyViolation,
        Self::InternalServer,
        Self::ServiceUnavailable,
        Self::NotFound,
    ];

    /// The class of a kind; none for what no vendor says.
    pub fn of(kind: ErrorKind) -> Option<Self> {
        Some(match kind {
            ErrorKind::InvalidRequest
            | ErrorKind::Unsupported
            | ErrorKind::ContextLength
            | ErrorKind::PayloadTooLarge => Self::BadRequest,
            ErrorKind::UpstreamAuth => Self::Authentication,
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::RateLimited | ErrorKind::QuotaExhausted => Self::RateLimit,
            ErrorKind::ContentFilter => Self::ContentPolicyViolation,
            ErrorKind::UpstreamFailure
            | ErrorKind::Connection
            | ErrorKind::BadUpstreamAnswer
            | ErrorKind::Truncated => Self::InternalServer,
            ErrorKind::Overloaded => Self::ServiceUnavailable,
            ErrorKind::UpstreamNotFound | ErrorKind::NotFound => Self::NotFound,
            _ => return None,
        })
    }

    /// The key of the class in a retry policy.
    pub fn key(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequestErrorRetries",
            Self::Authentication => "AuthenticationErrorRetries",
            Self::Timeout => "TimeoutErrorRetries",
            Self::RateLimit => "RateLimitErrorRetries",
            Self::ContentPolicyViolation => "ContentPolicyViolationErrorRetries",
            Self::InternalServer => "InternalServerErrorRetries",
            Self::ServiceUnavailable => "ServiceUnavailableErrorRetries",
            Self::NotFound => "NotFoundErrorRetries",
        }
    }
}

/// Attempts after the first, by what went wrong. What it leaves open is as `num_retries` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryPolicy {
    classes: [Option<u32>; ErrorClass::ALL.len()],
    /// For errors of classes that are not named.
    pub default: Option<u32>,
}

impl RetryPolicy {
    /// The key of [`RetryPolicy::default`].
    pub const DEFAULT: &str = "DefaultRetries";

    /// Sets how often errors of a class are tried again.
    pub fn set(&mut self, class: ErrorClass, retries: u32) {
        self.classes[class as usize] = Some(retries);
    }

    /// Sets by key; false when there is no such key.
    pub fn set_key(&mut self, key: &str, retries: u32) -> bool {
        if key == Self::DEFAULT {
            self.default = Some(retries);
            return true;
        }
        let class = ErrorClass::ALL.into_iter().find(|class| class.key() == key);
        class.map(|class| self.set(class, retries)).is_some()
    }

    /// How often an error of this kind is tried again where the policy names its class.
    pub fn named(&self, kind: ErrorKind) -> Option<u32> {
        self.classes[ErrorClass::of(kind)? as usize]
    }

    /// The same, by the class or the default.
    pub fn retries(&self, kind: ErrorKind) -> Option<u32> {
        self.named(kind).or(self.default)
    }

    /// What it says, by key.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let classes = ErrorClass::ALL.into_iter().zip(self.classes);
        let named = classes.filter_map(|(class, retries)| Some((class.key(), retries?)));
        named.chain(self.default.map(|retries| (Self::DEFAULT, retries)))
    }

    /// This policy, with what it leaves open taken from `other`.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (own, others) in self.classes.iter_mut().zip(other.classes) {
            *own = own.or(others);
        }
        Self { default: self.default.or(other.default), ..self }
    }
}

/// The longest hint of a vendor's that a call waits for.
const LONGEST_HINT: Duration = Duration::from_secs(60);

/// How long to wait before a deployment that failed is asked again: the vendor's hint, or half a second doubled up to
/// eight; and some jitter, so that clients that failed together do not come back together. `None`: the vendor wants
/// to be left alone for longer than a call can wait.
pub(crate) fn backoff(retries: usize, hint: Option<Duration>, at_least: Duration) -> Option<Duration> {
    let doubled = Duration::from_millis(500 << retries.saturating_sub(1).min(4));
    if hint.is_some_and(|hint| hint > LONGEST_HINT) {
        return None;
    }
    let wait = hint.unwrap_or(doubled).max(at_least);
    let jitter = Duration::from_millis(random::below(750));
    Some(wait + jitter.min(wait))
}

/// How much of the traffic may be second attempts: a share of the requests, and a floor for small traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryBudgetSettings {
    /// Retries for each request.
    pub share: f64,
    /// Retries a second that are always allowed.
    pub per_second: f64,
}

impl Default for RetryBudgetSettings {
    /// One request in five, and ten a second.
    fn default() -> Self {
        Self { share: 0.2, per_second: 10.0 }
    }
}

/// How long requests and retries are remembered, in seconds: after so long they count a third.
const MEMORY: f64 = 10.0;

/// Keeps retries to a share of recent traffic, so that an outage is not multiplied.
///
/// A request costs one addition to a counter that few threads share; everything else is done when something failed.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    settings: RetryBudgetSettings,
    requests: [Counter; 8],
    recent: Mutex<Recent>,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Counter(AtomicU64);

/// Requests and retries of late, older ones counting less.
#[derive(Debug)]
struct Recent {
    requests: f64,
    retries: f64,
    /// All requests ever, when it was last looked.
    seen: u64,
    at: Instant,
}

impl RetryBudget {
    pub(crate) fn new(settings: RetryBudgetSettings, now: Instant) -> Self {
        let recent = Recent { requests: 0.0, retries: 0.0, seen: 0, at: now };
        Self { settings, requests: Default::default(), recent: Mutex::new(recent) }
    }

    /// A request came.
    pub(crate) fn request(&self) {
        if let Some(counter) = self.requests.get(thread_number() % self.requests.len()) {
            counter.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether a retry may be made now.
    pub(crate) fn has_room(&self, now: Instant) -> bool {
        self.look(now, false)
    }

    /// Counts a retry; false when there is no room for it.
    pub(crate) fn take(&self, now: Instant) -> bool {
        self.look(now, true)
    }

    fn look(&self, now: Instant, take: bool) -> bool {
        let all = self.requests.iter().map(|counter| counter.0.load(Ordering::Relaxed)).sum();
        let mut recent = self.recent.lock();
        recent.pass(all, now);
        let allowed = self.settings.share * recent.requests + self.settings.per_second * MEMORY;
        let has_room = recent.retries + 1.0 <= allowed;
        if take && has_room {
            recent.retries += 1.0;
        }
        has_room
    }
}

impl Recent {
    fn pass(&mut self, all: u64, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64() / MEMORY;
        let kept = libm::exp(-passed);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let new = all.saturating_sub(self.seen) as f64;
        // As if they had come evenly since the last look.
        let new = if passed > 0.0 { new * (1.0 - kept) / passed } else { new };
        self.requests = self.requests * kept + new;
        self.retries *= kept;
        self.seen = all;
        self.at = self.at.max(now);
    }
}

/// A small number for each thread, given out in turn.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    OWN.with(|own| {
        if own.get() == usize::MAX {
            own.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        own.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_by_key_and_falls_through_by_class() {
        let mut policy = RetryPolicy::default();
        assert!(policy.set_key("RateLimitErrorRetries", 4) && policy.set_key("DefaultRetries", 1));
        assert!(!policy.set_key("RateLimitRetries", 4));
        assert_eq!(policy.retries(ErrorKind::RateLimited), Some(4));
        assert_eq!(policy.named(ErrorKind::Timeout), None);
        assert_eq!(policy.retries(ErrorKind::Timeout), Some(1));
        let mut group = RetryPolicy::default();
        group.set(ErrorClass::Timeout, 0);
        assert_eq!(group.or(policy).retries(ErrorKind::Timeout), Some(0));
        assert_eq!(group.or(policy).retries(ErrorKind::QuotaExhausted), Some(4));
    }

    #[test]
    fn the_wait_is_the_hint_or_doubles_and_never_less_than_configured() {
        let seconds = Duration::from_secs;
        let of = |retries, hint, at_least| backoff(retries, hint, at_least).expect("short enough");
        for (retries, least, most) in [(0, 500, 1_000), (1, 500, 1_000), (3, 2_000, 2_750), (9, 8_000, 8_750)]
        {
            let wait = of(retries, None, Duration::ZERO).as_millis();
            assert!((least..=most).contains(&wait), "{retries}: {wait}");
        }
        assert!((3_000..3_750).contains(&of(1, Some(seconds(3)), Duration::ZERO).as_millis()));
        assert!(of(1, Some(seconds(3)), seconds(5)) >= seconds(5));
        assert_eq!(backoff(1, Some(seconds(61)), Duration::ZERO), None);
    }

    #[test]
    fn retries_are_a_share_of_recent_requests_above_a_floor() {
        let start = Instant::now();
        let budget = RetryBudget::new(RetryBudgetSettings { share: 0.1, per_second: 0.25 }, start);
        (0..1_000).for_each(|_| budget.request());
        let taken = (0..500).filter(|_| budget.take(start)).count();
        assert_eq!(taken, 102, "a tenth of a thousand, and two of ten seconds");
        assert!(!budget.has_room(start + Duration::from_millis(1)));
        // A minute later all of that is forgotten, and the floor is there again.
        let later = start + Duration::from_secs(60);
        assert_eq!((0..500).filter(|_| budget.take(later)).count(), 2);
    }

    #[test]
    fn steady_traffic_may_retry_its_share_and_no_more() {
        let start = Instant::now();
        let budget = RetryBudget::new(RetryBudgetSettings { share: 0.2, per_second: 0.0 }, start);
        let mut taken = 0;
        for step in 0..60_000u64 {
            budget.request();
            let now = start + Duration::from_millis(step);
            // After a while of calm everything fails.
            taken += u64::from(step >= 30_000 && budget.take(now));
        }
        assert!((5_500..=8_200).contains(&taken), "a fifth of 30,000, and what was saved: {taken}");
    }
}
