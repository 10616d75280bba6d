//! Numbers with letters in them: identity cards, tax codes, passports.

use super::checks::weighted;
use super::entities::Entity;
use super::national::{is_chinese, is_french_key, two_letters_before};
use super::number::{Groups, digits, may_begin, may_end, value};
use super::{Found, Seen};
use crate::bytes::{at, before};

pub(super) const PASSPORT_WORDS: [&str; 12] = [
    "passport",
    "passeport",
    "reisepass",
    "pasaporte",
    "passaporte",
    "passaporto",
    "paspoort",
    "paszport",
    "护照",
    "паспорт",
    "旅券",
    "여권",
];

/// What a word of letters and digits may be.
pub(super) fn find(seen: &Seen<'_>, start: usize, end: usize) -> Found {
    let text = seen.text;
    let word = text.get(start..end)?;
    if !may_end(text, end)
        || matches!(before(text, start), b'#' | b'/' | b'.' | b'-' | b'+')
        || !may_begin(text, start)
    {
        return None;
    }
    let entity = match word.len() {
        9 => british(word).or_else(|| spanish(word)).or_else(|| singaporean(word)),
        10 if is_pan(word) => Some(Entity::InPan),
        15 if is_corsican(word) => Some(Entity::FrNir),
        16 if is_italian(word) => Some(Entity::ItFiscalCode),
        18 if at(word, 17).eq_ignore_ascii_case(&b'X') => {
            let body = digits(word, 0, 17);
            (body.len() == 17 && is_chinese(&body, at(word, 17))).then_some(Entity::CnId)
        }
        _ => None,
    };
    let passport = || {
        let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
        let good = (7..=9).contains(&word.len()) && digits >= 5 && !word.iter().any(u8::is_ascii_lowercase);
        (good && seen.says(start, &PASSPORT_WORDS)).then_some(Entity::Passport)
    };
    Some((entity.filter(|entity| seen.wants(*entity)).or_else(passport)?, start, end))
}

/// `AB 12 34 56 C` and `12345678-Z`: a number with letters beside it.
pub(super) fn spaced_letters(seen: &Seen<'_>, groups: &Groups) -> Found {
    let (text, start) = (seen.text, groups.start());
    if groups.length(0) == 8 && at(text, groups.end(0)) == b'-' {
        let end = groups.end(0) + 2;
        let letter = at(text, end - 1);
        let good = letter == spanish_letter(value(&digits(text, start, groups.end(0)))) && may_end(text, end);
        return good.then_some((Entity::EsNif, start, end));
    }
    let letters = two_letters_before(text, start)?;
    let last = if groups.length(0) == 6 { 0 } else { 2 };
    let pairs = last == 0 || ((0..3).all(|group| groups.length(group) == 2) && groups.separator(0) == b' ');
    let end = groups.end(last);
    let suffix = if at(text, end) == b' ' { end + 1 } else { end };
    let mut compact = [0; 9];
    compact[..2].copy_from_slice(text.get(letters..letters + 2)?);
    let numbers = digits(text, start, end);
    if !pairs || numbers.len() != 6 {
        return None;
    }
    numbers.iter().zip(&mut compact[2..8]).for_each(|(digit, slot)| *slot = b'0' + digit);
    compact[8] = at(text, suffix);
    let good = british(&compact).is_some() && !at(text, suffix + 1).is_ascii_alphanumeric();
    good.then_some((Entity::UkNino, letters, suffix + 1))
}

/// HMRC: prefixes that are given out, six digits, A to D.
fn british(word: &[u8]) -> Option<Entity> {
    let [first, second, numbers @ .., last] = word else { return None };
    let good = first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && !b"DFIQUV".contains(first)
        && !b"DFIQUVO".contains(second)
        && ![*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"].contains(&[*first, *second])
        && numbers.iter().all(u8::is_ascii_digit)
        && (b'A'..=b'D').contains(last);
    good.then_some(Entity::UkNino)
}

fn spanish_letter(number: u64) -> u8 {
    b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize]
}

/// DNI: eight digits and a letter. NIE: X, Y or Z for the first digit.
fn spanish(word: &[u8]) -> Option<Entity> {
    let (first, last) = (at(word, 0), at(word, 8));
    let rest = digits(word, 1, 8);
    if rest.len() != 7 || !last.is_ascii_uppercase() {
        return None;
    }
    let (head, entity) = match first {
        b'0'..=b'9' => (u64::from(first - b'0'), Entity::EsNif),
        b'X' | b'Y' | b'Z' => (u64::from(first - b'X'), Entity::EsNie),
        _ => return None,
    };
    (spanish_letter(head * 10_000_000 + value(&rest)) == last).then_some(entity)
}

fn singaporean(word: &[u8]) -> Option<Entity> {
    let (first, last) = (at(word, 0), at(word, 8));
    let numbers = digits(word, 1, 8);
    if numbers.len() != 7 {
        return None;
    }
    let sum = weighted(&numbers, &[2, 7, 6, 5, 4, 3, 2]);
    let (letters, offset): (&[u8; 11], u32) = match first {
        b'S' => (b"JZIHGFEDCBA", 0),
        b'T' => (b"JZIHGFEDCBA", 4),
        b'F' => (b"XWUTRQPNMLK", 0),
        b'G' => (b"XWUTRQPNMLK", 4),
        b'M' => (b"XWUTRQPNJLK", 3),
        _ => return None,
    };
    let place = (sum + offset) % 11;
    let place = if first == b'M' { 10 - place } else { place };
    (letters[place as usize] == last).then_some(Entity::SgNric)
}

/// Income Tax Department: the fourth letter is the kind of holder.
fn is_pan(word: &[u8]) -> bool {
    let letters = |from: usize, to: usize| {
        word.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_uppercase))
    };
    letters(0, 5) && digits(word, 5, 9).len() == 4 && letters(9, 10) && b"ABCFGHJLPT".contains(&at(word, 3))
}

/// A number of somebody born on Corsica: 2A counts as 19, 2B as 18.
fn is_corsican(word: &[u8]) -> bool {
    let department = match word.get(5..7) {
        Some(b"2A" | b"2a") => 19,
        Some(b"2B" | b"2b") => 18,
        _ => return false,
    };
    let (head, tail, key) = (digits(word, 0, 5), digits(word, 7, 13), digits(word, 13, 15));
    let whole = head.len() == 5 && tail.len() == 6 && key.len() == 2 && matches!(head[0], 1 | 2);
    let number = (value(&head) * 100 + department) * 1_000_000 + value(&tail);
    whole && is_french_key(number, value(&key))
}

/// Decree of 23 December 1976: values of letters in odd places, and the check letter.
fn is_italian(word: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let word = word.to_ascii_uppercase();
    let shape = |place: usize, byte: u8| match place {
        0..=5 | 8 | 11 | 15 => byte.is_ascii_uppercase(),
        // Digits become letters where two people would have the same code.
        _ => byte.is_ascii_digit() || b"LMNPQRSTUV".contains(&byte),
    };
    if !word.iter().enumerate().all(|(place, byte)| shape(place, *byte))
        || !b"ABCDEHLMPRST".contains(&at(&word, 8))
    {
        return false;
    }
    let number = |byte: u8| usize::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' });
    let sum: u32 =
        word.iter()
            .take(15)
            .enumerate()
            .map(|(place, byte)| {
                if place % 2 == 0 {
                    ODD.get(number(*byte)).copied().unwrap_or(0)
                } else {
                    number(*byte) as u32
                }
            })
            .sum();
    at(&word, 15) == b'A' + (sum % 26) as u8
}
