//! Addresses of machines: IPv4, IPv6 and MAC.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::entities::Entity;
use super::number::Groups;
use super::{Found, Seen};
use crate::bytes::{Class, at, before};

/// Looks at every colon: IPv6 and MAC addresses have them.
pub(super) fn look(seen: &mut Seen<'_>) {
    if !seen.wants(Entity::Ip) && !seen.wants(Entity::Mac) {
        return;
    }
    let text = seen.text;
    let mut done = 0;
    for colon in memchr::memchr_iter(b':', text) {
        if colon < done || !may_join(text, colon) {
            continue;
        }
        let start = colon - address(text, colon, true);
        let end = colon + address(text, colon, false);
        done = end;
        if end - start > 45 || end - start < 3 || joined(text, start, end) {
            continue;
        }
        // The end of a sentence.
        let end =
            end - usize::from(matches!(before(text, end), b'.' | b':') && before(text, end - 1) != b':');
        let Some(words) = text.get(start..end).filter(|words| has_two_colons(words)) else { continue };
        let Some(words) = std::str::from_utf8(words).ok() else { continue };
        if is_mac(words.as_bytes(), b':') {
            seen.add(Entity::Mac, start, end);
        } else if words.parse::<Ipv6Addr>().is_ok_and(|address| is_somebody(IpAddr::V6(address))) {
            seen.add(Entity::Ip, start, end);
        }
    }
}

/// Whether a colon may stand in an address: most of those in JSON and in times of day do not.
fn may_join(text: &[u8], colon: usize) -> bool {
    let next = at(text, colon + 1);
    next == b':'
        || (Class::HEX.has(before(text, colon)) && Class::HEX.has(next))
        || before(text, colon) == b':'
}

/// Shorter than any address is what has one colon alone.
fn has_two_colons(words: &[u8]) -> bool {
    memchr::memchr_iter(b':', words).nth(1).is_some()
}

/// How many letters of an address stand before or from a place on.
fn address(text: &[u8], place: usize, backward: bool) -> usize {
    let belongs = |byte: &&u8| Class::HEX.has(**byte) || matches!(**byte, b':' | b'.');
    if backward {
        text.get(..place).unwrap_or_default().iter().rev().take(48).take_while(belongs).count()
    } else {
        text.get(place..).unwrap_or_default().iter().take(48).take_while(belongs).count()
    }
}

fn joined(text: &[u8], start: usize, end: usize) -> bool {
    let joins = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    joins(before(text, start)) || joins(at(text, end))
}

/// Not a machine's own address, a mask or none.
fn is_somebody(address: IpAddr) -> bool {
    let is_mask =
        matches!(address, IpAddr::V4(address) if address.octets()[0] == 255 || address.octets()[0] == 0);
    let short = matches!(address, IpAddr::V6(address) if address.segments()[..6] == [0; 6]);
    !address.is_loopback() && !address.is_unspecified() && !is_mask && !short
}

fn is_mac(text: &[u8], separator: u8) -> bool {
    let pairs = text.split(|byte| *byte == separator);
    let good = text.len() == 17
        && pairs.clone().all(|pair| pair.len() == 2 && pair.iter().all(|byte| Class::HEX.has(*byte)));
    let same = text.iter().all(|byte| matches!(byte, b'0' | b':' | b'-'))
        || text.iter().all(|byte| matches!(byte, b'f' | b'F' | b':' | b'-'));
    good && pairs.count() == 6 && !same
}

/// Four numbers with points between.
pub(super) fn version_4(seen: &Seen<'_>, groups: &Groups) -> Found {
    let dotted = (0..3).all(|gap| groups.separator(gap) == b'.') && groups.count >= 4;
    if !dotted || groups.separator(3) == b'.' || groups.length(0) > 3 {
        return None;
    }
    let (start, end) = (groups.start(), groups.end(3));
    let text = seen.text;
    let next = at(text, end);
    let ends = !(next.is_ascii_alphanumeric()
        || next == b'_'
        || next == b'-' && at(text, end + 1).is_ascii_alphanumeric());
    let address: Ipv4Addr = std::str::from_utf8(text.get(start..end)?).ok()?.parse().ok()?;
    let is_version = seen
        .says(start, &["version", "v", "release", "ver", "版本", "build", "upgrade to", "section", "oid"]);
    (ends && is_somebody(IpAddr::V4(address)) && !is_version && before(text, start) != b'-').then_some((
        Entity::Ip,
        start,
        end,
    ))
}

/// MAC addresses with hyphens.
pub(super) fn hyphenated(seen: &Seen<'_>, start: usize, end: usize) -> Found {
    let text = seen.text;
    if end - start != 2 || (at(text, end) != b'-' && before(text, start) != b'-') {
        return None;
    }
    let belongs = |byte: &&u8| Class::HEX.has(**byte) || **byte == b'-';
    let from = start - text.get(..start)?.iter().rev().take(18).take_while(belongs).count();
    let to = start + text.get(start..)?.iter().take(18).take_while(belongs).count();
    (!joined(text, from, to) && is_mac(text.get(from..to)?, b'-')).then_some((Entity::Mac, from, to))
}
