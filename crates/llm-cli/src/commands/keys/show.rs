//! Keys as people read them.

use jiff::Timestamp;
use serde_json::Value;

use crate::numbers::{NOTHING, count, dollars, short};
use crate::sparkline::bar;
use crate::table::{Entry, Head, Look, Sheet};
use crate::terminal::Terminal;

/// Keys in a table.
pub(super) fn table(keys: &[Value], terminal: Terminal) -> String {
    if keys.is_empty() {
        return "there are no keys: `llm keys create --alias NAME` makes one\n".to_owned();
    }
    let heads = [
        Head::Left("alias"),
        Head::Whole("key"),
        Head::Left("of"),
        Head::Left("models"),
        Head::Right("spent"),
        Head::Whole("budget"),
        Head::Left("limits"),
        Head::Whole("status"),
    ];
    let mut sheet = Sheet::new(terminal, &heads);
    for key in keys {
        sheet.row([
            Entry::new(key["key_alias"].as_str().unwrap_or(NOTHING), Look::Name),
            Entry::new(key["key_name"].as_str().unwrap_or(NOTHING), Look::Faint),
            owner(key).into(),
            models(key).into(),
            Entry::new(dollars(key["spend"].as_f64().unwrap_or(0.0)), Look::Strong),
            budget(key),
            limits(key).into(),
            status(key, Timestamp::now()),
        ]);
    }
    sheet.finish()
}

/// Everything about a key that is of interest.
pub(super) fn card(key: &Value, terminal: Terminal) -> String {
    let mut sheet = Sheet::new(terminal, &[Head::Whole(""), Head::Left("")]);
    let text = |name: &str| key[name].as_str().unwrap_or(NOTHING).to_owned();
    sheet.head(vec![Entry::new("alias", Look::Strong), Entry::new(text("key_alias"), Look::Name)]);
    sheet.row([Entry::new("key", Look::Strong), text("key_name").into()]);
    sheet.row([Entry::new("hash", Look::Strong), Entry::new(text("token"), Look::Faint)]);
    sheet.row([Entry::new("status", Look::Strong), status(key, Timestamp::now())]);
    sheet.row([Entry::new("of", Look::Strong), owner(key).into()]);
    sheet.row([Entry::new("models", Look::Strong), models(key).into()]);
    sheet.row([Entry::new("spent", Look::Strong), dollars(key["spend"].as_f64().unwrap_or(0.0)).into()]);
    sheet.row([Entry::new("budget", Look::Strong), budget(key)]);
    sheet.row([Entry::new("limits", Look::Strong), limits(key).into()]);
    for (name, field) in [
        ("begins again", "budget_reset_at"),
        ("expires", "expires"),
        ("made", "created_at"),
        ("changed", "updated_at"),
    ] {
        sheet.row([Entry::new(name, Look::Strong), text(field).into()]);
    }
    sheet.finish()
}

fn owner(key: &Value) -> String {
    let of = |name: &str, kind: &str| key[name].as_str().map(|id| format!("{kind} {id}"));
    let all = [of("team_id", "team"), of("user_id", "user")];
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() { NOTHING.to_owned() } else { all.join(", ") }
}

fn models(key: &Value) -> String {
    let names: Vec<&str> = key["models"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match names.as_slice() {
        [] => "all".to_owned(),
        [first, second, third, more @ ..] if more.len() > 1 => {
            format!("{first}, {second}, {third} and {} more", more.len())
        }
        names => names.join(", "),
    }
}

fn budget(key: &Value) -> Entry {
    let Some(most) = key["max_budget"].as_f64() else { return Entry::new(NOTHING, Look::Faint) };
    let share = if most > 0.0 { key["spend"].as_f64().unwrap_or(0.0) / most } else { 1.0 };
    let look = match share {
        _ if share >= 1.0 => Look::Bad,
        _ if share >= 0.8 => Look::Warn,
        _ => Look::Good,
    };
    let each = key["budget_duration"].as_str().map_or_else(String::new, |time| format!("/{time}"));
    Entry::new(format!("{} {}{each}", bar(share, 6), dollars(most)), look)
}

fn limits(key: &Value) -> String {
    let limit = |name: &str, unit: &str, show: fn(u64) -> String| {
        Some(format!("{} {unit}", show(key[name].as_u64()?)))
    };
    let all = [
        limit("rpm_limit", "rpm", count),
        limit("tpm_limit", "tpm", short),
        limit("max_parallel_requests", "at a time", count),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() { NOTHING.to_owned() } else { all.join(", ") }
}

fn status(key: &Value, now: Timestamp) -> Entry {
    let expires = key["expires"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    match (key["blocked"].as_bool(), expires) {
        (Some(true), _) => Entry::new("blocked", Look::Bad),
        (_, Some(time)) if time <= now => Entry::new("expired", Look::Bad),
        (_, Some(time)) => {
            let is_soon = time.duration_since(now) < jiff::SignedDuration::from_hours(24);
            let shown =
                if is_soon { time.strftime("until %H:%M UTC") } else { time.strftime("until %Y-%m-%d") };
            Entry::new(shown.to_string(), Look::Warn)
        }
        _ => Entry::new("active", Look::Good),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_stand_in_a_table() {
        let keys = [
            json!({
                "key_alias": "ada", "key_name": "sk-...abcd", "team_id": "research", "models": ["smart", "fast"],
                "spend": 4.5, "max_budget": 5.0, "budget_duration": "30d", "rpm_limit": 60, "blocked": false,
            }),
            json!({"key_alias": null, "key_name": "sk-...wxyz", "models": [], "spend": 0.0, "blocked": true}),
        ];
        insta::assert_snapshot!(table(&keys, Terminal::plain(120)));
    }

    #[test]
    fn a_key_that_ends_says_when() {
        let key = json!({"expires": "2026-11-22T00:00:00Z"});
        let of = |time: &str| status(&key, time.parse().expect("a time"));
        assert_eq!(of("2026-11-20T00:00:00Z"), Entry::new("until 2026-11-22", Look::Warn));
        assert_eq!(of("2026-11-21T12:00:00Z"), Entry::new("until 00:00 UTC", Look::Warn));
        assert_eq!(of("2026-11-23T00:00:00Z"), Entry::new("expired", Look::Bad));
    }
}
