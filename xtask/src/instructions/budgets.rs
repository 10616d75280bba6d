//! The file of budgets, and how what was counted compares with it.

use std::fmt::Write as _;

use anyhow::{Context, Result};

/// How far from its budget a lane may be, in percent of it.
const LEEWAY: f64 = 5.0;

/// For tiny lanes five percent are a handful of instructions, which another layout of the program makes.
const ALWAYS_ALLOWED: u64 = 30;

const HEAD: &str = "\
# Instructions of a round of each lane, as `cargo xtask instructions` counts them; see docs/performance.md.
# Written by `cargo xtask instructions --bless`.
";

/// A lane and its instructions.
pub(super) type Count = (String, u64);

/// The budgets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Budgets(Vec<Count>);

/// How a lane stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Within,
    Over,
    Under,
    /// It has no budget yet.
    New,
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    name: String,
    budget: Option<u64>,
    counted: u64,
    pub(super) verdict: Verdict,
}

impl Budgets {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let budget = |line: &str| {
            let (name, number) = line.split_once(char::is_whitespace)?;
            Some((name.to_owned(), number.trim().parse().ok()?))
        };
        let budgets =
            lines.map(|line| budget(line).with_context(|| format!("`{line}` is no name and number")));
        Ok(Self(budgets.collect::<Result<_>>()?))
    }

    fn of(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, budget)| *budget)
    }

    pub(super) fn compare(&self, counted: &[Count]) -> Vec<Row> {
        let row = |(name, counted): &Count| {
            let budget = self.of(name);
            Row { name: name.clone(), budget, counted: *counted, verdict: verdict(budget, *counted) }
        };
        counted.iter().map(row).collect()
    }

    /// Budgets of lanes that are no more.
    pub(super) fn without_lane(&self, counted: &[Count]) -> Vec<String> {
        let names = self.0.iter().map(|(name, _)| name);
        names.filter(|name| counted.iter().all(|(lane, _)| lane != *name)).cloned().collect()
    }

    /// What was counted is what may be spent from now on; `all`: what was not counted is gone.
    pub(super) fn bless(&mut self, counted: &[Count], all: bool) {
        if all {
            self.0.clear();
        }
        for (name, count) in counted {
            match self.0.iter_mut().find(|(known, _)| known == name) {
                Some((_, budget)) => *budget = *count,
                None => self.0.push((name.clone(), *count)),
            }
        }
    }

    pub(super) fn text(&self) -> String {
        let lines = self.0.iter().map(|(name, budget)| format!("{name:<28} {budget:>10}\n"));
        HEAD.to_owned() + &lines.collect::<String>()
    }
}

fn change(budget: u64, counted: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let (budget, counted) = (budget as f64, counted as f64);
    (counted - budget) / budget.max(1.0) * 100.0
}

fn verdict(budget: Option<u64>, counted: u64) -> Verdict {
    let Some(budget) = budget else { return Verdict::New };
    if budget.abs_diff(counted) <= ALWAYS_ALLOWED {
        return Verdict::Within;
    }
    match change(budget, counted) {
        change if change > LEEWAY => Verdict::Over,
        change if change < -LEEWAY => Verdict::Under,
        _ => Verdict::Within,
    }
}

/// What people see.
pub(super) fn table(rows: &[Row]) -> String {
    let mut out = format!("{:<28} {:>10} {:>10} {:>9}\n", "lane", "budget", "counted", "change");
    for Row { name, budget, counted, verdict } in rows {
        let said = match verdict {
            Verdict::Within => "",
            Verdict::Over => "  OVER",
            Verdict::Under => "  cheaper: lower it",
            Verdict::New => "  NO BUDGET",
        };
        let (shown, change) = match budget {
            Some(budget) => (budget.to_string(), format!("{:+.1} %", change(*budget, *counted))),
            None => ("-".to_owned(), "-".to_owned()),
        };
        writeln!(out, "{name:<28} {shown:>10} {counted:>10} {change:>9}{said}").expect("a string takes all");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, u64)]) -> Vec<Count> {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn five_percent_are_let_pass_and_more_is_told() {
        let budgets = Budgets::parse("# why\nchat  10000\n\ntiny 100\nstream 10000\n").expect("budgets");
        let counted = counts(&[("chat", 10_501), ("tiny", 130), ("stream", 9_400), ("new", 1)]);
        let rows = budgets.compare(&counted);
        let verdicts: Vec<Verdict> = rows.iter().map(|row| row.verdict).collect();
        assert_eq!(verdicts, [Verdict::Over, Verdict::Within, Verdict::Under, Verdict::New]);
        let table = table(&rows);
        assert!(table.contains("chat") && table.contains("+5.0 %  OVER"), "{table}");
        assert_eq!(budgets.compare(&counts(&[("chat", 10_500)]))[0].verdict, Verdict::Within);
    }

    #[test]
    fn a_blessing_is_read_again_and_budgets_without_a_lane_are_found() {
        let mut budgets = Budgets::parse("chat 10\nold 7").expect("budgets");
        assert_eq!(budgets.without_lane(&counts(&[("chat", 1)])), ["old"]);
        budgets.bless(&counts(&[("chat", 20)]), false);
        assert_eq!(budgets.of("old"), Some(7));
        budgets.bless(&counts(&[("chat", 20), ("new", 3)]), true);
        let read = Budgets::parse(&budgets.text()).expect("its own text");
        assert_eq!(read, budgets);
        assert_eq!((read.of("chat"), read.of("new"), read.of("old")), (Some(20), Some(3), None));
        assert!(Budgets::parse("chat many").is_err());
    }
}
