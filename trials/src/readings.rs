//! What the system tells of a running program, and whether a row of such figures grows.

use anyhow::{Context, Result};

/// Figures of a process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Readings {
    /// Resident memory in KiB.
    pub(crate) resident: u64,
    /// Open descriptors.
    pub(crate) descriptors: usize,
    /// Threads.
    pub(crate) threads: u64,
    /// CPU time so far in microseconds, user and system.
    pub(crate) cpu: u64,
}

impl Readings {
    /// Reads `/proc`.
    pub(crate) fn of(process: u32) -> Result<Self> {
        let folder = format!("/proc/{process}");
        let status = std::fs::read_to_string(format!("{folder}/status")).context("the program is gone")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let schedule = std::fs::read_dir(format!("{folder}/task"))?.flatten().map(|task| {
            let said = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            said.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<u64>().ok()).unwrap_or(0)
        });
        Ok(Self {
            resident: field("VmRSS:").context("no `VmRSS`")?,
            threads: field("Threads:").context("no `Threads`")?,
            cpu: schedule.sum::<u64>() / 1_000,
            descriptors: std::fs::read_dir(format!("{folder}/fd"))?.count(),
        })
    }
}

/// How much a figure grows from the first to the last of evenly spaced samples, by least squares.
#[expect(clippy::cast_precision_loss, reason = "samples are few")]
pub(crate) fn growth(samples: &[u64]) -> f64 {
    let count = samples.len() as f64;
    let (mean_x, mean_y) = ((count - 1.0) / 2.0, samples.iter().sum::<u64>() as f64 / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        above += (at as f64 - mean_x) * (*sample as f64 - mean_y);
        below += (at as f64 - mean_x).powi(2);
    }
    if below == 0.0 { 0.0 } else { above / below * (count - 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_that_of_the_line_through_the_samples() {
        assert!((growth(&[10, 20, 30]) - 20.0).abs() < 1e-9);
        assert!(growth(&[30, 10, 30]).abs() < 1e-9);
        assert!(growth(&[7]).abs() < 1e-9);
    }

    #[test]
    fn this_process_has_memory_and_descriptors() {
        let readings = Readings::of(std::process::id()).expect("it runs");
        assert!(readings.resident > 0 && readings.descriptors > 2 && readings.threads > 0);
    }
}
