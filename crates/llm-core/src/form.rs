//! One pass over a `multipart/form-data` body (RFC 7578) that finds its fields, and edits of the body that copy none of
//! the rest: files of a hundred megabytes go on as they came.

mod edit;
mod head;

use std::ops::Range;

use memchr::memmem::Finder;

use crate::error::{Error, Result};

pub use edit::FormEdit;

/// The most fields of a form.
const MAX_FIELDS: usize = 1000;
/// The longest head of a field, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// The fields of a form: where they stand, not what they say.
///
/// The scan is strict (line ends are CRLF, each field has one name), so that what the gateway reads is what the vendor
/// will read.
#[derive(Clone, Debug)]
pub struct Form {
    boundary: String,
    fields: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    is_file: bool,
    /// From the line with the delimiter before the field to the next such line.
    whole: Range<usize>,
    value: Range<usize>,
}

impl Form {
    /// Whether a content type says that the body is a form.
    pub fn is_one(content_type: &str) -> bool {
        let kind = content_type.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("multipart/form-data")
    }

    /// Scans a body.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidRequest`] when the content type names no boundary, or the body is not a whole form.
    pub fn scan(content_type: &str, body: &[u8]) -> Result<Self> {
        let boundary =
            head::boundary(content_type).ok_or_else(|| invalid("its content type names no boundary"))?;
        let delimiter = format!("\r\n--{boundary}");
        let finder = Finder::new(&delimiter);
        // The first delimiter may stand at the very beginning, without the line end before it.
        let opening = delimiter.as_bytes().get(2..).unwrap_or_default();
        let mut at = if body.starts_with(opening) {
            Found { start: 0, line: 0, end: opening.len() }
        } else {
            next(&finder, body, 0)?
        };
        let mut form = Self { boundary, fields: Vec::new() };
        loop {
            let rest = body.get(at.end..).unwrap_or_default();
            if rest.starts_with(b"--") {
                return Ok(form);
            }
            let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let Some(after) = rest.get(padding..).and_then(|rest| rest.strip_prefix(b"\r\n")) else {
                return Err(invalid("something stands between a delimiter and the end of its line"));
            };
            let from = body.len() - after.len();
            // The line end of the delimiter may also be that of the next one: a field has a head at least.
            let following = next(&finder, body, from)?;
            let field = field(body, from..following.start, at.line..following.line)?;
            if form.fields.len() == MAX_FIELDS {
                return Err(invalid(&format!("it has more than {MAX_FIELDS} fields")));
            }
            form.fields.push(field);
            at = following;
        }
    }

    /// The names of all fields, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }

    /// A field that is a text. A field that is sent empty is as good as none.
    ///
    /// # Errors
    /// When there are several of this name, when it is a file, or not UTF-8.
    pub fn text<'a>(&self, body: &'a [u8], name: &str) -> Result<Option<&'a str>> {
        let fault = |what: &str| Error::invalid(format!("invalid `{name}`: {what}")).with_param(name);
        let mut found = self.fields.iter().filter(|field| field.name == name);
        let Some(field) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(fault("it stands there twice"));
        }
        if field.is_file {
            return Err(fault("expected a text, not a file"));
        }
        let value = body.get(field.value.clone()).unwrap_or_default();
        let text = std::str::from_utf8(value).map_err(|_| fault("it is not UTF-8"))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// The files of a name, or of the same as a list (`image[]`), in order.
    pub fn files<'a>(&self, body: &'a [u8], name: &str) -> Vec<&'a [u8]> {
        let is_it =
            |field: &&Field| field.is_file && field.name.strip_suffix("[]").unwrap_or(&field.name) == name;
        self.fields.iter().filter(is_it).filter_map(|field| body.get(field.value.clone())).collect()
    }

    /// The content type of a body with this boundary.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary=\"{}\"", self.boundary)
    }
}

/// Where a delimiter stands: the line end before it, its line, and its end.
struct Found {
    start: usize,
    line: usize,
    end: usize,
}

fn next(finder: &Finder<'_>, body: &[u8], from: usize) -> Result<Found> {
    let found = finder.find(body.get(from..).unwrap_or_default());
    let start = from + found.ok_or_else(|| invalid("it ends before its last delimiter"))?;
    Ok(Found { start, line: start + 2, end: start + finder.needle().len() })
}

fn field(body: &[u8], inner: Range<usize>, whole: Range<usize>) -> Result<Field> {
    let text = body.get(inner.clone()).unwrap_or_default();
    let within = text.get(..text.len().min(MAX_HEAD)).unwrap_or_default();
    let length = memchr::memmem::find(within, b"\r\n\r\n")
        .ok_or_else(|| invalid("a field has no head, or no end of it"))?;
    let head::Head { name, is_file } = head::read(text.get(..length).unwrap_or_default())?;
    Ok(Field { name, is_file, whole, value: inner.start + length + 4..inner.end })
}

fn invalid(what: &str) -> Error {
    Error::invalid(format!("invalid form: {what}")).with_param("request_body")
}

#[cfg(test)]
mod tests;
