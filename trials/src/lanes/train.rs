//! Everyday calls for a program that counts what it runs: what it counts tells the compiler which code is hot.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::targets::{Features, Target};
use super::{Lane, cases};
use crate::vendor::Vendor;
use crate::words::Words;

/// Clients at a time.
const CLIENTS: usize = 8;

/// A program that counts writes down what it counted when it ends.
const ENDS: Duration = Duration::from_secs(30);

/// Gateways of the usual size: ten thousand keys would make the making of keys hot.
const FEATURES: [Features; 4] = [Features::Off, Features::On, Features::Kept, Features::Guarded];

/// Sends every lane at every size through gateways with and without their features, and lets each end by itself:
/// `--calls N` of the commonest kind, fewer of the others.
pub(crate) async fn run(words: &Words) -> Result<()> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of calls")]
    let calls = words.number("--calls")?.unwrap_or(20_000.0).max(100.0) as usize;
    let vendor = Vendor::start()?;
    for features in FEATURES {
        let mut target = Target::gateway(words, &vendor, features).await?;
        let mut count = 0;
        for (lane, (_, size)) in cases(false) {
            let share = share(calls, lane, size);
            target.load(lane, size).closed(CLIENTS, share).await?;
            count += share;
        }
        ensure!(target.end(ENDS).await?, "the gateway did not end when it was asked to");
        println!("train: {count} calls, {}", target.name());
    }
    Ok(())
}

/// How many of the calls a lane gets: what a call costs counts as often as it runs.
fn share(calls: usize, lane: Lane, size: usize) -> usize {
    let share = match (lane.name.contains("101"), size > 10_000, lane.plain && !lane.stream) {
        (true, ..) => calls / 100,
        (_, true, _) => calls / 50,
        (_, _, true) => calls,
        _ => calls / 5,
    };
    share.max(CLIENTS)
}
