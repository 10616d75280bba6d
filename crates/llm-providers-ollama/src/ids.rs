//! Ids of tool calls. Older versions of this format have none: calls get ids of ours then, which clients of other
//! formats carry and no server of this one sees.

use llm_core::message::{Opaque, SEAL};

/// What ids of ours begin with.
const MADE: &str = "gwcall_";

/// Between an id and the state of the call that travels with it.
const STATE: char = '#';

/// The id of the call with this number in a history.
pub(crate) fn numbered(number: usize) -> String {
    format!("{MADE}{number}")
}

/// The id of a call in an answer: the same for the same call of the same moment.
pub(crate) fn made<'a>(of: impl IntoIterator<Item = &'a str>, number: usize) -> String {
    // FNV-1a: nothing depends on it but that two calls of one conversation differ.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in of.into_iter().flat_map(|text| text.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{MADE}{hash:016x}_{number}")
}

/// The id for a server; `None` when it is ours.
pub(crate) fn for_vendor(id: &str) -> Option<&str> {
    Some(id).filter(|id| !id.is_empty() && !id.starts_with(MADE))
}

/// The id for a client, with the call's state; `None` when it is ours and there is no state.
pub(crate) fn for_client(id: &str, state: Option<&Opaque>) -> Option<String> {
    match state {
        Some(state) => Some(format!("{id}{STATE}{}", state.seal())),
        None => for_vendor(id).map(str::to_owned),
    }
}

/// Reads what [`for_client`] wrote.
pub(crate) fn from_client(id: &str) -> (&str, Option<Opaque>) {
    let sealed = id.rsplit_once(STATE).filter(|(_, state)| state.starts_with(SEAL));
    match sealed.and_then(|(id, state)| Some((id, Opaque::unseal(state)?))) {
        Some((id, state)) => (id, Some(state)),
        None => (id, None),
    }
}

#[cfg(test)]
mod tests {
    use llm_core::DialectId;
    use llm_core::message::OpaqueKind;

    use super::*;

    #[test]
    fn state_travels_in_the_id() {
        let origin = DialectId::new("acme.chat");
        let state = Opaque { origin, kind: OpaqueKind::Signature, data: "abc".to_owned() };
        let shown = for_client("call#1", Some(&state)).expect("an id");
        assert_eq!(from_client(&shown), ("call#1", Some(state)));
        assert_eq!(from_client("call#x"), ("call#x", None));
    }

    #[test]
    fn ids_of_ours_are_not_shown() {
        let id = made(["2026-01-01T00:00:00Z", "f", "{}"], 0);
        assert_ne!(id, made(["2026-01-01T00:00:01Z", "f", "{}"], 0));
        assert_eq!(for_client(&id, None), None);
        assert_eq!(for_vendor(&numbered(3)), None);
        assert_eq!(for_vendor("call_1"), Some("call_1"));
    }
}
