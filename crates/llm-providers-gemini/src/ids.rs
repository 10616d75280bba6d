//! Ids of calls where the vendor gives none: made from what the answer says, so that the same answer gets the same
//! ids, and never sent to a vendor of this format, which matches results by name and order.

use std::fmt::Display;

const PREFIX: &str = "gwcall_";

/// An id for the call at a place, among others of the same answer and of other answers.
pub(crate) fn made(parts: &[&dyn Display]) -> String {
    // FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.to_string().bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("{PREFIX}{hash:016x}")
}

/// The id as a vendor or client of this format sees it; `None` for one that was made here.
pub(crate) fn shown(id: &str) -> Option<&str> {
    (!id.is_empty() && !id.starts_with(PREFIX)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_ids_are_stable_differ_by_place_and_are_not_shown() {
        assert_eq!(made(&[&"resp", &0]), made(&[&"resp", &0]));
        assert_ne!(made(&[&"resp", &0]), made(&[&"resp", &1]));
        assert_ne!(made(&[&"ab", &"c"]), made(&[&"a", &"bc"]));
        assert_eq!(shown(&made(&[&1])), None);
        assert_eq!(shown("call_1"), Some("call_1"));
    }
}
