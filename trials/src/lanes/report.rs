//! Figures as a table, as a chart, and in the page.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::Lane;
use super::measure::{Figures, median};
use super::targets::Target;

/// Where the page has the figures.
const BEGIN: &str = "<!-- lanes begin -->\n";
const END: &str = "<!-- lanes end -->\n";

/// A lane with a size, and what was measured of it, by target and round.
pub(crate) struct Row {
    pub(crate) lane: Lane,
    size_name: &'static str,
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
    fn of(&self, target: usize, figure: impl Fn(&Figures) -> f64) -> Option<f64> {
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
    format!("\nMedians of {rounds} rounds on {cores} cores, load average {busy:.1}.\n\n")
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
                  calls that a plain vendor cannot answer have their whole time:\n\n| lane | prompt |",
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
    out.push_str(&chunks(rows, targets));
    out
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
        "The program has {megabytes:.1} MB.\n\n| gateway | start, ms | at rest, KiB | afterwards, KiB |\n| --- | ---: | ---: | ---: |\n"
    );
    for target in targets {
        if let Some((start, idle, now)) = target.life()? {
            writeln!(out, "| {} | {:.0} | {idle} | {now} |", target.name(), start.as_secs_f64() * 1e3)
                .expect("a string takes all");
        }
    }
    Ok(out)
}

/// Bars of CPU time by lane.
pub(crate) fn chart(rows: &[Row], targets: &[Target]) -> String {
    const COLOURS: [&str; 6] = ["#888888", "#3b7dd8", "#1f4e8c", "#6aa84f", "#b45f06", "#999999"];
    let bars: Vec<(String, usize, f64)> = rows
        .iter()
        .filter(|row| row.size <= 32 << 10)
        .flat_map(|row| {
            (1..targets.len()).filter_map(move |at| {
                let label = format!("{}, {}", row.lane.name, row.size_name);
                Some((label, at, row.of(at, |figures| figures.cpu)?))
            })
        })
        .collect();
    let most = bars.iter().map(|(.., cpu)| *cpu).fold(1.0, f64::max);
    let height = 60 + bars.len() * 16;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<text x=\"10\" y=\"20\" font-size=\"14\">CPU time of a call, µs</text>\n"
    );
    let mut former = "";
    for (number, (label, target, cpu)) in bars.iter().enumerate() {
        let (y, width) = (36 + number * 16, cpu / most * 480.0);
        if label != former {
            writeln!(out, "<text x=\"10\" y=\"{}\">{label}</text>", y + 10).expect("a string takes all");
        }
        former = label;
        writeln!(
            out,
            "<rect x=\"230\" y=\"{y}\" width=\"{width:.1}\" height=\"12\" fill=\"{}\"/><text x=\"{:.0}\" y=\"{}\">{} {cpu:.0}</text>",
            COLOURS[target % COLOURS.len()],
            236.0 + width,
            y + 10,
            targets[*target].name(),
        )
        .expect("a string takes all");
    }
    out + "</svg>\n"
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
