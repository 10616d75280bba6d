//! How far a long command is: a bar beside the output, for whoever watches.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::Terminal;

/// How often something that turns moves on.
const TURN: Duration = Duration::from_millis(100);

/// A bar of so many steps; nothing is drawn where nobody watches.
pub(crate) fn bar(terminal: Terminal, steps: u64, what: &str) -> ProgressBar {
    let template = if terminal.colours_beside {
        "{msg:.bold} {bar:32.cyan/dim} {pos}/{len} {elapsed:.dim}"
    } else {
        "{msg} {bar:32} {pos}/{len} {elapsed}"
    };
    draw(terminal, ProgressBar::with_draw_target(Some(steps), target(terminal)), template, what)
}

/// Something that turns until it is done.
pub(crate) fn spinner(terminal: Terminal, what: &str) -> ProgressBar {
    let template = if terminal.colours_beside {
        "{spinner:.cyan} {msg} {elapsed:.dim}"
    } else {
        "{spinner} {msg} {elapsed}"
    };
    let bar = draw(terminal, ProgressBar::with_draw_target(None, target(terminal)), template, what);
    if terminal.is_watched {
        bar.enable_steady_tick(TURN);
    }
    bar
}

fn target(terminal: Terminal) -> ProgressDrawTarget {
    if terminal.is_watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

fn draw(terminal: Terminal, bar: ProgressBar, template: &str, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    if let (true, Ok(style)) = (terminal.is_watched, style) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.set_message(what.to_owned());
    bar
}
