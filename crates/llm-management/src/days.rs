//! Days and times that queries name.

use llm_governance::{Day, Timestamp};

use crate::fields::Query;
use crate::refused::Refused;
use crate::secret::now;

/// How far back reports look that are not told from when: thirty days.
const BACK: i64 = 30;

/// The days of a report, both of them part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Days {
    /// The first.
    pub from: Day,
    /// The last.
    pub until: Day,
}

impl Days {
    /// The days that are named, or the last thirty.
    ///
    /// # Errors
    /// When one is none, or they are in the wrong order.
    pub(crate) fn read(query: &Query, from: &str, until: &str) -> Result<Self, Refused> {
        let last = day(query, until)?.unwrap_or_else(|| Day::of(now()));
        let first = day(query, from)?.unwrap_or(Day(last.0.saturating_sub(BACK)));
        if first > last {
            return Err(Refused::query(from, format!("`{from}` is after `{until}`")));
        }
        Ok(Self { from: first, until: last })
    }

    /// The days that must be named.
    ///
    /// # Errors
    /// When one is not, as LiteLLM says it.
    pub(crate) fn required(query: &Query) -> Result<Self, Refused> {
        if query.text("start_date").is_none() || query.text("end_date").is_none() {
            return Err(Refused::bad("Please provide start_date and end_date").detail());
        }
        Self::read(query, "start_date", "end_date")
    }
}

fn day(query: &Query, name: &str) -> Result<Option<Day>, Refused> {
    let explained = || Refused::query(name, "not a day: say it as in `2026-11-21`");
    query.text(name).map(|text| Day::parse(text).filter(in_reason).ok_or_else(explained)).transpose()
}

/// Days that can be counted on and written down.
fn in_reason(day: &Day) -> bool {
    (0..=2_000_000).contains(&day.0)
}

/// A moment. A day as an end is part of what is asked for, and so is a second.
///
/// # Errors
/// When it is none.
pub(crate) fn moment(query: &Query, name: &str, is_end: bool) -> Result<Option<Timestamp>, Refused> {
    let Some(text) = query.text(name) else { return Ok(None) };
    let time = Timestamp::parse(text).filter(|time| in_reason(&Day::of(*time)));
    let time = time.ok_or_else(|| {
        Refused::query(name, "not a time: say it as in `2026-11-21` or `2026-11-21T20:00:00Z`")
    })?;
    let is_day = !text.contains(':');
    Ok(Some(match (is_end, is_day) {
        (false, _) => time,
        (true, true) => Day(Day::of(time).0 + 1).start(),
        (true, false) => Timestamp(time.0.saturating_add(1_000_000)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_part_of_what_is_asked_for() {
        let query = Query::read("a=2026-11-20&b=2026-11-21&c=2026-11-21%2010:00:00&bad=soon&far=99999-01-01");
        let days = Days::read(&query, "a", "b").expect("days");
        assert_eq!(
            (days.from.to_string(), days.until.to_string()),
            ("2026-11-20".into(), "2026-11-21".into())
        );
        let told = |name, is_end| moment(&query, name, is_end).map(|time| time.map(Timestamp::iso));
        assert_eq!(told("b", false), Ok(Some("2026-11-21T00:00:00.000Z".to_owned())));
        assert_eq!(told("b", true), Ok(Some("2026-11-22T00:00:00.000Z".to_owned())));
        assert_eq!(told("c", true), Ok(Some("2026-11-21T10:00:01.000Z".to_owned())));
        assert_eq!(told("none", true), Ok(None));
        for name in ["bad", "far"] {
            assert_eq!(told(name, true).expect_err(name).status, 422);
        }
        assert!(Days::read(&query, "b", "a").is_err(), "the wrong order");
        assert_eq!(Days::required(&query).expect_err("no days").status, 400);
    }
}
