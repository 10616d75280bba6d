//! IBANs: the lengths of SWIFT's registry, and mod 97.

use super::checks::mod_97;
use super::entities::Entity;
use super::{Found, Seen};
use crate::bytes::{at, before};

/// Countries and the lengths of their numbers, from the IBAN registry (release 99).
const LENGTHS: &str = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18\
    FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24\
    ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23\
    TN24TR26UA29VA22VG24XK20YE30";

/// An IBAN whose first word is this: in one piece, or in groups of four with blanks between.
pub(super) fn find(seen: &Seen<'_>, start: usize, end: usize) -> Found {
    let text = seen.text;
    let [first, second, third, fourth] = *text.get(start..start + 4)?.first_chunk()?;
    let begins = first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && third.is_ascii_digit()
        && fourth.is_ascii_digit();
    if !begins || before(text, start) == b'-' {
        return None;
    }
    let length = length([first, second])?;
    let mut letters = [0; 34];
    let (mut place, mut count) = (start, 0);
    let in_groups = end - start == 4;
    while count < length {
        let byte = at(text, place);
        if byte == b' ' && in_groups && count % 4 == 0 {
            place += 1;
            continue;
        }
        if !byte.is_ascii_alphanumeric() || byte.is_ascii_lowercase() {
            return None;
        }
        *letters.get_mut(count)? = byte;
        count += 1;
        place += 1;
    }
    let number = letters.get(..count)?;
    let turned = number.iter().skip(4).chain(number.iter().take(4)).copied();
    let ends = !at(text, place).is_ascii_alphanumeric();
    (ends && mod_97(turned) == 1).then_some((Entity::Iban, start, place))
}

fn length(country: [u8; 2]) -> Option<usize> {
    let row = LENGTHS.as_bytes().as_chunks::<4>().0.iter().find(|row| row[..2] == country)?;
    Some(usize::from(row[2] - b'0') * 10 + usize::from(row[3] - b'0'))
}
