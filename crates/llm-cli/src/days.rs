//! Days as the command line names them.

use jiff::civil::Date;
use jiff::{ToSpan as _, Zoned};

/// Today, by the gateway's clock: its days are those of UTC.
pub(crate) fn today() -> Date {
    Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date()
}

/// A day: `2026-11-22`, `today`, `yesterday`, or so many days ago (`7d`).
pub(crate) fn day(text: &str) -> Result<Date, String> {
    let ago = |days: i64| today().checked_sub(days.days()).map_err(|error| error.to_string());
    match text {
        "today" => Ok(today()),
        "yesterday" => ago(1),
        _ => match text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
            Some(days) => ago(days.into()),
            None => text.parse().map_err(|_| "say a day as 2026-11-22, today, yesterday or 7d".to_owned()),
        },
    }
}

/// The days of so many until today, the first and the last of them.
pub(crate) fn last(days: u16) -> (Date, Date) {
    let until = today();
    (until.checked_sub(i64::from(days.saturating_sub(1)).days()).unwrap_or(until), until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named_in_several_ways() {
        assert_eq!(day("today"), Ok(today()));
        assert_eq!(day("0d"), Ok(today()));
        assert_eq!(day("yesterday"), day("1d"));
        assert_eq!(day("2026-11-22").map(|day| day.to_string()).as_deref(), Ok("2026-11-22"));
        assert!(day("soon").is_err());
        assert_eq!(last(1), (today(), today()));
    }
}
