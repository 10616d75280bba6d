//! Numbers that states give to people, made of digits: those that are certain by themselves, and those that need a word.

use super::checks::{is_made_up, luhn, mod_11_10, two_of_mod_11, verhoeff, weighted};
use super::date::is_date;
use super::entities::Entity;
use super::number::{Digits, Groups, digits, value};
use super::{Found, Seen};
use crate::bytes::{at, before};

/// Formats with a checksum or separators that nothing else has.
pub(super) fn certain(seen: &Seen<'_>, groups: &Groups) -> Found {
    if groups.count == 1 && !matches!(groups.length(0), 15 | 18) {
        return None;
    }
    let (text, start) = (seen.text, groups.start());
    let found = |entity: Entity, end: usize| Some((entity, start, end));
    let read = |end: usize| digits(text, start, end);
    if let Some(end) = groups.plain(text, 18).filter(|end| is_chinese(&read(*end), b'0' + read(*end)[17])) {
        return found(Entity::CnId, end);
    }
    if let Some(end) = groups.shaped(text, &[3, 2, 4], b"--") {
        return american(&read(end)).and_then(|entity| found(entity, end));
    }
    if let Some(end) = groups.shaped(text, &[3, 3, 3, 2], b"..-").filter(|end| is_cpf(&read(*end))) {
        return found(Entity::BrCpf, end);
    }
    if let Some(end) =
        groups.shaped(text, &[2, 3, 3, 4, 2], b"../-").filter(|end| two_of_mod_11(&read(*end), 9))
    {
        return found(Entity::BrCnpj, end);
    }
    if let Some(end) = groups.shaped(text, &[4, 4, 4], &[]).filter(|end| is_aadhaar(&read(*end))) {
        return found(Entity::InAadhaar, end);
    }
    let french = groups.plain(text, 15).or_else(|| groups.shaped(text, &[1, 2, 2, 2, 3, 3, 2], b"      "));
    if let Some(end) = french.filter(|end| is_french(&read(*end))) {
        return found(Entity::FrNir, end);
    }
    if let Some(end) = groups.shaped(text, &[2, 3, 3, 3], b"   ").filter(|end| is_german(&read(*end))) {
        return found(Entity::DeTaxId, end);
    }
    let korean = groups.shaped(text, &[6, 7], b"-").filter(|end| is_korean(&read(*end), seen, start));
    korean.and_then(|end| found(Entity::KrRrn, end))
}

/// A number that needs a word before it.
struct Named {
    entity: Entity,
    /// The lengths of its groups where it is written in groups.
    groups: &'static [usize],
    is_right: fn(&[u8]) -> bool,
    words: &'static [&'static str],
}

const fn named(
    entity: Entity,
    groups: &'static [usize],
    is_right: fn(&[u8]) -> bool,
    words: &'static [&'static str],
) -> Named {
    Named { entity, groups, is_right, words }
}

const NAMED: [Named; 12] = [
    named(Entity::UsSsn, &[9], is_ssn, &["ssn", "social security", "social-security"]),
    named(Entity::UsSsn, &[3, 2, 4], is_ssn, &["ssn", "social security"]),
    named(
        Entity::NlBsn,
        &[9],
        is_dutch,
        &["bsn", "burgerservicenummer", "sofinummer", "citizen service number"],
    ),
    named(Entity::CaSin, &[3, 3, 3], is_canadian, &["sin", "social insurance", "assurance sociale"]),
    named(Entity::AuTfn, &[3, 3, 3], is_australian, &["tfn", "tax file"]),
    named(Entity::UkNhs, &[3, 3, 4], is_nhs, &["nhs"]),
    named(Entity::AbaRouting, &[9], is_routing, &["routing", "aba", "rtn"]),
    named(Entity::PlPesel, &[11], is_polish, &["pesel"]),
    named(
        Entity::DeTaxId,
        &[11],
        is_german,
        &["steuer", "tax id", "idnr", "tin", "tax number", "identifikationsnummer"],
    ),
    named(Entity::BrCpf, &[11], is_cpf, &["cpf", "cadastro de pessoas"]),
    named(Entity::BrCnpj, &[14], is_cnpj, &["cnpj"]),
    named(Entity::InAadhaar, &[12], is_aadhaar, &["aadhaar", "aadhar", "uidai", "आधार"]),
];

/// Numbers that are told apart by the words before them.
pub(super) fn in_context(seen: &Seen<'_>, groups: &Groups) -> Found {
    // How long their first groups are.
    if !matches!(groups.length(0), 3 | 9 | 11 | 12 | 14) {
        return None;
    }
    let (text, start) = (seen.text, groups.start());
    let found = |named: &&Named| {
        let count = named.groups.iter().sum();
        let end = groups.plain(text, count).or_else(|| groups.shaped(text, named.groups, &[]))?;
        let right = seen.wants(named.entity) && (named.is_right)(&digits(text, start, end));
        (right && seen.says(start, named.words)).then_some((named.entity, start, end))
    };
    NAMED.iter().find_map(|named| found(&named))
}

fn is_ssn(digits: &[u8]) -> bool {
    american(digits) == Some(Entity::UsSsn)
}

fn is_cnpj(digits: &[u8]) -> bool {
    two_of_mod_11(digits, 9)
}

/// Passports and accounts: no checksum, so the word must stand close.
pub(super) fn loose(seen: &Seen<'_>, groups: &Groups) -> Found {
    let start = groups.start();
    let end = groups.plain(seen.text, groups.length(0))?;
    let length = groups.length(0);
    if length == 9 && seen.says(start, &super::document::PASSPORT_WORDS) {
        return Some((Entity::Passport, start, end));
    }
    let account = (8..=17).contains(&length)
        && seen.says(
            start,
            &[
                "account number",
                "account no",
                "acct",
                "bank account",
                "account #",
                "a/c",
                "checking account",
                "savings account",
            ],
        );
    (account && !is_made_up(&digits(seen.text, start, end))).then_some((Entity::UsBankNumber, start, end))
}

/// SSA: no area 000, 666 or 900 and up, no group 00, no serial 0000; the IRS gives numbers from 900 up.
fn american(digits: &[u8]) -> Option<Entity> {
    let part = |from: usize, to: usize| digits.get(from..to).map(value);
    let (area, group, serial) = (part(0, 3)?, part(3, 5)?, part(5, 9)?);
    let advertised = matches!((area, group, serial), (78, 5, 1120) | (219, 9, 9999) | (987, 65, 4320..=4329));
    if digits.len() != 9 || is_made_up(digits) || advertised {
        return None;
    }
    if area >= 900 {
        let itin = matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99);
        return itin.then_some(Entity::UsItin);
    }
    (area != 0 && area != 666 && group != 0 && serial != 0).then_some(Entity::UsSsn)
}

/// GB 11643-1999.
pub(super) fn is_chinese(digits: &[u8], last: u8) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let Some(body) = digits.get(..17) else { return false };
    let check = b"10X98765432"[(weighted(body, &WEIGHTS) % 11) as usize];
    let part = |from: usize, to: usize| body.get(from..to).map_or(0, value);
    let province =
        matches!(part(0, 2), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83);
    check == last.to_ascii_uppercase() && province && is_date(part(6, 10), part(10, 12), part(12, 14))
}

fn is_cpf(digits: &[u8]) -> bool {
    digits.len() == 11 && !is_made_up(digits) && two_of_mod_11(digits, 12)
}

fn is_aadhaar(digits: &[u8]) -> bool {
    digits.len() == 12 && digits.first().is_some_and(|digit| *digit >= 2) && verhoeff(digits)
}

/// The two letters of Corsica are 19 and 18 for the key; `document` has them.
fn is_french(digits: &[u8]) -> bool {
    let part = |from: usize, to: usize| digits.get(from..to).map_or(0, value);
    let month = matches!(part(3, 5), 1..=12 | 20..=42 | 50..=99);
    digits.len() == 15
        && matches!(part(0, 1), 1..=4 | 7 | 8)
        && month
        && is_french_key(part(0, 13), part(13, 15))
}

pub(super) fn is_french_key(number: u64, key: u64) -> bool {
    97 - number % 97 == key
}

/// One digit stands there two or three times, the first is not 0.
fn is_german(digits: &[u8]) -> bool {
    let Some(body) = digits.get(..10) else { return false };
    let mut counts = [0u8; 10];
    body.iter().for_each(|digit| counts[usize::from(*digit % 10)] += 1);
    let repeated = counts.iter().filter(|count| **count > 1).count();
    let most = counts.iter().max().copied().unwrap_or(0);
    digits.len() == 11
        && body.first() != Some(&0)
        && repeated == 1
        && matches!(most, 2 | 3)
        && mod_11_10(digits)
}

fn is_korean(digits: &Digits, seen: &Seen<'_>, start: usize) -> bool {
    const WEIGHTS: [u32; 12] = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];
    let part = |from: usize, to: usize| digits.get(from..to).map_or(0, value);
    let century = match part(6, 7) {
        1 | 2 | 5 | 6 => 1900,
        3 | 4 | 7 | 8 => 2000,
        _ => return false,
    };
    let check = (11 - weighted(digits.get(..12).unwrap_or_default(), &WEIGHTS) % 11) % 10;
    let named = || seen.says(start, &["주민", "resident registration", "rrn"]);
    is_date(century + part(0, 2), part(2, 4), part(4, 6)) && (u64::from(check) == part(12, 13) || named())
}

fn is_dutch(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]);
    let last = digits.last().copied().map_or(0, u32::from);
    digits.len() == 9 && !is_made_up(digits) && (sum + 11 * 9 - last).is_multiple_of(11)
}

fn is_canadian(digits: &[u8]) -> bool {
    !matches!(digits.first(), Some(0 | 8)) && luhn(digits) && !is_made_up(digits)
}

fn is_australian(digits: &[u8]) -> bool {
    weighted(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && !is_made_up(digits)
}

fn is_nhs(digits: &[u8]) -> bool {
    let check = 11 - weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    digits.len() == 10 && digits.last().is_some_and(|last| u32::from(*last) == check % 11)
}

fn is_routing(digits: &[u8]) -> bool {
    let first = value(digits.get(..2).unwrap_or_default());
    weighted(digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
        && matches!(first, 1..=12 | 21..=32 | 61..=72 | 80)
}

fn is_polish(digits: &[u8]) -> bool {
    let part = |from: usize, to: usize| digits.get(from..to).map_or(0, value);
    let (century, month) = match part(2, 4) {
        month @ 1..=12 => (1900, month),
        month @ 21..=32 => (2000, month - 20),
        month => (1800, month.wrapping_sub(80)),
    };
    let check = (10 - weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10;
    let last = digits.last().copied().map_or(99, u32::from);
    check == last && (century == 1800 || is_date(century + part(0, 2), month, part(4, 6)))
}

/// Whether a blank and two upper-case letters stand before a number.
pub(super) fn two_letters_before(text: &[u8], start: usize) -> Option<usize> {
    let letters = start.checked_sub(3)?;
    let good = at(text, letters + 2) == b' '
        && at(text, letters).is_ascii_uppercase()
        && at(text, letters + 1).is_ascii_uppercase()
        && !before(text, letters).is_ascii_alphanumeric();
    good.then_some(letters)
}
