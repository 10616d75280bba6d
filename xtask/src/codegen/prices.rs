//! The embedded price table, made from LiteLLM's.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use llm_metrics::prices::litellm;

use crate::workspace;

const TARGET: &str = "crates/llm-metrics/data/prices.tsv";
const TABLE: &str = "data/litellm-model-prices.json";

pub(super) fn run(from: Option<&str>, date: Option<String>, check: bool) -> Result<()> {
    let source = from.map_or_else(|| workspace::beside(TABLE), PathBuf::from);
    let json = workspace::read(&source).context("name LiteLLM's price table with `--from PATH`")?;
    let date = match date {
        Some(date) => date,
        None if check => committed_date()?,
        None => modified(&source)?,
    };
    let converted = litellm::convert(&json).map_err(|fault| anyhow!("{fault}"))?;
    super::put(TARGET, &table(&source, &date, &converted.lines), check)?;
    println!("{} models; fields that our schema does not carry:", converted.models);
    let mut left_out: Vec<_> = converted.left_out.iter().collect();
    left_out.sort_by_key(|(field, models)| (std::cmp::Reverse(**models), field.as_str()));
    for (field, models) in left_out {
        println!("{models:>6}  {field}");
    }
    Ok(())
}

/// Whether the committed table is what the table beside the workspace gives; `None` when that one is not there.
pub(crate) fn is_current() -> Result<Option<bool>> {
    let source = workspace::beside(TABLE);
    if !source.is_file() {
        return Ok(None);
    }
    let converted = litellm::convert(&workspace::read(&source)?).map_err(|fault| anyhow!("{fault}"))?;
    let wanted = table(&source, &committed_date()?, &converted.lines);
    Ok(Some(workspace::read(&workspace::root().join(TARGET))? == wanted))
}

fn table(source: &Path, date: &str, lines: &str) -> String {
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    litellm::head(&name, date) + lines
}

fn committed_date() -> Result<String> {
    let text = workspace::read(&workspace::root().join(TARGET))?;
    let date = text.lines().find_map(|line| line.strip_prefix("# date: "));
    date.map(str::to_owned).with_context(|| format!("{TARGET} names no date: generate it without `--check`"))
}

fn modified(path: &Path) -> Result<String> {
    let changed = std::fs::metadata(path)?.modified().unwrap_or_else(|_| SystemTime::now());
    let Ok(since) = changed.duration_since(UNIX_EPOCH) else {
        bail!("the table is from before 1970: give `--date`")
    };
    Ok(civil_date(since.as_secs() / 86_400))
}

/// The Gregorian date so many days after 1970-01-01 (days of 400-year eras that begin in March).
fn civil_date(days: u64) -> String {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        for (days, date) in
            [(0, "1970-01-01"), (19_782, "2024-02-29"), (19_783, "2024-03-01"), (20_819, "2027-01-01")]
        {
            assert_eq!(civil_date(days), date);
        }
    }
}
