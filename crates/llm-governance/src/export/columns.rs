//! The columns of tables: members of a row, and what is in them.

/// A column.
#[derive(Clone, Copy)]
pub(super) struct Column {
    /// The member of [`LedgerRow`](crate::LedgerRow).
    pub(super) name: &'static str,
    /// What its values are.
    pub(super) kind: Kind,
    /// Whether rows may have none.
    pub(super) optional: bool,
}

/// What the values of a column are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// A list, or an object: its JSON.
    Json,
    /// A whole number.
    Count,
    /// A whole number that is never large.
    Small,
    /// Microseconds since 1970, UTC.
    Moment,
    /// Nano-dollars.
    Money,
    /// Yes or no.
    Flag,
}

/// All that a row says, so that an archive as a table loses nothing; what is of less interest stands last.
pub(super) const COLUMNS: [Column; 40] = [
    each("id", Kind::Text),
    some("vendor_id", Kind::Text),
    each("started", Kind::Moment),
    each("took_micros", Kind::Count),
    some("first_content_micros", Kind::Count),
    each("call_type", Kind::Text),
    each("dialect", Kind::Text),
    some("key", Kind::Text),
    some("key_alias", Kind::Text),
    some("user_id", Kind::Text),
    some("team_id", Kind::Text),
    some("team_alias", Kind::Text),
    some("organization_id", Kind::Text),
    some("customer", Kind::Text),
    each("tags", Kind::Json),
    some("session_id", Kind::Text),
    some("ip", Kind::Text),
    some("user_agent", Kind::Text),
    each("model", Kind::Text),
    each("model_group", Kind::Text),
    each("deployment", Kind::Text),
    each("upstream_model", Kind::Text),
    each("provider", Kind::Text),
    each("attempts", Kind::Small),
    each("fallbacks", Kind::Small),
    each("prompt_tokens", Kind::Count),
    each("completion_tokens", Kind::Count),
    each("estimated", Kind::Flag),
    each("cost", Kind::Money),
    each("status", Kind::Small),
    each("ending", Kind::Text),
    some("error", Kind::Text),
    each("cache_hit", Kind::Flag),
    each("usage", Kind::Json),
    each("stream", Kind::Flag),
    each("api_base", Kind::Text),
    each("prices", Kind::Json),
    each("charges", Kind::Json),
    each("metadata", Kind::Json),
    each("trail", Kind::Json),
];

/// A column of which each row has a value.
const fn each(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, optional: false }
}

/// A column of which some rows have a value.
const fn some(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, optional: true }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use llm_core::money::NanoDollars;
    use serde_json::Value;

    use super::*;
    use crate::ledger::LedgerRow;
    use crate::time::Timestamp;

    #[test]
    fn every_member_of_a_row_is_a_column_but_for_what_was_said() {
        let row = serde_json::to_value(LedgerRow::default()).expect("JSON");
        let members = row.as_object().expect("an object").keys().map(String::as_str);
        let missing = members.filter(|name| COLUMNS.iter().all(|column| column.name != *name));
        assert_eq!(missing.collect::<Vec<_>>(), ["request", "response"]);
    }

    #[test]
    fn every_column_is_a_member_of_a_row_and_of_its_kind() {
        let row = LedgerRow { cost: NanoDollars(1), started: Timestamp(1), ..LedgerRow::default() };
        let row = serde_json::to_value(row).expect("JSON");
        for Column { name, kind, optional } in COLUMNS {
            let value = row.get(name).unwrap_or_else(|| panic!("{name} is no member"));
            let fits = match kind {
                _ if optional => value.is_null(),
                Kind::Text => value.is_string(),
                Kind::Json => matches!(value, Value::Array(_) | Value::Object(_)),
                Kind::Count | Kind::Small | Kind::Moment | Kind::Money => value.is_i64(),
                Kind::Flag => value.is_boolean(),
            };
            assert!(fits, "{name}: {value}");
        }
    }
}
