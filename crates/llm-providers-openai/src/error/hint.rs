//! When to come back: the many places where vendors say it.

use std::time::Duration;

use http::HeaderMap;
use llm_core::ErrorKind;
use llm_core::retry_hint::{date, of_headers, seconds};

use super::report::Report;

/// The vendor's hint: `retry-after-ms`, `Retry-After` (seconds, or a date compared with the answer's own `Date`),
/// the error body, and for refused requests the limit windows that are used up.
pub(super) fn retry_after(headers: &HeaderMap, report: &Report, kind: ErrorKind) -> Option<Duration> {
    of_headers(headers)
        .or_else(|| from_report(report, kind))
        .or_else(|| if kind == ErrorKind::RateLimited { from_windows(headers) } else { None })
}

/// Words before a time span.
const WORDS: [&str; 2] = ["try again in ", "retry after "];

/// A hint in the error body: a `retryDelay`, or words like "try again in 6m0s", "retry after 26 seconds".
pub(super) fn from_report(report: &Report, kind: ErrorKind) -> Option<Duration> {
    if let Some(delay) = report.delay.as_deref().and_then(span) {
        return Some(delay);
    }
    if kind != ErrorKind::RateLimited {
        return None;
    }
    let rest = WORDS.iter().find_map(|words| Some(report.message.split_once(words)?.1))?;
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
    fn words_that_say_when_are_read() {
        assert_eq!(hint(&[], "Rate limit reached. Please try again in 6m0.5s. Visit"), Some(360_500));
        assert_eq!(hint(&[], "Please try again in 20 seconds."), Some(20_000));
        assert_eq!(hint(&[], "You exceeded the rate limit. Please retry after 26 seconds."), Some(26_000));
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
