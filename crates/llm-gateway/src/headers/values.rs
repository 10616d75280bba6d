//! Values of headers that are numbers: many are in each answer, so that all of an answer lie in one piece of memory.

use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use http::header::HeaderValue;
use llm_core::money::NanoDollars;

/// Digits of all values of an answer, with room for those of a caller with limits.
const ROOM: usize = 256;

/// Makes the values of an answer's headers.
#[derive(Default)]
pub(crate) struct Values(BytesMut);

impl Values {
    /// A whole number.
    pub(crate) fn number(&mut self, number: u64) -> HeaderValue {
        self.digits(number);
        self.taken()
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
