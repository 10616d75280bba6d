//! How often somebody may try to sign in: a few times a minute from one address, and not too often from all of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use llm_core::{Error, ErrorKind, Result};
use parking_lot::Mutex;

/// Attempts that fail in a minute: from one address, and from all together.
const MOST: (u32, u32) = (10, 300);

/// How long attempts are counted together.
const MINUTE: Duration = Duration::from_secs(60);

/// The attempts of this minute.
#[derive(Default)]
pub(crate) struct Logins(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    began: Option<Instant>,
    all: u32,
    /// No more than [`MOST`] allows of all: so many addresses at most.
    by_address: HashMap<Option<IpAddr>, u32>,
}

impl Logins {
    /// Counts an attempt.
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) fn attempt(&self, address: Option<IpAddr>) -> Result<()> {
        self.attempt_at(address, Instant::now())
    }

    fn attempt_at(&self, address: Option<IpAddr>, now: Instant) -> Result<()> {
        let mut minute = self.0.lock();
        let elapsed = minute.began.map_or(MINUTE, |began| now.saturating_duration_since(began));
        if elapsed >= MINUTE {
            *minute = Minute { began: Some(now), ..Minute::default() };
        }
        let own = minute.by_address.get(&address).copied().unwrap_or(0);
        if own >= MOST.0 || minute.all >= MOST.1 {
            let left = MINUTE.saturating_sub(elapsed).max(Duration::from_secs(1));
            let message = "too many attempts to sign in: wait a minute, then try again";
            return Err(Error::new(ErrorKind::RateLimited, message).with_retry_after(left));
        }
        minute.all += 1;
        minute.by_address.insert(address, own + 1);
        Ok(())
    }

    /// The attempt was good: it does not count.
    pub(crate) fn succeeded(&self, address: Option<IpAddr>) {
        let mut minute = self.0.lock();
        minute.all = minute.all.saturating_sub(1);
        if let Some(own) = minute.by_address.get_mut(&address) {
            *own = own.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn an_address_has_a_few_attempts_a_minute_and_others_have_theirs() {
        let (logins, now) = (Logins::default(), Instant::now());
        for _ in 0..10 {
            logins.attempt_at(address(1), now).expect("one of ten");
        }
        let refused = logins.attempt_at(address(1), now).expect_err("the eleventh");
        assert_eq!((refused.status(), refused.retry_after().is_some()), (429, true));
        logins.attempt_at(address(2), now).expect("another address");
        logins.attempt_at(address(1), now + MINUTE).expect("a minute later");
    }

    #[test]
    fn those_that_are_good_do_not_count() {
        let (logins, now) = (Logins::default(), Instant::now());
        for _ in 0..50 {
            logins.attempt_at(address(1), now).expect("the ones before were good");
            logins.succeeded(address(1));
        }
    }

    #[test]
    fn all_addresses_together_are_bounded() {
        let (logins, now) = (Logins::default(), Instant::now());
        let failed = (0..=u8::MAX).filter(|last| {
            let both = [0, 1].map(|_| logins.attempt_at(address(*last), now).is_err());
            both.contains(&true)
        });
        assert!(failed.count() > 100);
    }
}
