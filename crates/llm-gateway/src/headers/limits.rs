//! How the limits behind a call stand, as headers: made for every call of who has limits, so that their names are made
//! once.

use std::sync::LazyLock;

use http::header::HeaderName;
use llm_governance::headers::descriptor;
use llm_governance::{LimitStanding, LimitUnit, Scope, Timestamp};
use smallvec::SmallVec;

use super::forms::Lines;
use super::values::Values;

/// All units, in order.
const UNITS: [LimitUnit; 4] =
    [LimitUnit::Requests, LimitUnit::Tokens, LimitUnit::TokensOfDay, LimitUnit::Slots];

/// Units of whose limits the tightest one is told without saying whose it is.
const COMMON_UNITS: [LimitUnit; 2] = [LimitUnit::Requests, LimitUnit::Tokens];

/// The limit, and what is left of it.
pub(super) type Names = [HeaderName; 2];

/// For each scope, its own limits and those of single models, each unit in turn: what [`place`] says.
static NAMES: LazyLock<Vec<Names>> = LazyLock::new(|| {
    let whose =
        Scope::ALL.into_iter().flat_map(|scope| [false, true].map(|of_model| descriptor(scope, of_model)));
    whose.flat_map(|whose| UNITS.map(|unit| names(Some(whose), unit))).collect()
});

/// The tightest limit of anybody's.
static COMMON: LazyLock<[Names; 2]> = LazyLock::new(|| COMMON_UNITS.map(|unit| names(None, unit)));

static RESETS: [HeaderName; 2] = [
    HeaderName::from_static("x-ratelimit-reset-requests"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

fn names(whose: Option<&str>, unit: LimitUnit) -> Names {
    ["limit", "remaining"].map(|what| {
        let whose = whose.map(|whose| format!("{whose}-")).unwrap_or_default();
        let name = format!("x-ratelimit-{whose}{what}-{}", unit.name());
        // Names that last as long as the program are copied without counting who has them. Lower-case letters, digits,
        // `-` and `_`, as a header's name must be.
        HeaderName::from_static(name.leak())
    })
}

/// The names of the tightest limit of requests or of tokens; those of other units are none of these.
pub(super) fn common(unit: LimitUnit) -> &'static Names {
    &COMMON[usize::from(unit != LimitUnit::Requests)]
}

/// Lists the same headers that [`llm_governance::rate_headers`] does.
pub(super) fn list(lines: &mut Lines, values: &mut Values, (limits, at): (&[LimitStanding], Timestamp)) {
    let places: SmallVec<[usize; 16]> = limits.iter().map(place).collect();
    let tightest = COMMON_UNITS.map(|unit| tightest(limits, unit));
    for (index, one) in limits.iter().enumerate() {
        let own = NAMES.get(places[index]).filter(|_| is_tightest(limits, &places, index));
        let common = tightest.iter().position(|tightest| *tightest == Some(index));
        if own.is_none() && common.is_none() {
            continue;
        }
        let (limit, left) = (values.limit(one.limit), values.number(one.left));
        if let (Some(unit), Some(resets)) = (common, one.resets) {
            let seconds = at.until(resets).as_millis().div_ceil(1_000);
            lines.push((&RESETS[unit], values.seconds(u64::try_from(seconds).unwrap_or(u64::MAX))));
        }
        for [name_of_limit, name_of_left] in own.into_iter().chain(common.map(|unit| &COMMON[unit])) {
            lines.push((name_of_limit, limit.clone()));
            lines.push((name_of_left, left.clone()));
        }
    }
}

/// The place of the names of a limit among [`NAMES`]: limits with the same one share their headers.
fn place(one: &LimitStanding) -> usize {
    let whose = 2 * one.scope as usize + usize::from(one.model.is_some());
    whose * UNITS.len() + one.unit as usize
}

/// Whether no other limit under the same names is tighter. The tighter of two is the one that leaves less; of two that
/// are the same, the first.
fn is_tightest(limits: &[LimitStanding], places: &[usize], index: usize) -> bool {
    let tightness = |index: usize| (limits[index].left, limits[index].limit, index);
    let mut others = (0..limits.len()).filter(|other| *other != index && places[*other] == places[index]);
    !others.any(|other| tightness(other) < tightness(index))
}

/// The index of the tightest limit of a unit.
fn tightest(limits: &[LimitStanding], unit: LimitUnit) -> Option<usize> {
    let of_unit = limits.iter().enumerate().filter(|(_, one)| one.unit == unit);
    of_unit.min_by_key(|(_, one)| (one.left, one.limit)).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use llm_governance::rate_headers;

    use super::*;

    #[test]
    fn they_are_those_that_governance_lists() {
        let one = |scope, model: Option<&str>, unit, limit, left| LimitStanding {
            scope,
            model: model.map(Into::into),
            unit,
            limit,
            left,
            resets: Some(Timestamp(61_500_000)),
        };
        let limits = [
            one(Scope::Team, None, LimitUnit::Requests, 100, 5),
            one(Scope::Key, None, LimitUnit::Requests, 10, 7),
            one(Scope::Key, Some("m"), LimitUnit::Requests, 5, 4),
            one(Scope::Key, Some("n"), LimitUnit::Requests, 5, 3),
            one(Scope::Key, None, LimitUnit::Tokens, 1_000, 900),
            one(Scope::Key, None, LimitUnit::TokensOfDay, 10_000, 9_000),
            one(Scope::User, None, LimitUnit::Slots, 3, 2),
        ];
        let mut lines = Lines::new();
        list(&mut lines, &mut Values::default(), (&limits, Timestamp(0)));
        let mut put: Vec<(String, String)> = lines
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned()))
            .collect();
        let mut listed = rate_headers(&limits, Timestamp(0));
        put.sort_unstable();
        listed.sort_unstable();
        assert_eq!(put, listed);
        let (_, tightest) =
            lines.iter().find(|(name, _)| **name == common(LimitUnit::Requests)[0]).expect("it is");
        assert_eq!(tightest, "5");
    }
}
