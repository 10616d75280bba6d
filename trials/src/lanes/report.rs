//! Figures as a table, as a chart, and in the page.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::measure::{BOUNDS, Figures, median};
use super::targets::{Life, Target};
use super::{Lane, noise};

/// Where the page has the figures.
const BEGIN: &str = "<!-- lanes begin -->\n";
const END: &str = "<!-- lanes end -->\n";

/// A lane with a size, and what was measured of it, by target and round.
pub(crate) struct Row {
    pub(crate) lane: Lane,
    pub(crate) size_name: &'static str,
    pub(crate) size: usize,
    figures: Vec<Vec<Figures>>,
}

impl Row {
    pub(crate) fn new(lane: Lane, (size_name, size): (&'static str, usize)) -> Self {
        Self { lane, size_name, size, figures: Vec::new() }
    }

    pub(crate) fn add(&mut self, target: usize, figures: Figures) {
        if self.figures.len() <= target {
            self.figures.resize_with(target + 1, Vec::new);
        }
        self.figures[target].push(figures);
    }

    /// The median over rounds of a figure of a target.
    pub(crate) fn of(&self, target: usize, figure: impl Fn(&Figures) -> f64) -> Option<f64> {
        let rounds = self.figures.get(target).filter(|rounds| !rounds.is_empty())?;
        Some(median(&rounds.iter().map(figure).collect::<Vec<_>>()))
    }

    /// The same, and what it is above the vendor alone.
    fn added(&self, target: usize, figure: impl Fn(&Figures) -> f64 + Copy) -> Option<f64> {
        Some(self.of(target, figure)? - self.of(0, figure).unwrap_or(0.0))
    }
}

pub(crate) fn heading(rounds: usize, busy: f64) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("\nMedians of {rounds} rounds on {cores} cores; {}\n\n", noise::told(busy))
}

/// CPU time and calls a second, then added times.
pub(crate) fn table(rows: &[Row], targets: &[Target]) -> String {
    let measured = || (1..targets.len()).map(|at| (at, targets[at].name()));
    let mut out = String::from("CPU time of a call in µs, of all threads; eight at a time:\n\n");
    out.push_str(&grid(rows, targets, |figures| figures.cpu));
    out.push_str("\n\nCalls a second, eight at a time, with clients and vendor on the same machine:\n\n");
    out.push_str(&grid(rows, targets, |figures| figures.rate));
    out.push_str(
        "\n\nAdded time of a call in µs (p50 / p99), one at a time and at half of the rate that eight reach; \
                  calls that a plain vendor cannot answer have their whole time, and kept answers, for which no vendor is asked, may have \
                  less than none:\n\n| lane | prompt |",
    );
    measured().for_each(|(_, name)| out.push_str(&format!(" {name}, alone | {name}, half load |")));
    out.push_str("\n| --- | --- |");
    measured().for_each(|_| out.push_str(" ---: | ---: |"));
    for row in rows {
        write!(out, "\n| {} | {} |", row.lane.name, row.size_name).expect("a string takes all");
        for (at, _) in measured() {
            pair(
                &mut out,
                row.added(at, |figures| figures.alone.p50),
                row.added(at, |figures| figures.alone.p99),
            );
            pair(
                &mut out,
                row.added(at, |figures| figures.half.p50),
                row.added(at, |figures| figures.half.p99),
            );
        }
    }
    out.push_str("\n\n");
    out.push_str(&first_tokens(rows, targets));
    out.push_str(&chunks(rows, targets));
    out
}

/// Times until the first chunk of streams, above those of the vendor where it speaks the client's format.
fn first_tokens(rows: &[Row], targets: &[Target]) -> String {
    let streams: Vec<&Row> = rows.iter().filter(|row| row.lane.stream).collect();
    if streams.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "Added time until the first chunk of a stream in µs (p50 / p99), one at a time:\n\n| lane |",
    );
    targets[1..].iter().for_each(|target| out.push_str(&format!(" {} |", target.name())));
    out.push_str("\n| --- |");
    targets[1..].iter().for_each(|_| out.push_str(" ---: |"));
    for row in streams {
        write!(out, "\n| {} |", row.lane.name).expect("a string takes all");
        for at in 1..targets.len() {
            let added = |of: fn(&Figures) -> f64| row.added(at, of);
            pair(&mut out, added(|figures| figures.first.p50), added(|figures| figures.first.p99));
        }
    }
    out + "\n\n"
}

/// The highest rates within bounds of each target, by round.
pub(crate) struct Sweeps(Vec<Vec<[f64; BOUNDS.len()]>>);

impl Sweeps {
    pub(crate) fn new(targets: usize) -> Self {
        Self(vec![Vec::new(); targets])
    }

    pub(crate) fn add(&mut self, target: usize, rates: [f64; BOUNDS.len()]) {
        self.0[target].push(rates);
    }

    pub(crate) fn table(&self, targets: &[Target]) -> String {
        let mut out = String::from(
            "Calls a second of 1 KiB passed through, at most, with the 99th percentile within a bound (in steps of a tenth \
             of what eight at a time reach; clients and vendor on the same machine; 0: not at the slowest pace):\n\n| bound |",
        );
        let swept = || targets.iter().zip(&self.0).filter(|(_, rounds)| !rounds.is_empty());
        swept().for_each(|(target, _)| out.push_str(&format!(" {} |", target.name())));
        out.push_str("\n| --- |");
        swept().for_each(|_| out.push_str(" ---: |"));
        for (at, bound) in BOUNDS.iter().enumerate() {
            write!(out, "\n| {:.0} ms |", bound / 1e3).expect("a string takes all");
            for (_, rounds) in swept() {
                let rates: Vec<f64> = rounds.iter().map(|rates| rates[at]).collect();
                cell(&mut out, Some(median(&rates)));
            }
        }
        out + "\n\n"
    }
}

/// One figure of each target by lane.
fn grid(rows: &[Row], targets: &[Target], figure: impl Fn(&Figures) -> f64 + Copy) -> String {
    let mut out = String::from("| lane | prompt |");
    targets[1..].iter().for_each(|target| out.push_str(&format!(" {} |", target.name())));
    out.push_str("\n| --- | --- |");
    targets[1..].iter().for_each(|_| out.push_str(" ---: |"));
    for row in rows {
        write!(out, "\n| {} | {} |", row.lane.name, row.size_name).expect("a string takes all");
        (1..targets.len()).for_each(|at| cell(&mut out, row.of(at, figure)));
    }
    out
}

fn cell(out: &mut String, figure: Option<f64>) {
    match figure {
        Some(figure) => write!(out, " {figure:.0} |").expect("a string takes all"),
        None => out.push_str(" |"),
    }
}

fn pair(out: &mut String, first: Option<f64>, second: Option<f64>) {
    match first.zip(second) {
        Some((first, second)) => write!(out, " {first:.0} / {second:.0} |").expect("a string takes all"),
        None => out.push_str(" |"),
    }
}

/// What a chunk costs: a stream of 101 less one of 1, by the hundred chunks between.
fn chunks(rows: &[Row], targets: &[Target]) -> String {
    let find = |name: &str| rows.iter().find(|row| row.lane.name == name);
    let mut out = String::new();
    for (kind, one, many) in [
        ("passed on", "stream of 1", "stream of 101, paced"),
        ("translated", "stream of 1, translated", "stream of 101, translated"),
    ] {
        let (Some(one), Some(many)) = (find(one), find(many)) else { continue };
        let each = (1..targets.len()).filter_map(|at| {
            let chunk = (many.of(at, |figures| figures.cpu)? - one.of(at, |figures| figures.cpu)?) / 100.0;
            Some(format!("{} {chunk:.1}", targets[at].name()))
        });
        let each: Vec<String> = each.collect();
        writeln!(out, "CPU time of a chunk that is {kind}, in µs: {}.", each.join(", "))
            .expect("a string takes all");
    }
    out + "\n"
}

/// Start, memory and size.
pub(crate) async fn processes(targets: &[Target], program: &Path) -> Result<String> {
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let megabytes = std::fs::metadata(program)?.len() as f64 / 1e6;
    let mut out = format!(
        "The program has {megabytes:.1} MB. Memory in KiB:\n\n\
         | gateway | start, ms | at rest | most under load | afterwards |\n| --- | ---: | ---: | ---: | ---: |\n"
    );
    for target in targets {
        if let Some(Life { start, idle, busiest, now }) = target.life()? {
            let (name, start) = (target.name(), start.as_secs_f64() * 1e3);
            writeln!(out, "| {name} | {start:.0} | {idle} | {busiest} | {now} |")
                .expect("a string takes all");
        }
    }
    Ok(out)
}

/// Puts the tables between the marks of the page, and the chart beside it.
pub(crate) fn write(page: &Path, text: &str, chart: &str) -> Result<()> {
    let written = std::fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let image = page.with_extension("svg");
    let name = image.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let shown = format!("{text}\n![CPU time of a call by lane]({name})\n\n");
    let page_with =
        between(&written, &shown).context("the page has no marks `lanes begin` and `lanes end`")?;
    std::fs::write(page, page_with)?;
    std::fs::write(image, chart)?;
    Ok(())
}

fn between(page: &str, text: &str) -> Option<String> {
    let (head, rest) = page.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}{text}{END}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_replaced() {
        let page = format!("a\n{BEGIN}old\n{END}b\n");
        assert_eq!(between(&page, "new\n").expect("marks"), format!("a\n{BEGIN}new\n{END}b\n"));
        assert_eq!(between("no marks", "x"), None);
    }

    #[test]
    fn the_page_has_the_marks() {
        assert!(between(include_str!("../../../docs/performance.md"), "").is_some());
    }
}
