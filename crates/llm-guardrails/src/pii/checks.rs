//! Check digits and characters, each after the document that defines it.

/// Luhn: ISO/IEC 7812-1, annex B.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            if place % 2 == 0 { digit } else { digit * 2 - if digit > 4 { 9 } else { 0 } }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The sum of digits with weights.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// ISO 7064 mod 97 over letters (10 to 35) and digits, as IBANs have it: 1 when it is right.
pub(super) fn mod_97(letters: impl Iterator<Item = u8>) -> u32 {
    letters.fold(0, |rest, letter| match letter {
        b'0'..=b'9' => (rest * 10 + u32::from(letter - b'0')) % 97,
        _ => (rest * 100 + u32::from(letter.to_ascii_uppercase().wrapping_sub(b'A')) + 10) % 97,
    })
}

/// ISO 7064 mod 11,10: the German tax id.
pub(super) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(*check)
}

/// Verhoeff: Aadhaar.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    // Of the dihedral group of ten elements.
    let product = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + (b - 5)) % 5 + 5,
        (false, true) => ((a - 5) + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    const ONCE: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let permuted = |digit: u8, times: usize| {
        (0..times % 8).fold(digit, |digit, _| ONCE.get(usize::from(digit)).copied().unwrap_or(0))
    };
    let folded =
        digits.iter().rev().enumerate().fold(0, |sum, (place, digit)| product(sum, permuted(*digit, place)));
    folded == 0
}

/// Two check digits of mod 11 at the end: CPF and CNPJ.
pub(super) fn two_of_mod_11(digits: &[u8], highest_weight: u32) -> bool {
    let check = |count: usize| {
        let body = digits.get(..count).unwrap_or_default();
        let weight = |place: usize| (place as u32) % (highest_weight - 1) + 2;
        let sum: u32 =
            body.iter().rev().enumerate().map(|(place, digit)| u32::from(*digit) * weight(place)).sum();
        let rest = sum % 11;
        let wanted = if rest < 2 { 0 } else { 11 - rest };
        digits.get(count).is_some_and(|digit| u32::from(*digit) == wanted)
    };
    digits.len() > 2 && check(digits.len() - 2) && check(digits.len() - 1)
}

/// Whether all digits are the same, or each is one more than the last: what people type instead of a number.
pub(super) fn is_made_up(digits: &[u8]) -> bool {
    let pairs = || digits.iter().zip(digits.iter().skip(1));
    pairs().all(|(first, second)| first == second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| byte - b'0').collect()
    }

    #[test]
    fn published_examples_are_right_and_their_neighbours_wrong() {
        assert!(luhn(&digits("4111111111111111")) && !luhn(&digits("4111111111111112")));
        assert_eq!(mod_97(b"3214282912345698765432161182".iter().copied()), 1);
        assert!(verhoeff(&digits("2363")) && !verhoeff(&digits("2364")));
        assert!(mod_11_10(&digits("86095742719")) && !mod_11_10(&digits("86095742718")));
        assert!(two_of_mod_11(&digits("52998224725"), 12) && !two_of_mod_11(&digits("52998224724"), 12));
        assert!(two_of_mod_11(&digits("11222333000181"), 9) && !two_of_mod_11(&digits("11222333000182"), 9));
    }
}
