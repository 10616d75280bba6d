//! The text of LiteLLM's file of blocked words: a list of words with actions, in the plain YAML that its page shows.

use llm_core::guard::Action;

use crate::parameters::action;

/// Reads `blocked_words:` and a list of `- keyword: …`, `action: …`, `description: …`.
pub(super) fn read(text: &str) -> Result<Vec<(String, Action)>, String> {
    let mut words: Vec<(String, Option<Action>)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line == "---" || line == "blocked_words:" {
            continue;
        }
        let place = format!("blocked_words_file, line {}", number + 1);
        let entry = line.strip_prefix("- ").unwrap_or(line);
        let (name, value) = entry.split_once(':').ok_or_else(|| unreadable(&place))?;
        let value = unquoted(value);
        match (name.trim(), words.last_mut()) {
            ("keyword", _) if line.starts_with("- ") && !value.is_empty() => {
                words.push((value.to_owned(), None));
            }
            ("action", Some((_, slot))) => *slot = Some(action(&place, value)?),
            ("description", Some(_)) => {}
            _ => return Err(unreadable(&place)),
        }
    }
    // LiteLLM blocks words without an action.
    Ok(words.into_iter().map(|(word, action)| (word, action.unwrap_or(Action::Block))).collect())
}

fn unreadable(place: &str) -> String {
    format!("`{place}` is none of `- keyword: …`, `action: …`, `description: …`")
}

/// A plain or quoted value without the comment behind it.
fn unquoted(value: &str) -> &str {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return inner;
        }
    }
    value.split_once(" #").map_or(value, |(value, _)| value.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_the_page_is_read() {
        let text = "blocked_words:\n  - keyword: \"project_apollo\"\n    action: \"BLOCK\"\n    description: \"x: y\"\n\n  \
                    - keyword: plain words # note\n    action: MASK\n";
        assert_eq!(
            read(text),
            Ok(vec![("project_apollo".to_owned(), Action::Block), ("plain words".to_owned(), Action::Mask),])
        );
        assert!(read("blocked_words: [a]").expect_err("another form").contains("line 1"));
        assert!(read("- keyword: a\n  action: BLOCKED").is_err());
    }
}
