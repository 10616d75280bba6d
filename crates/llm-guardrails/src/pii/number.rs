//! Numbers written in groups: `4111 1111 1111 1111`, `123-45-6789`, `123.456.789-09`.

use crate::bytes::{Class, at, before};

/// As many groups as a number has at most.
const MOST: usize = 12;

/// Groups of digits with one separator between two of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Groups {
    starts: [usize; MOST],
    ends: [usize; MOST],
    /// What stands behind each group.
    separators: [u8; MOST],
    pub(super) count: usize,
}

impl Groups {
    /// The groups that begin at a place.
    pub(super) fn at(text: &[u8], start: usize) -> Self {
        let mut groups = Self { starts: [0; MOST], ends: [0; MOST], separators: [0; MOST], count: 0 };
        let mut place = start;
        while groups.count < MOST {
            let run = Class::DIGIT.run(text, place, 24);
            if run == 0 {
                break;
            }
            let slot = groups.count;
            let end = place + run;
            (groups.starts[slot], groups.ends[slot]) = (place, end);
            groups.count += 1;
            let separator = at(text, end);
            if !matches!(separator, b' ' | b'-' | b'.' | b'/') || !at(text, end + 1).is_ascii_digit() {
                break;
            }
            groups.separators[slot] = separator;
            place = end + 1;
        }
        groups
    }

    /// Whether this is a short number by itself, such as a count or an amount: no part of a number in groups, of a date
    /// that is written out, of a phone number with brackets or of a number with letters beside it.
    pub(super) fn is_short(&self, text: &[u8]) -> bool {
        let (start, end) = (self.start(), self.end(0));
        let (last, next) = (before(text, start), at(text, end));
        let lettered = last == b' ' && self.length(0) == 6;
        if self.count != 1 || self.length(0) > 6 || matches!(last, b'+' | b'(') || lettered {
            return false;
        }
        // A day of a date is followed by a month within some bytes.
        let after = text.get(end..(end + 24).min(text.len())).unwrap_or_default();
        let is_day = self.length(0) <= 2 && memchr::memchr(b' ', after).is_some();
        // The first byte of the sign for a year.
        !is_day && !matches!(next, b' ' | b'-' | b'.' | b'/' | b'(' | b')' | 0xe5)
    }

    /// Whether this is an amount such as `49.95`: too few digits for anything, and nothing behind it that goes on.
    pub(super) fn is_amount(&self, text: &[u8]) -> bool {
        self.count == 2
            && self.separator(0) == b'.'
            && self.length(0) + self.length(1) <= 6
            && !matches!(before(text, self.start()), b'+' | b'(' | b' ')
            && !matches!(at(text, self.end(1)), b' ' | b'-' | b'.' | b'/' | b'(' | b')' | 0xe5)
    }

    /// Whether this is a day such as `2026-03-14`: a date, if anything.
    pub(super) fn is_day(&self, text: &[u8]) -> bool {
        self.count == 3
            && (self.separator(0), self.separator(1)) == (b'-', b'-')
            && (self.length(0), self.length(1), self.length(2)) == (4, 2, 2)
            && before(text, self.start()) != b'+'
            && !matches!(at(text, self.end(2)), b' ' | b'-' | b'.' | b'/' | b'(' | b')')
    }

    pub(super) fn start(&self) -> usize {
        self.starts[0]
    }

    /// Where a group ends.
    pub(super) fn end(&self, group: usize) -> usize {
        self.ends.get(group).copied().unwrap_or(0)
    }

    pub(super) fn length(&self, group: usize) -> usize {
        if group < self.count { self.ends[group] - self.starts[group] } else { 0 }
    }

    pub(super) fn separator(&self, group: usize) -> u8 {
        self.separators.get(group).copied().unwrap_or(0)
    }

    /// Where a number ends whose first groups have these lengths and separators; a separator of 0 stands for any one
    /// of blank and hyphen, the same throughout.
    pub(super) fn shaped(&self, text: &[u8], lengths: &[usize], separators: &[u8]) -> Option<usize> {
        if self.count < lengths.len()
            || lengths.iter().enumerate().any(|(group, length)| self.length(group) != *length)
        {
            return None;
        }
        let gaps = lengths.len().saturating_sub(1);
        let fits = |gap: usize| match separators.get(gap) {
            Some(wanted) => self.separator(gap) == *wanted,
            None => matches!(self.separator(gap), b' ' | b'-') && self.separator(gap) == self.separator(0),
        };
        let end = self.end(gaps);
        ((0..gaps).all(fits) && may_end(text, end)).then_some(end)
    }

    /// Where a number without separators ends, when it is of this length.
    pub(super) fn plain(&self, text: &[u8], length: usize) -> Option<usize> {
        (self.length(0) == length && may_end(text, self.end(0))).then(|| self.end(0))
    }
}

/// The digits between two places, as numbers.
pub(super) fn digits(text: &[u8], start: usize, end: usize) -> Digits {
    let mut digits = Digits { values: [0; 24], count: 0 };
    for byte in text.get(start..end).unwrap_or_default() {
        if byte.is_ascii_digit() && digits.count < 24 {
            digits.values[digits.count] = byte - b'0';
            digits.count += 1;
        }
    }
    digits
}

/// Up to 24 digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits {
    values: [u8; 24],
    count: usize,
}

impl std::ops::Deref for Digits {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.values[..self.count]
    }
}

/// The number that some of the digits make.
pub(super) fn value(digits: &[u8]) -> u64 {
    digits.iter().fold(0u64, |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(*digit)))
}

/// Whether a number of its own may begin here: no part of a decimal, an identifier, an amount of money or a time.
pub(super) fn may_begin(text: &[u8], start: usize) -> bool {
    let (last, second) = (before(text, start), before(text, start.saturating_sub(1)));
    match last {
        b'.' | b',' | b':' => !second.is_ascii_digit(),
        b'-' => !second.is_ascii_alphanumeric(),
        b'#' | b'$' | b'%' | b'^' | b'~' | b'_' | b'\\' => false,
        b' ' if matches!(second, b'$' | 0xac | 0xa5 | 0xa3) => false,
        // The last bytes of the signs of pound, yen, cent and euro.
        0xa2..=0xa5 if second == 0xc2 => false,
        0xac => second != 0x82,
        _ => true,
    }
}

/// Whether a number may end here.
pub(super) fn may_end(text: &[u8], end: usize) -> bool {
    let (next, second) = (at(text, end), at(text, end + 1));
    match next {
        b'.' | b'/' | b':' => !second.is_ascii_digit(),
        b'-' => !second.is_ascii_alphanumeric(),
        b'%' | b'_' | b'@' => false,
        _ => !next.is_ascii_alphanumeric(),
    }
}
