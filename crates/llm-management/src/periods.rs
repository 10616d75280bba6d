//! Lengths of time that clients write: how long a key is good, and when a budget begins anew.

use llm_governance::entity::BudgetRow;
use llm_governance::{BudgetDuration, Period, Terms, Timestamp};

use crate::refused::Refused;

/// The moment that is so much later (`30s`, `24h`, `30d`, `1mo`); `-1` is never.
///
/// # Errors
/// When it is no length of time.
pub(crate) fn later(name: &'static str, text: &str, now: Timestamp) -> Result<Option<Timestamp>, Refused> {
    if text.trim() == "-1" {
        return Ok(None);
    }
    let later = match BudgetDuration::parse(text) {
        Some(BudgetDuration::Rolling(seconds)) => Some(now.0.saturating_add(i64::from(seconds) * 1_000_000)),
        Some(BudgetDuration::Months(count)) => months_later(count, now),
        Some(BudgetDuration::Day | BudgetDuration::Week) | None => None,
    };
    let explained =
        || Refused::field(name, "not a length of time: say `30s`, `30m`, `24h`, `30d`, `2w` or `1mo`");
    later.map(|later| Some(Timestamp(later))).ok_or_else(explained)
}

fn months_later(count: u16, now: Timestamp) -> Option<i64> {
    let now = jiff::Timestamp::from_microsecond(now.0).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    let later = now.checked_add(jiff::Span::new().try_months(count).ok()?).ok()?;
    Some(later.timestamp().as_microsecond())
}

/// The running period of a budget of such terms, and of one with a length of its own.
pub(crate) fn running(terms: &Terms, duration: Option<BudgetDuration>, made: Timestamp) -> Period {
    let anchor = terms.budget_start.unwrap_or(made);
    let zone = terms.budget_time_zone.as_deref();
    duration.map_or(Period::EVER, |duration| duration.period(anchor, zone, Timestamp::now()))
}

/// Terms with those of the budget row that they name.
pub(crate) fn in_force(terms: &Terms, rows: &[BudgetRow]) -> Terms {
    let row = terms.budget_id.as_ref().and_then(|id| rows.iter().find(|row| row.id == *id));
    terms.clone().over(row.map(|row| &row.terms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_added_and_others_refused() {
        let now = Timestamp::parse("2026-01-31T10:00:00Z").expect("a time");
        let told = |text: &str| later("duration", text, now).map(|time| time.map(Timestamp::iso));
        assert_eq!(told("30d"), Ok(Some("2026-03-02T10:00:00.000Z".to_owned())));
        assert_eq!(told("1mo"), Ok(Some("2026-02-28T10:00:00.000Z".to_owned())));
        assert_eq!(told("-1"), Ok(None));
        for text in ["", "daily", "soon", "-2", "65535y"] {
            assert!(told(text).is_err(), "{text}");
        }
    }
}
