//! E-mail addresses: RFC 5321's forms that people use.

use super::Seen;
use super::entities::Entity;
use crate::bytes::{Class, at};

const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 190;

/// Looks at every `@`.
pub(super) fn look(seen: &mut Seen<'_>) {
    if !seen.wants(Entity::Email) {
        return;
    }
    let mut done = 0;
    for place in memchr::memchr_iter(b'@', seen.text) {
        if place < done {
            continue;
        }
        if let Some((start, end)) = address(seen.text, place) {
            seen.add(Entity::Email, start, end);
            done = end;
        }
    }
}

fn address(text: &[u8], sign: usize) -> Option<(usize, usize)> {
    let before = text.get(..sign)?;
    let is_local =
        |byte: &u8| Class::POINTED.has(*byte) || matches!(byte, b'+' | b'%' | b'\'' | b'&' | b'=' | b'*');
    let mut start = sign - before.iter().rev().take(LONGEST_LOCAL).take_while(|byte| is_local(byte)).count();
    // What quotes or joins the address is no part of it: `to=a@b.cd`, `'a@b.cd'`.
    if let Some(joint) =
        text.get(start..sign)?.iter().rposition(|byte| matches!(byte, b'=' | b'\'' | b'&' | b'*'))
    {
        start += joint + 1;
    }
    while start < sign && matches!(at(text, start), b'.' | b'-' | b'+' | b'%') {
        start += 1;
    }
    let local = text.get(start..sign)?;
    // `git@…` is whom repositories are fetched from.
    if local.is_empty() || local.last() == Some(&b'.') || local == b"git" {
        return None;
    }
    let end = domain(text, sign + 1)?;
    // The first letter after an escape that a program wrote: `\nsomeone@…`.
    let escaped = start >= 1
        && at(text, start - 1) == b'\\'
        && local.len() > 1
        && matches!(at(text, start), b'n' | b'r' | b't');
    Some((start + usize::from(escaped), end))
}

/// Where a domain ends that begins at a place: labels with points between, and a top level of letters.
fn domain(text: &[u8], start: usize) -> Option<usize> {
    let run = Class(Class::ALNUM.0 | 64 | 128).run(text, start, LONGEST_DOMAIN);
    let mut end = start + run;
    loop {
        let domain = text.get(start..end)?;
        let point = memchr::memrchr(b'.', domain)?;
        let top = domain.get(point + 1..)?;
        let letters = top.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let is_top = letters >= 2 && letters == top.len() && !is_file(top);
        let labels = domain.get(..point)?.split(|byte| *byte == b'.');
        let good = labels
            .clone()
            .all(|label| !label.is_empty() && label.first() != Some(&b'-') && label.last() != Some(&b'-'));
        if is_top && good {
            return Some(end);
        }
        if top.starts_with(b"xn--") && good && top.len() > 6 {
            return Some(end);
        }
        // A sentence may go on right behind the address, or its end be a hyphen.
        end = if letters >= 2 && at(top, letters) == b'-' {
            start + point + 1 + letters
        } else {
            start + point
        };
        if end <= start {
            return None;
        }
    }
}

/// `logo@2x.png` is a file.
fn is_file(top: &[u8]) -> bool {
    const FILES: [&[u8]; 8] = [b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"js"];
    FILES.contains(&top)
}
