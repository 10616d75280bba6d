//! Chaos: one fault after the other, each against a gateway of its own, each with its verdict.

mod clients;
mod heads;
mod load;
mod machine;
mod restarts;
pub(crate) mod stage;
pub(crate) mod streams;
mod vendors;

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::time::timeout;

use crate::words::Words;
use stage::Stage;

/// How a scenario ended well.
pub(crate) enum Seen {
    /// It held, and this was seen.
    Held(String),
    /// This machine cannot do it.
    LeftOut(String),
}

type Scene<'a> = Pin<Box<dyn Future<Output = Result<Seen>> + 'a>>;

/// A fault, and what must hold.
struct Scenario {
    name: &'static str,
    run: for<'a> fn(&'a Stage) -> Scene<'a>,
}

const SCENARIOS: [Scenario; 21] = [
    Scenario { name: "overload", run: |stage| Box::pin(load::overload(stage)) },
    Scenario { name: "slow-heads", run: |stage| Box::pin(clients::slow_heads(stage)) },
    Scenario { name: "slow-bodies", run: |stage| Box::pin(clients::slow_bodies(stage)) },
    Scenario { name: "slow-readers", run: |stage| Box::pin(clients::slow_readers(stage)) },
    Scenario { name: "silent-clients", run: |stage| Box::pin(clients::silent(stage)) },
    Scenario { name: "many-streams", run: |stage| Box::pin(streams::many(stage)) },
    Scenario { name: "pipelining", run: |stage| Box::pin(clients::pipelining(stage)) },
    Scenario { name: "header-flood", run: |stage| Box::pin(heads::flood(stage)) },
    Scenario { name: "giant-header", run: |stage| Box::pin(heads::giant(stage)) },
    Scenario { name: "http2-preface", run: |stage| Box::pin(heads::preface(stage)) },
    Scenario { name: "bomb", run: |stage| Box::pin(vendors::bomb(stage)) },
    Scenario { name: "endless-stream", run: |stage| Box::pin(vendors::endless_stream(stage)) },
    Scenario { name: "endless-frame", run: |stage| Box::pin(vendors::endless_frame(stage)) },
    Scenario { name: "unknown-host", run: |stage| Box::pin(vendors::unknown_host(stage)) },
    Scenario { name: "vendor-dies", run: |stage| Box::pin(vendors::dies(stage)) },
    Scenario { name: "no-descriptors", run: |stage| Box::pin(machine::no_descriptors(stage)) },
    Scenario { name: "disk-full", run: |stage| Box::pin(machine::disk_full(stage)) },
    Scenario { name: "file-limit", run: |stage| Box::pin(machine::file_limit(stage)) },
    Scenario { name: "clock-jump", run: |stage| Box::pin(machine::clock_jump(stage)) },
    Scenario { name: "restart", run: |stage| Box::pin(restarts::restart(stage)) },
    Scenario { name: "kill", run: |stage| Box::pin(restarts::kill(stage)) },
];

/// The longest that a scenario may take, besides what `--minutes` adds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs all scenarios, or those that are named.
pub(crate) async fn run(words: &Words) -> Result<()> {
    let chosen = words.plain();
    if let Some(unknown) = chosen.iter().find(|name| SCENARIOS.iter().all(|one| one.name != **name)) {
        let known: Vec<&str> = SCENARIOS.iter().map(|one| one.name).collect();
        bail!("unknown scenario `{unknown}`: there are {}", known.join(", "));
    }
    let more = Duration::from_secs_f64(words.number("--minutes")?.unwrap_or(0.0) * 60.0);
    let mut faults = Vec::new();
    println!("{:<16} {:<8} {:>6}  seen", "scenario", "verdict", "s");
    for scenario in SCENARIOS.iter().filter(|one| chosen.is_empty() || chosen.contains(&one.name)) {
        let begun = Instant::now();
        let (verdict, seen) = match play(scenario, words, more).await {
            Ok(Seen::Held(seen)) => ("held", seen),
            Ok(Seen::LeftOut(why)) => ("left out", why),
            Err(fault) => {
                faults.push(scenario.name);
                ("FAULT", format!("{fault:#}"))
            }
        };
        println!("{:<16} {verdict:<8} {:>6.1}  {seen}", scenario.name, begun.elapsed().as_secs_f32());
    }
    if !faults.is_empty() {
        bail!("{} did not hold", faults.join(", "));
    }
    Ok(())
}

async fn play(scenario: &Scenario, words: &Words, more: Duration) -> Result<Seen> {
    let stage = Stage::new(words, scenario.name, more)?;
    let played = timeout(PATIENCE + more, (scenario.run)(&stage)).await;
    played.context("it did not come to an end in time")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_stands_in_the_documentation() {
        let page = include_str!("../../docs/operations.md");
        for Scenario { name, .. } in &SCENARIOS {
            assert!(
                page.contains(&format!("| `{name}` |")),
                "docs/operations.md does not say what `{name}` is"
            );
        }
    }
}
