//! The heads of a form: the boundary that its content type names, and what each field's head says.

use super::invalid;
use crate::error::Result;

/// What a field's head says.
pub(super) struct Head {
    pub(super) name: String,
    pub(super) is_file: bool,
}

/// The boundary that a content type names: one, of the letters that RFC 2046 allows.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let (_, parameters) = content_type.split_once(';')?;
    let mut boundaries = parameters_of(parameters)?.into_iter().filter(|(name, _)| name == "boundary");
    let (_, boundary) = boundaries.next()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let valid =
        (1..=70).contains(&boundary.len()) && boundary.bytes().all(allowed) && !boundary.ends_with(' ');
    (valid && boundaries.next().is_none()).then_some(boundary)
}

/// Reads a field's head.
pub(super) fn read(head: &[u8]) -> Result<Head> {
    let head = std::str::from_utf8(head).map_err(|_| invalid("the head of a field is not UTF-8"))?;
    let mut dispositions = head.split("\r\n").filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then(|| value.trim())
    });
    let (Some(disposition), None) = (dispositions.next(), dispositions.next()) else {
        return Err(invalid("a field must have one `content-disposition`"));
    };
    let (kind, parameters) = disposition.split_once(';').unwrap_or((disposition, ""));
    let parameters = parameters_of(parameters).filter(|_| kind.trim().eq_ignore_ascii_case("form-data"));
    let parameters =
        parameters.ok_or_else(|| invalid("a field has a `content-disposition` that cannot be read"))?;
    let mut names = parameters.iter().filter(|(name, _)| name == "name");
    let (Some((_, name)), None) = (names.next(), names.next()) else {
        return Err(invalid("a field must have one name"));
    };
    let is_file = parameters.iter().any(|(name, _)| name == "filename" || name == "filename*");
    Ok(Head { name: name.clone(), is_file })
}

/// Parameters of a header (`; name="a"; filename=b`), names in lower case. `None`: malformed.
fn parameters_of(text: &str) -> Option<Vec<(String, String)>> {
    let mut parameters = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(';') {
            rest = after.trim_start();
            continue;
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = value(after.trim_start())?;
        parameters.push((name.trim().to_ascii_lowercase(), value));
        rest = after.trim_start();
        if !rest.is_empty() && !rest.starts_with(';') {
            return None;
        }
    }
    Some(parameters)
}

/// A token, or a text in quotes where a backslash keeps the letter after it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return Some((token.trim().to_owned(), rest));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(letters.next()?.1),
            letter => value.push(letter),
        }
    }
    None
}
