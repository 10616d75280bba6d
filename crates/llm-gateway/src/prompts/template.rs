//! A text with places for variables: `Dear {{name}}`.

use std::collections::HashMap;

/// A text with places for variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
}

impl Template {
    /// Reads a text. A variable is a name in two braces: letters, digits, `_`, `-` and `.`.
    ///
    /// # Errors
    /// Why it is no template, in words: a brace that is not closed, a filter or a block of a template language.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("{%") || text.contains("{#") {
            return Err("blocks and comments of template languages (`{% … %}`) are not known here".to_owned());
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or("a `{{` is not closed")?;
            let name = name.trim();
            let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
            if name.is_empty() || !name.chars().all(is_name) {
                return Err("between `{{` and `}}` stands a name alone, without filters".to_owned());
            }
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Variable(name.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The text with its variables in their places.
    ///
    /// # Errors
    /// The name of a variable that is missing.
    pub fn fill(&self, variables: &HashMap<String, String>) -> Result<String, String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Variable(name) => text.push_str(variables.get(name).ok_or_else(|| name.clone())?),
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_once_and_never_read_again() {
        let template = Template::parse("Dear {{ name }}, {{a.b-c_1}}{{name}}!").expect("a template");
        let mut variables = HashMap::from([("name".to_owned(), "{{a.b-c_1}}".to_owned())]);
        assert_eq!(template.fill(&variables), Err("a.b-c_1".to_owned()));
        variables.insert("a.b-c_1".to_owned(), "x".to_owned());
        assert_eq!(template.fill(&variables).expect("all are there"), "Dear {{a.b-c_1}}, x{{a.b-c_1}}!");
        assert_eq!(Template::parse("{ a }").expect("no variable").fill(&variables).expect("a text"), "{ a }");
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for wrong in ["{{", "{{ a | upper }}", "{{}}", "{% if a %}x{% endif %}", "{# note #}", "{{a b}}"] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
    }
}
