//! Times as this format writes them: `2026-08-07T06:08:11.017589Z`, also with an offset.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 24 * 60 * 60;

/// Seconds since 1970 of a time; `None` when it is none, or before 1970.
pub(crate) fn read(text: &str) -> Option<u64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut numbers = date.splitn(3, '-').map(str::parse::<i64>);
    let mut next = || numbers.next()?.ok();
    let (year, month, day) = (next()?, next()?, next()?);
    let clock = rest.get(..8)?;
    let mut numbers = clock.splitn(3, ':').map(str::parse::<i64>);
    let mut next = || numbers.next()?.ok();
    let (hour, minute, second) = (next()?, next()?, next()?);
    let fits = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset(rest.get(8..)?)?;
    u64::try_from(seconds).ok().filter(|_| fits && clock.is_ascii())
}

/// Seconds that a time's offset is ahead: after the fraction of the second stands `Z` or `+02:00`.
fn offset(text: &str) -> Option<i64> {
    let zone = text.trim_start_matches(|letter: char| letter == '.' || letter.is_ascii_digit());
    let sign = match zone.chars().next()? {
        'Z' | 'z' => return Some(0),
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days from 1970-01-01. Years begin in March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// A time in this format's words. `None`: now.
pub(crate) fn write(seconds: Option<u64>) -> String {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    // Nobody means a time after the year 9999.
    let seconds = i64::try_from(seconds.unwrap_or_else(now)).unwrap_or_default().min(253_402_300_799);
    let (day, rest) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(day);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_spelling() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-08-07T06:08:11.017589Z", Some(1_786_082_891)),
            ("2028-02-29T23:59:59.9-07:00", Some(1_835_506_799)),
            ("2028-03-01T01:59:59+02:00", Some(1_835_481_599)),
            ("1960-01-01T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01T00:00:é0Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn times_come_back() {
        for seconds in [0, 951_782_400, 1_786_082_891, 1_835_481_599, 4_102_444_800] {
            assert_eq!(read(&write(Some(seconds))), Some(seconds));
        }
        assert_eq!(write(Some(1_835_481_599)), "2028-02-29T23:59:59Z");
        assert!(read(&write(None)).is_some_and(|now| now > 1_700_000_000));
        assert_eq!(write(Some(u64::MAX)), "1970-01-01T00:00:00Z");
    }
}
