//! Tables: rounded, as wide as they need to be and no wider than the terminal.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width,
};

use crate::terminal::Terminal;

/// How a cell looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Strong,
    Faint,
    Name,
    Good,
    Warn,
    Bad,
}

/// A cell: its text and how it looks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry(String, Look);

impl Entry {
    /// A cell that looks like this.
    pub(crate) fn new(text: impl Into<String>, look: Look) -> Self {
        Self(text.into(), look)
    }
}

impl<T: Into<String>> From<T> for Entry {
    fn from(text: T) -> Self {
        Self(text.into(), Look::Plain)
    }
}

/// A column: its heading, and on which side it stands.
#[derive(Clone, Copy)]
pub(crate) enum Head {
    /// Texts.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
    /// Texts that must not be broken, such as names that people copy.
    Whole(&'static str),
}

/// A table that is being filled.
pub(crate) struct Sheet {
    table: Table,
    colours: bool,
    heads: Vec<Head>,
    widest: Option<u16>,
}

impl Sheet {
    /// An empty table with these columns. Without any heading it has no line of them.
    pub(crate) fn new(terminal: Terminal, heads: &[Head]) -> Self {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED.with_rounded_corners());
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(terminal.width);
        if terminal.colours {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let names = heads.iter().map(|head| {
            let (Head::Left(name) | Head::Right(name) | Head::Whole(name)) = *head;
            name
        });
        if names.clone().any(|name| !name.is_empty()) {
            let cell = |name| Cell::new(name).add_attribute(Attribute::Bold);
            table.set_header(names.map(cell).collect::<Vec<_>>());
        }
        Self { table, colours: terminal.colours, heads: heads.to_vec(), widest: None }
    }

    /// Headings that are known only now.
    pub(crate) fn head(&mut self, entries: Vec<Entry>) {
        let colours = self.colours;
        self.table.set_header(entries.into_iter().map(|entry| cell(entry, colours)).collect::<Vec<_>>());
    }

    /// Columns behind those with headings are at most this wide.
    pub(crate) fn others_at_most(&mut self, width: u16) {
        self.widest = Some(width);
    }

    /// One more row.
    pub(crate) fn row<const N: usize>(&mut self, entries: [Entry; N]) {
        self.rows(entries.into());
    }

    /// One more row of as many cells as there are.
    pub(crate) fn rows(&mut self, entries: Vec<Entry>) {
        let colours = self.colours;
        self.table.add_row(entries.into_iter().map(|entry| cell(entry, colours)).collect::<Vec<_>>());
    }

    /// The text, with a line end.
    pub(crate) fn finish(mut self) -> String {
        for (at, column) in self.table.column_iter_mut().enumerate() {
            match self.heads.get(at) {
                Some(Head::Left(_)) => {}
                Some(Head::Right(_)) => {
                    column.set_cell_alignment(CellAlignment::Right);
                    column.set_constraint(ColumnConstraint::ContentWidth);
                }
                Some(Head::Whole(_)) => {
                    column.set_constraint(ColumnConstraint::ContentWidth);
                }
                None => {
                    if let Some(width) = self.widest {
                        column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(width)));
                    }
                }
            }
        }
        format!("{}\n", self.table.trim_fmt())
    }
}

fn cell(Entry(text, look): Entry, colours: bool) -> Cell {
    let cell = Cell::new(text);
    if !colours {
        return cell;
    }
    match look {
        Look::Plain => cell,
        Look::Strong => cell.add_attribute(Attribute::Bold),
        Look::Faint => cell.add_attribute(Attribute::Dim),
        Look::Name => cell.fg(Color::Cyan),
        Look::Good => cell.fg(Color::Green),
        Look::Warn => cell.fg(Color::Yellow),
        Look::Bad => cell.fg(Color::Red),
    }
}
