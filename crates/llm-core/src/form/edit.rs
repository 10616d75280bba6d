//! Changes of a form's fields, written without copying what stays.

use bytes::Bytes;

use super::Form;
use crate::envelope::is_gateway_field;
use crate::error::{Error, Result};
use crate::wire::WireBody;

/// Changes of a form's fields; [`FormEdit::finish`] writes them. Fields that speak to the gateway are left out.
#[derive(Debug)]
pub struct FormEdit<'a> {
    form: &'a Form,
    body: &'a Bytes,
    /// Places of fields that are left out.
    removed: Vec<usize>,
    /// Fields that stand at the beginning of the result.
    added: Vec<(String, String)>,
}

impl Form {
    /// Begins an edit of the body that was scanned.
    pub fn edit<'a>(&'a self, body: &'a Bytes) -> FormEdit<'a> {
        let removed = (0..).zip(&self.fields).filter(|(_, field)| is_gateway_field(&field.name));
        FormEdit { form: self, body, removed: removed.map(|(at, _)| at).collect(), added: Vec::new() }
    }
}

impl FormEdit<'_> {
    /// Sets a field to a text, in place of all of this name.
    ///
    /// # Errors
    /// When the text holds the form's own boundary: it would end the field.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        if text.contains(&self.form.boundary) {
            return Err(
                Error::invalid(format!("invalid `{name}`: it holds the form's boundary")).with_param(name)
            );
        }
        self.remove(name);
        self.added.retain(|(known, _)| known != name);
        self.added.push((name.to_owned(), text.to_owned()));
        Ok(())
    }

    /// Takes all fields of a name out; `false` when there was none.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.removed.len();
        let places = (0..).zip(&self.form.fields).filter(|(_, field)| field.name == name).map(|(at, _)| at);
        for at in places {
            if !self.removed.contains(&at) {
                self.removed.push(at);
            }
        }
        self.removed.len() > before
    }

    /// The edited body: new fields, then slices of the original.
    pub fn finish(self) -> WireBody {
        let mut out = WireBody::default();
        let boundary = &self.form.boundary;
        let mut first = String::new();
        for (name, text) in &self.added {
            // Names come from configurations and from this program; escaped as browsers do
            // (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data).
            let name = name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22");
            first.push_str(&format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
            ));
        }
        out.push(first.into());
        let mut kept = 0..0;
        for (at, field) in (0..).zip(&self.form.fields) {
            if self.removed.contains(&at) {
                continue;
            }
            if field.whole.start != kept.end {
                out.push(self.body.slice(kept.clone()));
                kept.start = field.whole.start;
            }
            kept.end = field.whole.end;
        }
        out.push(self.body.slice(kept));
        out.push(format!("--{boundary}--\r\n").into());
        out
    }
}
