//! Money in whole numbers: prices in pico-dollars a token, costs in nano-dollars.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// Nano-dollars (10⁻⁹ $) in a stored amount; never a float. Stores keep the whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NanoDollars(pub i64);

/// Pico-dollars (10⁻¹² $): the price of one token, or a sum of such before it is rounded once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoDollars(pub u128);

impl PicoDollars {
    /// The price of `count` units.
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(u128::from(count)))
    }

    /// Rounded half up to nano-dollars; done once for a call.
    pub fn round(self) -> NanoDollars {
        NanoDollars(i64::try_from(self.0.saturating_add(500) / 1000).unwrap_or(i64::MAX))
    }

    /// Reads a decimal number of dollars (`0.0000025`, `2.5e-06`) without passing through a float.
    /// Digits below a pico-dollar are rounded half up. `None`: no number, negative, or too large.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let digits: String = [whole, fraction].concat();
        if digits.len() > 36 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let value: u128 = digits.parse().ok()?;
        let shift = exponent.checked_add(12)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        scale(value, shift).map(Self)
    }
}

impl NanoDollars {
    /// Reads a decimal number of dollars as [`PicoDollars::parse`] does, and rounds it.
    pub fn parse(text: &str) -> Option<Self> {
        PicoDollars::parse(text).map(PicoDollars::round)
    }
}

/// `value · 10^shift`, rounded half up.
fn scale(value: u128, shift: i32) -> Option<u128> {
    if value == 0 {
        return Some(0);
    }
    let power = 10u128.checked_pow(shift.unsigned_abs());
    if shift >= 0 {
        return value.checked_mul(power?);
    }
    Some(power.map_or(0, |power| value / power + u128::from(value % power >= power.div_ceil(2))))
}

impl Add for PicoDollars {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for PicoDollars {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

impl Add for NanoDollars {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NanoDollars {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Dollars as a plain decimal without trailing zeros: `0.000075`.
impl fmt::Display for NanoDollars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        let text = format!("{sign}{}.{:09}", amount / 1_000_000_000, amount % 1_000_000_000);
        let short = text.trim_end_matches('0');
        formatter.pad(if short.ends_with('.') { &text[..=short.len()] } else { short })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_and_exponents_read_exactly() {
        for (text, pico) in
            [("2.5e-06", 2_500_000), ("0.0000025", 2_500_000), ("1e-12", 1), ("3", 3_000_000_000_000)]
        {
            assert_eq!(PicoDollars::parse(text), Some(PicoDollars(pico)), "{text}");
        }
        for text in ["", ".", "-1", "abc", "1e99", "1.2.3"] {
            assert_eq!(PicoDollars::parse(text), None, "{text}");
        }
    }

    #[test]
    fn rounding_is_half_up_and_once() {
        assert_eq!(PicoDollars(1_499).round(), NanoDollars(1));
        assert_eq!(PicoDollars(1_500).round(), NanoDollars(2));
    }

    #[test]
    fn dollars_are_shown_plainly() {
        assert_eq!(NanoDollars(75_000).to_string(), "0.000075");
        assert_eq!(NanoDollars(0).to_string(), "0.0");
        assert_eq!(NanoDollars(-1_500_000_000).to_string(), "-1.5");
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}") {
            let _ = PicoDollars::parse(&text);
        }

        #[test]
        fn whole_pico_dollars_survive(pico in 0u64..1_000_000_000_000_000) {
            let text = format!("{}.{:012}", pico / 1_000_000_000_000, pico % 1_000_000_000_000);
            prop_assert_eq!(PicoDollars::parse(&text), Some(PicoDollars(u128::from(pico))));
        }
    }
}
