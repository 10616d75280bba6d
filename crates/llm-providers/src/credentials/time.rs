//! Times as clouds write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `20150830T123600Z`, with its day in front of the `T`.
#[cfg(feature = "aws")]
pub(crate) fn stamp(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// `2015-08-30T12:36:00Z`.
#[cfg(feature = "aws")]
pub(crate) fn text(time: SystemTime) -> String {
    let stamp = stamp(time);
    let part = |range: std::ops::Range<usize>| stamp.get(range).unwrap_or_default();
    let (date, clock) = ([part(0..4), part(4..6), part(6..8)], [part(9..11), part(11..13), part(13..15)]);
    format!("{}T{}Z", date.join("-"), clock.join(":"))
}

/// The time of a text such as `2026-11-21T15:04:05Z`; fractions do not count.
pub(crate) fn read(text: &str) -> Option<SystemTime> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let valid = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !valid || hour > 24 || minute > 60 || second > 60 {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Year, month and day of a count of days from 1970-01-01. Years begin in March here, so that the leap day is the last.
#[cfg(feature = "aws")]
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(all(test, feature = "aws"))]
mod tests {
    use super::*;

    #[test]
    fn times_come_back() {
        for (text, stamped) in [
            ("2015-08-30T12:36:00Z", "20150830T123600Z"),
            ("1970-01-01T00:00:00Z", "19700101T000000Z"),
            ("2028-02-29T23:59:59.123Z", "20280229T235959Z"),
            ("2026-12-31T01:02:03+00:00", "20261231T010203Z"),
        ] {
            assert_eq!(read(text).map(stamp).as_deref(), Some(stamped));
            assert_eq!(read(text).map(super::text).and_then(|text| read(&text)), read(text));
        }
        for wrong in
            ["", "2026-11-21", "2026-13-01T00:00:00Z", "yesterday, at noon..", "2026-11-21T99:00:00Z"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
