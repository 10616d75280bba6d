//! Texts of vendors made fit to be shown: keys taken out, because several vendors repeat the key that they refuse,
//! and the length bounded.

/// The longest text that is passed on, in bytes.
const LONGEST: usize = 4000;

/// What keys begin with.
const PREFIXES: &[&str] =
    &["sk-", "sk_", "gsk_", "pplx-", "nvapi-", "hf_", "AIza", "AKIA", "eyJ", "fw_", "ghp_", "tgp_", "csk-"];
const MASK: &str = "***";

/// The text fit to be shown: bounded, and with every key-like word replaced by `***`: words with a known prefix, words that were masked before,
/// words after `Bearer`, and long random ones.
pub fn scrub(text: &str) -> String {
    let (text, longer) = shortened(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_bearer = false;
    while !rest.is_empty() {
        let end = rest.find(|letter| !is_key_letter(letter)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        let key = word.trim_end_matches('.');
        if !key.is_empty() && (is_key(key) || (after_bearer && key.len() >= 8)) {
            out.push_str(MASK);
            out.push_str(&word[key.len()..]);
        } else {
            out.push_str(word);
        }
        if !word.is_empty() {
            after_bearer = word.eq_ignore_ascii_case("bearer");
        }
        let mut letters = tail.chars();
        out.extend(letters.next());
        rest = letters.as_str();
    }
    if longer {
        out.push_str(" …");
    }
    out
}

/// The beginning of a text, and whether there is more.
fn shortened(text: &str) -> (&str, bool) {
    let end = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (head, rest) = text.split_at(end);
    (head, !rest.is_empty())
}

fn is_key_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '*' | '.' | '…')
}

fn is_key(word: &str) -> bool {
    let prefixed = PREFIXES.iter().any(|prefix| word.starts_with(prefix) && word.len() >= prefix.len() + 8);
    prefixed || word.contains("**") || is_random(word)
}

/// A long word of small letters, capitals and digits without separators, as no model or field is named.
fn is_random(word: &str) -> bool {
    word.len() >= 32
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_lowercase())
        && word.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_out_and_the_sentence_stays() {
        let cases = [
            (
                "Incorrect API key provided: sk-abcdefgh12345678. See x.",
                "Incorrect API key provided: ***. See x.",
            ),
            ("key sk-proj-A_b-c1234567890 is bad", "key *** is bad"),
            ("Your api key: ****-key is invalid", "Your api key: *** is invalid"),
            ("provided: <not-a-r****key>.", "provided: <***>."),
            ("header Bearer abc.defgh refused", "header Bearer *** refused"),
            (
                "Bearer auth (i.e. Authorization: Bearer YOUR_KEY)",
                "Bearer auth (i.e. Authorization: Bearer ***)",
            ),
            ("token Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1 gone", "token *** gone"),
        ];
        for (text, expected) in cases {
            assert_eq!(scrub(text), expected);
        }
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let shown = scrub(&format!("x{}", "ä".repeat(5000)));
        assert_eq!((shown.len(), shown.ends_with("ä …")), (LONGEST - 1 + " …".len(), true));
    }

    #[test]
    fn models_ids_and_fields_stay() {
        for text in [
            "The model `sk-8b` or qwen3-235b-a22b-instruct-2507-fp8-tput does not exist",
            "request 96164522-08b2-4cbf-886e-e5a38961a688, é漢 at messages[0].content",
            "max_completion_tokens: 0.5 ** is wrong".replace(" **", "").as_str(),
        ] {
            assert_eq!(scrub(text), text);
        }
    }
}
