//! Periods of budgets: rolling ones from a start (`30d`), and those of the calendar (`1mo`, `daily`, `weekly`).

use std::cell::Cell;
use std::fmt;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Timestamp;

/// How long a period of a budget is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BudgetDuration {
    /// So many seconds, again and again from the start.
    Rolling(u32),
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// So many months, from the first of one.
    Months(u16),
}

thread_local! {
    /// The period of the calendar in UTC that was asked for last.
    static LAST: Cell<Option<(BudgetDuration, Period)>> = const { Cell::new(None) };
}

/// One period: from when, until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    /// When it begins.
    pub start: Timestamp,
    /// When the next one begins; `None`: never.
    pub end: Option<Timestamp>,
}

impl Period {
    /// The one that never ends.
    pub const EVER: Self = Self { start: Timestamp(0), end: None };

    /// Whether a moment is within it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }
}

impl BudgetDuration {
    /// Reads `30s`, `15m`, `24h`, `30d`, `2w` (rolling), `1mo`, `3mo`, `1y`, and `daily`, `weekly`, `monthly`, `yearly`
    /// (calendar).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let (count, unit) = text.split_at_checked(digits)?;
        let rolling = |seconds: u32| Some(Self::Rolling(count.parse::<u32>().ok()?.checked_mul(seconds)?));
        let months = |each: u16| Some(Self::Months(count.parse::<u16>().ok()?.checked_mul(each)?));
        let duration = match unit {
            "s" => rolling(1),
            "m" => rolling(60),
            "h" => rolling(3_600),
            "d" => rolling(86_400),
            "w" => rolling(604_800),
            "mo" => months(1),
            "y" => months(12),
            "daily" if count.is_empty() => Some(Self::Day),
            "weekly" if count.is_empty() => Some(Self::Week),
            "monthly" if count.is_empty() => Some(Self::Months(1)),
            "yearly" if count.is_empty() => Some(Self::Months(12)),
            _ => None,
        };
        duration.filter(|duration| !matches!(duration, Self::Rolling(0) | Self::Months(0)))
    }

    /// The period that a moment is in. `anchor` is what rolling periods are counted from, `zone` the time zone of
    /// calendar ones (UTC where it is none).
    pub fn period(self, anchor: Timestamp, zone: Option<&str>, at: Timestamp) -> Period {
        if zone.is_some() || matches!(self, Self::Rolling(_)) {
            return self.worked_out(anchor, zone, at);
        }
        // That of the calendar in UTC is the same for everybody, and calls ask for it one after the other.
        let last = LAST.get().filter(|(duration, period)| *duration == self && period.contains(at));
        let period = last.map_or_else(|| self.worked_out(anchor, zone, at), |(_, period)| period);
        LAST.set(Some((self, period)));
        period
    }

    fn worked_out(self, anchor: Timestamp, zone: Option<&str>, at: Timestamp) -> Period {
        let calendar = |begin: fn(Date) -> Date, span: Span| calendar(zone, at, begin, span);
        match self {
            Self::Rolling(seconds) => rolling(i64::from(seconds) * 1_000_000, anchor, at),
            Self::Day => calendar(|date| date, Span::new().days(1)),
            Self::Week => calendar(monday, Span::new().days(7)),
            Self::Months(count) => months(i64::from(count), zone, at),
        }
    }
}

fn rolling(length: i64, anchor: Timestamp, at: Timestamp) -> Period {
    let passed = at.0.saturating_sub(anchor.0).div_euclid(length);
    let start = anchor.0.saturating_add(passed.saturating_mul(length));
    Period { start: Timestamp(start), end: Some(Timestamp(start.saturating_add(length))) }
}

fn monday(date: Date) -> Date {
    let back = i64::from(date.weekday().since(Weekday::Monday));
    date.checked_sub(Span::new().days(back)).unwrap_or(date)
}

/// Spans of months are counted from January of the year 0, so that every node means the same.
fn months(count: i64, zone: Option<&str>, at: Timestamp) -> Period {
    let date = local(zone, at).date();
    let since = (i64::from(date.year()) * 12 + i64::from(date.month()) - 1).rem_euclid(count);
    let first = date.first_of_month();
    let start = first.checked_sub(Span::new().months(since)).unwrap_or(first);
    between(zone, start, Span::new().months(count), at)
}

fn calendar(zone: Option<&str>, at: Timestamp, begin: fn(Date) -> Date, span: Span) -> Period {
    between(zone, begin(local(zone, at).date()), span, at)
}

fn between(zone: Option<&str>, start: Date, span: Span, at: Timestamp) -> Period {
    let midnight = |date: Date| date.to_zoned(time_zone(zone)).ok().map(|zoned| micros(&zoned));
    let end = start.checked_add(span).ok().and_then(midnight);
    Period { start: midnight(start).unwrap_or(at), end }
}

fn micros(zoned: &Zoned) -> Timestamp {
    Timestamp(zoned.timestamp().as_microsecond())
}

fn local(zone: Option<&str>, at: Timestamp) -> Zoned {
    jiff::Timestamp::from_microsecond(at.0).unwrap_or_default().to_zoned(time_zone(zone))
}

fn time_zone(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

impl fmt::Display for BudgetDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Rolling(seconds) => {
                let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
                let (length, unit) =
                    units.into_iter().find(|(length, _)| seconds % length == 0).unwrap_or((1, "s"));
                write!(formatter, "{}{unit}", seconds / length)
            }
            Self::Day => formatter.write_str("daily"),
            Self::Week => formatter.write_str("weekly"),
            Self::Months(count) => write!(formatter, "{count}mo"),
        }
    }
}

impl Serialize for BudgetDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BudgetDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let explained =
            || serde::de::Error::custom("no period: say `30d`, `24h`, `1mo`, `daily` or `weekly`");
        Self::parse(&text).ok_or_else(explained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a time")
    }

    fn period(duration: &str, zone: Option<&str>, now: &str) -> (String, String) {
        let duration = BudgetDuration::parse(duration).expect("a period");
        let period = duration.period(at("2026-01-15T10:00:00Z"), zone, at(now));
        assert!(period.contains(at(now)));
        (period.start.iso(), period.end.expect("it ends").iso())
    }

    #[test]
    fn rolling_periods_are_counted_from_the_start_without_drift() {
        let (start, end) = period("30d", None, "2026-03-16T09:59:59Z");
        assert_eq!((&*start, &*end), ("2026-02-14T10:00:00.000Z", "2026-03-16T10:00:00.000Z"));
        let (start, _) = period("30d", None, "2026-03-16T10:00:00Z");
        assert_eq!(start, "2026-03-16T10:00:00.000Z");
        let (start, _) = period("24h", None, "2026-01-14T09:00:00Z");
        assert_eq!(start, "2026-01-13T10:00:00.000Z", "before the start, too");
    }

    #[test]
    fn calendar_periods_begin_at_midnight_of_their_zone() {
        let (start, end) = period("1mo", None, "2026-02-28T23:59:59Z");
        assert_eq!((&*start, &*end), ("2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"));
        let (start, end) = period("3mo", None, "2026-06-30T12:00:00Z");
        assert_eq!((&*start, &*end), ("2026-04-01T00:00:00.000Z", "2026-07-01T00:00:00.000Z"));
        let (start, end) = period("weekly", None, "2026-11-21T12:00:00Z");
        assert_eq!((&*start, &*end), ("2026-11-16T00:00:00.000Z", "2026-11-23T00:00:00.000Z"));
        let (start, end) = period("daily", Some("Asia/Shanghai"), "2026-11-21T17:00:00Z");
        assert_eq!((&*start, &*end), ("2026-11-21T16:00:00.000Z", "2026-11-22T16:00:00.000Z"));
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in ["", "30", "d", "0d", "0mo", "-1d", "1 d", "1x", "daily2", "99999999999d"] {
            assert_eq!(BudgetDuration::parse(text), None, "{text}");
        }
        for text in ["30d", "24h", "90m", "45s", "1mo", "12mo", "daily", "weekly"] {
            let shown = BudgetDuration::parse(text).expect("a period").to_string();
            assert_eq!(BudgetDuration::parse(&shown), BudgetDuration::parse(text), "{text}");
        }
    }
}
