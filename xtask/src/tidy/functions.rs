//! Where functions begin and end.

use super::rust::{Keep, blank};

/// A function and how many lines it has, from `fn` to its closing brace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) lines: usize,
}

/// All functions with a body, nested ones too.
pub(super) fn functions(source: &str) -> Vec<Function> {
    let code = blank(source, Keep::Code);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let before = code.get(..at).unwrap_or_default();
        if before.ends_with(|last: char| last.is_alphanumeric() || last == '_') {
            continue;
        }
        let rest = code.get(at..).unwrap_or_default();
        let name: String =
            rest.chars().skip(3).take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        if let Some(length) = length(rest).filter(|_| !name.is_empty()) {
            let lines = rest.get(..length).unwrap_or_default().matches('\n').count() + 1;
            found.push(Function { name, line: before.matches('\n').count() + 1, lines });
        }
    }
    found
}

/// How long a function is that begins here; `None` when it has no body.
fn length(code: &str) -> Option<usize> {
    let (mut braces, mut brackets) = (0usize, 0usize);
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b'{' => braces += 1,
            b'}' if braces <= 1 => return Some(at + 1),
            b'}' => braces -= 1,
            b';' if braces == 0 && brackets == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<(String, usize, usize)> {
        functions(source).into_iter().map(|function| (function.name, function.line, function.lines)).collect()
    }

    #[test]
    fn functions_are_measured_over_strings_comments_and_arrays() {
        let source = "// fn no() {\nfn one(a: [u8; 2]) -> u8 {\n    \"}\";\n    { 1 }\n}\n\ntrait T {\n    fn two();\n}\n";
        assert_eq!(found(source), [("one".to_owned(), 2, 4)]);
    }

    #[test]
    fn nested_functions_count_for_themselves_and_for_the_outer_one() {
        let source = "fn outer() {\n    fn inner() {}\n}\nconst F: fn (u8) = x;";
        assert_eq!(found(source), [("outer".to_owned(), 1, 3), ("inner".to_owned(), 2, 1)]);
    }
}
