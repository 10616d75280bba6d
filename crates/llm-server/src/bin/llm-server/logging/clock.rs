//! The time of a log line, in UTC.

use std::fmt::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;

/// A moment in UTC, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    seconds: u64,
    milliseconds: u32,
}

impl Moment {
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { seconds: since.as_secs(), milliseconds: since.subsec_millis() }
    }

    /// `2026-11-20T19:05:07.123Z`
    pub(crate) fn write_whole(self, out: &mut impl Write) -> fmt::Result {
        let (year, month, day) = date(self.seconds / DAY);
        let mut text = *b"0000-00-00T";
        put(&mut text[0..4], year);
        put(&mut text[5..7], month);
        put(&mut text[8..10], day);
        out.write_str(ascii(&text))?;
        self.write_time(out)?;
        out.write_char('Z')
    }

    /// `19:05:07.123`
    pub(crate) fn write_time(self, out: &mut impl Write) -> fmt::Result {
        let (second, minute, hour) = (self.seconds % 60, self.seconds / 60 % 60, self.seconds % DAY / 3600);
        let mut text = *b"00:00:00.000";
        put(&mut text[0..2], hour);
        put(&mut text[3..5], minute);
        put(&mut text[6..8], second);
        put(&mut text[9..12], self.milliseconds.into());
        out.write_str(ascii(&text))
    }
}

/// Writes a number's last digits; every log line has seven, and the general formatter takes its time for each.
fn put(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
}

fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}

/// Year, month and day of a day since 1970 in the Gregorian calendar.
fn date(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the leap day is a year's last.
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (1_709_251_199, "2024-02-29T23:59:59.007Z"),
            (1_735_689_599, "2024-12-31T23:59:59.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            let mut text = String::new();
            Moment { seconds, milliseconds: 7 }.write_whole(&mut text).expect("a string takes everything");
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = date(0);
        for day in 1..100_000 {
            let next = date(day);
            let same_month = (last.0, last.1, last.2 + 1) == next;
            let new_month = next.2 == 1 && (28..=31).contains(&last.2);
            assert!(same_month || new_month, "{last:?} {next:?}");
            last = next;
        }
    }
}
