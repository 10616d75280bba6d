//! Dollars as clients write them, and money as it is counted.

use llm_core::money::NanoDollars;
use serde_json::Value;

/// Reads a number of dollars, or a text that is one. `None`: it is none, negative, or too large to be counted.
pub(crate) fn read(value: &Value) -> Option<NanoDollars> {
    let amount = match value {
        Value::Number(number) => NanoDollars::parse(&number.to_string()),
        Value::String(text) => NanoDollars::parse(text),
        _ => None,
    };
    amount.filter(|amount| amount.0 < i64::MAX)
}

/// Money as a number of dollars.
pub(crate) fn show(amount: NanoDollars) -> Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "below nine million dollars it is exact; clients read doubles"
    )]
    let dollars = amount.0 as f64 / 1e9;
    Value::from(dollars)
}

/// Money as a number of dollars, or `null`.
pub(crate) fn show_some(amount: Option<NanoDollars>) -> Value {
    amount.map_or(Value::Null, show)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dollars_are_read_without_loss_and_shown_as_they_were() {
        for (value, nano) in [
            (json!(0), 0),
            (json!(10), 10_000_000_000),
            (json!(0.1), 100_000_000),
            (json!(1e-9), 1),
            (json!("2.5"), 2_500_000_000),
        ] {
            assert_eq!(read(&value), Some(NanoDollars(nano)), "{value}");
        }
        assert_eq!(show(NanoDollars(100_000_001)).to_string(), "0.100000001");
        for value in [json!(-1), json!(1e300), json!("much"), json!([]), json!(null), json!(true)] {
            assert_eq!(read(&value), None, "{value}");
        }
    }
}
