//! Numbers as people read them: money, tokens, times.

use std::time::Duration;

/// What stands where nothing is known.
pub(crate) const NOTHING: &str = "–";

/// Dollars: two digits after the point, or as many as a small amount needs.
pub(crate) fn dollars(amount: f64) -> String {
    let size = amount.abs();
    if size == 0.0 {
        return "$0".to_owned();
    }
    let digits = match size {
        _ if size >= 1.0 => 2,
        _ if size >= 0.01 => 4,
        _ if size >= 0.000_001 => 6,
        _ => 9,
    };
    let text = format!("{size:.digits$}");
    // Zeros at the end of a fraction of a cent say nothing.
    let cents = text.find('.').map_or(text.len(), |point| point + 3);
    let longest = text.trim_end_matches('0').len().max(cents);
    let text = text.get(..longest).unwrap_or(&text);
    let sign = if amount < 0.0 { "-" } else { "" };
    let (whole, fraction) = text.split_once('.').map_or((text, ""), |(whole, fraction)| (whole, fraction));
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}${}{point}{fraction}", grouped(whole))
}

/// Dollars where they are known.
pub(crate) fn maybe_dollars(amount: Option<f64>) -> String {
    amount.map_or_else(|| NOTHING.to_owned(), dollars)
}

/// A count with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// A count in three digits: `1.2k`, `128k`, `1M`.
pub(crate) fn short(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let size = number as f64;
    let (size, unit) = match number {
        0..1_000 => return number.to_string(),
        1_000..1_000_000 => (size / 1e3, "k"),
        1_000_000..1_000_000_000 => (size / 1e6, "M"),
        _ => (size / 1e9, "G"),
    };
    let text = if size < 10.0 { format!("{size:.1}") } else { format!("{size:.0}") };
    format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
}

/// A time: `250 ms`, `1.23 s`, `2 min 5 s`.
pub(crate) fn time(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    match seconds {
        _ if seconds < 0.001 => format!("{:.1} ms", seconds * 1e3),
        _ if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        _ if seconds < 60.0 => format!("{seconds:.2} s"),
        _ => format!("{} min {} s", took.as_secs() / 60, took.as_secs() % 60),
    }
}

/// A time where it is known.
pub(crate) fn maybe_time(took: Option<Duration>) -> String {
    took.map_or_else(|| NOTHING.to_owned(), time)
}

/// Milliseconds as JSON has them.
pub(crate) fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

/// A share in percent.
pub(crate) fn percent(part: f64, whole: f64) -> String {
    if whole <= 0.0 { NOTHING.to_owned() } else { format!("{:.1} %", part / whole * 100.0) }
}

/// Digits with a comma after every three.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_amounts_keep_their_digits() {
        let amounts = [0.0, 12_345.678, 1.5, 0.2, 0.0123, 0.000_123_4, 0.000_000_15, -2.0];
        let shown = ["$0", "$12,345.68", "$1.50", "$0.20", "$0.0123", "$0.000123", "$0.00000015", "-$2.00"];
        assert_eq!(amounts.map(dollars), shown);
    }

    #[test]
    fn counts_are_short_or_whole() {
        assert_eq!(
            [0, 999, 1_000, 1_234, 128_000, 1_048_576].map(short),
            ["0", "999", "1k", "1.2k", "128k", "1M"]
        );
        assert_eq!([7, 1_000, 1_234_567].map(count), ["7", "1,000", "1,234,567"]);
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        let times = [250, 42_000, 1_234_000, 125_000_000].map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(times, ["0.2 ms", "42 ms", "1.23 s", "2 min 5 s"]);
    }

    #[test]
    fn shares_of_nothing_are_none() {
        assert_eq!(percent(1.0, 3.0), "33.3 %");
        assert_eq!(percent(1.0, 0.0), NOTHING);
    }
}
