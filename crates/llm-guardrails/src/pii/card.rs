//! Card numbers: ISO/IEC 7812 and the ranges that issuers publish.

use super::checks::{is_made_up, luhn};
use super::context::THINGS;
use super::entities::Entity;
use super::number::{Groups, digits, may_end, value};
use super::{Found, Seen};

/// A card number that begins here: in one piece, or in groups with the same blank or hyphen between.
pub(super) fn find(seen: &Seen<'_>, groups: &Groups) -> Found {
    let (text, start) = (seen.text, groups.start());
    let mut count = 0;
    for group in 0..groups.count.min(5) {
        count += groups.length(group);
        let length = groups.length(group);
        if group > 0 && !(3..=6).contains(&length) && !(group == 4 && length <= 3) {
            return None;
        }
        let end = groups.end(group);
        let in_groups = group == 0 || groups.length(0) == 4;
        if (12..=19).contains(&count) && in_groups && may_end(text, end) {
            let digits = digits(text, start, end);
            let sure = is_issued(&digits) && luhn(&digits) && !is_made_up(&digits);
            let in_context = || {
                seen.says(
                    start,
                    &[
                        "card",
                        "visa",
                        "mastercard",
                        "amex",
                        "卡号",
                        "银行卡",
                        "信用卡",
                        "carte",
                        "karte",
                        "tarjeta",
                    ],
                )
            };
            let good = sure
                && (count != 13 && count != 12 || in_context())
                && (in_context() || !seen.says(start, &THINGS));
            if good {
                return Some((Entity::Card, start, end));
            }
        }
        if !matches!(groups.separator(group), b' ' | b'-') || groups.separator(group) != groups.separator(0) {
            return None;
        }
    }
    None
}

/// Whether a network gives out numbers that begin so and are this long.
pub(super) fn is_issued(digits: &[u8]) -> bool {
    let first = |count: usize| value(digits.get(..count).unwrap_or_default());
    match digits.len() {
        13 => first(1) == 4,
        14 => matches!(first(3), 300..=305 | 309) || matches!(first(2), 36 | 38 | 39),
        15 => matches!(first(2), 34 | 37) || matches!(first(4), 1800 | 2131),
        16 => {
            first(1) == 4
                || matches!(first(2), 51..=55 | 62 | 65)
                || matches!(first(4), 2221..=2720 | 3528..=3589 | 6011 | 2200..=2204)
                || matches!(first(3), 644..=649)
                || matches!(first(4), 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763)
        }
        17 | 18 => matches!(first(2), 62) || matches!(first(4), 5018 | 5020 | 5038 | 6304 | 6759),
        19 => matches!(first(2), 62) || first(1) == 4 || matches!(first(4), 5018 | 5020 | 5038 | 6304 | 6759),
        12 => matches!(first(4), 5018 | 5020 | 5038 | 6304 | 6759),
        _ => false,
    }
}
