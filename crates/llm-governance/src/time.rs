//! Points in time as stores and journals keep them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Microseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time now, by the system's clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// So much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long it is until `later`; zero when that is past.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_micros(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// As ISO 8601 in UTC with milliseconds: `2026-11-21T20:32:15.000Z`.
    pub fn iso(self) -> String {
        let time = jiff::Timestamp::from_microsecond(self.0).unwrap_or_default();
        time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }

    /// Reads ISO 8601, with an offset or in UTC, with a time or a date alone.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return Some(Self(time.as_microsecond()));
        }
        let utc = jiff::tz::TimeZone::UTC;
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        Some(Self(civil.to_zoned(utc).ok()?.timestamp().as_microsecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_times_are_read_and_written() {
        let read = Timestamp::parse("2026-11-21T20:32:15.123Z").expect("a time");
        assert_eq!(read.iso(), "2026-11-21T20:32:15.123Z");
        assert_eq!(Timestamp::parse("2026-11-21T21:32:15.123+01:00"), Some(read));
        assert_eq!(Timestamp::parse("2026-11-21").expect("a date").iso(), "2026-11-21T00:00:00.000Z");
        assert_eq!(Timestamp::parse("yesterday"), None);
    }
}
