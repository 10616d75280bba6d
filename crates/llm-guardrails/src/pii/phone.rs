//! Phone numbers: E.164, the formats of the USA and China, and others after a word that says so.

use super::context::THINGS;
use super::entities::Entity;
use super::number::{Groups, digits, may_end};
use super::{Found, Seen};
use crate::bytes::{at, before};

const WORDS: [&str; 32] = [
    "phone",
    "tel",
    "telephone",
    "mobile",
    "cell",
    "call",
    "fax",
    "whatsapp",
    "sms",
    "text me",
    "dial",
    "contact number",
    "hotline",
    "电话",
    "手机",
    "联系方式",
    "致电",
    "传真",
    "téléphone",
    "portable",
    "telefon",
    "handy",
    "mobil",
    "rufnummer",
    "teléfono",
    "móvil",
    "celular",
    "telefone",
    "telefono",
    "cellulare",
    "電話",
    "전화",
];

/// `+` and 8 to 15 digits, with blanks, hyphens, points and brackets between.
pub(super) fn international(seen: &Seen<'_>, groups: &Groups) -> Found {
    let (text, start) = (seen.text, groups.start());
    let begins = start.checked_sub(1).filter(|place| at(text, *place) == b'+')?;
    if before(text, begins).is_ascii_alphanumeric() || at(text, start) == b'0' {
        return None;
    }
    let (end, count) = run(text, start, 15)?;
    ((8..=15).contains(&count) && may_end(text, end)).then_some((Entity::Phone, begins, end))
}

/// Digits with single separators (or a bracket with one) between them: where they end, and how many there are.
fn run(text: &[u8], start: usize, most: usize) -> Option<(usize, usize)> {
    let (mut place, mut end, mut count) = (start, start, 0);
    let (mut gap, mut open) = (0, false);
    while place < text.len() && place - start < 32 {
        match at(text, place) {
            b'0'..=b'9' => {
                count += 1;
                gap = 0;
                end = place + 1;
            }
            b' ' | b'-' | b'.' | b'/' => gap += 1,
            b'(' if !open => (open, gap) = (true, gap + 1),
            b')' if open => (open, gap) = (false, gap + 1),
            _ => break,
        }
        if count > most {
            return None;
        }
        if gap > 2 {
            break;
        }
        place += 1;
    }
    (count > 0).then_some((end, count))
}

/// `(415) 555-0132`, `415-555-0132`, `1-415-555-0132`, `138 0013 8000`, `13800138000`.
pub(super) fn formatted(seen: &Seen<'_>, groups: &Groups) -> Found {
    let text = seen.text;
    if groups.count == 1 && groups.length(0) != 11 && before(text, groups.start()) != b'(' {
        return None;
    }
    american(text, groups).or_else(|| chinese(seen, groups)).map(|(start, end)| (Entity::Phone, start, end))
}

fn american(text: &[u8], groups: &Groups) -> Option<(usize, usize)> {
    let start = groups.start();
    let valid = |digits: &[u8]| match digits {
        [area, _, _, exchange, a, b, ..] => *area >= 2 && *exchange >= 2 && (*a, *b) != (1, 1),
        _ => false,
    };
    if before(text, start) == b'('
        && groups.count == 1
        && groups.length(0) == 3
        && at(text, groups.end(0)) == b')'
    {
        let next = groups.end(0) + 1;
        let next = next + usize::from(matches!(at(text, next), b' ' | b'-'));
        let rest = Groups::at(text, next);
        let end = rest.shaped(text, &[3, 4], &[]).or_else(|| rest.shaped(text, &[3, 4], b"."))?;
        let begins =
            if text.get(..start - 1)?.ends_with(b"1 ") && !before(text, start - 3).is_ascii_alphanumeric() {
                start - 3
            } else {
                start - 1
            };
        return valid(&digits(text, start, end)).then_some((begins, end));
    }
    let shapes: [(&[usize], &[u8]); 4] =
        [(&[3, 3, 4], b"--"), (&[3, 3, 4], b".."), (&[3, 3, 4], b"  "), (&[1, 3, 3, 4], b"---")];
    let (end, long) = shapes.iter().find_map(|(lengths, separators)| {
        Some((groups.shaped(text, lengths, separators)?, lengths.len() == 4))
    })?;
    let digits = digits(text, start, end);
    let country = long && digits.first() == Some(&1);
    (valid(digits.get(usize::from(country)..)?) && long == country).then_some((start, end))
}

fn chinese(seen: &Seen<'_>, groups: &Groups) -> Option<(usize, usize)> {
    let (text, start) = (seen.text, groups.start());
    let end = groups.plain(text, 11).or_else(|| groups.shaped(text, &[3, 4, 4], &[]))?;
    let digits = digits(text, start, end);
    let is_mobile = digits.first() == Some(&1) && digits.get(1).is_some_and(|second| *second >= 3);
    let is_thing = before(text, start) == b'/' || (seen.says(start, &THINGS) && !seen.says(start, &WORDS));
    (is_mobile && !is_thing).then_some((start, end))
}

/// 7 to 12 digits after a word such as `tel`.
pub(super) fn in_context(seen: &Seen<'_>, groups: &Groups) -> Found {
    let (text, start) = (seen.text, groups.start());
    let (end, count) = run(text, start, 13)?;
    let bracket = before(text, start) == b'(' && memchr::memchr(b')', text.get(start..end)?).is_some();
    let begins = start - usize::from(bracket);
    let is_call = before(text, start) == b'(' && before(text, start - 1).is_ascii_alphanumeric();
    let good = !is_call
        && (7..=13).contains(&count)
        && may_end(text, end)
        && groups.length(0) <= 13
        && before(text, start) != b'/';
    let is_date =
        || groups.shaped(text, &[4, 2, 2], &[]).is_some() || groups.shaped(text, &[2, 2, 4], &[]).is_some();
    (good && !is_date() && seen.says(start, &WORDS) && !seen.says(start, &["order", "订单", "id", "count"]))
        .then_some((Entity::Phone, begins, end))
}
