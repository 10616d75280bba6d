//! When to come back: what the headers of a refusal say.

use std::time::Duration;

use http::HeaderMap;

/// No hint is believed beyond a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The hint in `retry-after-ms`, or in `Retry-After`: seconds, or a date compared with the answer's own `Date`.
pub fn of_headers(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok();
    let milliseconds = text("retry-after-ms").and_then(|text| text.trim().parse::<f64>().ok());
    milliseconds
        // Zero next to a `Retry-After` of a second has been seen: the longer one counts.
        .filter(|milliseconds| *milliseconds > 0.0)
        .and_then(|milliseconds| seconds(milliseconds / 1000.0))
        .or_else(|| delay_or_date(text("retry-after")?, text("date")))
}

fn delay_or_date(text: &str, now: Option<&str>) -> Option<Duration> {
    if let Ok(number) = text.trim().parse::<f64>() {
        return seconds(number);
    }
    Some(Duration::from_secs(date(text)?.saturating_sub(date(now?)?)).min(LONGEST))
}

/// A hint in seconds, bounded; `None` for what is no time.
pub fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok().map(|delay| delay.min(LONGEST))
}

/// Seconds since 1970 of a date as in `Sun, 06 Nov 1994 08:49:37 GMT`
/// (<https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats>, the one form that servers still send).
pub fn date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split([' ', ':']);
    let day: u64 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let name = words.next()?;
    let month: u64 = MONTHS.iter().position(|month| *month == name)?.try_into().ok()?;
    let year: u64 = words.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut part = || words.next()?.parse::<u64>().ok().filter(|part| *part <= 60);
    let (hour, minute, second) = (part()?, part()?, part()?);
    Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Days from 1970-01-01; `month` counts from 0. Years begin in March, so that the leap day is the last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month < 2 { year - 1 } else { year };
    let from_march = (month + 10) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn hint(pairs: &[(&'static str, &'static str)]) -> Option<u128> {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        of_headers(&pairs.iter().map(header).collect()).map(|delay| delay.as_millis())
    }

    #[test]
    fn every_spelling_of_a_delay_is_read() {
        assert_eq!(hint(&[("retry-after", "7")]), Some(7000));
        assert_eq!(hint(&[("retry-after-ms", "250"), ("retry-after", "1")]), Some(250));
        assert_eq!(hint(&[("retry-after-ms", "0"), ("retry-after", "1")]), Some(1000));
        assert_eq!(hint(&[("retry-after", "-1")]), None);
        assert_eq!(hint(&[("retry-after", "1e9")]), Some(LONGEST.as_millis()));
        assert_eq!(hint(&[("retry-after", "1e300")]), None);
    }

    #[test]
    fn a_date_is_compared_with_the_answers_own() {
        let pairs =
            [("date", "Tue, 29 Feb 2028 23:59:50 GMT"), ("retry-after", "Wed, 01 Mar 2028 00:00:05 GMT")];
        assert_eq!(hint(&pairs), Some(15_000));
        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(hint(&[("retry-after", "Wed, 01 Mar 2028 00:00:05 GMT")]), None);
    }
}
