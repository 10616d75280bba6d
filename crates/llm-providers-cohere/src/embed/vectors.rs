//! Vectors as numbers and as base64 of little-endian 32-bit floats.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llm_core::RawJson;

use crate::wire::Malformed;

/// Reads a vector of floats, in either form.
pub(super) fn floats(raw: &RawJson) -> Result<Vec<f32>, Malformed> {
    if let Ok(text) = raw.read::<String>() {
        return of_base64(&text).ok_or_else(|| Malformed::new("", "expected base64 of 32-bit floats"));
    }
    raw.read().map_err(|_| Malformed::new("", "expected a list of numbers"))
}

fn of_base64(text: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (chunks, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
}

/// Writes a vector as base64.
pub(super) fn to_base64(vector: &[f32]) -> String {
    STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}

/// Reads a vector of whole numbers.
pub(super) fn packed(raw: &RawJson) -> Result<Vec<i16>, Malformed> {
    raw.read().map_err(|_| Malformed::new("", "expected a list of whole numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let vector = vec![0.5, -1.25, 3.0];
        let base64 = RawJson::string(&to_base64(&vector));
        assert_eq!(floats(&base64), Ok(vector.clone()));
        assert_eq!(floats(&RawJson::parse("[0.5,-1.25,3]").expect("valid")), Ok(vector));
        assert!(floats(&RawJson::string("AAA=")).is_err());
    }
}
