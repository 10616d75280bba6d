//! When to come back: the many places where vendors say it.

use std::time::Duration;

use http::HeaderMap;
use llm_core::ErrorKind;

use super::report::Report;

/// No hint is believed beyond a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The vendor's hint: `retry-after-ms`, `Retry-After` (seconds, or a date compared with the answer's own `Date`),
/// the error body, and for refused requests the limit windows that are used up.
pub(super) fn retry_after(headers: &HeaderMap, report: &Report, kind: ErrorKind) -> Option<Duration> {
    let milliseconds = text(headers, "retry-after-ms").and_then(|text| text.trim().parse::<f64>().ok());
    milliseconds
        // Zero next to a `Retry-After` of a second has been seen: the longer one counts.
        .filter(|milliseconds| *milliseconds > 0.0)
        .and_then(|milliseconds| seconds(milliseconds / 1000.0))
        .or_else(|| text(headers, "retry-after").and_then(|text| delay_or_date(text, headers)))
        .or_else(|| from_report(report, kind))
        .or_else(|| if kind == ErrorKind::RateLimited { from_windows(headers) } else { None })
}

/// A hint in the error body: a `retryDelay`, or words like "try again in 6m0s".
pub(super) fn from_report(report: &Report, kind: ErrorKind) -> Option<Duration> {
    if let Some(delay) = report.delay.as_deref().and_then(span) {
        return Some(delay);
    }
    if kind != ErrorKind::RateLimited {
        return None;
    }
    let at = report.message.find("try again in ")? + "try again in ".len();
    let rest = report.message.get(at..)?;
    let word = rest.split_whitespace().next()?;
    let unit = rest.split_whitespace().nth(1).unwrap_or_default();
    let word = word.trim_end_matches(['.', ',']);
    span(word).or_else(|| unit.starts_with("second").then(|| seconds(word.parse().ok()?)).flatten())
}

fn from_windows(headers: &HeaderMap) -> Option<Duration> {
    let windows = ["requests", "tokens"].iter().filter_map(|what| {
        let reset = text(headers, &format!("x-ratelimit-reset-{what}")).and_then(span)?;
        let left = text(headers, &format!("x-ratelimit-remaining-{what}"));
        Some((left == Some("0"), reset))
    });
    let windows: Vec<_> = windows.collect();
    let empty = windows.iter().filter(|(empty, _)| *empty).map(|(_, reset)| *reset).max();
    empty.or_else(|| windows.iter().map(|(_, reset)| *reset).min()).or_else(|| {
        let reset: u64 = text(headers, "x-ratelimit-reset")?.parse().ok()?;
        let now = text(headers, "date").and_then(date)?;
        // Seconds or milliseconds since 1970, by size.
        let reset = if reset > 100_000_000_000 { reset / 1000 } else { reset };
        reset.checked_sub(now).map(Duration::from_secs)
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn delay_or_date(text: &str, headers: &HeaderMap) -> Option<Duration> {
    if let Ok(number) = text.trim().parse::<f64>() {
        return seconds(number);
    }
    let now = headers.get("date")?.to_str().ok().and_then(date)?;
    Some(Duration::from_secs(date(text)?.saturating_sub(now)).min(LONGEST))
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok().map(|delay| delay.min(LONGEST))
}

/// A time span as in `6m0s`, `12ms`, `1h2m`, `37s`, `0.5s`. A bare number is seconds.
fn span(text: &str) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        return seconds(number);
    }
    let mut total = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let scale = match unit {
            "d" => 86_400.0,
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
        rest = tail;
    }
    seconds(total)
}

/// Seconds since 1970 of a date as in `Sun, 06 Nov 1994 08:49:37 GMT`
/// (<https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats>, the one form that servers still send).
fn date(text: &str) -> Option<u64> {
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
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn hint(pairs: &[(&'static str, &'static str)], message: &str) -> Option<u128> {
        let report = Report { message: message.to_owned(), ..Report::default() };
        retry_after(&headers(pairs), &report, ErrorKind::RateLimited).map(|delay| delay.as_millis())
    }

    #[test]
    fn every_spelling_of_a_delay_is_read() {
        assert_eq!(hint(&[("retry-after", "7")], ""), Some(7000));
        assert_eq!(hint(&[("retry-after-ms", "250"), ("retry-after", "1")], ""), Some(250));
        assert_eq!(hint(&[("retry-after-ms", "0"), ("retry-after", "1")], ""), Some(1000));
        assert_eq!(hint(&[], "Rate limit reached. Please try again in 6m0.5s. Visit"), Some(360_500));
        assert_eq!(hint(&[], "Please try again in 20 seconds."), Some(20_000));
        assert_eq!(hint(&[("retry-after", "-1")], ""), None);
        assert_eq!(hint(&[("retry-after", "1e300")], ""), None);
    }

    #[test]
    fn a_date_is_compared_with_the_answers_own() {
        let pairs =
            [("date", "Tue, 29 Feb 2028 23:59:50 GMT"), ("retry-after", "Wed, 01 Mar 2028 00:00:05 GMT")];
        assert_eq!(hint(&pairs, ""), Some(15_000));
        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(hint(&[("retry-after", "Wed, 01 Mar 2028 00:00:05 GMT")], ""), None);
    }

    #[test]
    fn the_window_that_is_used_up_counts() {
        let pairs = [
            ("x-ratelimit-reset-requests", "120ms"),
            ("x-ratelimit-remaining-requests", "4"),
            ("x-ratelimit-reset-tokens", "1m3s"),
            ("x-ratelimit-remaining-tokens", "0"),
        ];
        assert_eq!(hint(&pairs, ""), Some(63_000));
        assert_eq!(
            hint(&[("x-ratelimit-reset", "784111787000"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")], ""),
            Some(10_000)
        );
    }
}
