//! The ledger beside what clients sent and what the vendor told.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::time::sleep;

use super::Verdict;
use super::classes::{CLASSES, Class, Tokens};
use super::traffic::{AllCalls, Calls};
use crate::gateway::Gateway;
use crate::vendor::Vendor;

/// Rows come to the database some time after their calls.
const BOOKED: Duration = Duration::from_secs(20);

/// What the ledger says of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Booked {
    rows: u64,
    prompt: u64,
    completion: u64,
}

/// One line for each kind of calls.
pub(super) async fn compare(gateway: &Gateway, vendor: &Vendor, calls: &AllCalls) -> Result<Vec<Verdict>> {
    let begun = Instant::now();
    loop {
        let page = gateway.look(&format!("/user/daily/activity/aggregated?{}", days()?)).await?;
        let none = Calls::default();
        let verdict = |class: &Class| {
            let calls = calls.get(class.name).unwrap_or(&none);
            judged(class, calls, booked(&page, class.name), vendor)
        };
        let verdicts: Vec<Verdict> = CLASSES.iter().map(verdict).collect();
        if verdicts.iter().all(|verdict| verdict.fault.is_none()) || begun.elapsed() > BOOKED {
            return Ok(verdicts);
        }
        sleep(Duration::from_millis(200)).await;
    }
}

fn judged(class: &Class, calls: &Calls, booked: Booked, vendor: &Vendor) -> Verdict {
    let told = vendor.count(&class.model());
    let strange: Vec<String> = calls
        .statuses
        .iter()
        .filter(|(status, _)| !class.may_be(**status))
        .map(|(status, count)| format!("{count} of status {status}"))
        .collect();
    let tokens_are_right = match class.tokens {
        Tokens::Told => (booked.prompt, booked.completion) == (told.prompt, told.completion),
        Tokens::None => (booked.prompt, booked.completion) == (0, 0),
        Tokens::Delivered => true,
    };
    let is_right = strange.is_empty()
        && calls.fault.is_none()
        && tokens_are_right
        && booked.rows == calls.sent
        && calls.sent > 0;
    let mut seen =
        format!("{} calls, {} rows, {}+{} tokens", calls.sent, booked.rows, booked.prompt, booked.completion);
    if class.tokens == Tokens::Told {
        seen.push_str(&format!(" ({}+{} told)", told.prompt, told.completion));
    }
    if !strange.is_empty() {
        seen.push_str(&format!("; {}", strange.join(", ")));
    }
    if let Some(fault) = &calls.fault {
        seen.push_str(&format!("; {fault}"));
    }
    Verdict::new(&format!("{}: every call has its row", class.name), is_right, seen)
}

/// The sums of the key with this alias.
fn booked(page: &Value, alias: &str) -> Booked {
    let mut sums = Booked::default();
    for day in page["results"].as_array().into_iter().flatten() {
        let keys = day["breakdown"]["api_keys"].as_object();
        for key in keys.into_iter().flat_map(|keys| keys.values()) {
            if key["metadata"]["key_alias"] == alias {
                let metrics = &key["metrics"];
                let number = |name: &str| metrics[name].as_u64().unwrap_or(0);
                sums.rows += number("api_requests");
                sums.prompt += number("prompt_tokens");
                sums.completion += number("completion_tokens");
            }
        }
    }
    sums
}

/// Today with a day on each side, as a query.
fn days() -> Result<String> {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).context("a clock before 1970")?;
    let today = i64::try_from(now.as_secs() / 86_400)?;
    Ok(format!("start_date={}&end_date={}", date(today - 1), date(today + 1)))
}

/// The date of a day since 1970 (the civil calendar counted from March, as leap days are its last then).
fn date(day: i64) -> String {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_779), "2026-11-22");
    }

    #[test]
    fn sums_of_a_key_are_those_of_its_days() {
        let day = r#"{"breakdown": {"api_keys": {"h": {"metadata": {"key_alias": "plain"}, "metrics":
            {"api_requests": 2, "prompt_tokens": 5, "completion_tokens": 3}}, "i": {"metadata": {"key_alias": "x"}}}}}"#;
        let page = serde_json::from_str(&format!(r#"{{"results": [{day}, {day}]}}"#)).expect("JSON");
        assert_eq!(booked(&page, "plain"), Booked { rows: 4, prompt: 10, completion: 6 });
    }
}
