//! The figures as bars.

use std::fmt::Write as _;

use super::report::Row;
use super::targets::Target;

/// The colours of targets, in their order.
const COLOURS: [&str; 6] = ["#888888", "#3b7dd8", "#1f4e8c", "#6aa84f", "#b45f06", "#999999"];

/// Where bars begin, and how long the longest of a lane is, in pixels.
const LEFT: f64 = 230.0;
const LONGEST: f64 = 480.0;

/// The height of a bar with the room below it, and the room between lanes.
const BAR: usize = 16;
const GAP: usize = 10;

/// Bars of CPU time by lane. Each lane has a scale of its own: a stream of a hundred chunks would leave nothing to be seen
/// of a call that is answered at once.
pub(crate) fn chart(rows: &[Row], targets: &[Target]) -> String {
    let (mut bars, mut y) = (String::new(), 36);
    for row in rows.iter().filter(|row| row.size <= 32 << 10) {
        let measured: Vec<(usize, f64)> =
            (1..targets.len()).filter_map(|at| Some((at, row.of(at, |figures| figures.cpu)?))).collect();
        let most = measured.iter().map(|(_, cpu)| *cpu).fold(f64::EPSILON, f64::max);
        let label = format!("{}, {}", row.lane.name, row.size_name);
        writeln!(bars, "<text x=\"10\" y=\"{}\">{label}</text>", y + 10).expect("a string takes all");
        for (at, cpu) in measured {
            bar(&mut bars, y, cpu / most * LONGEST, COLOURS[at % COLOURS.len()], targets[at].name(), cpu);
            y += BAR;
        }
        y += GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"900\" height=\"{height}\" fill=\"#ffffff\"/>\n<text x=\"10\" y=\"20\" \
         font-size=\"14\">CPU time of a call, µs; each lane has its own scale</text>\n{bars}</svg>\n",
        height = y + GAP
    )
}

fn bar(out: &mut String, y: usize, width: f64, colour: &str, name: &str, cpu: f64) {
    let (label, base) = (LEFT + width + 6.0, y + 10);
    writeln!(
        out,
        "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"12\" fill=\"{colour}\"/>\
         <text x=\"{label:.0}\" y=\"{base}\">{name} {cpu:.0}</text>"
    )
    .expect("a string takes all");
}
