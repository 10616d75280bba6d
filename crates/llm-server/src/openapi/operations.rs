//! Reads `operations.txt`: what is served beside the management API.

const TEXT: &str = include_str!("operations.txt");

/// An operation.
#[derive(Debug)]
pub(super) struct Row {
    /// A method and a path, or a dialect, its operation, and what the path ends with.
    pub asked: &'static str,
    /// Whether anybody may ask.
    pub open: bool,
    /// The body, `form` before it where it is one; `-`: none.
    pub takes: &'static str,
    /// The forms of the answer.
    pub gives: &'static str,
    pub tag: &'static str,
    pub about: &'static str,
    /// Parameters of the query.
    pub query: Vec<&'static str>,
    /// A body, as JSON.
    pub example: Option<&'static str>,
}

impl Row {
    fn read(text: &'static str) -> Option<Self> {
        let mut lines = text.lines();
        let mut columns = lines.next()?.split(" | ");
        let mut column = || columns.next().map(str::trim);
        let (asked, who) = (column()?, column()?);
        let mut row = Self {
            asked,
            open: who == "anybody",
            takes: column()?,
            gives: column()?,
            tag: column()?,
            about: column()?,
            query: Vec::new(),
            example: None,
        };
        for line in lines {
            match line.strip_prefix("? ") {
                Some(parameter) => row.query.push(parameter),
                None if line.starts_with('{') => row.example = Some(line),
                None => {}
            }
        }
        Some(row)
    }

    /// The method and the path, where it is one of this crate's own.
    pub(super) fn own(&self) -> Option<(&'static str, &'static str)> {
        self.asked.split_once(' ').filter(|(_, path)| path.starts_with('/'))
    }

    /// Whether this is the operation of a dialect on a path.
    pub(super) fn is(&self, dialect: &str, operation: &str, path: &str) -> bool {
        let mut asked = self.asked.split(' ');
        asked.next() == Some(dialect)
            && asked.next() == Some(operation)
            && asked.next().is_none_or(|end| path.ends_with(end))
    }
}

/// All of them.
pub(super) fn all() -> Vec<Row> {
    TEXT.split("\n@ ").skip(1).filter_map(Row::read).collect()
}

/// The form of errors of a dialect.
pub(super) fn error(dialect: &str) -> &'static str {
    let family = dialect.split('.').next().unwrap_or_default();
    let forms = TEXT.lines().filter_map(|line| line.strip_prefix("! ")?.split_once(' '));
    forms.into_iter().find(|(known, _)| *known == family).map_or("Error", |(_, form)| form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        let rows = all();
        assert_eq!(rows.len(), TEXT.lines().filter(|line| line.starts_with('@')).count());
        for row in rows {
            assert!(row.about.ends_with('.') && !row.tag.is_empty(), "{row:?}");
            assert_eq!(row.example.is_some(), row.takes != "-", "{row:?}");
            if let Some(example) = row.example {
                let read: serde_json::Value = serde_json::from_str(example).expect("JSON");
                assert!(read.is_object(), "{row:?}");
            }
        }
    }
}
