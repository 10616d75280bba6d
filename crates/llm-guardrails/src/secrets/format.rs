//! The table of formats of keys: a prefix, and what must follow it.

use super::nearby;
use crate::bytes::{Class, at, begins_word, variety};

const TABLE: &str = include_str!("../../data/secrets.tsv");

/// A format of keys: a row of the table.
#[derive(Debug)]
pub(super) struct Format {
    pub(super) id: &'static str,
    pub(super) finds: &'static str,
    prefixes: Vec<&'static str>,
    body: Vec<Part>,
    left: Option<Part>,
    variety: usize,
    has_digit: bool,
    has_both_cases: bool,
    only_body: bool,
}

/// A stretch of a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Run { class: Class, least: usize, most: usize },
    Literal(&'static str),
}

/// A word that is looked for, and what it may be the beginning of.
#[derive(Debug)]
pub(super) struct Anchor {
    pub(super) text: String,
    pub(super) meaning: Meaning,
}

#[derive(Debug)]
pub(super) enum Meaning {
    /// Keys of these formats begin here, or stand near.
    Formats(Vec<usize>),
    KeyBlock,
    Token,
    Address,
    /// The name of something secret.
    Name(super::assignment::Name),
}

impl Anchor {
    pub(super) fn new(text: &str, meaning: Meaning) -> Self {
        Self { text: text.to_owned(), meaning }
    }
}

/// The rows of the table.
pub(super) fn all() -> Vec<Format> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(row).collect()
}

/// The prefixes of all formats, each with the formats that have it: what begins with a shorter one may still be one
/// of the longer one's.
pub(super) fn anchors(formats: &[Format]) -> Vec<Anchor> {
    let mut prefixes: Vec<&str> = formats.iter().flat_map(|format| format.prefixes.iter().copied()).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    let of = |prefix: &str| {
        let fits = |format: &Format| {
            let is_name = prefix.starts_with('+');
            let begins = |own: &str| if is_name { own == prefix } else { prefix.starts_with(own) };
            format.prefixes.iter().any(|own| begins(own))
        };
        formats.iter().enumerate().filter(|(_, format)| fits(format)).map(|(at, _)| at).collect()
    };
    let anchor = |prefix: &&str| Anchor::new(prefix.trim_start_matches('+'), Meaning::Formats(of(prefix)));
    prefixes.iter().map(anchor).collect()
}

impl Format {
    /// The key whose prefix stands at a place, or that stands near a name.
    pub(super) fn find(&self, text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
        if self.prefixes.iter().any(|prefix| prefix.starts_with('+')) {
            return nearby::find(text, end, |text, from| self.body_at(text, from, from));
        }
        let rest = text.get(start..)?;
        let prefix = self.prefixes.iter().filter(|prefix| rest.starts_with(prefix.as_bytes()));
        let length = prefix.map(|prefix| prefix.len()).max()?;
        let begins = match self.left {
            None => start,
            Some(Part::Run { class, least, most }) => {
                let run = class.run_before(text, start, most + 1);
                (least..=most).contains(&run).then_some(start - run)?
            }
            Some(Part::Literal(_)) => return None,
        };
        self.body_at(text, begins, start + length)
    }

    /// The key that begins at a place and whose body begins at another.
    fn body_at(&self, text: &[u8], begins: usize, body: usize) -> Option<(usize, usize)> {
        let first = if self.only_body { body } else { begins };
        let starts_in_word = at(text, begins).is_ascii_alphanumeric() && !begins_word(text, begins);
        if starts_in_word && !self.only_body {
            return None;
        }
        let end = end_of(&self.body, text, body)?;
        let key = text.get(if self.left.is_some() { begins } else { body }..end)?;
        let cases = key.iter().any(u8::is_ascii_lowercase) && key.iter().any(u8::is_ascii_uppercase);
        let good = variety(key) >= self.variety
            && (!self.has_digit || key.iter().any(u8::is_ascii_digit))
            && (!self.has_both_cases || cases);
        good.then_some((first, end))
    }
}

/// Where the parts end that must stand at a place, when the word ends there too.
fn end_of(parts: &[Part], text: &[u8], from: usize) -> Option<usize> {
    let mut end = from;
    for part in parts {
        end += match part {
            Part::Literal(literal) => {
                text.get(end..)?.starts_with(literal.as_bytes()).then_some(literal.len())?
            }
            Part::Run { class, least, most } => {
                let run = class.run(text, end, *most);
                (run >= *least).then_some(run)?
            }
        };
    }
    if let Some(Part::Run { class, least, .. }) = parts.last() {
        // The end of a sentence is no part of a key.
        while end > from && matches!(at(text, end - 1), b'.' | b'~') && end - from > *least {
            end -= 1;
        }
        let next = at(text, end);
        let goes_on = class.has(next) && !matches!(next, b'.' | b'~' | b'=' | b'/' | b'+' | b'%');
        return (!goes_on && !next.is_ascii_alphanumeric()).then_some(end);
    }
    Some(end)
}

fn row(line: &'static str) -> Option<Format> {
    let mut columns = line.split('\t');
    let (id, prefixes, body) = (columns.next()?, columns.next()?, columns.next()?);
    let (checks, finds) = (columns.next()?, columns.next()?);
    let mut format = Format {
        id,
        finds,
        prefixes: prefixes.split(',').filter(|prefix| !prefix.is_empty()).collect(),
        body: body.split(' ').filter_map(part).collect(),
        left: None,
        variety: 0,
        has_digit: false,
        has_both_cases: false,
        only_body: false,
    };
    for check in checks.split(' ') {
        match check.split_once(':') {
            Some(("variety", number)) => format.variety = number.parse().ok()?,
            Some(("left", run)) => format.left = part(run),
            _ => {
                format.has_digit |= check == "digit";
                format.has_both_cases |= check == "case";
                format.only_body |= check == "body";
            }
        }
    }
    Some(format)
}

fn part(text: &'static str) -> Option<Part> {
    if let Some(literal) = text.strip_prefix('"') {
        return Some(Part::Literal(literal.trim_end_matches('"')));
    }
    let (class, lengths) = text.split_once(':')?;
    let (least, most) = lengths.split_once('-').unwrap_or((lengths, lengths));
    Some(Part::Run { class: class_of(class)?, least: least.parse().ok()?, most: most.parse().ok()? })
}

fn class_of(name: &str) -> Option<Class> {
    Some(match name {
        "d" => Class::DIGIT,
        "h" => Class::LOWER_HEX,
        "H" => Class::HEX,
        "a" => Class::ALNUM,
        "l" => Class::LOWER,
        "u" => Class::UPPER,
        "w" => Class::WORD,
        "t" => Class::TOKEN,
        "p" => Class::POINTED,
        "q" => Class::TILDED,
        "e" => Class::EQUALED,
        "b" => Class::BASE64,
        "v" => Class::ENCODED,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read() {
        let rows: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(all().len(), rows.len());
        for (format, row) in all().iter().zip(rows) {
            let columns: Vec<&str> = row.split('\t').collect();
            assert_eq!(columns.len(), 6, "{row}");
            assert_eq!(format.body.len(), columns.get(2).map_or(0, |body| body.split(' ').count()), "{row}");
            assert!(!format.prefixes.is_empty() && !format.finds.is_empty(), "{row}");
            let flags = usize::from(format.variety > 0)
                + usize::from(format.left.is_some())
                + usize::from(format.has_digit)
                + usize::from(format.has_both_cases)
                + usize::from(format.only_body);
            let checks = columns.get(3).map_or(0, |checks| checks.split_whitespace().count());
            assert_eq!(flags, checks, "{row}");
        }
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<&str> = all().iter().map(|format| format.id).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
