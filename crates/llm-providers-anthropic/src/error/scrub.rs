//! Texts of vendors made fit to be shown: keys blotted out, length bounded.

/// The longest message that is passed on, in characters.
const LONGEST: usize = 1000;

/// Words that keys begin with.
const KEY_PREFIXES: &[&str] = &["sk-", "sk_", "AKIA", "AIza", "ghp_", "eyJ"];

/// The shortest word that can be a key.
const SHORTEST_KEY: usize = 12;

/// Blots out what looks like a key and cuts what is too long.
pub(super) fn scrub(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    let mut word = String::new();
    for letter in text.chars().take(LONGEST) {
        if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '*') {
            word.push(letter);
            continue;
        }
        flush(&mut word, &mut out);
        out.push(letter);
    }
    flush(&mut word, &mut out);
    out
}

fn flush(word: &mut String, out: &mut String) {
    let key = word.len() >= SHORTEST_KEY && KEY_PREFIXES.iter().any(|prefix| word.starts_with(prefix));
    out.push_str(if key { "***" } else { word });
    word.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_blotted_out_and_words_stay() {
        assert_eq!(
            scrub("invalid x-api-key: sk-ant-api03-abcDEF_123 (sk-1)"),
            "invalid x-api-key: *** (sk-1)"
        );
        assert_eq!(scrub("model: claude-sonet-4-5"), "model: claude-sonet-4-5");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(scrub(&"ä".repeat(5000)).chars().count(), LONGEST);
    }
}
