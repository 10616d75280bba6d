//! Values of headers that are numbers: many are in each answer, so that all of an answer lie in one piece of memory.

use std::cell::RefCell;
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use http::header::HeaderValue;
use llm_core::money::NanoDollars;

/// Digits of all values of an answer, with room for those of a caller with limits.
const ROOM: usize = 256;

/// How many numbers each thread remembers that come again with each answer; a power of two.
const KNOWN: usize = 16;

thread_local! {
    /// Limits and caps by their number and whether it is money, each in the place that its digits choose.
    static REMEMBERED: RefCell<[Option<(u64, bool, HeaderValue)>; KNOWN]> =
        const { RefCell::new([const { None }; KNOWN]) };
}

/// Makes the values of an answer's headers.
#[derive(Default)]
pub(crate) struct Values(BytesMut);

impl Values {
    /// A whole number.
    pub(crate) fn number(&mut self, number: u64) -> HeaderValue {
        self.digits(number);
        self.taken()
    }

    /// A limit: it is the same in each answer to its callers.
    pub(crate) fn limit(&mut self, limit: u64) -> HeaderValue {
        known((limit, false), || HeaderValue::from(limit))
    }

    /// A cap, in the same way.
    pub(crate) fn cap(&mut self, cap: NanoDollars) -> HeaderValue {
        known((cap.0.cast_unsigned(), true), || self.dollars(cap))
    }

    /// An amount as it is shown everywhere, without a formatter.
    pub(crate) fn dollars(&mut self, amount: NanoDollars) -> HeaderValue {
        const PARTS: u64 = 1_000_000_000;
        if amount.0 < 0 {
            self.text(b"-");
        }
        let all = amount.0.unsigned_abs();
        self.digits(all / PARTS);
        self.text(b".");
        // The leading one keeps the zeros after the point, and is left out.
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(PARTS + all % PARTS).get(1..).unwrap_or_default();
        let short = digits.trim_end_matches('0');
        self.text(if short.is_empty() { b"0" } else { short.as_bytes() });
        self.taken()
    }

    /// Milliseconds with three digits after the point.
    pub(crate) fn milliseconds(&mut self, time: Duration) -> HeaderValue {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.digits(micros / 1_000);
        self.text(b".");
        let mut digits = itoa::Buffer::new();
        self.text(digits.format(1_000 + micros % 1_000).get(1..).unwrap_or_default().as_bytes());
        self.taken()
    }

    /// Whole seconds with their unit.
    pub(crate) fn seconds(&mut self, seconds: u64) -> HeaderValue {
        self.digits(seconds);
        self.text(b"s");
        self.taken()
    }

    fn digits(&mut self, number: u64) {
        self.text(itoa::Buffer::new().format(number).as_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        if self.0.capacity() - self.0.len() < text.len() {
            self.0.reserve(ROOM);
        }
        self.0.put_slice(text);
    }

    /// What was written since the last value.
    fn taken(&mut self) -> HeaderValue {
        let value = HeaderValue::from_maybe_shared(self.0.split().freeze());
        value.unwrap_or(HeaderValue::from_static("0"))
    }
}

/// The value of a number that may have been written before.
fn known((number, is_money): (u64, bool), write: impl FnOnce() -> HeaderValue) -> HeaderValue {
    // The upper bits of a product with an odd number are of all of its bits.
    let place = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - KNOWN.ilog2());
    REMEMBERED.with_borrow_mut(|remembered| match &mut remembered[place as usize % KNOWN] {
        Some((known, of_money, value)) if *known == number && *of_money == is_money => value.clone(),
        other => other.insert((number, is_money, write())).2.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_as_everywhere() {
        let mut values = Values::default();
        for amount in [0, 1, -1, 75_000, 1_500_000_000, 3_000_000_000, i64::MAX, i64::MIN].map(NanoDollars) {
            assert_eq!(values.dollars(amount), amount.to_string());
        }
    }

    #[test]
    fn limits_are_shown_as_any_number_is() {
        let mut values = Values::default();
        for number in (0..40).chain([u64::MAX, 1_000_000]).chain(0..40) {
            assert_eq!(values.limit(number), number.to_string());
            let cap = NanoDollars(number.cast_signed());
            assert_eq!(values.cap(cap), cap.to_string());
        }
    }

    #[test]
    fn values_of_one_answer_do_not_run_into_each_other() {
        let mut values = Values::default();
        let numbers: Vec<HeaderValue> = (0..500).map(|number| values.number(number)).collect();
        let shown = numbers.iter().map(|value| value.to_str().expect("digits").to_owned());
        assert!(shown.eq((0..500).map(|number| number.to_string())));
        assert_eq!(values.milliseconds(Duration::from_micros(1_234_567)), "1234.567");
        assert_eq!(values.milliseconds(Duration::ZERO), "0.000");
        assert_eq!(values.seconds(60), "60s");
    }
}
