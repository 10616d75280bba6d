//! Dates of birth: dates in any of the usual spellings, after words that say what they are.

use super::entities::Entity;
use super::number::{Groups, digits, value};
use super::{Found, Seen};
use crate::bytes::{Class, at};

const WORDS: [&str; 20] = [
    "born",
    "dob",
    "d.o.b",
    "date of birth",
    "birth date",
    "birthdate",
    "birthday",
    "birth_date",
    "date_of_birth",
    "出生",
    "生日",
    "生于",
    "geboren",
    "geburtsdatum",
    "né le",
    "née le",
    "naissance",
    "nacimiento",
    "nascimento",
    "nascita",
];

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// A date after a word such as `born`.
pub(super) fn of_birth(seen: &Seen<'_>, groups: &Groups) -> Found {
    let (text, start) = (seen.text, groups.start());
    // The first byte of the sign for a year.
    let is_year = at(text, groups.end(0)) == 0xe5;
    if groups.length(0) > 8 || groups.count < 3 && !matches!(groups.length(0), 1 | 2 | 8) && !is_year {
        return None;
    }
    let (from, end) =
        in_numbers(text, groups).or_else(|| chinese(text, groups)).or_else(|| with_month(text, groups))?;
    seen.says(start, &WORDS).then_some((Entity::DateOfBirth, from, end))
}

fn in_numbers(text: &[u8], groups: &Groups) -> Option<(usize, usize)> {
    let start = groups.start();
    if let Some(end) = groups.plain(text, 8) {
        let all = digits(text, start, end);
        return is_date(value(all.get(..4)?), value(all.get(4..6)?), value(all.get(6..)?))
            .then_some((start, end));
    }
    let (first, second) = (groups.separator(0), groups.separator(1));
    if first != second || groups.count < 3 || groups.length(1) > 2 {
        return None;
    }
    let end = groups.end(2);
    let number =
        |group: usize| value(&digits(text, groups.end(group) - groups.length(group), groups.end(group)));
    let (a, b, c) = (number(0), number(1), number(2));
    let good = match (groups.length(0), groups.length(2)) {
        (4, 1 | 2) => is_date(a, b, c),
        (1 | 2, 4) => is_date(c, b, a) || is_date(c, a, b),
        (1 | 2, 2) => is_date(1900 + c, b, a) || is_date(1900 + c, a, b),
        _ => false,
    };
    let apart = !at(text, end).is_ascii_alphanumeric() || at(text, end) == b'T';
    (good && apart).then_some((start, end))
}

/// `1985年3月12日`.
fn chinese(text: &[u8], groups: &Groups) -> Option<(usize, usize)> {
    let mut place = groups.start();
    let mut numbers = [0; 3];
    for (number, (unit, most)) in numbers.iter_mut().zip([("年", 4), ("月", 2), ("日", 2)]) {
        let run = Class::DIGIT.run(text, place, most);
        *number = value(&digits(text, place, place + run));
        place += run;
        place += text.get(place..)?.starts_with(unit.as_bytes()).then_some(unit.len())?;
    }
    is_date(numbers[0], numbers[1], numbers[2]).then_some((groups.start(), place))
}

/// `12 March 1985`, `12th of March, 1985`, `March 12, 1985`.
fn with_month(text: &[u8], groups: &Groups) -> Option<(usize, usize)> {
    let start = groups.start();
    let day = value(&digits(text, start, groups.end(0)));
    if !(1..=31).contains(&day) || groups.length(0) > 2 {
        return None;
    }
    let rest = text.get(groups.end(0)..(groups.end(0) + 24).min(text.len()))?;
    let letters = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if let Some(before) = text.get(start.saturating_sub(12)..start) {
        let name = before.trim_ascii_end();
        let run = name.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let month = name.get(name.len() - run..)?;
        let year = rest.strip_prefix(b", ").or_else(|| rest.strip_prefix(b" "))?;
        let (is_year, length) = (Class::DIGIT.run(year, 0, 5) == 4, rest.len() - year.len() + 4);
        if is_month(month) && is_year {
            return Some((start - (before.len() - name.len()) - run, groups.end(0) + length));
        }
    }
    let mut place = rest.iter().position(|byte| *byte == b' ')? + 1;
    if rest.get(place..)?.starts_with(b"of ") {
        place += 3;
    }
    let month = rest.get(place..place + letters(rest.get(place..)?))?;
    place += month.len();
    place += rest.get(place..)?.iter().take_while(|byte| matches!(byte, b' ' | b',' | b'.')).count();
    let is_year = Class::DIGIT.run(rest, place, 5) == 4;
    (is_month(month) && is_year).then_some((start, groups.end(0) + place + 4))
}

fn is_month(word: &[u8]) -> bool {
    let lower = word.to_ascii_lowercase();
    lower.len() <= 9 && MONTHS.iter().any(|month| lower.starts_with(month))
}

/// Whether a person may have been born on a day.
pub(super) fn is_date(year: u64, month: u64, day: u64) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1900..=2035).contains(&year) && (1..=days).contains(&day)
}
