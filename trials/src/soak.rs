//! The soak: mixed traffic with faults for minutes or hours, after which nothing may have leaked and every call is booked.

mod books;
mod classes;
mod traffic;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;
use tokio::time::sleep;

use crate::gateway::{Gateway, Launch, MASTER};
use crate::readings::{Readings, growth};
use crate::vendor::Vendor;
use crate::words::Words;
use classes::CLASSES;
use traffic::Traffic;

/// How long a soak takes that says nothing of it.
const MINUTES: f64 = 1.0;

/// The part of the time after which memory and connections are what they stay.
const WARM: f64 = 0.4;

/// How often the process is looked at.
const SAMPLE: Duration = Duration::from_millis(500);

/// What may come on top of the memory after the warm-up: so many KiB, and this part of it. Caches of the database fill
/// slowly.
const GROWTH: (f64, f64) = (4096.0, 0.1);

/// Descriptors that may be open more than after the warm-up: connections that rest in pools.
const DESCRIPTORS: usize = 24;

/// A line of the report.
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) fault: Option<String>,
    pub(crate) seen: String,
}

impl Verdict {
    fn new(what: &str, is_right: bool, seen: String) -> Self {
        Self { what: what.to_owned(), fault: (!is_right).then(|| seen.clone()), seen }
    }
}

/// Runs it: `--minutes N`.
pub(crate) async fn run(words: &Words) -> Result<()> {
    let minutes = words.number("--minutes")?.unwrap_or(MINUTES);
    let vendor = Vendor::start()?;
    let configuration = classes::configuration(&vendor);
    let launch = Launch { arguments: &["--workers", "2"], ..Launch::default() };
    let mut gateway = launch.start(&words.program, &words.folder, &configuration).await?;
    for class in &CLASSES {
        gateway.key(class.name, class.terms()).await?;
    }
    let time = Duration::from_secs_f64(minutes * 60.0);
    println!("soak: {} kinds of calls for {minutes} minutes", CLASSES.len());
    let mut verdicts = Vec::new();
    let traffic = Traffic::begin(&gateway, &vendor);
    let samples = watch(&gateway, time).await?;
    let calls = traffic.end().await;
    println!("soak: {} calls", calls.values().map(|one| one.sent).sum::<u64>());
    verdicts.push(memory(&samples));
    verdicts.push(threads(&samples));
    verdicts.extend(books::compare(&gateway, &vendor, &calls).await?);
    verdicts.push(in_flight(&gateway).await?);
    verdicts.push(descriptors(&gateway, &samples).await?);
    let lives = gateway.lives();
    let seen = if lives { "yes".to_owned() } else { gateway.last_words() };
    verdicts.push(Verdict::new("the gateway lives", lives, seen));
    report(&verdicts)
}

/// Looks at the process until the time is over.
async fn watch(gateway: &Gateway, time: Duration) -> Result<Vec<Readings>> {
    let begun = Instant::now();
    let mut samples = Vec::new();
    while begun.elapsed() < time {
        sleep(SAMPLE).await;
        samples.push(gateway.readings()?);
    }
    Ok(samples)
}

/// The samples after the warm-up.
fn warm(samples: &[Readings]) -> &[Readings] {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "few"
    )]
    let from = (samples.len() as f64 * WARM) as usize;
    &samples[from..]
}

#[expect(clippy::cast_precision_loss, reason = "KiB")]
fn memory(samples: &[Readings]) -> Verdict {
    let resident: Vec<u64> = warm(samples).iter().map(|sample| sample.resident).collect();
    let (grown, first) = (growth(&resident), resident.first().copied().unwrap_or(0));
    let allowed = GROWTH.0 + GROWTH.1 * first as f64;
    let most = resident.iter().max().copied().unwrap_or(0);
    let seen =
        format!("{first} KiB when warm, {most} at most, {grown:+.0} by the slope (allowed {allowed:.0})");
    Verdict::new("memory is flat", grown <= allowed, seen)
}

fn threads(samples: &[Readings]) -> Verdict {
    let count = |samples: &[Readings]| samples.iter().map(|sample| sample.threads).max().unwrap_or(0);
    let (half, later) = samples.split_at(samples.len() / 2);
    let (before, after) = (count(half), count(later));
    Verdict::new("no thread leaks", after <= before, format!("{before}, then {after}"))
}

/// Once all clients are gone, no call is under way.
async fn in_flight(gateway: &Gateway) -> Result<Verdict> {
    let status = gateway.look("/v1/providers/status").await?;
    let providers = status["providers"].as_array().cloned().unwrap_or_default();
    let under_way: i64 = providers.iter().filter_map(|one| one["in_flight"].as_i64()).sum();
    let seen = format!("{under_way} attempts at {} deployments", providers.len());
    Ok(Verdict::new("no call is left under way", under_way == 0 && !providers.is_empty(), seen))
}

async fn descriptors(gateway: &Gateway, samples: &[Readings]) -> Result<Verdict> {
    let busy = warm(samples).iter().map(|sample| sample.descriptors).max().unwrap_or(0);
    let quiet = gateway.readings()?.descriptors;
    let first = warm(samples).first().map_or(0, |sample| sample.descriptors);
    let seen = format!("{first} when warm, {busy} at most, {quiet} at rest");
    let is_right = busy <= first + DESCRIPTORS && quiet <= first;
    Ok(Verdict::new("no descriptor leaks", is_right, seen))
}

/// Prints the table; an error when a line of it is one.
pub(crate) fn report(verdicts: &[Verdict]) -> Result<()> {
    let mut faults = 0;
    println!("{:<44} {:<6} seen", "what", "");
    for verdict in verdicts {
        let word = if verdict.fault.is_some() { "FAULT" } else { "ok" };
        faults += usize::from(verdict.fault.is_some());
        println!("{:<44} {word:<6} {}", verdict.what, verdict.seen);
    }
    if faults > 0 {
        bail!("{faults} of {} are faults", verdicts.len());
    }
    Ok(())
}

/// What every configuration of the trials has.
pub(crate) fn head(models: &str, router: &str, more: &str) -> String {
    format!(
        "model_list:\n{models}router_settings: {{{router}}}\ngeneral_settings: {{master_key: {MASTER}}}\n{more}"
    )
}

/// A key without any limit but a budget that nobody uses up.
pub(crate) fn rich() -> serde_json::Value {
    json!({"max_budget": 1_000_000, "rpm_limit": 100_000_000, "tpm_limit": 1_000_000_000_000_u64})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(resident: impl Fn(u64) -> u64) -> Vec<Readings> {
        let sample = |at| Readings { resident: resident(at), descriptors: 20, threads: 5, cpu: 0 };
        (0..100).map(sample).collect()
    }

    #[test]
    fn memory_that_grows_after_the_warm_up_is_a_fault() {
        assert!(memory(&samples(|at| if at < 30 { at * 1_000 } else { 30_000 + at % 7 })).fault.is_none());
        assert!(memory(&samples(|at| 30_000 + at * 200)).fault.is_some());
    }

    #[test]
    fn a_report_with_a_fault_is_an_error() {
        assert!(report(&[Verdict::new("it holds", true, "yes".to_owned())]).is_ok());
        assert!(report(&[Verdict::new("it holds", false, "no".to_owned())]).is_err());
    }
}
