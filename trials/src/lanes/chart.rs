//! The figures as bars.

use std::fmt::Write as _;

use super::report::Row;
use super::targets::Target;

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
