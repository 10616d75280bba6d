//! What vendors say that a call cost, in the spellings that both formats have seen; whole numbers throughout.

use llm_core::money::NanoDollars;
use llm_core::{RawJson, RawObject};
use serde_json::value::RawValue;

/// The members of a `usage` object that may hold the cost, the better one first.
pub(crate) const KEYS: [&str; 2] = ["cost", "cost_in_usd_ticks"];

/// The cost in nano-dollars: a number of dollars, the total of an object, or ticks of 10⁻¹⁰ dollars.
pub(crate) fn read(key: &str, raw: &RawValue) -> Option<i64> {
    read_text(key, raw.get())
}

/// The same of a JSON text.
pub(crate) fn read_text(key: &str, text: &str) -> Option<i64> {
    if key == "cost_in_usd_ticks" {
        return text.parse::<u64>().ok().and_then(|ticks| i64::try_from(ticks / 10).ok());
    }
    let total: Option<RawObject> = if text.starts_with('{') { serde_json::from_str(text).ok() } else { None };
    let total = total.as_ref().and_then(|object| object.get("total_cost"));
    NanoDollars::parse(total.map_or(text, RawJson::get)).map(|cost| cost.0)
}

/// The cost in dollars, as it is shown.
pub(crate) fn shown(nano: i64) -> RawJson {
    RawJson::parse(NanoDollars(nano).to_string()).expect("a plain decimal is a number of JSON")
}
