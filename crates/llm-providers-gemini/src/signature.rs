//! Thought signatures. The field holds base64, so state of other formats goes through clients as base64 of its seal.
//!
//! After <https://ai.google.dev/gemini-api/docs/thought-signatures>.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};
use llm_core::message::{Opaque, OpaqueKind};

use crate::GENERATE;

/// What the base64 of every seal begins with, whatever follows; a body without it holds no sealed state.
pub(crate) const SEALED: &str = "bGxtZ3cxL";

/// Let a vendor take calls that another vendor's model made, without a signature of its own. The documented value.
pub(crate) const SKIP: &str = "skip_thought_signature_validator";

/// State on a part that shows its thoughts, or on a call.
pub(crate) const OF_THOUGHT: OpaqueKind = OpaqueKind::Signature;

/// State on a part of the answer itself: it stands behind that part as thinking without words.
pub(crate) const OF_ANSWER: OpaqueKind = OpaqueKind::Encrypted;

/// A vendor's signature.
pub(crate) fn of_vendor(kind: OpaqueKind, data: String) -> Opaque {
    Opaque { origin: GENERATE, kind, data }
}

/// What a client sent back: ours unsealed, anything else its own.
pub(crate) fn of_client(kind: OpaqueKind, data: String) -> Opaque {
    let sealed = data.starts_with(SEALED).then(|| lenient(&data)).flatten();
    let sealed = sealed.and_then(|bytes| String::from_utf8(bytes).ok());
    sealed.and_then(|text| Opaque::unseal(&text)).unwrap_or_else(|| of_vendor(kind, data))
}

/// What a client gets to see.
pub(crate) fn for_client(state: &Opaque) -> String {
    if state.origin == GENERATE { state.data.clone() } else { STANDARD.encode(state.seal()) }
}

/// Base64 in the standard form: SDKs write bytes in the alphabet for addresses, or without padding.
pub(crate) fn standard(data: &str) -> String {
    let mut data = data.replace('-', "+").replace('_', "/");
    while !data.is_empty() && !data.len().is_multiple_of(4) {
        data.push('=');
    }
    data
}

fn lenient(data: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet::STANDARD, config).decode(standard(data)).ok()
}

#[cfg(test)]
mod tests {
    use llm_core::message::SEAL;

    use super::*;

    #[test]
    fn state_of_others_comes_back_in_any_alphabet() {
        let origin = llm_core::DialectId::new("acme.chat");
        let state = Opaque { origin, kind: OpaqueKind::Redacted, data: "~~~???>>>".into() };
        let shown = for_client(&state);
        assert!(shown.starts_with(SEALED) && STANDARD.encode(SEAL).starts_with(SEALED));
        for sent in [shown.clone(), shown.replace('+', "-").replace('/', "_"), shown.replace('=', "")] {
            assert_eq!(of_client(OF_THOUGHT, sent), state);
        }
    }

    #[test]
    fn a_vendors_own_signature_stays_byte_for_byte() {
        let state = of_client(OF_ANSWER, "CqkSAY89a1_vb-x".into());
        assert_eq!(for_client(&state), "CqkSAY89a1_vb-x");
        assert_eq!(standard("-_8"), "+/8=");
    }
}
