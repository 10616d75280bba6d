//! Names and values as in a form or a query (`application/x-www-form-urlencoded`).

use std::fmt::Write as _;

/// The pairs of a form.
pub(crate) fn pairs(pairs: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        escape(value, &mut form);
    }
    form
}

/// A text with everything escaped but letters, digits and four signs.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape(text, &mut out);
    out
}

fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes all");
        }
    }
}
