//! What other programs did meanwhile: figures of a busy machine are to be known as such.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};

use super::targets::Target;
use crate::readings::Readings;

/// What the system counts CPU time in, as Linux shows it to programs.
const TICK: u64 = 10_000;

/// Cores that others may keep busy on a machine that is called at rest.
const AT_REST: f64 = 0.2;

/// A watch over the machine.
pub(crate) struct Noise {
    begun: Instant,
    others: u64,
}

impl Noise {
    pub(crate) fn begin(targets: &[Target]) -> Result<Self> {
        Ok(Self { begun: Instant::now(), others: others(targets)? })
    }

    /// How many cores other programs kept busy since, on average.
    #[expect(clippy::cast_precision_loss, reason = "microseconds")]
    pub(crate) fn cores(&self, targets: &[Target]) -> Result<f64> {
        let busy = others(targets)?.saturating_sub(self.others) as f64;
        Ok(busy / 1e6 / self.begun.elapsed().as_secs_f64())
    }
}

/// What readers are to know of it.
pub(crate) fn told(cores: f64) -> String {
    let warning = "**The machine was busy with other work: times and rates say little, CPU times are to be compared within a \
                   table alone.**";
    let warning = if cores > AT_REST { format!(" {warning}") } else { String::new() };
    format!("other programs kept {cores:.2} cores busy.{warning}")
}

/// CPU time in microseconds that was neither ours nor that of what we measure.
fn others(targets: &[Target]) -> Result<u64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let busy = busy(&stat).context("no line of all cores in /proc/stat")?;
    let ours: u64 = targets.iter().map(Target::cpu).sum::<Result<u64>>()?;
    Ok((busy * TICK).saturating_sub(ours + Readings::of(std::process::id())?.cpu))
}

/// The ticks of all cores in which something ran.
fn busy(stat: &str) -> Option<u64> {
    let mut fields = stat.strip_prefix("cpu ")?.lines().next()?.split_whitespace().map(str::parse::<u64>);
    let [user, nice, system, _idle, _disk, interrupts, soft] = std::array::from_fn(|_| fields.next());
    [user, nice, system, interrupts, soft].into_iter().map(|field| field?.ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_is_all_but_rest_and_waiting() {
        assert_eq!(busy("cpu  1 2 3 1000 500 4 5 0 0 0\ncpu0 9 9 9 9 9 9 9"), Some(15));
        assert_eq!(busy("intr 1"), None);
    }

    #[test]
    fn a_busy_machine_is_told() {
        assert!(!told(0.1).contains("busy with"));
        assert!(told(1.5).contains("busy with"));
    }
}
