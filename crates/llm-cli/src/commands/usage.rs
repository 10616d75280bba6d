//! `llm usage`: what was used and spent, by one thing.

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use serde_json::Value;

use crate::backend::Backend;
use crate::commands::keys;
use crate::days::{day, last};
use crate::failure::Failure;
use crate::numbers::{NOTHING, count, dollars, percent, short};
use crate::sparkline::bar;
use crate::table::{Entry, Head, Look, Sheet};
use crate::terminal::{FAINT, STRONG, Terminal};

/// How many days are counted when nobody says.
const DAYS: u16 = 30;

/// Which usage.
#[derive(Args)]
#[command(after_help = "\
Examples:
  llm usage                                   the last 30 days, by model
  llm usage --group-by team --from 2026-11-01 --to 2026-11-30
  llm usage --group-by day --from 7d --model gpt-4o
  llm usage --group-by model --of-key ada     of the key with this alias
  llm usage --json | jq .total.cost

JSON: {\"group_by\", \"from\", \"to\", \"results\": [{<group>, requests, errors, prompt_tokens, completion_tokens, \
total_tokens, cost, average_latency_ms, average_time_to_first_token_ms, …}], \"total\": {…}}, as GET /usage answers. \
Days are those of UTC.")]
pub(crate) struct Usage {
    /// By what.
    #[arg(short, long, value_enum, default_value_t = Group::Model)]
    pub group_by: Group,
    /// The first day: 2026-11-01, today, yesterday, or days ago as 7d [default: 30 days].
    #[arg(long, value_parser = day)]
    pub from: Option<Date>,
    /// The last day [default: today].
    #[arg(long, value_parser = day)]
    pub to: Option<Date>,
    /// Only of this model.
    #[arg(short, long)]
    pub model: Option<String>,
    /// Only of this key: its alias, its hash, or the key itself.
    #[arg(long = "of-key", value_name = "KEY")]
    pub of_key: Option<String>,
    /// How many groups at most, the dearest first.
    #[arg(short, long, default_value = "50", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
}

/// What usage is grouped by.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    Model,
    UpstreamModel,
    Provider,
    Day,
    Key,
    User,
    Team,
    Organization,
    Customer,
    Tag,
}

impl Group {
    /// Its name in the management API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::UpstreamModel => "upstream_model",
            Self::Provider => "provider",
            Self::Day => "day",
            Self::Key => "key",
            Self::User => "user",
            Self::Team => "team",
            Self::Organization => "organization",
            Self::Customer => "customer",
            Self::Tag => "tag",
        }
    }
}

/// Prints it.
///
/// # Errors
/// When the gateway does not say.
pub(crate) async fn run(asked: &Usage, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let (from, until) = days(asked.from, asked.to)?;
    let mut path = path(asked.group_by, (from, until), asked.limit);
    if let Some(model) = &asked.model {
        path.push_str(&format!("&model={}", encoded(model)));
    }
    if let Some(key) = &asked.of_key {
        path.push_str(&format!("&key={}", encoded(&keys::hash_of(backend, key).await?)));
    }
    let usage = backend.get(&path).await?;
    if terminal.json {
        return terminal.print_json(&usage, false);
    }
    let names = match asked.group_by {
        Group::Key => keys::aliases(backend).await,
        _ => Vec::new(),
    };
    terminal.print(&shown(asked.group_by, &usage, &names, terminal))
}

/// The first and the last day.
///
/// # Errors
/// When they are in the wrong order.
fn days(from: Option<Date>, to: Option<Date>) -> Result<(Date, Date), Failure> {
    let (usual, today) = last(DAYS);
    let (from, until) = (from.unwrap_or(usual), to.unwrap_or(today));
    if from > until {
        return Err(Failure::usage(format!("--from {from} is after --to {until}")));
    }
    Ok((from, until))
}

/// Where the gateway says it.
pub(crate) fn path(by: Group, (from, until): (Date, Date), limit: u16) -> String {
    format!("/usage?group_by={}&from={from}&to={until}&limit={limit}", by.name())
}

/// A text in a query.
pub(crate) fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(letter).collect()
}

fn shown(by: Group, usage: &Value, names: &[(String, String)], terminal: Terminal) -> String {
    let text = |name: &str| usage[name].as_str().unwrap_or_default();
    let head = format!("{} to {}", text("from"), text("to"));
    let total = &usage["total"];
    let sums = format!(
        "{} · {} requests · {} errors · {} tokens",
        dollars(total["cost"].as_f64().unwrap_or(0.0)),
        count(total["requests"].as_u64().unwrap_or(0)),
        count(total["errors"].as_u64().unwrap_or(0)),
        short(total["total_tokens"].as_u64().unwrap_or(0)),
    );
    let results = usage["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    if results.is_empty() {
        return format!("{}  {}\n", terminal.paint(STRONG, head), terminal.paint(FAINT, "nothing was used"));
    }
    let table = table(by, results, total, names, terminal);
    format!("{}  {}\n{table}", terminal.paint(STRONG, head), terminal.paint(FAINT, sums))
}

/// The groups as a table, each with its share of what was spent.
pub(crate) fn table(
    by: Group,
    results: &[Value],
    total: &Value,
    names: &[(String, String)],
    terminal: Terminal,
) -> String {
    let heads = [
        Head::Left(by.name()),
        Head::Right("requests"),
        Head::Right("errors"),
        Head::Right("in"),
        Head::Right("out"),
        Head::Right("latency"),
        Head::Right("cost"),
        Head::Whole("share"),
    ];
    let mut sheet = Sheet::new(terminal, &heads);
    let all = total["cost"].as_f64().unwrap_or(0.0);
    for one in results {
        let number = |name: &str| one[name].as_u64().unwrap_or(0);
        let cost = one["cost"].as_f64().unwrap_or(0.0);
        let errors = number("errors");
        let share = if all > 0.0 { cost / all } else { 0.0 };
        sheet.row([
            name(one[by.name()].as_str().unwrap_or_default(), names),
            count(number("requests")).into(),
            Entry::new(count(errors), if errors > 0 { Look::Bad } else { Look::Faint }),
            short(number("prompt_tokens")).into(),
            short(number("completion_tokens")).into(),
            latency(&one["average_latency_ms"]).into(),
            Entry::new(dollars(cost), Look::Strong),
            Entry::new(format!("{} {:>7}", bar(share, 8), percent(cost, all)), Look::Name),
        ]);
    }
    sheet.finish()
}

fn name(id: &str, names: &[(String, String)]) -> Entry {
    if id.is_empty() {
        return Entry::new("(none)", Look::Faint);
    }
    match names.iter().find(|(known, _)| known == id) {
        Some((_, alias)) => Entry::new(alias, Look::Name),
        None if id.len() == 64 => Entry::new(format!("{}…", id.get(..12).unwrap_or(id)), Look::Faint),
        None => Entry::new(id, Look::Name),
    }
}

/// Milliseconds as people read them.
pub(crate) fn latency(milliseconds: &Value) -> String {
    let Some(milliseconds) = milliseconds.as_f64() else { return NOTHING.to_owned() };
    crate::numbers::time(std::time::Duration::from_secs_f64(milliseconds.max(0.0) / 1e3))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_have_their_share() {
        let group = |model: &str, cost: f64| {
            json!({
                "model": model, "requests": 1200, "errors": 3, "prompt_tokens": 45_000, "completion_tokens": 900,
                "average_latency_ms": 812.5, "cost": cost,
            })
        };
        let usage = json!({
            "from": "2026-11-01", "to": "2026-11-30",
            "results": [group("smart", 3.0), group("", 1.0)],
            "total": {"cost": 4.0, "requests": 2400, "errors": 6, "total_tokens": 91_800},
        });
        insta::assert_snapshot!(shown(Group::Model, &usage, &[], Terminal::plain(100)));
    }

    #[test]
    fn texts_of_a_query_are_encoded() {
        assert_eq!(encoded("a b/ü"), "a%20b%2F%C3%BC");
    }

    #[test]
    fn the_first_day_comes_first() {
        let day = |text: &str| text.parse::<Date>().ok();
        assert!(days(day("2026-11-02"), day("2026-11-01")).is_err());
        assert!(days(day("2026-11-01"), day("2026-11-01")).is_ok());
    }
}
